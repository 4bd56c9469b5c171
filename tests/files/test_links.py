"""The public addresses: signed, for one file and a limited time."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from tests.files.samples import PDF, png
from tests.messages.site import Api, raw
from tidings.core.clock import utc_now
from tidings.files.links import BadLink, LinkExpired, Links
from tidings.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, public_url="https://tidings.example")


async def a_link(api: Api, app: FastAPI, content: bytes, name: str) -> tuple[str, str]:
    file = (await api.ask("POST", "/media", 201, files={"file": (name, content)})).json()["id"]
    return file, urlsplit(app.state.links.make(api.caller.id, raw("med", file), utc_now())).path


async def test_whoever_has_it_gets_the_file_and_nothing_else(api: Api, app: FastAPI, client: httpx2.AsyncClient) -> None:
    file, path = await a_link(api, app, PDF, "bei za leo é.pdf")
    answer = await client.get(path)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PDF, "application/pdf")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''bei%20za%20leo%20%C3%A9.pdf"
    assert (answer.headers["x-content-type-options"], answer.headers["content-length"]) == ("nosniff", str(len(PDF)))
    assert "sandbox" in answer.headers["content-security-policy"]
    head = await client.head(path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(PDF)))
    assert (await client.post(path)).status_code == 405
    for nothing in ("/media", "/media/", f"/media/{file}", f"{path}/x"):
        assert (await client.get(nothing)).status_code == 404, nothing
    await api.ask("DELETE", f"/media/{file}", 204)
    assert (await client.get(path)).status_code == 404


async def test_an_expired_one_is_gone_and_a_forged_one_was_never_there(api: Api, app: FastAPI, client: httpx2.AsyncClient) -> None:
    file, path = await a_link(api, app, png(), "a.png")
    long_ago = app.state.links.make(api.caller.id, raw("med", file), utc_now() - timedelta(hours=25))
    assert (await client.get(urlsplit(long_ago).path)).status_code == 410
    token = path.rpartition("/")[2]
    whole = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for place in (0, 20, 39, 45, len(whole) - 1):
        forged = bytearray(whole)
        forged[place] ^= 1
        assert (await client.get(f"/media/{base64.urlsafe_b64encode(forged).rstrip(b'=').decode()}")).status_code == 404
    for wrong in (token[:-1], token + "A", token + "=", token.upper(), "x" * 500, "é", "%00"):
        assert (await client.get(f"/media/{wrong}")).status_code == 404, wrong


def test_a_link_outlives_a_rotation_of_the_keys_and_dies_with_its_key() -> None:
    from tidings.core.ids import new_id

    now, keys = utc_now(), [b"a" * 32]
    links = Links(lambda: keys, "https://tidings.example", timedelta(hours=1))
    workspace_id, file_id = new_id(), new_id()
    token = links.make(workspace_id, file_id, now).rpartition("/")[2]
    keys.insert(0, b"b" * 32)
    assert links.read(token, now) == (workspace_id, file_id)
    with pytest.raises(LinkExpired):
        links.read(token, now + timedelta(hours=1, seconds=1))
    keys.pop()
    with pytest.raises(BadLink):
        links.read(token, now)


async def test_several_fetch_it_at_once(api: Api, app: FastAPI, client: httpx2.AsyncClient) -> None:
    _, path = await a_link(api, app, png() + bytes(1_000_000), "large.png")
    answers = await asyncio.gather(*(client.get(path) for _ in range(6)))
    assert {len(one.content) for one in answers} == {len(png()) + 1_000_000}
