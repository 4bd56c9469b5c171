"""Discord: what we ask, what we make of its answers, and of what it posts to us."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.providers.channels import HOOK, channel_of
from tests.simulators.discord import (
    BOT_TOKEN,
    CHANNEL,
    PUBLIC_KEY,
    REFUSING,
    WEBHOOK_CHANNEL,
    WEBHOOK_ID,
    WEBHOOK_TOKEN,
    WEBHOOK_URL,
    DiscordSimulator,
    signature,
)
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    HookRefused,
    HookRequest,
    Inbound,
    Media,
    Outgoing,
    ProviderError,
    SendFailed,
)
from tidings.providers.discord.errors import CODES
from tidings.providers.discord.sending import nonce, read_send, send_request
from tidings.providers.http import Answer, Http

API = "https://discord.com/api/v10"
WEBHOOK = {"settings": {"webhook_channel_id": WEBHOOK_CHANNEL}, "credentials": {"webhook_url": WEBHOOK_URL}}


def message(text: str = "Hello", to: str = CHANNEL, **changes) -> Outgoing:
    return Outgoing(id="msg_00000000000000000000000007", to=to, text=text, **changes)


# --- the request --------------------------------------------------------------------------------------------------------


def test_a_bots_request() -> None:
    request = send_request(channel_of("discord"), message("Habari @everyone"))
    assert request.url == f"{API}/channels/{CHANNEL}/messages"
    assert request.headers == {"authorization": f"Bot {BOT_TOKEN}", "user-agent": "DiscordBot (https://tidings.example, 1) Tidings"}
    assert request.json == {
        "content": "Habari @everyone",
        "allowed_mentions": {"parse": []},
        "nonce": nonce("msg_00000000000000000000000007"),
        "enforce_nonce": True,
    }
    assert len(request.json["nonce"]) <= 25


def test_a_webhooks_request_goes_nowhere_but_to_discord() -> None:
    request = send_request(channel_of("discord", sender="Duka", **WEBHOOK), message(to=WEBHOOK_CHANNEL))
    assert request.url == f"{API}/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
    assert request.query == {"wait": "true"}
    assert request.json == {"content": "Hello", "allowed_mentions": {"parse": []}, "username": "Duka"}
    assert "authorization" not in (request.headers or {})


def test_buttons_replies_and_pictures() -> None:
    buttons = [Button(label=f"Choice {n}", value="" if n else "yes") for n in range(6)] + [
        Button(label="Shop", kind="url", value="https://shop.example")
    ]
    picture = Media(kind="image", content_type="image/png", url="https://shop.example/a.png")
    body = send_request(channel_of("discord"), message(buttons=buttons, reply_to="123456789012345678", media=picture)).json
    assert [len(row["components"]) for row in body["components"]] == [5, 2]
    assert body["components"][0]["components"][:2] == [
        {"type": 2, "style": 2, "label": "Choice 0", "custom_id": "0:yes"},
        {"type": 2, "style": 2, "label": "Choice 1", "custom_id": "1:Choice 1"},
    ]
    assert body["components"][1]["components"][1] == {"type": 2, "style": 5, "label": "Shop", "url": "https://shop.example"}
    assert body["message_reference"] == {"message_id": "123456789012345678", "fail_if_not_exists": False}
    assert body["embeds"] == [{"image": {"url": "https://shop.example/a.png"}}]


# --- the answer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "expected"), CODES.items())
def test_every_code_is_a_refusal_in_our_words(code: int, expected: ErrorCode) -> None:
    [outcome] = read_send(Answer(status=400, body=json.dumps({"code": code, "message": "because of you"}).encode()))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.provider_code) == (expected, str(code))
    assert outcome.retryable == (expected in {ErrorCode.RATE_LIMITED, ErrorCode.PROVIDER_UNAVAILABLE})
    assert (outcome.retry_after is not None) == (expected is ErrorCode.RATE_LIMITED)
    assert outcome.detail == f"Discord error {code}: because of you"


@pytest.mark.parametrize(
    ("body", "pause"),
    [
        (b'{"message": "x", "retry_after": 64.57, "global": false}', 64.57),
        (b'{"message": "x", "retry_after": 0.3, "global": true}', 0.3),
        (b'{"message": "x", "retry_after": -1, "code": 20028}', 0.0),
        (b'{"message": "x", "retry_after": 1e9}', 86_400.0),
        (b'{"message": "x"}', 65.0),
        (b"<html>You are being blocked</html>", 65.0),
    ],
)
def test_the_pause_is_the_one_discord_names(body: bytes, pause: float) -> None:
    [outcome] = read_send(Answer(status=429, headers={"retry-after": "65"}, body=body))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retry_after, outcome.retryable) == (ErrorCode.RATE_LIMITED, pause, True)


def test_a_wrong_form_is_told_by_its_parts() -> None:
    errors = {"components": {"0": {"components": {"1": {"url": {"_errors": [{"code": "URL", "message": "Scheme is not allowed"}]}}}}}}
    [outcome] = read_send(Answer(status=400, body=json.dumps({"code": 50035, "message": "Invalid Form Body", "errors": errors}).encode()))
    assert isinstance(outcome, SendFailed)
    assert outcome.detail == "Discord error 50035: Invalid Form Body; components: Scheme is not allowed"
    assert outcome.code is ErrorCode.REJECTED_CONTENT


# --- against the simulator ------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator():
    async with DiscordSimulator() as running:
        yield running


async def send(simulator: DiscordSimulator, http: Http, one: Outgoing, **changes):
    [outcome] = await provider("discord").send(http, channel_of("discord", simulator.api_url, **changes), [one])
    return outcome


async def test_a_message_goes_through_once_even_when_sent_again(simulator: DiscordSimulator, http: Http) -> None:
    simulator.faults.add(kind="reset", count=1, taken=True)
    await send(simulator, http, message("Grüße 👋"))
    outcome = await send(simulator, http, message("Grüße 👋"))
    assert isinstance(outcome, Accepted)
    assert simulator.messages[outcome.provider_message_id].text == "Grüße 👋"
    assert (simulator.requests[CHANNEL], simulator.taken[CHANNEL]) == (2, 1)


async def test_a_file_is_uploaded_with_its_caption(simulator: DiscordSimulator, http: Http) -> None:
    file = Media(kind="document", content_type="application/pdf", file_name="bei ya leo.pdf", content=b"%PDF-1.7 \r\n--x\x00")
    outcome = await send(simulator, http, message("Orodha", media=file))
    assert isinstance(outcome, Accepted)
    form = simulator.messages[outcome.provider_message_id].form
    assert form["files"] == "files[0]:15"
    assert json.loads(form["body"])["attachments"] == [{"id": 0, "filename": "bei ya leo.pdf"}]


async def test_buttons_and_replies_are_as_discord_wants_them(simulator: DiscordSimulator, http: Http) -> None:
    buttons = [Button(label="Yes"), Button(label="Yes"), Button(label="Shop", kind="url", value="https://shop.example")]
    assert isinstance(await send(simulator, http, message(buttons=buttons, reply_to="123456789012345678")), Accepted)


@pytest.mark.parametrize("to", REFUSING)
async def test_channels_that_refuse(simulator: DiscordSimulator, http: Http, to: str) -> None:
    outcome = await send(simulator, http, message(to=to))
    assert isinstance(outcome, SendFailed)
    assert outcome.provider_code == str(REFUSING[to][1])
    assert outcome.code not in {ErrorCode.INTERNAL, ErrorCode.INVALID_CREDENTIALS}


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (message("x" * 2001), ErrorCode.REJECTED_CONTENT),
        (message(""), ErrorCode.REJECTED_CONTENT),
        (message(buttons=[Button(label="x" * 81)]), ErrorCode.REJECTED_CONTENT),
        (message(to="general"), ErrorCode.INVALID_ADDRESS),
    ],
)
async def test_what_discord_cannot_take(simulator: DiscordSimulator, http: Http, one: Outgoing, code: ErrorCode) -> None:
    outcome = await send(simulator, http, one)
    assert isinstance(outcome, SendFailed)
    assert outcome.code == code


async def test_limits_pause_for_as_long_as_they_say(simulator: DiscordSimulator, http: Http) -> None:
    simulator.slow_mode.add(CHANNEL)
    slow = await send(simulator, http, message())
    simulator.global_limit = 0.75
    everywhere = await send(simulator, http, message(to=WEBHOOK_CHANNEL))
    assert [(one.code, one.retry_after) for one in (slow, everywhere)] == [(ErrorCode.RATE_LIMITED, 4.25), (ErrorCode.RATE_LIMITED, 0.75)]


async def test_a_webhook_needs_no_bot(simulator: DiscordSimulator, http: Http) -> None:
    links = [Button(label="Shop", kind="url", value="https://shop.example")]
    assert isinstance(await send(simulator, http, message(to=WEBHOOK_CHANNEL, buttons=links), sender="Duka", **WEBHOOK), Accepted)
    assert simulator.messages.popitem()[1].sender == "Duka"


@pytest.mark.parametrize(
    ("one", "code"),
    [(message(), ErrorCode.INVALID_ADDRESS), (message(to=WEBHOOK_CHANNEL, buttons=[Button(label="Yes")]), ErrorCode.UNSUPPORTED)],
)
async def test_what_a_webhook_cannot_do_is_not_tried(simulator: DiscordSimulator, http: Http, one: Outgoing, code: ErrorCode) -> None:
    outcome = await send(simulator, http, one, **WEBHOOK)
    assert isinstance(outcome, SendFailed)
    assert outcome.code == code
    assert not simulator.requests


@pytest.mark.parametrize("url", [WEBHOOK_URL.replace("0123", "9999"), WEBHOOK_URL.replace(WEBHOOK_ID, "111111111111111111")])
async def test_a_webhook_that_is_gone_stops_the_channel(simulator: DiscordSimulator, http: Http, url: str) -> None:
    outcome = await send(simulator, http, message(to=WEBHOOK_CHANNEL), settings=WEBHOOK["settings"], credentials={"webhook_url": url})
    assert outcome.code is ErrorCode.INVALID_CREDENTIALS


async def test_a_webhooks_token_is_blotted_out(http: Http) -> None:
    from tests.simulators.wire import Reply, Server

    async def chatty(call) -> Reply:
        return Reply(400, json.dumps({"code": 0, "message": f"no such thing: {call.target}"}).encode())

    async with Server(chatty) as server:
        channel = channel_of("discord", server.url, **WEBHOOK)
        [outcome] = await provider("discord").send(http, channel, [message(to=WEBHOOK_CHANNEL)])
        with pytest.raises(ProviderError) as error:
            await provider("discord").check(http, channel)
    assert "no such thing" in outcome.detail
    assert WEBHOOK_TOKEN not in outcome.detail + error.value.detail


async def test_check_says_who_it_is_and_what_is_wrong(simulator: DiscordSimulator, http: Http) -> None:
    discord = provider("discord")
    assert "bot “simulated”" in await discord.check(http, channel_of("discord", simulator.api_url))
    assert "“Shop” exists" in await discord.check(http, channel_of("discord", simulator.api_url, **WEBHOOK))
    with pytest.raises(ProviderError, match="401: Unauthorized") as error:
        await discord.check(http, channel_of("discord", simulator.api_url, credentials={"bot_token": "wrong"}))
    assert error.value.code is ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError, match="channel id is not right"):
        await discord.check(http, channel_of("discord", simulator.api_url, settings={}, credentials=WEBHOOK["credentials"]))
    with pytest.raises(ProviderError, match="no balance"):
        await discord.balance(http, channel_of("discord"))


# --- interactions -----------------------------------------------------------------------------------------------------------


def call(interaction: object, **changes) -> HookRequest:
    body = json.dumps(interaction).encode()
    return HookRequest(method="POST", url=HOOK, headers={"content-type": "application/json", **signature(body), **changes}, body=body)


ID = str(((1_790_000_000_000 - 1_420_070_400_000) << 22) + 5)
COMMAND = {
    "id": ID,
    "type": 2,
    "guild_id": "5",
    "channel_id": CHANNEL,
    "member": {"nick": None, "user": {"id": "7", "username": "asha", "global_name": "Asha"}},
    "data": {"id": "1", "name": "order", "options": [{"name": "status", "type": 1, "options": [{"name": "n", "type": 4, "value": 42}]}]},
}
PRESS = {
    "id": ID,
    "type": 3,
    "channel_id": CHANNEL,
    "user": {"id": "7", "username": "asha", "global_name": None},
    "data": {"custom_id": "1:no thanks", "component_type": 2},
    "message": {"id": "99", "components": [{"type": 1, "components": [{"type": 2, "custom_id": "1:no thanks", "label": "No"}]}]},
}


def read(interaction: object):
    return provider("discord").read_hook(channel_of("discord"), call(interaction))


def test_the_ping_is_answered() -> None:
    answer = read({"id": ID, "type": 1, "application_id": "3"})
    assert (answer.body, answer.content_type, list(answer.callbacks)) == (b'{"type":1}', "application/json", [])


def test_a_slash_command_is_a_message_and_gets_an_answer_at_once() -> None:
    answer = read(COMMAND)
    assert list(answer.callbacks) == [
        Inbound(
            provider_message_id=ID,
            sender=CHANNEL,
            recipient=None,
            text="/order status 42",
            at=datetime.fromtimestamp(1_790_000_000, UTC),
            sender_name="Asha",
        )
    ]
    assert json.loads(answer.body) == {"type": 4, "data": {"content": "Thank you, we have your message.", "flags": 64}}


def test_a_stop_command_opts_out_a_direct_chat_only() -> None:
    direct = {key: value for key, value in COMMAND.items() if key not in {"guild_id", "member"}} | {"data": {"name": "stop"}}
    assert read(direct).callbacks[0].keyword == "stop"
    assert read(direct | {"guild_id": "5"}).callbacks[0].keyword is None


def test_a_pressed_button_says_which_and_of_what() -> None:
    answer = read(PRESS)
    [inbound] = answer.callbacks
    assert (inbound.text, inbound.button, inbound.reply_to, inbound.sender_name) == ("No", "no thanks", "99", "asha")
    assert json.loads(answer.body) == {"type": 6}


def test_choices_while_typing_are_none() -> None:
    assert json.loads(read({**COMMAND, "type": 4}).body) == {"type": 8, "data": {"choices": []}}


@pytest.mark.parametrize("odd", [{**COMMAND, "type": 9}, {**COMMAND, "channel_id": None}, {"type": 1}, [], {**COMMAND, "id": 5}])
def test_what_is_signed_but_no_interaction_is_refused(odd: object) -> None:
    with pytest.raises(HookRefused) as refused:
        read(odd)
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"x-signature-timestamp": "1790000001"},
        {"x-signature-ed25519": "00" * 64},
        {"x-signature-ed25519": "zz"},
        {"x-signature-ed25519": ""},
        {"x-signature-timestamp": ""},
    ],
)
def test_a_wrong_signature_is_answered_401_as_discord_asks(changes: dict) -> None:
    with pytest.raises(HookRefused) as refused:
        provider("discord").read_hook(channel_of("discord"), call(COMMAND, **changes))
    assert refused.value.status_code == 401


def test_another_body_or_no_key_is_not_believed() -> None:
    good = call(COMMAND)
    forged = HookRequest(method="POST", url=HOOK, headers=good.headers, body=good.body.replace(b"42", b"43"))
    for channel, request in (
        (channel_of("discord"), forged),
        (channel_of("discord", settings={}), good),
        (channel_of("discord", settings={"public_key": PUBLIC_KEY[:-2] + "00"}), good),
        (channel_of("discord", settings={"public_key": "00"}), good),
    ):
        with pytest.raises(HookRefused) as refused:
            provider("discord").read_hook(channel, request)
        assert refused.value.status_code == 401
