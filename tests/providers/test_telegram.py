"""Telegram: what we ask to send, and what we make of its answers."""

from __future__ import annotations

import json

import pytest

from tests.providers.channels import channel_of
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.simulators.telegram_rules import STATES
from tidings.core.addresses import is_group
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    Media,
    Outgoing,
    ProviderError,
    ReceivedMedia,
    SendFailed,
    SendUncertain,
    TemplateUse,
)
from tidings.providers.http import Answer, Http
from tidings.providers.telegram.sending import read_send, refusal_of_ours, send_request

CHANNEL = channel_of("telegram")
PERSON, GROUP = "254711000", "-1001234567890"
URL = f"https://api.telegram.org/bot{BOT_TOKEN}"
PHOTO = Media(kind="image", content_type="image/jpeg", url="https://shop.example/a.jpg")


def message(text: str = "Habari", to: str = PERSON, **more) -> Outgoing:
    return Outgoing(id="msg_1", to=to, text=text, **more)


# --- the request ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sent", "method", "body"),
    [
        ({}, message(), "sendMessage", {"chat_id": 254711000, "text": "Habari"}),
        ({}, message(to="@duka_news"), "sendMessage", {"chat_id": "@duka_news", "text": "Habari"}),
        ({}, message(to=GROUP), "sendMessage", {"chat_id": -1001234567890, "text": "Habari"}),
        ({"parse_mode": "HTML"}, message("<b>x</b>"), "sendMessage", {"chat_id": 254711000, "text": "<b>x</b>", "parse_mode": "HTML"}),
        (
            {"link_previews": "off"},
            message(),
            "sendMessage",
            {"chat_id": 254711000, "text": "Habari", "link_preview_options": {"is_disabled": True}},
        ),
        ({"link_previews": "on"}, message(), "sendMessage", {"chat_id": 254711000, "text": "Habari"}),
        (
            {},
            message(buttons=(Button(label="Yes"), Button(label="No", value="n"), Button(label="Shop", kind="url", value="https://a.b"))),
            "sendMessage",
            {
                "chat_id": 254711000,
                "text": "Habari",
                "reply_markup": {
                    "inline_keyboard": [
                        [{"text": "Yes", "callback_data": "Yes"}],
                        [{"text": "No", "callback_data": "n"}],
                        [{"text": "Shop", "url": "https://a.b"}],
                    ]
                },
            },
        ),
        (
            {},
            message(reply_to=f"{PERSON}:17"),
            "sendMessage",
            {"chat_id": 254711000, "text": "Habari", "reply_parameters": {"message_id": 17, "allow_sending_without_reply": True}},
        ),
        ({}, message(reply_to="99:17"), "sendMessage", {"chat_id": 254711000, "text": "Habari"}),  # of another chat
        ({}, message(reply_to="press:4382"), "sendMessage", {"chat_id": 254711000, "text": "Habari"}),
        (
            {"parse_mode": "HTML", "link_previews": "off"},
            message(media=PHOTO),
            "sendPhoto",
            {"chat_id": 254711000, "photo": "https://shop.example/a.jpg", "caption": "Habari", "parse_mode": "HTML"},
        ),
        ({"parse_mode": "HTML"}, message("", media=PHOTO), "sendPhoto", {"chat_id": 254711000, "photo": "https://shop.example/a.jpg"}),
    ],
)
def test_the_request(settings: dict, sent: Outgoing, method: str, body: dict) -> None:
    request = send_request(channel_of("telegram", settings=settings), sent)
    assert (request.method, request.url, request.json, request.files) == ("POST", f"{URL}/{method}", body, None)
    assert BOT_TOKEN not in repr(request)


@pytest.mark.parametrize(
    ("kind", "content_type", "method", "part", "name"),
    [
        ("image", "image/jpeg", "sendPhoto", "photo", "photo.jpg"),
        ("image", "image/gif", "sendAnimation", "animation", "animation.gif"),
        ("video", "video/mp4", "sendVideo", "video", "video.mp4"),
        ("audio", "audio/mpeg", "sendAudio", "audio", "audio.mp3"),
        ("audio", "audio/ogg", "sendVoice", "voice", "voice.ogg"),
        ("document", "application/pdf", "sendDocument", "document", "document.pdf"),
        ("document", "image/gif", "sendDocument", "document", "document.gif"),
        ("sticker", "image/webp", "sendSticker", "sticker", "sticker.webp"),
    ],
)
def test_an_uploaded_file(kind, content_type: str, method: str, part: str, name: str) -> None:
    media = Media(kind=kind, content_type=content_type, content=b"bytes")
    request = send_request(CHANNEL, message("", media=media, buttons=(Button(label="Ja"),)))
    assert request.url == f"{URL}/{method}"
    assert request.files is not None
    assert (request.files[part].name, request.files[part].content) == (name, b"bytes")
    assert request.form == {"chat_id": PERSON, "reply_markup": '{"inline_keyboard":[[{"text":"Ja","callback_data":"Ja"}]]}'}
    assert provider("telegram").description.capabilities.media[kind].max_bytes >= 512_000


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (message("x" * 4096), None),
        (message("x" * 4097), "rejected_content"),
        (message("😀" * 2048), None),
        (message("😀" * 2049), "rejected_content"),
        (message("x" * 1024, media=PHOTO), None),
        (message("x" * 1025, media=PHOTO), "rejected_content"),
        (message(media=Media(kind="sticker", content_type="image/webp", url="https://a.b/c.webp")), "unsupported"),
        (message(template=TemplateUse(name="n", language="en")), "unsupported"),
        (message(buttons=(Button(label="x", value="y" * 64),)), None),
        (message(buttons=(Button(label="x", value="é" * 33),)), "rejected_content"),
        (message(buttons=(Button(label="x", kind="url", value="https://a.b/" + "y" * 99),)), None),
    ],
)
async def test_what_cannot_be_sent_whole_is_refused_and_never_cut(sent: Outgoing, code: str | None, http: Http) -> None:
    refusal = refusal_of_ours(CHANNEL, sent)
    assert (refusal and refusal.code) == code
    if refusal is not None:
        assert await provider("telegram").send(http, channel_of("telegram", "http://127.0.0.1:1"), [sent]) == [refusal]


def test_marks_are_counted_by_telegram_alone() -> None:
    assert refusal_of_ours(channel_of("telegram", settings={"parse_mode": "HTML"}), message("<b>" + "x" * 4095 + "</b>")) is None


# --- the answer -----------------------------------------------------------------------------------------------------------


def refusal(status: int, description: str, **parameters) -> Answer:
    more = {"parameters": parameters} if parameters else {}
    return Answer(status=status, body=json.dumps({"ok": False, "error_code": status, "description": description, **more}).encode())


def test_a_message_taken() -> None:
    body = {"ok": True, "result": {"message_id": 17, "chat": {"id": -1001234567890, "type": "supergroup"}, "date": 1, "text": "x"}}
    [outcome] = read_send(Answer(status=200, body=json.dumps(body).encode()))
    assert outcome == Accepted(provider_message_id="-1001234567890:17")
    [doubt] = read_send(Answer(status=200, body=json.dumps(body | {"ok": False}).encode()))
    assert isinstance(doubt, SendUncertain)


@pytest.mark.parametrize(
    ("status", "description", "code"),
    [
        (400, "Bad Request: chat not found", "invalid_address"),
        (400, "Bad Request: user not found", "invalid_address"),
        (400, "Bad Request: PEER_ID_INVALID", "invalid_address"),
        (400, "Bad Request: chat_id is empty", "invalid_address"),
        (400, "Bad Request: CHAT_ID_INVALID", "invalid_address"),
        (400, "Bad Request: USERNAME_INVALID", "invalid_address"),
        (400, "Bad Request: USERNAME_NOT_OCCUPIED", "invalid_address"),
        (400, "Bad Request: group is deactivated", "invalid_address"),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", "invalid_address"),
        (400, "Bad Request: USER_IS_BLOCKED", "opted_out"),
        (400, "Bad Request: not enough rights to send photos to the chat", "blocked"),
        (400, "Bad Request: have no rights to send a message", "blocked"),
        (400, "Bad Request: need administrator rights in the channel chat", "blocked"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "blocked"),
        (400, "Bad Request: CHAT_RESTRICTED", "blocked"),
        (400, "Bad Request: CHAT_ADMIN_REQUIRED", "blocked"),
        (400, "Bad Request: CHANNEL_PRIVATE", "blocked"),
        (400, "Bad Request: USER_BANNED_IN_CHANNEL", "blocked"),
        (400, "Bad Request: TOPIC_CLOSED", "blocked"),
        (400, "Bad Request: VOICE_MESSAGES_FORBIDDEN", "unsupported"),
        (400, "Bad Request: FROZEN_METHOD_INVALID", "invalid_credentials"),
        (400, "Bad Request: message text is empty", "rejected_content"),
        (400, "Bad Request: message is too long", "rejected_content"),
        (400, "Bad Request: message caption is too long", "rejected_content"),
        (400, "Bad Request: can't parse entities: Can't find end tag", "rejected_content"),
        (400, "Bad Request: BUTTON_DATA_INVALID", "rejected_content"),
        (400, "Bad Request: failed to get HTTP URL content", "rejected_content"),
        (400, "Bad Request: something nobody has heard of", "rejected_content"),
        (401, "Unauthorized", "invalid_credentials"),
        (403, "Forbidden: bot was blocked by the user", "opted_out"),
        (403, "Forbidden: user is deactivated", "invalid_address"),
        (403, "Forbidden: bot can't initiate conversation with a user", "unreachable"),
        (403, "Forbidden: bot can't send messages to bots", "invalid_address"),
        (403, "Forbidden: the group chat was deleted", "invalid_address"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "blocked"),
        (403, "Forbidden: bot is not a member of the channel chat", "blocked"),
        (404, "Not Found", "invalid_credentials"),
        (409, "Conflict: terminated by other getUpdates request", "provider_unavailable"),
        (413, "Request Entity Too Large", "rejected_content"),
        (421, "Misdirected Request: unallowed token specified", "invalid_credentials"),
        (418, "I'm a teapot", "internal"),
    ],
)
def test_a_refusal_by_its_sentence(status: int, description: str, code: str) -> None:
    [outcome] = read_send(refusal(status, description))
    assert outcome == SendFailed(
        code=ErrorCode(code), detail=f"Telegram: {description}", retryable=status == 409, provider_code=str(status)
    )


@pytest.mark.parametrize(("wanted", "pause"), [(13, 13.0), (0, 0.0), (10**9, 86_400.0)])
def test_telegram_names_the_pause(wanted: int, pause: float) -> None:
    [outcome] = read_send(refusal(429, f"Too Many Requests: retry after {wanted}", retry_after=wanted))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable, outcome.retry_after) == (ErrorCode.RATE_LIMITED, True, pause)
    [unnamed] = read_send(refusal(429, "Too Many Requests"))
    assert isinstance(unnamed, SendFailed)
    assert unnamed.retry_after == 5.0


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503])
def test_a_status_of_doubt_is_one_whatever_the_body_says(status: int) -> None:
    for answer in (refusal(status, "Internal Server Error: restart"), Answer(status=status, body=b"<html>"), Answer(status=status)):
        assert isinstance(read_send(answer)[0], SendUncertain)


def test_a_404_of_somebody_else_says_nothing_of_the_token() -> None:
    [outcome] = read_send(Answer(status=404, body=b"<h1>nginx</h1>"))
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ErrorCode.INTERNAL


# --- against the simulator ------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator():
    async with TelegramSimulator() as running:
        yield running


async def test_a_message_goes_through_whole(simulator: TelegramSimulator, http: Http) -> None:
    channel = channel_of("telegram", simulator.url)
    buttons = (Button(label="Ndiyo", value="yes"), Button(label="Duka", kind="url", value="https://shop.example/"))
    outcomes = await provider("telegram").send(http, channel, [message("Grüße & <50%> 😀", buttons=buttons), message(to="@duka_news")])
    assert outcomes == [Accepted(provider_message_id=f"{PERSON}:1"), Accepted(provider_message_id="-1001000000000:1")]
    assert simulator.messages[f"{PERSON}:1"].text == "Grüße & <50%> 😀"
    [answer] = await provider("telegram").send(http, channel, [message("ok", reply_to=f"{PERSON}:1")])
    assert answer == Accepted(provider_message_id=f"{PERSON}:2")


async def test_files_go_through_and_come_back(simulator: TelegramSimulator, http: Http) -> None:
    channel = channel_of("telegram", simulator.url)
    upload = Media(kind="document", content_type="application/pdf", file_name="Preisliste ä.pdf", content=b"%PDF" * 5_000)
    sent = [message("Prices", media=upload, reply_to=f"{PERSON}:1"), message("A photo", media=PHOTO)]
    assert {type(outcome) for outcome in await provider("telegram").send(http, channel, sent)} == {Accepted}
    assert simulator.messages[f"{PERSON}:1"].text == "Prices"
    [stored, _] = simulator.bot().files.values()
    assert (stored.name, stored.content) == ("Preisliste ä.pdf", b"%PDF" * 5_000)
    received = ReceivedMedia(kind="document", provider_id=stored.id)
    assert await provider("telegram").fetch_media(http, channel, received, max_bytes=50_000) == stored.content


async def test_a_file_that_is_too_large_or_gone_is_told(simulator: TelegramSimulator, http: Http) -> None:
    stored = simulator.bot().store(b"x" * 1_000)
    channel, received = channel_of("telegram", simulator.url), ReceivedMedia(kind="document", provider_id=stored.id)
    with pytest.raises(ProviderError, match="1000 bytes; 999"):
        await provider("telegram").fetch_media(http, channel, received, max_bytes=999)
    with pytest.raises(ProviderError, match="file_id"):
        await provider("telegram").fetch_media(http, channel, ReceivedMedia(kind="image", provider_id="gone"), max_bytes=999)


@pytest.mark.parametrize("state", STATES)
async def test_whatever_is_the_matter_with_a_chat_has_a_code(simulator: TelegramSimulator, http: Http, state: str) -> None:
    simulator.change(BOT_TOKEN, PERSON, state)
    [outcome] = await provider("telegram").send(http, channel_of("telegram", simulator.url), [message()])
    assert isinstance(outcome, SendFailed)
    assert outcome.code in {ErrorCode.INVALID_ADDRESS, ErrorCode.BLOCKED, ErrorCode.OPTED_OUT, ErrorCode.UNREACHABLE}
    assert not outcome.retryable


async def test_a_group_that_moved_gets_its_message_once_at_its_new_number(simulator: TelegramSimulator, http: Http) -> None:
    simulator.change(BOT_TOKEN, "-77", f"moved:{GROUP}")
    [outcome] = await provider("telegram").send(http, channel_of("telegram", simulator.url), [message(to="-77", reply_to="-77:5")])
    assert outcome == Accepted(provider_message_id=f"{GROUP}:1")
    assert simulator.taken == {GROUP: 1}
    simulator.change(BOT_TOKEN, GROUP, "kicked")
    [outcome] = await provider("telegram").send(http, channel_of("telegram", simulator.url), [message(to="-77")])
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ErrorCode.BLOCKED
    simulator.change(BOT_TOKEN, GROUP, "moved:-78")  # a second move in a row is an error of Telegram's, not followed for ever
    [outcome] = await provider("telegram").send(http, channel_of("telegram", simulator.url), [message(to="-77")])
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ErrorCode.INVALID_ADDRESS


async def test_too_fast_is_a_pause(simulator: TelegramSimulator, http: Http) -> None:
    simulator.enforced = True
    first, second = await provider("telegram").send(http, channel_of("telegram", simulator.url), [message(), message()])
    assert isinstance(first, Accepted)
    assert isinstance(second, SendFailed)
    assert (second.code, second.retry_after) == (ErrorCode.RATE_LIMITED, 1.0)


def test_the_channel_begins_with_telegrams_own_limits() -> None:
    limits = provider("telegram").description.limits
    assert limits.per_second == 30
    assert [(pace.count, pace.seconds, pace.groups) for pace in limits.per_recipient] == [(1, 1.0, False), (20, 60.0, True)]
    assert is_group("telegram", GROUP)
