"""Telegram: what we ask beside sending: what came in, which way it comes, links, the check. And that the token is never told."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest
import structlog

from tests.providers.channels import channel_of, outgoing
from tests.providers.test_telegram_inbound import CHANNEL, PERSON, update
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import (
    Callback,
    ErrorCode,
    HookRequest,
    Inbound,
    Linked,
    Links,
    Polled,
    Polls,
    ProviderError,
    ReceivedMedia,
)
from tidings.providers.http import Http
from tidings.providers.telegram.hook import secret_token

# --- polling --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator():
    async with TelegramSimulator() as running:
        yield running


@pytest.fixture
async def patient():
    async with Http() as opened:
        yield opened


async def poll(http: Http, simulator: TelegramSimulator, cursor: str = "", wait: float = 0) -> Polled:
    return await provider("telegram").poll(http, channel_of("telegram", simulator.url), cursor, wait_seconds=wait)


def texts(polled: Polled) -> list[str]:
    return [one.text for one in polled.callbacks if isinstance(one, Inbound)]


async def test_what_was_taken_is_confirmed_by_the_next_poll(simulator: TelegramSimulator, patient: Http) -> None:
    for number in range(30):
        simulator.write(BOT_TOKEN, PERSON, text=str(number))
    first = await poll(patient, simulator)
    again = await poll(patient, simulator)
    assert texts(first) == texts(again) == [str(number) for number in range(25)]
    assert len(simulator.bot().updates) == 30
    second = await poll(patient, simulator, first.cursor)
    assert texts(second) == ["25", "26", "27", "28", "29"]
    last = await poll(patient, simulator, second.cursor)
    assert last == Polled(callbacks=[], cursor=second.cursor)
    assert not simulator.bot().updates
    simulator.write(BOT_TOKEN, PERSON, edited="nothing we know")
    assert (await poll(patient, simulator, last.cursor)).cursor != last.cursor


async def test_a_poll_waits_for_something_to_come(simulator: TelegramSimulator, patient: Http) -> None:
    waiting = asyncio.create_task(poll(patient, simulator, wait=25))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    simulator.write(BOT_TOKEN, PERSON, text="/start code7")
    assert (await asyncio.wait_for(waiting, 1)).callbacks == [Linked(code="code7", address=str(PERSON), name=f"Person {PERSON}")]
    assert simulator.bot().allowed == {"message", "callback_query", "my_chat_member"}


async def test_a_poll_never_waits_longer_than_a_request_may_take(patient: Http) -> None:
    asked: list[dict] = []

    async def handler(call: Call) -> Reply:
        asked.append(call.json())
        return Reply(200, b'{"ok": true, "result": []}')

    async with Server(handler) as server:
        for wait, cursor in ((500.0, "17"), (-1.0, "not a number"), (3.9, "")):
            await provider("telegram").poll(patient, channel_of("telegram", server.url), cursor, wait_seconds=wait)
    assert [one["timeout"] for one in asked] == [25, 0, 3]
    assert [one.get("offset") for one in asked] == [17, None, None]


async def test_no_odd_update_holds_up_the_others(patient: Http) -> None:
    """Half an emoji, a message of an unknown shape, something that is no update at all, and a page larger than other answers may be."""
    good, odd = update(text="good"), update(chat="odd") | {"update_id": 901}
    half = json.dumps(update(text="half ") | {"update_id": 902}).replace("half ", "half \\ud83d")
    large = update(text="large", entities=[{"type": "text_link", "url": "https://a.b/" + "c" * 2_000}] * 1_000) | {"update_id": 903}
    body = f'{{"ok": true, "result": [{json.dumps(good)}, {json.dumps(odd)}, 7, {half}, {json.dumps(large)}]}}'.encode()
    assert len(body) > 1_048_576

    async def handler(_: Call) -> Reply:
        return Reply(200, body)

    async with Server(handler) as server:
        polled = await provider("telegram").poll(patient, channel_of("telegram", server.url), "900", wait_seconds=0)
    assert texts(polled) == ["good", "half \ud83d", "large"]
    assert polled.cursor == "904"


async def test_presses_are_answered_so_that_the_button_stops_its_clock(simulator: TelegramSimulator, patient: Http) -> None:
    presses = [simulator.press(BOT_TOKEN, PERSON, 1, "yes") for _ in range(3)]
    polled = await poll(patient, simulator)
    assert [one.button for one in polled.callbacks if isinstance(one, Inbound)] == ["yes"] * 3
    assert len({one.provider_message_id for one in polled.callbacks if isinstance(one, Inbound)}) == 3
    assert simulator.bot().pressed == dict.fromkeys(presses, "")
    simulator.bot().pressed.clear()  # answered too late: the press counts all the same
    assert len((await poll(patient, simulator)).callbacks) == 3


@pytest.mark.parametrize(
    ("fault", "code", "pause"),
    [
        ({"kind": "rate_limited", "retry_after": "9"}, ErrorCode.RATE_LIMITED, 9.0),
        ({"kind": "wrong_credentials"}, ErrorCode.INVALID_CREDENTIALS, None),
        ({"kind": "server_error"}, ErrorCode.PROVIDER_UNAVAILABLE, None),
        ({"kind": "html"}, ErrorCode.PROVIDER_UNAVAILABLE, None),
        ({"kind": "reset"}, ErrorCode.PROVIDER_UNAVAILABLE, None),
    ],
)
async def test_a_poll_that_fails_says_why(simulator: TelegramSimulator, patient: Http, fault: dict, code: str, pause: float | None) -> None:
    simulator.faults.add(**fault, count=1, numbers=["getupdates"])
    with pytest.raises(ProviderError) as error:
        await poll(patient, simulator)
    assert (error.value.code, error.value.retry_after) == (code, pause)


async def test_two_who_poll_one_bot_are_told(simulator: TelegramSimulator, patient: Http) -> None:
    first = asyncio.create_task(poll(patient, simulator, wait=20))
    await asyncio.sleep(0.2)
    simulator.write(BOT_TOKEN, PERSON + 1, text="wakes nobody twice")
    await first
    second = asyncio.create_task(poll(patient, simulator, (await first).cursor, wait=20))
    await asyncio.sleep(0.2)
    third = asyncio.create_task(poll(patient, simulator, (await first).cursor, wait=1))
    with pytest.raises(ProviderError, match="other getUpdates request") as error:
        await second
    assert error.value.code == ErrorCode.PROVIDER_UNAVAILABLE
    assert (await third).callbacks == []


# --- which way, and links -------------------------------------------------------------------------------------------------


async def test_the_way_can_be_changed_to_and_fro_and_nothing_is_lost(simulator: TelegramSimulator, patient: Http) -> None:
    telegram = provider("telegram")
    got: list[Callback] = []

    async def ours(call: Call) -> Reply:
        request = HookRequest(method="POST", url=channel.hook_url, headers=call.headers, body=call.body)
        answer = telegram.read_hook(channel, request)
        got.extend(answer.callbacks)
        return Reply(200, answer.body, answer.content_type)

    async with Server(ours) as server:
        channel = channel_of("telegram", simulator.url, hook_url=f"{server.url}/hooks/in/x")
        simulator.write(BOT_TOKEN, PERSON, text="before")
        assert isinstance(telegram, Polls)
        for _ in range(2):
            assert "calls this channel's address" in await telegram.receive_by(patient, channel, "hook")
        press_id = simulator.press(BOT_TOKEN, PERSON, 1, "yes")
        await simulator.poster.idle()
        assert [one.text for one in got if isinstance(one, Inbound)] == ["before", "yes"]
        assert simulator.bot().pressed == {press_id: ""}
        with pytest.raises(ProviderError, match="webhook is active"):
            await poll(patient, simulator)
    simulator.write(BOT_TOKEN, PERSON, text="while nobody listened")
    for _ in range(2):
        assert "waits to be asked" in await telegram.receive_by(patient, channel, "polling")
    assert texts(await poll(patient, simulator)) == ["while nobody listened"]


async def test_a_webhook_needs_an_address_that_telegram_can_call(simulator: TelegramSimulator, patient: Http) -> None:
    telegram = provider("telegram")
    with pytest.raises(ProviderError, match="no public address"):
        await telegram.receive_by(patient, channel_of("telegram", simulator.url, hook_url=""), "hook")
    with pytest.raises(ProviderError, match="HTTPS URL must be provided"):
        await telegram.receive_by(patient, channel_of("telegram", simulator.url, hook_url="http://shop.example/h"), "hook")


async def test_the_hooks_secret_is_told_to_nobody_but_telegram(patient: Http) -> None:
    async def chatty(call: Call) -> Reply:
        return Reply(400, json.dumps({"ok": False, "error_code": 400, "description": call.body.decode()}).encode())

    async with Server(chatty) as server:
        with pytest.raises(ProviderError) as error:
            await provider("telegram").receive_by(patient, channel_of("telegram", server.url), "hook")
    assert secret_token(CHANNEL) not in error.value.detail


async def test_a_link_leads_to_the_bot(simulator: TelegramSimulator, patient: Http) -> None:
    simulator.bot(username="DukaBot")
    telegram = provider("telegram")
    assert isinstance(telegram, Links)
    assert await telegram.link(patient, channel_of("telegram", simulator.url), "a-B_9") == "https://t.me/DukaBot?start=a-B_9"
    silent = channel_of("telegram", "http://127.0.0.1:1", sender="@DukaBot")  # nobody needs to be asked for a name that is known
    assert await telegram.link(patient, silent, "a-B_9") == "https://t.me/DukaBot?start=a-B_9"
    named = channel_of("telegram", simulator.url, sender="Duka la Asha")
    assert await telegram.link(patient, named, "x" * 64) == f"https://t.me/DukaBot?start={'x' * 64}"
    for code in ("", "x" * 65, "a b", "ä"):
        with pytest.raises(ProviderError, match="1 to 64"):
            await telegram.link(patient, silent, code)


# --- the check, and the token ---------------------------------------------------------------------------------------------


async def test_check_names_the_bot(simulator: TelegramSimulator, patient: Http) -> None:
    simulator.bot(name="Duka la Asha", username="DukaBot")
    telegram, channel = provider("telegram"), channel_of("telegram", simulator.url)
    assert await telegram.check(patient, channel) == "Signed in as the bot “Duka la Asha”. People find it at https://t.me/DukaBot."
    assert await telegram.check(patient, channel_of("telegram", simulator.url, sender="@dukabot"))
    with pytest.raises(ProviderError, match=r"@DukaBot, but the bot name filled in is @another_bot"):
        await telegram.check(patient, channel_of("telegram", simulator.url, sender="@another_bot"))
    with pytest.raises(ProviderError, match="no balance") as error:
        await telegram.balance(patient, channel)
    assert error.value.code == ErrorCode.UNSUPPORTED
    simulator.revoked.add(BOT_TOKEN)
    with pytest.raises(ProviderError, match="Unauthorized") as error:
        await telegram.check(patient, channel)
    assert error.value.code == ErrorCode.INVALID_CREDENTIALS


@pytest.mark.parametrize("spelling", [BOT_TOKEN, quote(BOT_TOKEN, safe=""), quote(BOT_TOKEN, safe="").replace("%3A", "%3a")])
@pytest.mark.parametrize("status", [200, 307, 400, 404, 429, 500])
async def test_the_token_in_the_address_is_never_told(http: Http, spelling: str, status: int, capsys) -> None:
    async def chatty(call: Call) -> Reply:
        assert BOT_TOKEN in call.target
        said = f"no route to /bot{spelling}/x"
        return Reply(status, json.dumps({"ok": False, "error_code": status, "description": said}).encode())

    telegram = provider("telegram")
    with structlog.testing.capture_logs() as logs:
        async with Server(chatty) as server:
            channel = channel_of("telegram", server.url)
            told = repr(await telegram.send(http, channel, [outgoing(), outgoing(1)]))
            for asked in (
                telegram.check(http, channel),
                telegram.poll(http, channel, "", wait_seconds=0),
                telegram.receive_by(http, channel, "hook"),
                telegram.link(http, channel, "abc"),
                telegram.fetch_media(http, channel, ReceivedMedia(kind="image", provider_id="x"), max_bytes=10),
            ):
                with pytest.raises(ProviderError) as error:
                    await asked
                told += f"{error.value!r} {error.value.detail}"
        told += repr(await telegram.send(http, channel, [outgoing()]))  # nobody listens any more
    told += repr(logs) + "".join(capsys.readouterr())
    assert spelling not in told
    assert outgoing().text not in repr(logs)
