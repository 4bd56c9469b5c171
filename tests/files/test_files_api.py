"""Files over HTTP: what is taken, what is not, who may have it, and when it may go."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.files.samples import JPEG, PDF, REFUSED, png
from tests.messages.site import Api
from tidings.files.pruning import prune_files
from tidings.settings import Settings

TO = "+254712345678"
LIMIT = 64 * 1024


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, file_limit_bytes=LIMIT, file_total_bytes=3 * LIMIT)


async def upload(api: Api, content: bytes, name: str = "sale.png", status: int = 201) -> dict[str, Any]:
    return (await api.ask("POST", "/media", status, files={"file": (name, content, "image/gif")})).json()


def bytes_on_disk(settings: Settings) -> list[Path]:
    return [one for one in (settings.home / "files").rglob("*") if one.is_file()]


async def test_a_file_is_kept_shown_listed_and_given_back(api: Api) -> None:
    made = await upload(api, png())
    assert (made["kind"], made["content_type"], made["size"], made["file_name"]) == ("image", "image/png", len(png()), "sale.png")
    assert made["sha256"] == hashlib.sha256(png()).hexdigest()
    assert made["created_by"] == "Tests"
    assert await api.get(f"/media/{made['id']}") == made
    document = await upload(api, PDF, "price list.pdf")
    assert [one["id"] for one in (await api.get("/media"))["items"]] == [document["id"], made["id"]]
    assert [one["id"] for one in (await api.get("/media", params={"kind": "image"}))["items"]] == [made["id"]]
    first = await api.get("/media", params={"limit": 1})
    second = await api.get("/media", params={"limit": 1, "cursor": first["next_cursor"]})
    assert [first["items"][0]["id"], second["items"][0]["id"], second["next_cursor"]] == [document["id"], made["id"], None]
    content = await api.ask("GET", f"/media/{document['id']}/content")
    assert (content.content, content.headers["content-type"], content.headers["x-content-type-options"]) == (
        PDF,
        "application/pdf",
        "nosniff",
    )
    assert content.headers["content-disposition"] == "attachment; filename*=UTF-8''price%20list.pdf"
    assert "sandbox" in content.headers["content-security-policy"]


async def test_the_same_bytes_are_kept_once(api: Api, settings: Settings) -> None:
    made = await upload(api, png())
    again = await upload(api, png(), "other.png", 200)
    assert (again["id"], again["file_name"]) == (made["id"], "sale.png")
    assert len(bytes_on_disk(settings)) == 1
    answers = await asyncio.gather(*(api.ask("POST", "/media", files={"file": ("a.jpg", JPEG)}) for _ in range(5)))
    assert len({one.json()["id"] for one in answers}) == 1
    assert len(bytes_on_disk(settings)) == 2


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_not_what_it_says_is_refused(api: Api, settings: Settings, what: str) -> None:
    name, content = REFUSED[what]
    refused = (await api.ask("POST", "/media", 422, files={"file": (name, content, "image/jpeg")})).json()
    assert (refused["code"], refused["errors"][0]["field"]) == ("file_refused", "file")
    assert await api.database.pool.fetchval("SELECT count(*) FROM files") == 0
    assert not bytes_on_disk(settings)


async def test_a_file_over_the_limit_is_refused_however_it_comes(api: Api, settings: Settings) -> None:
    whole = await upload(api, png() + bytes(LIMIT - len(png())))
    assert whole["size"] == LIMIT
    refused = await upload(api, png() + bytes(LIMIT), status=413)
    assert "64.0 KB" in refused["detail"] or "0.1 MB" in refused["detail"]

    async def endless() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(10_000):
            yield bytes(64 * 1024)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await api.ask("POST", "/media", 413, content=endless(), headers=headers)
    assert answer.json()["code"] == "too_large"
    assert len(bytes_on_disk(settings)) == 1


async def test_a_workspace_keeps_so_much_and_no_more(api: Api, other_api: Api) -> None:
    for number in range(3):
        await upload(api, png() + bytes([number]) * (LIMIT - len(png())))
    refused = await upload(api, JPEG, status=409)
    assert refused["code"] == "no_room"
    await upload(api, png() + bytes([1]) * (LIMIT - len(png())), status=200)
    await upload(other_api, JPEG)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"--x\r\nrubbish", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"{}", {"Content-Type": "application/json"}),
        (b"file=abc", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"x", {"Content-Type": "multipart/form-data"}),
    ],
)
async def test_what_is_no_upload_says_how_to_make_one(api: Api, body: bytes, headers: dict[str, str]) -> None:
    assert (await api.ask("POST", "/media", 422, content=body, headers=headers)).json()["errors"][0]["field"] == "file"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\Users\\a\\sale.png", "sale.png"), ("  ..hidden.png", "hidden.png"), ("Ofa ya Krismasi 🎄.png", "Ofa ya Krismasi 🎄.png"),
        ("...", "image"), ("a" * 300 + ".png", "a" * 146 + ".png"),
    ],
)  # fmt: skip
async def test_a_name_leads_nowhere(api: Api, settings: Settings, name: str, kept: str) -> None:
    made = await upload(api, png(), name)
    assert made["file_name"] == kept
    (place,) = bytes_on_disk(settings)
    assert place.name == made["sha256"]


async def test_to_another_workspace_it_does_not_exist(api: Api, other_api: Api) -> None:
    made = await upload(api, png())
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        await other_api.ask(method, f"/media/{made['id']}{path}", 404)
    assert (await other_api.get("/media"))["items"] == []
    own = await upload(other_api, png())
    assert own["id"] != made["id"]
    refused = await other_api.ask("POST", "/messages", 422, json={"to": TO, "media": {"id": made["id"]}})
    assert refused.json()["errors"][0]["field"] == "media.id"
    await api.get(f"/media/{made['id']}")


async def test_a_deleted_file_is_gone_at_once_and_its_bytes_after_a_while(api: Api, app: FastAPI, settings: Settings) -> None:
    made = await upload(api, png())
    await api.ask("DELETE", f"/media/{made['id']}", 204)
    await api.ask("GET", f"/media/{made['id']}", 404)
    await api.ask("DELETE", f"/media/{made['id']}", 404)
    await prune(app)
    assert len(bytes_on_disk(settings)) == 1, "a provider may just be fetching it"
    await age(api, "begun_at", "deleted_at")
    await prune(app)
    assert not bytes_on_disk(settings)
    assert await api.database.pool.fetchval("SELECT count(*) FROM files") == 0


async def test_uploaded_again_it_lives_again(api: Api, app: FastAPI, settings: Settings) -> None:
    made = await upload(api, png())
    await api.ask("DELETE", f"/media/{made['id']}", 204)
    await age(api, "begun_at", "deleted_at")
    again = await upload(api, png(), "new name.png")
    assert again["file_name"] == "new name.png"
    await prune(app)
    assert (await api.ask("GET", f"/media/{again['id']}/content")).content == png()


async def test_bytes_that_were_lost_come_back_with_the_same_file(api: Api, settings: Settings) -> None:
    made = await upload(api, png())
    bytes_on_disk(settings)[0].unlink()
    lost = await api.ask("GET", f"/media/{made['id']}/content", 404)
    assert lost.json()["code"] == "file_lost"
    assert (await upload(api, png(), status=200))["id"] == made["id"]
    assert (await api.ask("GET", f"/media/{made['id']}/content")).content == png()


async def test_an_upload_that_broke_off_leaves_nothing_for_long(api: Api, app: FastAPI, settings: Settings) -> None:
    made = await upload(api, png())
    await api.database.pool.execute("UPDATE files SET stored_at = NULL")
    await api.ask("GET", f"/media/{made['id']}", 404)
    await prune(app)
    assert len(bytes_on_disk(settings)) == 1, "it may still be on its way"
    await age(api, "begun_at")
    await prune(app)
    assert not bytes_on_disk(settings)


async def test_files_that_nothing_uses_go_and_those_to_be_sent_stay(api: Api, app: FastAPI) -> None:
    telegram = await a_telegram_channel(api, app)
    unused, draft = await upload(api, png()), await upload(api, JPEG, "a.jpg")
    body = {"name": "Sale", "media": {"id": draft["id"]}, "audience": {"all": True}, "channel": telegram}
    await api.post("/campaigns", body)
    await age(api, "last_used_at", hours=91 * 24)
    await prune(app)
    await api.ask("GET", f"/media/{unused['id']}", 404)
    await api.get(f"/media/{draft['id']}")


async def test_what_is_still_to_be_sent_with_it_keeps_a_file(api: Api, app: FastAPI) -> None:
    telegram = await a_telegram_channel(api, app)
    made = await upload(api, png())
    message = await api.post("/messages", {"to": "4711", "channel": telegram, "media": {"id": made["id"]}, "send_at": in_a_month()})
    campaign = await api.post("/campaigns", {"name": "Sale", "media": {"id": made["id"]}, "audience": {"all": True}, "channel": telegram})
    refused = (await api.ask("DELETE", f"/media/{made['id']}", 409)).json()
    assert (refused["code"], "1 message and 1 campaign" in refused["detail"]) == ("file_in_use", True)
    await api.put(f"/messages/{message['id']}/cancellation")
    assert "0 messages and 1 campaign" in (await api.ask("DELETE", f"/media/{made['id']}", 409)).json()["detail"]
    await api.ask("DELETE", f"/campaigns/{campaign['id']}")
    await api.ask("DELETE", f"/media/{made['id']}", 204)


async def test_whoever_sends_and_whoever_deletes_at_once_do_not_both_win(api: Api, app: FastAPI) -> None:
    telegram = await a_telegram_channel(api, app)
    for number in range(6):
        made = await upload(api, png(number + 1))
        body = {"to": "4711", "channel": telegram, "media": {"id": made["id"]}, "send_at": in_a_month()}
        sent, deleted = await asyncio.gather(
            api.client.post("/api/v1/messages", json=body, headers=api.caller.headers),
            api.client.delete(f"/api/v1/media/{made['id']}", headers=api.caller.headers),
        )
        assert (sent.status_code, deleted.status_code) in {(202, 409), (422, 204)}


async def test_an_agent_may_upload_and_a_viewer_may_look(app: FastAPI, client: httpx2.AsyncClient, api: Api) -> None:
    from tidings.workspaces.access import system_access
    from tidings.workspaces.rules import PERMISSIONS, Role
    from tidings.workspaces.service import create_api_key

    made = await upload(api, png())
    for role, status in ((Role.AGENT, 201), (Role.VIEWER, 403)):
        async with app.state.database.workspace(api.caller.id) as session:
            key = await create_api_key(session, system_access(api.caller.id, "test"), name=role, scopes=PERMISSIONS[role])
        headers = {"Authorization": f"Bearer {key.secret}"}
        assert (await client.post("/api/v1/media", files={"file": ("a.jpg", JPEG)}, headers=headers)).status_code == status
        assert (await client.get(f"/api/v1/media/{made['id']}/content", headers=headers)).content == png()
    assert (await client.get(f"/api/v1/media/{made['id']}/content")).status_code == 401


async def prune(app: FastAPI) -> None:
    await prune_files(app.state.database.pool, app.state.storage, timedelta(days=90))


async def age(api: Api, *columns: str, hours: int = 3) -> None:
    for column in columns:
        await api.database.pool.execute(f"UPDATE files SET {column} = {column} - make_interval(hours => $1)", hours)


async def a_telegram_channel(api: Api, app: FastAPI) -> str:
    from tests.simulators.telegram import BOT_TOKEN

    made = await api.post("/channels", {"name": "Bot", "provider": "telegram", "fields": {"bot_token": BOT_TOKEN}})
    return made["id"]


def in_a_month() -> str:
    from tidings.core.clock import utc_now

    return (utc_now() + timedelta(days=30)).isoformat()
