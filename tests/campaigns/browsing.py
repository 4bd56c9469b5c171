"""What the tests of the campaigns' pages share: a signed-in browser's requests without a browser."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.workspaces.pages import HTML, submit, token_of

PART = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial"}
TEXT = 'Hello {{ first_name|default("there") }}'


async def page(client: httpx2.AsyncClient, path: str, status: int = 200, **headers: str) -> str:
    answer = await client.get(path, headers={**HTML, **headers})
    assert answer.status_code == status, answer.text
    return answer.text


async def compose(client: httpx2.AsyncClient, path: str = "/campaigns", **fields: Any) -> httpx2.Response:
    """Post the compose form as it is filled in."""
    return await submit(client, path, **{"name": "Sale", "text": TEXT, "audience": "everyone", "when": "now", "act": "draft", **fields})


async def part(client: httpx2.AsyncClient, path: str, **fields: Any) -> httpx2.Response:
    """Ask for a fragment of the form."""
    form = {"csrf_token": await token_of(client), "name": "Sale", "text": TEXT, "audience": "everyone", "when": "now", **fields}
    return await client.post(path, data=form, headers=PART)
