"""A file that goes by a route: steps that cannot carry it are passed over, before it is sent and after, and the form keeps it with the route."""

from __future__ import annotations

import pytest

from tests.api.conftest import Caller
from tests.files.samples import MP4, png
from tests.files.test_sending import (
    TO,
    a_bot,
    bot,
    by_address_only,
    cloud,
    ended,
    operator,
    public_url,
    settings,
    upload,
    whatsapp,
    wrote,
)  # fmt: skip
from tests.messages.site import Api, raw, until
from tests.simulators.myoperator import MyOperatorSimulator
from tests.simulators.telegram import TelegramSimulator
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tests.workspaces.pages import HTML, log_in, submit
from tidings.campaigns.fan_out import fan_out
from tidings.messages.fallbacks import follow_routes

__all__ = ["bot", "cloud", "operator", "public_url", "settings"]

CHAT = "4711"


async def reaches(api: Api) -> str:
    """A contact by each medium; its id."""
    points = [{"medium": "whatsapp", "address": TO}, {"medium": "telegram", "address": CHAT}, {"medium": "sms", "address": TO}]
    return str((await api.post("/contacts", {"name": "Amina", "points": points}))["id"])


async def route_over(api: Api, *channels: str) -> str:
    return str((await api.post("/routes", {"name": f"Over {len(channels)}", "steps": [{"channel": one} for one in channels]}))["id"])


def filled_in(route: str, file: str, **more: str) -> dict[str, str]:
    return {"name": "Sale", "channel": route, "audience": "everyone", "text": "Look, {{ first_name }}", "when": "now", "file": file, **more}


async def skipped(api: Api, message_id: str) -> list[tuple[str, str]]:
    tries = (await api.get(f"/messages/{message_id}"))["tries"]
    return [(one["channel"], one["reason"]) for one in tries[-1]["skipped"]]


@pytest.mark.parametrize("public_url", [""])
async def test_without_a_public_address_a_step_that_needs_one_is_passed_over(
    api: Api, workspace: Caller, operator: MyOperatorSimulator, bot: TelegramSimulator
) -> None:
    by_address, by_bytes = await by_address_only(api, operator), await a_bot(api, bot)
    await reaches(api)
    file, route = await upload(api, png(), "sale.png"), await route_over(api, by_address, by_bytes)
    made = await api.post("/messages", {"to": {"whatsapp": TO, "telegram": CHAT}, "route": route, "media": {"id": file}})
    assert made["channel"] == by_bytes
    assert await skipped(api, made["id"]) == [(by_address, "unsupported")]
    assert (await log_in(api.client, workspace.owner_email)).status_code == 303
    preview = (await submit(api.client, "/campaigns/preview-fragment", **filled_in(route, file))).text
    assert "<dt>By Bot</dt><dd>1 first" in preview
    assert "By MyOperator" not in preview
    body = {"name": "Sale", "media": {"id": file}, "audience": {"all": True}, "route": route, "send_now": True}
    campaign = raw("cmp", (await api.post("/campaigns", body))["id"])
    await fan_out(api.database, workspace.id, campaign, links=False)
    channels = await api.database.pool.fetch("SELECT channel_id FROM messages WHERE campaign_id = $1", campaign)
    assert [one["channel_id"] for one in channels] == [raw("chn", by_bytes)]


@pytest.mark.parametrize("public_url", [""])
async def test_a_fallback_passes_it_over_too(
    api: Api, operator: MyOperatorSimulator, bot: TelegramSimulator, cloud: WhatsAppSimulator
) -> None:
    by_bytes, by_address, last = await a_bot(api, bot), await by_address_only(api, operator), await whatsapp(api, cloud)
    for channel in (by_address, last):
        await wrote(api, channel, cloud, TO)
    file, route = await upload(api, png(), "sale.png"), await route_over(api, by_bytes, by_address, last)
    made = await api.post("/messages", {"to": {"whatsapp": TO, "telegram": CHAT}, "route": route, "media": {"id": file}})
    assert made["channel"] == by_bytes
    await api.database.pool.execute("UPDATE messages SET status = 'failed', error_code = 'unreachable', settled_at = now(), attempt = 1")
    assert await follow_routes(api.database.pool, links=False) == 1
    assert [one["channel"] for one in (await api.get(f"/messages/{made['id']}"))["tries"]] == [by_bytes, last]
    assert await skipped(api, made["id"]) == [(by_address, "unsupported")]


async def test_a_campaigns_file_goes_by_the_step_that_carries_it(api: Api, workspace: Caller, bot: TelegramSimulator, worker: None) -> None:
    by_bytes = await a_bot(api, bot)
    await reaches(api)
    file, route = await upload(api, png(), "sale.png"), await route_over(api, api.channel, by_bytes)
    assert (await log_in(api.client, workspace.owner_email)).status_code == 303
    for text in ("", "Look, {{ first_name }}"):
        asked = await submit(api.client, "/campaigns/confirm-fragment", **filled_in(route, file) | {"text": text})
        assert "<dt>By Bot</dt><dd>1 first" in asked.text
    sent = await submit(api.client, "/campaigns", **filled_in(route, file, act="send", confirmed="1"))
    assert sent.status_code == 303, sent.text

    async def done() -> object:
        found = await api.get(sent.headers["location"])
        return found if found["finished_at"] else None

    ledger = (await until(done, 60))["ledger"]
    assert (ledger["accepted"], ledger["sent"], ledger["balances"]) == (1, 1, True)
    assert [one.content for one in next(iter(bot.bots.values())).files.values()] == [png()]


async def test_a_file_that_no_step_carries_is_told_and_the_audience_counted_all_the_same(api: Api, workspace: Caller) -> None:
    await reaches(api)
    file, route = await upload(api, png(), "sale.png"), await route_over(api, api.channel)
    assert (await log_in(api.client, workspace.owner_email)).status_code == 303
    preview = (await submit(api.client, "/campaigns/preview-fragment", **filled_in(route, file))).text
    assert "No channel of the route can carry this content." in preview
    assert 'id="to-send">1<' in preview
    for path, act in (("/campaigns/confirm-fragment", ""), ("/campaigns", "draft")):
        refused = await submit(api.client, path, **filled_in(route, file, act=act))
        assert (refused.status_code, "No channel of the route can carry this content." in refused.text) == (422, True)
    assert (await api.get("/campaigns"))["items"] == []


async def test_an_edit_keeps_the_file_the_template_and_the_route(
    api: Api, workspace: Caller, bot: TelegramSimulator, cloud: WhatsAppSimulator
) -> None:
    number, by_bytes = await whatsapp(api, cloud), await a_bot(api, bot)
    await reaches(api)
    route = await route_over(api, number, by_bytes)
    picture, film = await upload(api, png(), "sale.png"), await upload(api, MP4, "sale.mp4")
    template = {"name": "order_ready", "language": "en", "body": {"1": "{{ first_name }}"}}
    body = {"name": "Sale", "text": "Look", "template": template, "media": {"id": picture}, "audience": {"all": True}, "route": route}
    address = f"/campaigns/{(await api.post('/campaigns', body))['id']}"
    assert (await log_in(api.client, workspace.owner_email)).status_code == 303
    form = (await api.client.get(f"{address}/edit", headers=HTML)).text
    assert f'value="{route}" selected' in form
    assert "sale.png" in form
    # The template needs no window that is open, so that the number is where everybody begins.
    editing = {"editing": address.removeprefix("/campaigns/"), "version": "1"}
    preview = (await submit(api.client, "/campaigns/preview-fragment", **filled_in(route, picture, **editing))).text
    assert "<dt>By WhatsApp</dt><dd>1 first" in preview
    for version, file in enumerate((picture, film), 1):
        fields = filled_in(route, file, act="draft", version=str(version))
        assert (await submit(api.client, f"{address}/edit", **fields)).status_code == 303
        found = await api.get(address)
        content = found["content"]
        assert (found["route"], content["media"]["id"], content["template"]["name"]) == (route, file, "order_ready")
    await submit(api.client, f"{address}/edit", **filled_in(route, "", act="draft", version="3"))
    content = (await api.get(address))["content"]
    assert ("media" in content, content["template"]["body"]) == (False, {"1": "{{ first_name }}"})
    await submit(api.client, f"{address}/edit", **filled_in(number, picture, act="draft", version="4"))
    found = await api.get(address)
    assert (found["route"], found["channel"], found["content"]["media"]["id"]) == (None, number, picture)


async def test_where_the_text_takes_a_templates_place_its_file_goes_with_it(api: Api, bot: TelegramSimulator, worker: None) -> None:
    by_bytes = await a_bot(api, bot)
    file, route = await upload(api, png(), "sale.png"), await route_over(api, by_bytes)
    body = {"to": {"telegram": CHAT}, "route": route, "text": "Look", "template": {"name": "sale", "language": "en"}, "media": {"id": file}}
    message = await ended(api, (await api.post("/messages", body))["id"])
    assert message["content"]["media"]["id"] == file
    assert [one.content for one in next(iter(bot.bots.values())).files.values()] == [png()]
