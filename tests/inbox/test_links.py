"""One-time links: from the API, through Telegram, to an address of the contact."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.inbox.conftest import CHAT, Inbox
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.core.ids import new_id, read_id, show_id
from tidings.providers.base import Linked


@pytest.fixture
async def amina(bot: Inbox) -> str:
    return (await bot.call("POST", "/contacts", {"name": "Amina", "phone": "+254712345678"}, 201))["id"]


async def make_link(bot: Inbox, contact: str) -> str:
    made = await bot.call("POST", f"/contacts/{contact}/links", {"channel": bot.id}, 201)
    return parse_qs(urlsplit(made["url"]).query)["start"][0]


async def opens(bot: Inbox, telegram: TelegramSimulator, code: str, chat: int = CHAT) -> None:
    """The person opens the link and presses start; the update is polled as the supervisor does."""
    telegram.write(BOT_TOKEN, chat, text=f"/start {code}")
    await bot.poll()


async def points(bot: Inbox, contact: str) -> list[str]:
    return [one["address"] for one in (await bot.get(f"/contacts/{contact}"))["points"]]


async def test_who_opens_the_link_is_the_contact_from_then_on(bot: Inbox, telegram: TelegramSimulator, amina: str, db) -> None:
    code = await make_link(bot, amina)
    assert code not in str(await db.fetch("SELECT * FROM link_codes"))
    await db.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'telegram', $2, 'api')", bot.workspace.id, str(CHAT)
    )
    await opens(bot, telegram, code)
    assert await points(bot, amina) == ["+254712345678", str(CHAT)]
    assert await db.fetchval("SELECT count(*) FROM opt_outs") == 0
    (conversation,) = (await bot.get("/conversations"))["items"]
    assert (conversation["contact"], conversation["address"]) == (amina, str(CHAT))
    assert [one["text"] for one in (await bot.get("/messages", contact=amina, direction="in"))["items"]] == ["/start"]
    assert "contact.linked" in {row["action"] for row in await db.fetch("SELECT action FROM audit_log")}
    assert code not in str(await db.fetch("SELECT * FROM messages")) + str(await db.fetch("SELECT * FROM inbound_seen"))


async def test_a_code_works_once(bot: Inbox, telegram: TelegramSimulator, amina: str) -> None:
    code = await make_link(bot, amina)
    await opens(bot, telegram, code)
    await opens(bot, telegram, code, CHAT + 1)
    assert await points(bot, amina) == ["+254712345678", str(CHAT)]
    assert {one["address"] for one in (await bot.get("/conversations"))["items"]} == {str(CHAT), str(CHAT + 1)}, "as a plain /start"


@pytest.mark.parametrize("spoil", ["UPDATE link_codes SET expires_at = now()", "UPDATE link_codes SET channel_id = new_id()"])
async def test_a_code_that_expired_or_is_another_channels_is_a_plain_start(
    bot: Inbox, telegram: TelegramSimulator, amina: str, db, spoil: str
) -> None:
    code = await make_link(bot, amina)
    await db.execute(spoil)
    await opens(bot, telegram, code)
    assert await points(bot, amina) == ["+254712345678"]
    assert len((await bot.get("/contacts"))["items"]) == 2


async def test_an_unknown_code_is_a_plain_start(bot: Inbox, telegram: TelegramSimulator) -> None:
    await opens(bot, telegram, "madeup")
    (received,) = (await bot.get("/messages", direction="in"))["items"]
    assert (received["text"], received["from"]) == ("/start", str(CHAT))


async def test_a_chat_that_only_ever_wrote_moves_over_with_its_history(bot: Inbox, telegram: TelegramSimulator, amina: str, db) -> None:
    telegram.write(BOT_TOKEN, CHAT, text="Is anybody there?")
    await bot.poll()
    code = await make_link(bot, amina)
    await opens(bot, telegram, code)
    assert await points(bot, amina) == ["+254712345678", str(CHAT)]
    (conversation,) = (await bot.get("/conversations"))["items"]
    assert conversation["contact"] == amina
    texts = [one["text"] for one in (await bot.get(f"/conversations/{conversation['id']}"))["messages"]["items"]]
    assert texts == ["/start", "Is anybody there?"]
    assert {one["text"] for one in (await bot.get("/messages", contact=amina))["items"]} == set(texts)
    assert [one["id"] for one in (await bot.get("/contacts"))["items"]] == [amina]


@pytest.mark.parametrize("more", [{"attributes": {"tier": "gold"}}, {}])
async def test_a_chat_that_is_another_persons_is_never_taken_from_them(
    bot: Inbox, telegram: TelegramSimulator, amina: str, db, more: dict
) -> None:
    juma = await bot.call("POST", "/contacts", {"name": "Juma", "points": [{"medium": "telegram", "address": str(CHAT)}], **more}, 201)
    code = await make_link(bot, amina)
    await opens(bot, telegram, code)
    assert await points(bot, amina) == ["+254712345678"]
    assert await points(bot, juma["id"]) == [str(CHAT)]
    refused = await db.fetchrow("SELECT object_id, after::text FROM audit_log WHERE action = 'contact.link_refused'")
    assert refused["object_id"] == read_id("con", amina)
    assert juma["id"] in refused["after"]
    await opens(bot, telegram, code, CHAT + 1)
    assert str(CHAT + 1) in await points(bot, amina), "the code still holds for the chat it was meant for"


async def test_a_whatsapp_link_adds_the_number_that_sent_it(number: Inbox) -> None:
    contact = await number.call("POST", "/contacts", {"name": "Amina", "phone": "+254712345678"}, 201)
    made = await number.call("POST", f"/contacts/{contact['id']}/links", {"channel": number.id}, 201)
    code = parse_qs(urlsplit(made["url"]).query)["text"][0].removeprefix("/start ")
    await number.take([Linked(code=code, address="+254799999999", name="A.")])
    assert [(one["medium"], one["address"]) for one in (await number.get(f"/contacts/{contact['id']}"))["points"]] == [
        ("sms", "+254712345678"), ("whatsapp", "+254799999999"),
    ]  # fmt: skip


async def test_links_are_for_channels_that_have_them_and_for_contacts_that_are_there(
    bot: Inbox, sandbox: Inbox, amina: str, other_workspace
) -> None:
    assert (await bot.call("POST", f"/contacts/{amina}/links", {"channel": sandbox.id}, 409))["code"] == "unsupported"
    await bot.call("POST", f"/contacts/{amina}/links", {"channel": show_id("chn", new_id())}, 404)
    await bot.call("POST", f"/contacts/{show_id('con', new_id())}/links", {"channel": bot.id}, 404)
    answer = await bot.client.post(f"/api/v1/contacts/{amina}/links", json={"channel": bot.id}, headers=other_workspace.headers)
    assert answer.status_code == 404


async def test_a_token_that_telegram_took_back_gives_no_link(bot: Inbox, telegram: TelegramSimulator, amina: str, db) -> None:
    telegram.revoked.add(BOT_TOKEN)
    refused = await bot.call("POST", f"/contacts/{amina}/links", {"channel": bot.id}, 409)
    assert refused["code"] == "invalid_credentials"
    assert await db.fetchval("SELECT count(*) FROM link_codes") == 0
