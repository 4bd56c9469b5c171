"""Free text on a channel with a window: refused when it is given to us, and again at the last moment before the send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.delivery.engine import make_engine, take_turn
from tests.inbox.conftest import PERSON, Inbox
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tidings.core.ids import read_id
from tidings.delivery.drain import Engine

LATER = "+254712345679"


@pytest.fixture
def engine(number: Inbox, tmp_path, whatsapp: WhatsAppSimulator) -> Engine:
    state = number.app.state
    return make_engine(state.database, tmp_path, state.http, allowed_api_base_urls=whatsapp.url)


async def send(number: Inbox, status: int = 202, **more: Any) -> dict:
    return await number.call("POST", "/messages", {"to": PERSON, "text": "Hello", "channel": number.id, **more}, status)


async def wrote(number: Inbox, whatsapp: WhatsAppSimulator, person: str, *, hours: float) -> None:
    """The person wrote so long ago; WhatsApp knows it as well as we do."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    whatsapp.heard[person] = at.timestamp()
    await number.says("Hi", f"of {person}", sender=person, at=at)


async def test_free_text_into_a_closed_window_is_refused_at_once_in_a_sentence(number: Inbox, db) -> None:
    refused = await send(number, 422)
    assert refused["code"] == "template_required"
    assert "only for 24 hours" in refused["detail"]
    assert "Nothing was sent" in refused["detail"]
    assert await db.fetchval("SELECT count(*) FROM messages") == 0


async def test_of_many_only_those_whose_window_is_open_are_accepted(number: Inbox) -> None:
    await number.says("Hi", "1")
    body = {"channel": number.id, "text": "Hello", "messages": [{"to": PERSON}, {"to": LATER}, {"to": PERSON}]}
    verdicts = (await number.call("POST", "/messages/bulk", body, 202))["items"]
    assert [one["error"] and one["error"]["code"] for one in verdicts] == [None, "template_required", None]


async def test_free_text_leaves_while_the_window_is_open(number: Inbox, engine: Engine, whatsapp: WhatsAppSimulator) -> None:
    await wrote(number, whatsapp, PERSON, hours=23)
    sent = await send(number)
    await take_turn(engine, number.channel.id)
    shown = await number.get(f"/messages/{sent['id']}")
    assert shown["status"] == "sent", shown["error"]
    assert sum(whatsapp.requests.values()) == 1


async def test_a_scheduled_one_is_taken_and_refused_at_its_time_without_a_request(
    number: Inbox, engine: Engine, whatsapp: WhatsAppSimulator, db
) -> None:
    await wrote(number, whatsapp, LATER, hours=1)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    closed, opened = await send(number, send_at=soon), await send(number, to=LATER, send_at=soon)
    await db.execute("UPDATE messages SET due_at = now() WHERE direction = 'out'")
    await take_turn(engine, number.channel.id)
    shown = await number.get(f"/messages/{closed['id']}")
    assert (shown["status"], shown["error"]["code"], shown["attempts"]) == ("failed", "template_required", [])
    assert (await number.get(f"/messages/{opened['id']}"))["status"] == "sent"
    assert list(whatsapp.requests.values()) == [1]


async def test_a_window_that_closed_since_the_call_is_seen_before_the_send(
    number: Inbox, engine: Engine, whatsapp: WhatsAppSimulator, db
) -> None:
    await number.says("Hi", "1")
    sent = [await send(number) for _ in range(3)]
    await db.execute("UPDATE conversations SET last_inbound_at = now() - interval '25 hours'")
    await take_turn(engine, number.channel.id)
    rows = await db.fetch("SELECT status, error_code FROM messages WHERE id = ANY($1)", [read_id("msg", one["id"]) for one in sent])
    assert {tuple(row) for row in rows} == {("failed", "template_required")}
    assert not whatsapp.requests


async def test_a_channel_without_a_window_asks_nobody(sandbox: Inbox) -> None:
    await sandbox.call("POST", "/messages", {"to": PERSON, "text": "Hello"}, 202)
