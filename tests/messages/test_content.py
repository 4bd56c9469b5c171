"""Media, buttons and templates from the API to a real WhatsApp conversation, and refused where they cannot go."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.messages.site import Api, raw, until
from tests.simulators import whatsapp_cloud
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tidings.settings import Settings

TO = "+254712000001"
PICTURE = {"url": "https://shop.example/sale.jpg", "content_type": "image/jpeg"}


@pytest.fixture
async def simulator() -> AsyncIterator[WhatsAppSimulator]:
    async with WhatsAppSimulator() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, simulator: WhatsAppSimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, allowed_api_base_urls=simulator.url)


@pytest.fixture
async def whatsapp(api: Api, simulator: WhatsAppSimulator) -> str:
    fields = {
        "phone_number_id": whatsapp_cloud.PHONE_NUMBER_ID, "waba_id": whatsapp_cloud.WABA_ID, "access_token": whatsapp_cloud.ACCESS_TOKEN,
        "app_secret": whatsapp_cloud.APP_SECRET, "verify_token": whatsapp_cloud.VERIFY_TOKEN,
    }  # fmt: skip
    made = await api.post("/channels", {"name": "WhatsApp", "provider": "whatsapp_cloud", "fields": fields, "api_base_url": simulator.url})
    return made["id"]


async def wrote(api: Api, channel: str, simulator: WhatsAppSimulator) -> None:
    """The person has just written to the channel: free text is taken by both sides."""
    simulator.heard[TO] = time.time()
    await api.database.pool.execute(
        "INSERT INTO conversations (workspace_id, id, channel_id, medium, address, last_message_at, last_inbound_at) "
        "SELECT workspace_id, new_id(), id, medium, $2, now(), now() FROM channels WHERE id = $1",
        raw("chn", channel), TO,
    )  # fmt: skip


async def sent(api: Api, simulator: WhatsAppSimulator, message_id: str) -> Any:
    """What the provider was asked to send, once it has taken it."""

    async def taken() -> Any:
        message = await api.get(f"/messages/{message_id}")
        assert message["status"] not in {"failed", "unknown"}, message
        return message if message["status"] == "sent" else None

    await until(taken)
    provider_id = await api.database.pool.fetchval("SELECT provider_message_id FROM messages WHERE id = $1", raw("msg", message_id))
    return simulator.bodies[provider_id]


async def test_a_template_is_checked_filled_in_and_sent(api: Api, whatsapp: str, simulator: WhatsAppSimulator, worker: None) -> None:
    listed = await api.get(f"/channels/{whatsapp}/templates")
    assert {"hello_world", "order_ready"} <= {one["name"] for one in listed["items"]}
    template = {"name": "order_ready", "language": "en", "header_text": "7", "body": {"1": "{{ name }}", "2": "7"}, "buttons": ["", "7"]}
    body = {"to": TO, "channel": whatsapp, "template": template, "variables": {"name": "Amina"}}
    made = await api.post("/messages", body)
    assert made["content"]["template"]["body"] == {"1": "Amina", "2": "7"}
    asked = await sent(api, simulator, made["id"])
    assert (asked["type"], asked["template"]["name"]) == ("template", "order_ready")
    assert "Amina" in str(asked["template"]["components"])
    for wrong, word in (
        ({"name": "order_redy", "language": "en"}, "no template"),
        ({**template, "body": {"1": "Amina"}}, "lacks a value for 2"),
        ({**template, "body": {"1": "Amina", "2": "7", "3": "x"}}, "no parameter 3"),
    ):
        refused = await api.ask("POST", "/messages", 422, json={**body, "template": wrong})
        assert word in refused.json()["detail"]


async def test_a_campaign_carries_its_picture_with_each_recipients_own_caption(
    api: Api, whatsapp: str, simulator: WhatsAppSimulator, worker: None
) -> None:
    contact = await api.post("/contacts", {"name": "Amina", "points": [{"medium": "whatsapp", "address": TO}]})
    await wrote(api, whatsapp, simulator)
    body = {
        "name": "Sale", "text": "For you, {{ name }}", "media": PICTURE, "audience": {"contacts": [contact["id"]]}, "channel": whatsapp,
        "send_now": True,
    }  # fmt: skip
    campaign = await api.post("/campaigns", body)
    assert campaign["content"]["media"]["kind"] == "image"

    async def of_campaign() -> Any:
        return (await api.get("/messages", params={"campaign": campaign["id"]}))["items"]

    (message,) = await until(of_campaign)
    asked = await sent(api, simulator, message["id"])
    assert (asked["type"], asked["image"]["link"], asked["image"]["caption"]) == ("image", PICTURE["url"], "For you, Amina")


async def test_what_a_channel_cannot_carry_is_refused_before_anything_is_written(api: Api, whatsapp: str) -> None:
    for more, word in (
        ({"media": PICTURE}, "carries no files"),
        ({"buttons": [{"label": "Yes"}]}, "no buttons"),
        ({"subject": "Hello"}, "no subject"),
        ({"template": {"name": "a", "language": "en"}}, "no templates"),
    ):
        refused = await api.ask("POST", "/messages", 422, json={"to": TO, "text": "Hello", **more})
        assert word in refused.json()["detail"], refused.text
    gif = {"url": "https://shop.example/a.gif", "content_type": "image/gif"}
    refused = await api.ask("POST", "/messages", 422, json={"to": TO, "channel": whatsapp, "media": gif})
    assert refused.json()["errors"][0]["field"] == "media"
    await api.ask("POST", "/campaigns", 422, json={"name": "Sale", "text": "Hi", "media": PICTURE, "audience": {"all": True}})
    await api.ask("GET", f"/channels/{api.channel}/templates", 409)
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages") == 0
    bulk = await api.post("/messages/bulk", {"text": "Hi", "media": PICTURE, "messages": [{"to": TO}]})
    assert (bulk["accepted"], bulk["refused"]) == (0, 1)


async def test_an_answer_goes_by_the_channel_of_what_it_answers(
    api: Api, whatsapp: str, simulator: WhatsAppSimulator, worker: None
) -> None:
    await wrote(api, whatsapp, simulator)
    first = await api.post("/messages", {"to": TO, "channel": whatsapp, "text": "Hello"})
    await sent(api, simulator, first["id"])
    buttons = [{"label": "Yes", "value": "yes"}, {"label": "No"}]
    second = await api.post("/messages", {"to": TO, "channel": whatsapp, "text": "And?", "reply_to": first["id"], "buttons": buttons})
    asked = await sent(api, simulator, second["id"])
    known = await api.database.pool.fetchval("SELECT provider_message_id FROM messages WHERE id = $1", raw("msg", first["id"]))
    assert (asked["context"]["message_id"], asked["type"]) == (known, "interactive")
    route = await api.post("/routes", {"name": "Main", "steps": [{"channel": whatsapp}]})
    for way in ({"channel": api.channel}, {"route": route["id"], "medium": "whatsapp"}):
        refused = await api.ask("POST", "/messages", 422, json={"to": TO, "text": "And?", "reply_to": first["id"], **way})
        assert refused.json()["errors"][0]["field"] == "reply_to", refused.text
