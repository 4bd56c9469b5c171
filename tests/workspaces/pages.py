"""A browser without a browser: forms with their tokens, cookies and redirects."""

from __future__ import annotations

import re

import httpx2

from tests.api.conftest import PASSWORD

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HTML = {"Accept": "text/html"}


async def log_in(client: httpx2.AsyncClient, email: str, password: str = PASSWORD) -> httpx2.Response:
    """Post the login form; the client keeps the cookie."""
    return await client.post("/login", data={"email": email, "password": password}, headers=HTML)


async def token_of(client: httpx2.AsyncClient, path: str = "/profile") -> str:
    """The token that the forms of a page carry."""
    page = await client.get(path, headers=HTML)
    assert page.status_code == 200, page.text
    found = TOKEN.search(page.text)
    assert found
    return found.group(1)


async def submit(client: httpx2.AsyncClient, path: str, **fields: str | list[str]) -> httpx2.Response:
    """Post a form as a page of ours would."""
    return await client.post(path, data={"csrf_token": await token_of(client), **fields}, headers=HTML)
