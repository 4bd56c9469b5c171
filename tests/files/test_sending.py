"""From the upload to the provider: the very bytes arrive, or an address of ours by which they can be fetched."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from tests.files.samples import JPEG, MP4, PDF, png
from tests.messages.site import Api, raw, until
from tests.providers.channels import CHANNELS
from tests.simulators import telegram, whatsapp_cloud
from tests.simulators.myoperator import MyOperatorSimulator
from tests.simulators.telegram import TelegramSimulator
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tidings.delivery import slice as turns
from tidings.settings import Settings

TO = "+254712000001"
PUBLIC = "https://tidings.example"


@pytest.fixture
async def bot() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as running:
        yield running


@pytest.fixture
async def cloud() -> AsyncIterator[WhatsAppSimulator]:
    async with WhatsAppSimulator() as running:
        yield running


@pytest.fixture
async def operator() -> AsyncIterator[MyOperatorSimulator]:
    async with MyOperatorSimulator() as running:
        yield running


@pytest.fixture
def public_url() -> str:
    return PUBLIC


@pytest.fixture
def settings(tmp_path: Path, bot: TelegramSimulator, cloud: WhatsAppSimulator, operator: MyOperatorSimulator, public_url: str) -> Settings:
    origins = f"{bot.url},{cloud.url},{operator.url}"
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, allowed_api_base_urls=origins, public_url=public_url)


async def a_bot(api: Api, bot: TelegramSimulator) -> str:
    fields = {"bot_token": telegram.BOT_TOKEN}
    return (await api.post("/channels", {"name": "Bot", "provider": "telegram", "fields": fields, "api_base_url": bot.url}))["id"]


async def whatsapp(api: Api, cloud: WhatsAppSimulator) -> str:
    fields = {
        "phone_number_id": whatsapp_cloud.PHONE_NUMBER_ID, "waba_id": whatsapp_cloud.WABA_ID, "access_token": whatsapp_cloud.ACCESS_TOKEN,
        "app_secret": whatsapp_cloud.APP_SECRET, "verify_token": whatsapp_cloud.VERIFY_TOKEN,
    }  # fmt: skip
    made = await api.post("/channels", {"name": "WhatsApp", "provider": "whatsapp_cloud", "fields": fields, "api_base_url": cloud.url})
    return made["id"]


async def by_address_only(api: Api, operator: MyOperatorSimulator) -> str:
    known = CHANNELS["myoperator"]
    fields = {**known.credentials, **known.settings}
    made = await api.post("/channels", {"name": "MyOperator", "provider": "myoperator", "fields": fields, "api_base_url": operator.url})
    return made["id"]


async def upload(api: Api, content: bytes, name: str) -> str:
    return (await api.ask("POST", "/media", 201, files={"file": (name, content)})).json()["id"]


async def ended(api: Api, message_id: str, status: str = "sent") -> dict[str, Any]:
    async def over() -> Any:
        message = await api.get(f"/messages/{message_id}")
        return message if message["status"] not in {"queued", "sending", "scheduled"} else None

    message = await until(over, 40)
    assert message["status"] == status, message
    return message


async def wrote(api: Api, channel: str, cloud: WhatsAppSimulator, *people: str) -> None:
    """They have just written to the channel: free text is taken by both sides."""
    for address in people:
        cloud.heard[address] = time.time()
        await api.database.pool.execute(
            "INSERT INTO conversations (workspace_id, id, channel_id, medium, address, last_message_at, last_inbound_at) "
            "SELECT workspace_id, new_id(), id, medium, $2, now(), now() FROM channels WHERE id = $1",
            raw("chn", channel), address,
        )  # fmt: skip


async def test_the_very_bytes_arrive_at_telegram(api: Api, bot: TelegramSimulator, worker: None) -> None:
    channel = await a_bot(api, bot)
    picture = png(40, 30)
    for content, name in ((picture, "sale.png"), (PDF, "prices.pdf"), (MP4, "clip.mp4"), (JPEG, "plain.jpg")):
        file = await upload(api, content, name)
        made = await api.post("/messages", {"to": "4711", "channel": channel, "text": "Look", "media": {"id": file}})
        assert (made["content"]["media"]["id"], made["content"]["media"]["size"]) == (file, len(content))
        await ended(api, made["id"])
    kept = next(iter(bot.bots.values())).files.values()
    assert sorted(one.content for one in kept) == sorted([picture, PDF, MP4, JPEG])
    named = await upload(api, b"Habari ya leo", "a.txt")
    made = await api.post("/messages", {"to": "4711", "channel": channel, "media": {"id": named, "file_name": "Karibu.txt"}})
    await ended(api, made["id"])
    assert b"Habari ya leo" in [one.content for one in next(iter(bot.bots.values())).files.values()]


async def test_a_campaigns_file_is_read_once_however_many_get_it(
    api: Api, cloud: WhatsAppSimulator, settings: Settings, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidings.files.storage.disk import Disk

    reads = 0
    original = Disk.read

    def counted(self: Disk, key: Any) -> Any:
        nonlocal reads
        reads += 1
        return original(self, key)

    channel = await whatsapp(api, cloud)
    people = [f"+2547120000{number:02}" for number in range(20)]
    contacts = [
        (await api.post("/contacts", {"name": f"P {number}", "points": [{"medium": "whatsapp", "address": one}]}))["id"]
        for number, one in enumerate(people)
    ]
    await wrote(api, channel, cloud, *people)
    file = await upload(api, png(64, 64), "sale.png")
    monkeypatch.setattr(Disk, "read", counted)
    body = {
        "name": "Sale", "text": "For you, {{ name }}", "media": {"id": file}, "audience": {"contacts": contacts}, "channel": channel,
        "send_now": True,
    }  # fmt: skip
    campaign = await api.post("/campaigns", body)
    assert campaign["content"]["media"]["content_type"] == "image/png"

    async def done() -> Any:
        found = await api.get(f"/campaigns/{campaign['id']}")
        return found if found["status"] == "done" else None

    ledger = (await until(done, 60))["ledger"]
    assert (ledger["accepted"], ledger["sent"] + ledger["delivered"], ledger["balances"]) == (20, 20, True)
    bodies = [one for one in cloud.bodies.values() if one["type"] == "image"]
    assert sorted(one["image"]["caption"] for one in bodies) == sorted(f"For you, P {number}" for number in range(20))
    assert {cloud.media[one["image"]["id"]] for one in bodies} == {("image/png", png(64, 64))}
    assert reads == 1


async def test_a_templates_header_is_uploaded_too(api: Api, cloud: WhatsAppSimulator, worker: None) -> None:
    channel = await whatsapp(api, cloud)
    cloud.templates.append(
        {"name": "season", "language": "en", "status": "APPROVED", "category": "MARKETING", "id": "77",
         "components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "It begins."}]}
    )  # fmt: skip
    file = await upload(api, png(), "season.png")
    template = {"name": "season", "language": "en", "header_media": {"id": file}}
    made = await api.post("/messages", {"to": TO, "channel": channel, "template": template})
    message = await ended(api, made["id"])
    assert message["content"]["template"]["header_media"]["id"] == file
    assert png() in [content for _, content in cloud.media.values()]


async def test_what_is_fetched_by_address_only_gets_a_signed_one(
    api: Api, operator: MyOperatorSimulator, app: FastAPI, worker: None
) -> None:
    channel = await by_address_only(api, operator)
    file = await upload(api, png(), "sale.png")
    await api.database.pool.execute(
        "INSERT INTO conversations (workspace_id, id, channel_id, medium, address, last_message_at, last_inbound_at) "
        "SELECT workspace_id, new_id(), id, medium, $2, now(), now() FROM channels WHERE id = $1",
        raw("chn", channel), TO,
    )  # fmt: skip
    made = await api.post("/messages", {"to": TO, "channel": channel, "text": "Look", "media": {"id": file}})
    await ended(api, made["id"])
    (asked,) = operator.bodies.values()
    link = asked["data"]["link"]
    assert link.startswith(f"{PUBLIC}/media/")
    assert (asked["data"]["filename"], asked["data"]["mime_type"]) == ("sale.png", "image/png")
    fetched = await api.client.get(urlsplit(link).path)
    assert (fetched.status_code, fetched.content, fetched.headers["content-type"]) == (200, png(), "image/png")
    assert "link" not in json.dumps((await api.get(f"/messages/{made['id']}"))["content"])


@pytest.mark.parametrize("public_url", [""])
async def test_without_a_public_address_that_is_refused_and_says_what_to_set(api: Api, operator: MyOperatorSimulator) -> None:
    channel = await by_address_only(api, operator)
    file = await upload(api, png(), "sale.png")
    refused = (await api.ask("POST", "/messages", 422, json={"to": TO, "channel": channel, "media": {"id": file}})).json()
    assert (refused["errors"][0]["field"], "TIDINGS_PUBLIC_URL" in refused["detail"]) == ("media", True)
    route = await api.post("/routes", {"name": "Main", "steps": [{"channel": channel}]})
    body = {"name": "Sale", "media": {"id": file}, "audience": {"all": True}}
    for way in ({"route": route["id"]}, {"channel": channel}):
        await api.ask("POST", "/campaigns", 422, json={**body, **way})
        await api.ask("POST", "/messages", 422, json={"to": TO if "channel" in way else {"whatsapp": TO}, "media": {"id": file}, **way})


async def test_type_and_size_are_judged_before_anything_is_taken(api: Api, cloud: WhatsAppSimulator, bot: TelegramSimulator) -> None:
    channel = await whatsapp(api, cloud)
    large, gif = await upload(api, png() + bytes(6 * 1024 * 1024), "large.png"), await upload(api, b"GIF89a" + bytes(50), "moves.gif")
    for file, words in ((large, "at most 5.0 MB; this one has 6.0 MB"), (gif, "not as image/gif")):
        refused = (await api.ask("POST", "/messages", 422, json={"to": TO, "channel": channel, "media": {"id": file}})).json()
        assert (words in refused["detail"], refused["errors"][0]["field"]) == (True, "media"), refused
        body = {"name": "Sale", "media": {"id": file}, "audience": {"all": True}, "channel": channel}
        assert words in (await api.ask("POST", "/campaigns", 422, json=body)).json()["detail"]
        template = {"name": "order_ready", "language": "en", "header_media": {"id": file}}
        await api.ask("POST", "/messages", 422, json={"to": TO, "channel": channel, "template": template})
    assert "text alone" in (await api.ask("POST", "/messages", 422, json={"to": TO, "media": {"id": gif}})).json()["detail"]
    # A route takes the first of its channels that can.
    telegram_channel = await a_bot(api, bot)
    route = await api.post("/routes", {"name": "Main", "steps": [{"channel": channel}, {"channel": telegram_channel}]})
    made = await api.post("/messages", {"to": {"whatsapp": TO, "telegram": "4711"}, "route": route["id"], "media": {"id": large}})
    assert made["channel"] == telegram_channel
    bulk = await api.post("/messages/bulk", {"channel": channel, "media": {"id": gif}, "messages": [{"to": TO}]})
    assert (bulk["accepted"], bulk["refused"]) == (0, 1)
    for wrong in (
        {}, {"id": gif, "url": "https://a.example/x", "content_type": "image/png"}, {"url": "https://a.example/x"},
        {"id": gif, "content_type": "image/gif"}, {"id": "msg_01jefkwpvtfg8stfjabdp7v3mz"},
    ):  # fmt: skip
        await api.ask("POST", "/messages", 422, json={"to": TO, "channel": channel, "media": wrong})


async def test_bytes_that_were_lost_end_the_message_with_the_reason(
    api: Api, bot: TelegramSimulator, settings: Settings, worker: None
) -> None:
    channel = await a_bot(api, bot)
    for damage in ("lost", "changed"):
        file = await upload(api, png(9, len(damage)), "sale.png")
        place = max((one for one in (settings.home / "files").rglob("*") if one.is_file()), key=lambda one: one.stat().st_mtime_ns)
        place.unlink() if damage == "lost" else place.write_bytes(b"something else")
        made = await api.post("/messages", {"to": "4711", "channel": channel, "media": {"id": file}})
        message = await ended(api, made["id"], "failed")
        assert "bytes" in message["error"]["detail"]
    assert not bot.taken


async def test_while_the_storage_is_away_messages_wait_and_lose_no_attempt(
    api: Api, bot: TelegramSimulator, settings: Settings, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    monkeypatch.setattr(turns, "_STORAGE_WAIT", timedelta(seconds=0.5))
    channel = await a_bot(api, bot)
    file = await upload(api, png(), "sale.png")
    place = settings.home / "files"
    place.rename(settings.home / "elsewhere")
    place.write_text("in the way")
    made = await api.post("/messages", {"to": "4711", "channel": channel, "media": {"id": file}})
    await asyncio.sleep(3)
    waiting = await api.get(f"/messages/{made['id']}")
    assert waiting["status"] in {"queued", "sending"}, waiting
    place.unlink()
    (settings.home / "elsewhere").rename(place)
    await ended(api, made["id"])
    assert [one.content for one in next(iter(bot.bots.values())).files.values()] == [png()]
