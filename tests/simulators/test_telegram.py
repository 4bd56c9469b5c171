"""The simulator before python-telegram-bot, so that it is not only our reading of Telegram; its limits, its polls and its webhooks."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters, Update
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

from tests.simulators.faults import KINDS
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.simulators.wire import Call, Reply, Server

PERSON = 254_711_000
GROUP = -1_001_234_567_890


@pytest.fixture
async def simulator() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as running:
        yield running


@pytest.fixture
async def browser(simulator: TelegramSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=False, base_url=simulator.url) as client:
        yield client


def official(simulator: TelegramSimulator, token: str = BOT_TOKEN) -> Bot:
    """The library's bot: https://docs.python-telegram-bot.org."""
    return Bot(
        token,
        base_url=f"{simulator.url}/bot",
        base_file_url=f"{simulator.url}/file/bot",
        request=HTTPXRequest(read_timeout=5),
        get_updates_request=HTTPXRequest(read_timeout=5),
    )


@pytest.fixture
async def bot(simulator: TelegramSimulator) -> AsyncIterator[Bot]:
    async with official(simulator) as signed_in:
        yield signed_in


# --- the library ----------------------------------------------------------------------------------------------------------


async def test_the_library_signs_in_and_sends(bot: Bot, simulator: TelegramSimulator) -> None:
    assert bot.username == "sim110201543_bot"
    buttons = InlineKeyboardMarkup(
        [[InlineKeyboardButton("Yes", callback_data="yes"), InlineKeyboardButton("Shop", url="https://shop.example/")]]
    )
    first = await bot.send_message(PERSON, "Habari 😀", reply_markup=buttons)
    second = await bot.send_message(
        PERSON, "<b>bold</b> &amp; plain", parse_mode="HTML", reply_parameters=ReplyParameters(first.message_id)
    )
    assert (first.message_id, first.chat.id, first.chat.type, first.text) == (1, PERSON, "private", "Habari 😀")
    assert (second.message_id, second.text, second.reply_to_message.message_id) == (2, "bold & plain", 1)
    assert first.reply_markup == buttons
    assert simulator.taken == {str(PERSON): 2}


async def test_the_library_sends_files_and_fetches_them(bot: Bot) -> None:
    photo = await bot.send_photo(PERSON, io.BytesIO(b"\xff\xd8 a picture"), caption="The shop")
    assert photo.caption == "The shop"
    fetched = await (await bot.get_file(photo.photo[-1].file_id)).download_as_bytearray()
    assert bytes(fetched) == b"\xff\xd8 a picture"
    again = await bot.send_photo(PERSON, photo.photo[-1].file_id)
    assert again.photo[-1].file_id == photo.photo[-1].file_id
    document = await bot.send_document(PERSON, io.BytesIO(b"%PDF"), filename="prices.pdf")
    assert (document.document.file_name, document.document.file_size) == ("prices.pdf", 4)
    assert (await bot.send_video(PERSON, "https://shop.example/film.mp4")).video
    assert (await bot.send_audio(PERSON, "https://shop.example/song.mp3")).audio
    assert (await bot.send_voice(PERSON, "https://shop.example/word.ogg")).voice
    assert (await bot.send_sticker(PERSON, "https://shop.example/smile.webp")).sticker
    assert (await bot.send_animation(PERSON, "https://shop.example/wave.gif")).animation


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        ("missing", BadRequest, "Chat not found"),
        ("blocked", Forbidden, "bot was blocked by the user"),
        ("deactivated", Forbidden, "user is deactivated"),
        ("not_started", Forbidden, "can't initiate conversation"),
        ("kicked", Forbidden, "kicked from the supergroup"),
        ("no_rights", BadRequest, "Not enough rights"),
        (f"moved:{GROUP}", ChatMigrated, str(GROUP)),
    ],
)
async def test_the_library_understands_what_is_the_matter_with_a_chat(
    bot: Bot, simulator: TelegramSimulator, state: str, error: type[Exception], said: str
) -> None:
    simulator.change(BOT_TOKEN, str(PERSON), state)
    with pytest.raises(error, match=said):
        await bot.send_message(PERSON, "x")
    assert not simulator.taken


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"text": "x" * 4097}, "Message is too long"),
        ({"text": "😀" * 2049}, "Message is too long"),
        ({"text": "  "}, "Message text is empty"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "Can't parse entities"),
        ({"text": "a.b", "parse_mode": "MarkdownV2"}, "reserved"),
        ({"text": "x", "parse_mode": "Word"}, "Unsupported parse_mode"),
        ({"text": "x", "reply_parameters": ReplyParameters(99)}, "Message to be replied not found"),
        (
            {"text": "x", "reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="é" * 33)]])},
            "button_data_invalid",
        ),
        ({"text": "x", "reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", url="shop")]])}, "Wrong HTTP URL"),
    ],
)
async def test_a_wrong_message_is_refused(bot: Bot, form: dict, said: str) -> None:
    with pytest.raises(BadRequest, match=rf"(?i){said}"):
        await bot.send_message(PERSON, **form)


async def test_wrong_files_are_refused(bot: Bot) -> None:
    for photo, said in [
        ("https://nowhere.invalid/x.jpg", "HTTP URL content"),
        ("no such file", "identifier"),
        (io.BytesIO(b""), "non-empty"),
    ]:
        with pytest.raises(BadRequest, match=rf"(?i){said}"):
            await bot.send_photo(PERSON, photo)
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_photo(PERSON, io.BytesIO(b"x"), caption="x" * 1025)
    with pytest.raises(BadRequest, match="Too big"):
        await bot.send_photo(PERSON, io.BytesIO(b"x" * (10 * 1024 * 1024 + 1)))
    with pytest.raises(BadRequest, match="file_id"):
        await bot.get_file("no such file")


async def test_a_token_may_be_wrong_or_revoked(simulator: TelegramSimulator, browser: httpx2.AsyncClient) -> None:
    await browser.post("/_sim/revoke", json={"token": BOT_TOKEN})
    with pytest.raises(InvalidToken, match="rejected"):
        await official(simulator).initialize()
    assert (await browser.get("/botnonsense/getMe")).status_code == 404
    assert (await browser.get(f"/bot{BOT_TOKEN[:-1]}x/noSuchMethod")).status_code == 404


# --- polling --------------------------------------------------------------------------------------------------------------


async def test_updates_wait_until_an_offset_confirms_them(bot: Bot, simulator: TelegramSimulator) -> None:
    for text in ("one", "two", "three"):
        simulator.write(BOT_TOKEN, PERSON, text=text)
    first = await bot.get_updates(limit=2)
    assert [update.message.text for update in first] == ["one", "two"]
    assert [update.message.text for update in await bot.get_updates(limit=1)] == ["one"]
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [update.message.text for update in rest] == ["three"]
    assert await bot.get_updates(offset=rest[-1].update_id + 1) == ()
    simulator.write(BOT_TOKEN, PERSON, text="four")
    assert [update.message.text for update in await bot.get_updates(offset=2_000_000_000)] == ["four"]
    assert [update.message.text for update in await bot.get_updates(offset=-1)] == ["four"]


async def test_a_long_poll_ends_when_something_comes(bot: Bot, simulator: TelegramSimulator) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=4))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    simulator.write(BOT_TOKEN, PERSON, text="at last")
    [update] = await asyncio.wait_for(waiting, 1)
    assert update.message.text == "at last"
    began = time.monotonic()
    assert await bot.get_updates(offset=update.update_id + 1, timeout=1) == ()
    assert 0.9 < time.monotonic() - began < 2


async def test_only_the_updates_asked_for_are_kept(bot: Bot, simulator: TelegramSimulator) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    simulator.write(BOT_TOKEN, PERSON, text="unheard")
    sent = await bot.send_message(PERSON, "?", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]]))
    press = simulator.press(BOT_TOKEN, PERSON, sent.message_id, "yes")
    [update] = await bot.get_updates()
    assert (update.callback_query.data, update.callback_query.message.reply_markup.inline_keyboard[0][0].text) == ("yes", "Yes")
    await update.callback_query.answer("Thanks")
    assert simulator.bot().pressed == {press: "Thanks"}
    with pytest.raises(BadRequest, match="too old"):
        await bot.answer_callback_query("0")


async def test_two_pollers_are_in_conflict_and_a_webhook_with_both(bot: Bot, simulator: TelegramSimulator) -> None:
    async with official(simulator) as other:
        waiting = asyncio.create_task(bot.get_updates(timeout=4))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(other.get_updates(timeout=4))
        with pytest.raises(Conflict, match="other getUpdates"):
            await waiting
        await bot.set_webhook("https://shop.example/hook", secret_token="s")
        with pytest.raises(Conflict, match="setWebhook"):
            await second
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        await bot.delete_webhook()
        assert await bot.get_updates() == ()


async def test_two_thousand_pollers_wait_at_no_cost(simulator: TelegramSimulator) -> None:
    """Each is a future and a timer: their waiting takes next to no processor time, and a message wakes the one it is for."""
    tokens = [f"{10_000 + number}:{'A' * 35}" for number in range(2_000)]
    waiting = [asyncio.create_task(simulator.method(simulator.bot(token), "getupdates", {"timeout": 30})) for token in tokens]
    await asyncio.sleep(0)
    began = time.process_time()
    await asyncio.sleep(1)
    assert time.process_time() - began < 0.3
    simulator.write(tokens[1234], PERSON, text="for you alone")
    await asyncio.sleep(0.05)
    assert [number for number, task in enumerate(waiting) if task.done()] == [1234]
    assert waiting[1234].result()[0]["message"]["text"] == "for you alone"
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


# --- webhooks -------------------------------------------------------------------------------------------------------------


async def test_a_webhook_gets_updates_with_its_secret_and_again_until_it_takes_them(bot: Bot, simulator: TelegramSimulator) -> None:
    got: list[Call] = []

    async def handler(call: Call) -> Reply:
        got.append(call)
        update = Update.de_json(call.json(), bot)
        if len(got) == 1:
            return Reply(500)
        if update.callback_query:
            return Reply(200, json.dumps({"method": "answerCallbackQuery", "callback_query_id": update.callback_query.id}).encode())
        return Reply(200, json.dumps({"method": "sendMessage", "chat_id": PERSON, "text": "hello to you"}).encode())

    async with Server(handler) as server:
        simulator.write(BOT_TOKEN, PERSON, text="before")
        await bot.set_webhook(f"{server.url}/hook", secret_token="s3cret")
        simulator.write(BOT_TOKEN, PERSON, text="after")
        press = simulator.press(BOT_TOKEN, PERSON, 1, "yes")
        await simulator.poster.idle()
        told = [call.json() for call in got]
        assert [update["message"]["text"] for update in told[:3]] == ["before", "before", "after"]
        assert {call.headers["x-telegram-bot-api-secret-token"] for call in got} == {"s3cret"}
        assert simulator.bot().pressed == {press: ""}
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count) == (f"{server.url}/hook", 0)
        assert info.last_error_message == "Wrong response from the webhook: 500"
        await bot.delete_webhook()
        assert (await bot.get_webhook_info()).url == ""


async def test_a_webhook_needs_https_and_a_clean_secret(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="an https url"):
        await bot.set_webhook("http://shop.example/hook")
    with pytest.raises(BadRequest, match="unallowed characters"):
        await bot.set_webhook("https://shop.example/hook", secret_token="ä")


# --- limits and faults ----------------------------------------------------------------------------------------------------


async def test_what_comes_too_fast_is_noted_and_on_request_refused(
    bot: Bot, simulator: TelegramSimulator, browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # what the library will do by itself one day
    await bot.send_message(PERSON, "1")
    await bot.send_message(PERSON, "2")
    [violation] = (await browser.get("/_sim/violations")).json()
    assert (violation["limit"], violation["chat"], violation["bot"]) == ("chat", str(PERSON), bot.id)
    await browser.post("/_sim/limits", json={"enforced": True})
    with pytest.raises(RetryAfter) as error:
        await bot.send_message(PERSON, "3")
    assert error.value.retry_after == timedelta(seconds=1)
    await asyncio.sleep(1)
    assert await bot.send_message(PERSON, "4")
    for other in range(1, 300):  # ten seconds' worth at one moment, so that a slow machine is too fast as well
        simulator.bot().pace.note(str(other), time.monotonic())
    with pytest.raises(RetryAfter):
        await bot.send_message(300, "x")
    assert simulator.violations[-1].limit == "bot"


async def test_groups_take_twenty_a_minute(simulator: TelegramSimulator) -> None:
    pace = simulator.bot().pace
    for second in range(20):
        assert pace.early(str(GROUP), float(second * 2)) is None
        pace.note(str(GROUP), float(second * 2))
    assert pace.early(str(GROUP), 40.0) == ("group", 20.0)
    assert pace.early(str(GROUP), 60.0) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(browser: httpx2.AsyncClient, simulator: TelegramSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    send = f"/bot{BOT_TOKEN}/sendMessage"
    try:
        answer = await browser.post(send, json={"chat_id": PERSON, "text": "x"})
        assert kind == "slow" or not answer.content.startswith(b'{"ok": true')
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await browser.post(send, data={"chat_id": str(PERSON), "text": "x"})).status_code == 200


async def test_a_fault_may_meet_the_polls_alone(browser: httpx2.AsyncClient) -> None:
    await browser.post("/_sim/faults", json={"kind": "server_error", "count": 1, "numbers": ["getupdates"]})
    assert (await browser.get(f"/bot{BOT_TOKEN}/getMe")).status_code == 200
    assert (await browser.post(f"/bot{BOT_TOKEN}/sendMessage", json={"chat_id": 5, "text": "x"})).status_code == 200
    assert [(await browser.get(f"/bot{BOT_TOKEN}/getUpdates")).status_code for _ in range(2)] == [500, 200]


async def test_it_can_be_steered_over_http(browser: httpx2.AsyncClient, bot: Bot, simulator: TelegramSimulator) -> None:
    await browser.post("/_sim/bots", json={"token": BOT_TOKEN, "name": "Duka", "username": "duka_bot"})
    assert (await bot.get_me()).username == "duka_bot"
    assert (await browser.post("/_sim/inbound", json={"token": BOT_TOKEN, "chat": PERSON, "text": "/start abc"})).json()["update_id"]
    await browser.post("/_sim/chat", json={"token": BOT_TOKEN, "chat": PERSON, "is": "blocked"})
    await browser.post("/_sim/chat", json={"token": BOT_TOKEN, "chat": PERSON, "is": ""})
    await browser.post("/_sim/press", json={"token": BOT_TOKEN, "chat": PERSON, "message_id": 1, "data": "x"})
    started, blocked, back, pressed = await bot.get_updates()
    assert started.message.text == "/start abc"
    assert [one.my_chat_member.new_chat_member.status for one in (blocked, back)] == ["kicked", "member"]
    assert pressed.callback_query.data == "x"
    [told] = (await browser.get("/_sim/bots")).json()
    assert (told["username"], told["waiting"], told["hook"]) == ("duka_bot", 4, False)
    assert (await browser.post("/_sim/status", json={"id": "x", "status": "read"})).status_code == 422
    await browser.post("/_sim/reset")
    assert (await browser.get("/_sim/bots")).json() == []


async def test_it_runs_as_a_process_that_tells_its_port() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.simulators.telegram", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    port = json.loads(await process.stdout.readline())["port"]
    async with httpx2.AsyncClient(verify=False, base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get(f"/bot{BOT_TOKEN}/getMe")).json()["result"]["id"] == 110201543
    process.terminate()
    assert await process.wait() == 0
