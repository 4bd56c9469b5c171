"""The look ahead: what it promises is what the campaign then does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.contacts.builders import make_group
from tests.messages.site import Api, raw
from tidings.campaigns.fan_out import fan_out
from tidings.campaigns.preview import values_of
from tidings.contacts.service import Audience, audience_page
from tidings.core.ids import show_id


async def preview(api: Api, text: str, **more: Any) -> dict[str, Any]:
    return await api.post("/campaigns/preview", {"text": text, "audience": {"all": True}, **more})


async def test_it_counts_recipients_the_opted_out_and_those_without_address(api: Api) -> None:
    await api.make_contacts(5)
    await api.make_contact("No phone", "someone@example.org")
    await api.database.pool.execute("UPDATE contact_points SET medium = 'email' WHERE address LIKE '%@%'")
    await api.database.pool.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) SELECT workspace_id, 'sms', address, 'api' FROM contact_points "
        "WHERE address = '+254710000000'"
    )
    ahead = await preview(api, "Hello")
    assert (ahead["recipients"], ahead["opted_out"], ahead["without_address"], ahead["to_send"]) == (5, 1, 1, 4)
    assert ahead["segments"] == {
        "smallest": 1, "largest": 1, "total": 4, "is_exact": True, "encoding": "GSM-7", "ucs2_characters": [],
    }  # fmt: skip
    assert (ahead["variables"], ahead["unrenderable_count"]) == ([], 0)


async def test_it_names_the_characters_that_cost_parts(api: Api) -> None:
    await api.make_contacts(3)
    ahead = await preview(api, "It’s " + "a" * 70)
    assert ahead["segments"]["encoding"] == "UCS-2"
    assert ahead["segments"]["ucs2_characters"] == ["’"]
    assert (ahead["segments"]["smallest"], ahead["segments"]["total"]) == (2, 6)


async def test_it_renders_samples_and_names_who_lacks_a_value(api: Api) -> None:
    await api.make_contact("Amina Odhiambo", "+254711000001", city="Kisumu")
    lacking = await api.make_contact("Brian", "+254711000002")
    ahead = await preview(api, "{{ first_name }} of {{ city }}")
    assert ahead["variables"] == ["city", "first_name"]
    assert [one["text"] for one in ahead["samples"]] == ["Amina of Kisumu"]
    assert (ahead["sampled"], ahead["unrenderable_count"]) == (2, 1)
    assert raw("con", ahead["unrenderable"][0]["contact"]) == lacking
    assert "“city” has no value" in ahead["unrenderable"][0]["problem"]
    assert (ahead["segments"]["total"], ahead["segments"]["is_exact"]) == (1, True)


async def test_what_the_text_can_use_is_what_the_campaign_freezes(api: Api) -> None:
    """values_of and fan_out.sql are two ways to the same values."""
    await api.make_contact("Amina van der Berg", "+254711000001", city="Kisumu", last_name="Mine", none=None, deep={"a": [1, 2]})
    await api.make_contact("", "+254711000002", name="From attributes")
    await api.make_contact(" Leading", "+254711000003", phone="", first_name=0)
    names = ["name", "first_name", "last_name", "phone", "locale", "timezone", "city", "none", "deep"]
    await api.database.pool.execute("UPDATE contacts SET locale = 'sw', timezone = 'Africa/Nairobi' WHERE name LIKE 'Amina%'")
    text = "".join(f"{{{{ {name}|default('') }}}}" for name in names)
    made = await api.post("/campaigns", {"name": "Sale", "text": text, "audience": {"all": True}, "send_now": True})
    await fan_out(api.database, api.caller.id, raw("cmp", made["id"]))
    rows = await api.database.pool.fetch("SELECT address, variables FROM messages")
    frozen = {row["address"]: msgspec.json.decode(row["variables"]) for row in rows}
    async with api.database.pool.acquire() as connection:
        page = await audience_page(connection, api.caller.id, Audience(all=True), "sms")
    assert frozen == {row["address"]: values_of(row) for row in page}
    assert len(frozen) == 3


async def test_parts_over_many_are_carried_over_from_the_first_thousand(api: Api) -> None:
    await api.make_contacts(1500)
    ahead = await preview(api, "{{ name }}" + "a" * 100)
    assert (ahead["sampled"], ahead["recipients"]) == (1000, 1500)
    assert (ahead["segments"]["total"], ahead["segments"]["is_exact"]) == (1500, False)


async def test_it_tells_when_a_paced_channel_would_be_through(api: Api) -> None:
    await api.make_contacts(20)
    await api.database.pool.execute("""UPDATE channels SET limits = '{"per_second": 2}'""")
    at = datetime(2090, 1, 1, 9, tzinfo=UTC)
    ahead = await preview(api, "Hello", scheduled_at=at.isoformat())
    assert (ahead["per_second"], ahead["finish_at"]) == (2.0, "2090-01-01T09:00:10Z")
    await api.database.pool.execute("UPDATE channels SET limits = '{}'")
    ahead = await preview(api, "Hello")
    assert (ahead["per_second"], ahead["finish_at"]) == (None, None)


async def test_it_estimates_the_cost_by_what_the_channel_took_lately(api: Api) -> None:
    await api.make_contacts(10)
    assert (await preview(api, "Hello"))["cost"] is None
    for _ in range(2):
        await api.post("/messages", {"to": "+254711000001", "text": "Hello"})
    await api.database.pool.execute(
        "UPDATE messages SET status = 'sent', cost_micros = 15000, cost_currency = 'USD', segments = 2, sent_at = now()"
    )
    cost = (await preview(api, "Hello"))["cost"]
    assert cost == {
        "estimate": {"amount": "0.075", "currency": "USD"},
        "per_segment": {"amount": "0.0075", "currency": "USD"},
        "messages": 2,
    }


async def test_an_audience_of_nobody_is_shown_as_such(api: Api) -> None:
    group = await make_group(api.database.pool, api.caller.id, "Empty")
    ahead = await preview(api, "Hello {{ name }}", audience={"groups": [show_id("grp", group)]})
    assert (ahead["recipients"], ahead["to_send"], ahead["samples"]) == (0, 0, [])
    assert ahead["segments"]["total"] == 0


@pytest.mark.parametrize("text", ["Hello {{ name", "{{ ''.__class__ }}", "{{ x() }}"])
async def test_a_text_that_is_no_template_is_refused(api: Api, text: str) -> None:
    answer = await api.ask("POST", "/campaigns/preview", 422, json={"text": text, "audience": {"all": True}})
    assert answer.json()["errors"][0]["field"] == "text"


async def test_nothing_is_kept(api: Api) -> None:
    await api.make_contacts(2)
    await preview(api, "Hello")
    assert await api.database.pool.fetchval("SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM campaigns)") == 0
