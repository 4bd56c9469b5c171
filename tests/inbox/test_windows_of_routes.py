"""A route over a channel with a window: what its first step would not take goes by the next, and only what none takes is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contacts.builders import make_contact
from tests.delivery.builders import counted
from tests.delivery.engine import make_engine, take_turn
from tests.inbox.conftest import PERSON, Inbox
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tidings.campaigns.fan_out import fan_out
from tidings.core.ids import new_id, read_id
from tidings.delivery.drain import Engine
from tidings.messages.fallbacks import follow_routes

WROTE = "+254712345679"
TEMPLATE = {"name": "hello_world", "language": "en_US"}


@pytest.fixture
def engine(number: Inbox, tmp_path, whatsapp: WhatsAppSimulator) -> Engine:
    state = number.app.state
    return make_engine(state.database, tmp_path, state.http, allowed_api_base_urls=whatsapp.url)


@pytest.fixture
async def route(number: Inbox, sandbox: Inbox) -> str:
    """WhatsApp first, SMS then."""
    steps = [{"channel": number.id}, {"channel": sandbox.id}]
    return (await number.call("POST", "/routes", {"name": "Both", "steps": steps}, 201))["id"]


@pytest.fixture
def send(number: Inbox, route: str) -> Callable[..., Awaitable[Any]]:
    async def sent(status: int = 202, **more: Any) -> Any:
        body = {"to": {"whatsapp": PERSON, "sms": PERSON}, "text": "Hello", "route": route, **more}
        return await number.call("POST", "/messages", body, status)

    return sent


def skipped(number: Inbox) -> list[dict[str, str]]:
    return [{"channel": number.id, "reason": "template_required"}]


async def test_a_closed_window_is_passed_over_and_told(number: Inbox, sandbox: Inbox, send) -> None:
    sent = await send()
    assert (sent["channel"], sent["medium"]) == (sandbox.id, "sms")
    detail = await number.get(f"/messages/{sent['id']}")
    assert detail["tries"][0]["skipped"] == skipped(number)
    story = await number.get(f"/messages/{sent['id']}/timeline")
    assert "it takes only an approved template" in story["steps"][1]["sentence"]


async def test_an_open_window_and_a_template_go_by_the_first_step(number: Inbox, send) -> None:
    assert (await send(template=TEMPLATE))["channel"] == number.id
    await number.says("Hi", "1")
    assert (await send())["channel"] == number.id


async def test_it_is_refused_only_where_no_step_takes_it(number: Inbox, send, db) -> None:
    refused = await send(422, to={"whatsapp": PERSON})
    assert refused["code"] == "template_required"
    assert "Nothing was sent" in refused["detail"]
    assert await db.fetchval("SELECT count(*) FROM messages") == 0
    assert (await send(to={"whatsapp": PERSON}, template=TEMPLATE))["channel"] == number.id


async def test_a_window_that_closes_before_the_send_has_it_go_on(
    number: Inbox, sandbox: Inbox, send, engine: Engine, whatsapp: WhatsAppSimulator, db
) -> None:
    await number.says("Hi", "1")
    sent = await send()
    await db.execute("UPDATE conversations SET last_inbound_at = now() - interval '25 hours'")
    await take_turn(engine, number.channel.id)
    assert await follow_routes(number.app.state.database.pool) == 1
    await take_turn(engine, sandbox.channel.id)
    tries = (await number.get(f"/messages/{sent['id']}"))["tries"]
    assert [(one["channel"], one["status"], one["error_code"], one["counted"]) for one in tries] == [
        (number.id, "failed", "template_required", False),
        (sandbox.id, "delivered", None, True),
    ]
    assert not whatsapp.requests


async def test_one_for_later_keeps_the_first_step_until_its_time(number: Inbox, send) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await send(send_at=later))["channel"] == number.id


async def test_a_fallback_passes_over_a_closed_window_too(number: Inbox, sandbox: Inbox, db, send) -> None:
    """SMS first: what it refuses finds no other step, and that is its end."""
    steps = [{"channel": sandbox.id}, {"channel": number.id}]
    other = (await number.call("POST", "/routes", {"name": "SMS first", "steps": steps}, 201))["id"]
    closed = await send(route=other)
    await db.execute("UPDATE messages SET status = 'failed', error_code = 'unreachable', settled_at = now()")
    assert await follow_routes(number.app.state.database.pool) == 0
    assert len((await number.get(f"/messages/{closed['id']}"))["tries"]) == 1
    await number.says("Hi", "1")
    opened = await send(route=other)
    await db.execute("UPDATE messages SET status = 'failed', error_code = 'unreachable', settled_at = now() WHERE status = 'queued'")
    assert await follow_routes(number.app.state.database.pool) == 1
    assert [one["channel"] for one in (await number.get(f"/messages/{opened['id']}"))["tries"]] == [sandbox.id, number.id]


async def test_a_templates_place_is_taken_by_the_text_where_a_channel_has_none(
    number: Inbox, sandbox: Inbox, send, engine: Engine, whatsapp: WhatsAppSimulator
) -> None:
    whatsapp.unreachable.add(PERSON)
    sent = await send(template=TEMPLATE, text="Hello by SMS")
    await take_turn(engine, number.channel.id)
    assert await follow_routes(number.app.state.database.pool) == 1
    await take_turn(engine, sandbox.channel.id)
    tries = (await number.get(f"/messages/{sent['id']}"))["tries"]
    assert [(one["medium"], one["status"]) for one in tries] == [("whatsapp", "failed"), ("sms", "delivered")]
    # Without a text there is nothing that SMS could say.
    without = await number.call("POST", "/messages", {"to": {"sms": PERSON}, "route": sent["route"], "template": TEMPLATE}, 422)
    assert "it cannot carry the content" in without["detail"]


async def people(number: Inbox) -> None:
    """Asha wrote to WhatsApp, Baraka did not, Chao has nothing but WhatsApp and never wrote, Dalila has SMS alone."""
    pool = number.app.state.database.pool
    for name, address, mediums in (
        ("Asha", WROTE, ("whatsapp", "sms")), ("Baraka", "+254712345680", ("whatsapp", "sms")),
        ("Chao", "+254712345681", ("whatsapp",)), ("Dalila", "+254712345682", ("sms",)),
    ):  # fmt: skip
        contact_id = await make_contact(pool, number.workspace.id, name, address)
        await pool.execute("DELETE FROM contact_points WHERE contact_id = $1", contact_id)
        for medium in mediums:
            await pool.execute(
                "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, $4, $5)",
                number.workspace.id, new_id(), contact_id, medium, address,
            )  # fmt: skip
    await number.says("Hi", "1", sender=WROTE)


async def campaign(number: Inbox, route: str, **more: Any) -> Any:
    body = {"name": "Sale", "text": "Hello {{ first_name }}", "route": route, "audience": {"all": True}, "send_now": True, **more}
    campaign_id = read_id("cmp", (await number.call("POST", "/campaigns", body, 201))["id"])
    await fan_out(number.app.state.database, number.workspace.id, campaign_id)
    return campaign_id


async def test_a_campaigns_recipients_each_begin_where_they_can_be_written_to(
    number: Inbox, sandbox: Inbox, route: str, engine: Engine, whatsapp: WhatsAppSimulator, db
) -> None:
    await people(number)
    whatsapp.heard[WROTE] = datetime.now(UTC).timestamp()
    campaign_id = await campaign(number, route)
    rows = await db.fetch(
        "SELECT c.name, m.medium, m.skipped -> 0 ->> 'reason' AS why FROM messages m JOIN contacts c ON c.id = m.contact_id "
        "WHERE m.campaign_id = $1 ORDER BY c.name", campaign_id,
    )  # fmt: skip
    assert [tuple(row) for row in rows] == [
        ("Asha", "whatsapp", None), ("Baraka", "sms", "template_required"), ("Chao", "whatsapp", None), ("Dalila", "sms", "no_address"),
    ]  # fmt: skip
    for channel in (number, sandbox):
        await take_turn(engine, channel.channel.id)
    await follow_routes(number.app.state.database.pool)
    # Chao could be reached in no other way, and is accounted for.
    assert await counted(db, campaign_id) == {"sent": 1, "delivered": 2, "failed": 1}
    assert (
        await db.fetchval("SELECT error_code FROM messages WHERE campaign_id = $1 AND status = 'failed'", campaign_id)
        == "template_required"
    )


async def test_a_campaign_with_a_template_needs_no_window(number: Inbox, route: str, db) -> None:
    await people(number)
    campaign_id = await campaign(number, route, template=TEMPLATE)
    found = await db.fetch("SELECT medium, count(*) FROM messages WHERE campaign_id = $1 GROUP BY 1 ORDER BY 1", campaign_id)
    assert [tuple(row) for row in found] == [("sms", 1), ("whatsapp", 3)]
