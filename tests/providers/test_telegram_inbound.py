"""Telegram: what comes in, by webhook and by polling."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.channels import HOOK, channel_of
from tests.simulators.telegram import BOT_TOKEN
from tidings.core.keywords import read_keyword
from tidings.providers import provider
from tidings.providers.base import (
    Callback,
    HookRefused,
    HookRequest,
    Inbound,
    Linked,
    Location,
    ProviderOptOut,
    ReceivedMedia,
)
from tidings.providers.telegram.hook import HEADER, secret_token

PERSON, GROUP = 254_711_000, -1_001_234_567_890
CHANNEL = channel_of("telegram")
ASHA = {"id": PERSON, "is_bot": False, "first_name": "Asha", "last_name": "Mwangi"}


def update(kind: str = "message", **value) -> dict:
    base = {"message_id": 5, "from": ASHA, "chat": {"id": PERSON, "type": "private"}, "date": 1_790_000_000} if kind == "message" else {}
    return {"update_id": 900, kind: base | value}


def hook_call(body: object, secret: str | None = None) -> HookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {HEADER: secret_token(CHANNEL) if secret is None else secret, "content-type": "application/json"}
    return HookRequest(method="POST", url=HOOK, headers=headers, body=raw)


def read(told: dict) -> list[Callback]:
    return list(provider("telegram").read_hook(CHANNEL, hook_call(told)).callbacks)


def inbound(text: str = "", **more) -> Inbound:
    base = {"provider_message_id": f"{PERSON}:5", "sender": str(PERSON), "recipient": None, "sender_name": "Asha Mwangi"}
    return Inbound(**base | {"text": text, "at": datetime.fromtimestamp(1_790_000_000, UTC)} | more)


def file(**more) -> dict:
    return {"file_id": "F1", "file_unique_id": "U1", "file_size": 10, **more}


def media(kind, content_type: str, **more) -> tuple[ReceivedMedia]:
    return (ReceivedMedia(**{"kind": kind, "provider_id": "F1", "content_type": content_type, "size": 10} | more),)


# --- what an update means -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"text": "Nini? 😀"}, inbound("Nini? 😀")),
        ({"text": "/start"}, inbound("/start")),
        ({"text": "/start@duka_bot"}, inbound("/start")),
        ({"text": "/stop@duka_bot"}, inbound("/stop")),
        ({"text": "/start not a code"}, inbound("/start not a code")),
        ({"text": "/starting abc"}, inbound("/starting abc")),
        (
            {
                "caption": "look",
                "photo": [file(file_id="s", width=90, height=60), file(width=900, height=600), file(file_id="m", width=300, height=200)],
            },
            inbound("look", media=media("image", "image/jpeg")),
        ),
        (
            {"video": file(mime_type="video/quicktime", file_name="a.mov")},
            inbound(media=media("video", "video/quicktime", file_name="a.mov")),
        ),
        ({"audio": file()}, inbound(media=media("audio", "audio/mpeg"))),
        ({"voice": file(mime_type="audio/ogg")}, inbound(media=media("audio", "audio/ogg"))),
        ({"video_note": file()}, inbound(media=media("video", "video/mp4"))),
        (
            {"document": file(mime_type="application/pdf", file_name="Ä.pdf")},
            inbound(media=media("document", "application/pdf", file_name="Ä.pdf")),
        ),
        ({"animation": file(mime_type="video/mp4"), "document": file(file_id="F2")}, inbound(media=media("video", "video/mp4"))),
        ({"sticker": file(emoji="😀")}, inbound(media=media("sticker", "image/webp"))),
        ({"sticker": file(is_video=True)}, inbound(media=media("sticker", "video/webm"))),
        ({"sticker": file(is_animated=True)}, inbound(media=media("sticker", "application/x-tgsticker"))),
        ({"location": {"latitude": -1.28, "longitude": 36.8}}, inbound(location=Location(latitude=-1.28, longitude=36.8))),
        (
            {
                "location": {"latitude": -1.28, "longitude": 36.8},
                "venue": {"location": {"latitude": -1.28, "longitude": 36.8}, "title": "Duka", "address": "Moi Avenue"},
            },
            inbound(location=Location(latitude=-1.28, longitude=36.8, name="Duka", address="Moi Avenue")),
        ),
        ({"contact": {"phone_number": "+254711", "first_name": "Juma"}}, inbound("Juma, +254711")),
        ({"contact": {"phone_number": "+254711"}}, inbound("+254711")),
        ({"dice": {"emoji": "🎲", "value": 4}}, inbound("🎲")),
        ({"poll": {"id": "1", "question": "Tea?"}}, inbound("Tea?")),
        ({"text": "yes", "reply_to_message": {"message_id": 3, "chat": {"id": PERSON}, "date": 1}}, inbound("yes", reply_to=f"{PERSON}:3")),
        (
            {"text": "all", "chat": {"id": GROUP, "type": "supergroup", "title": "Friends"}},
            inbound("all", sender=str(GROUP), provider_message_id=f"{GROUP}:5"),
        ),
        ({"text": "x", "from": None, "date": 0}, inbound("x", sender_name="", at=None)),
        ({"text": "x", "date": 10**17}, inbound("x", at=None)),
    ],
)
def test_a_message(told: dict, expected: Inbound) -> None:
    assert read(update(**told)) == [expected]


@pytest.mark.parametrize("text", ["/start", "/stop"])
def test_commands_are_obeyed_as_words(text: str) -> None:
    [one] = read(update(text=f"{text}@duka_bot"))
    assert isinstance(one, Inbound)
    assert read_keyword(one.text) == text[1:]


@pytest.mark.parametrize("text", ["/start a-B_9", "/start@duka_bot a-B_9", "/start  a-B_9"])
def test_a_link_that_was_opened(text: str) -> None:
    assert read(update(text=text)) == [Linked(code="a-B_9", address=str(PERSON), name="Asha Mwangi")]


@pytest.mark.parametrize(
    ("status", "chat", "expected"),
    [
        ("kicked", PERSON, [ProviderOptOut(address=str(PERSON))]),
        ("kicked", GROUP, [ProviderOptOut(address=str(GROUP))]),
        ("left", GROUP, [ProviderOptOut(address=str(GROUP))]),
        ("member", PERSON, []),  # unblocked: not yet a wish to be written to, /start is
        ("administrator", GROUP, []),
        ("restricted", GROUP, []),
    ],
)
def test_the_bot_comes_and_goes(status: str, chat: int, expected: list) -> None:
    change = {"chat": {"id": chat, "type": "private"}, "from": ASHA, "date": 1, "new_chat_member": {"status": status, "user": {"id": 1}}}
    assert read(update("my_chat_member", **change, old_chat_member={"status": "member"})) == expected


@pytest.mark.parametrize(
    "told",
    [
        {"update_id": 1},
        update(new_chat_members=[ASHA]),
        update(migrate_to_chat_id=GROUP),
        update(text=None, story={"id": 1}),
        update(chat="of a shape nobody knows"),
        update("edited_message", text="corrected"),
        update("message_reaction", new_reaction=[]),
        update("something_of_2030", x=[[[]]]),
        {"update_id": "of another kind"},
    ],
)
def test_what_does_not_concern_us_is_taken_and_dropped(told: dict) -> None:
    assert read(told) == []


def press(**more) -> dict:
    buttons = [[{"text": "Ndiyo", "callback_data": "yes"}], [{"text": "Duka", "url": "https://a.b"}]]
    message = {"message_id": 8, "chat": {"id": PERSON, "type": "private"}, "date": 1, "reply_markup": {"inline_keyboard": buttons}}
    return update("callback_query", **{"id": "4382", "from": ASHA, "chat_instance": "1", "data": "yes", "message": message} | more)


@pytest.mark.parametrize(
    ("told", "text", "reply_to"),
    [
        (press(), "Ndiyo", f"{PERSON}:8"),
        (press(message={"message_id": 8, "chat": {"id": PERSON}, "date": 0}), "yes", f"{PERSON}:8"),  # too old to be shown
        (press(message=None, inline_message_id="x"), "yes", None),
    ],
)
def test_a_pressed_button(told: dict, text: str, reply_to: str | None) -> None:
    answer = provider("telegram").read_hook(CHANNEL, hook_call(told))
    expected = inbound(text, provider_message_id="press:4382", at=None, button="yes", reply_to=reply_to)
    assert list(answer.callbacks) == [expected]
    assert (json.loads(answer.body), answer.content_type) == (
        {"method": "answerCallbackQuery", "callback_query_id": "4382"},
        "application/json",
    )


# --- the webhook ----------------------------------------------------------------------------------------------------------


def test_the_secret_is_of_this_bot_and_this_address() -> None:
    secret = secret_token(CHANNEL)
    assert len(secret) == 64
    assert set(secret) <= set("0123456789abcdef")
    others = [
        channel_of("telegram", hook_url=f"{HOOK}x"),
        channel_of("telegram", credentials={"bot_token": f"{BOT_TOKEN}x"}),
        channel_of("telegram", hook_url=""),
        channel_of("telegram", credentials={}),
    ]
    assert secret not in {secret_token(other) for other in others}
    for other in others:
        with pytest.raises(HookRefused, match="secret token"):
            provider("telegram").read_hook(other, hook_call(update(text="x")))


@pytest.mark.parametrize("secret", ["", "wrong", BOT_TOKEN, "é\ud800"])
def test_a_call_without_the_secret_is_refused(secret: str) -> None:
    with pytest.raises(HookRefused) as error:
        provider("telegram").read_hook(CHANNEL, hook_call(update(text="x"), secret))
    assert error.value.status_code == 403


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"message": {}}'])
def test_a_call_that_holds_no_update_is_a_bad_one(body: bytes) -> None:
    with pytest.raises(HookRefused) as error:
        provider("telegram").read_hook(CHANNEL, hook_call(body))
    assert error.value.status_code == 400


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message_id", "chat", "id", "from", "text", "photo", "file_id", "data", "date", "status", "new_chat_member"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(kind=st.sampled_from(["message", "callback_query", "my_chat_member", "odd"]), value=_VALUES, number=_VALUES)
def test_no_update_whatever_it_holds_is_a_crash(kind: str, value: object, number: object) -> None:
    provider("telegram").read_hook(CHANNEL, hook_call({"update_id": number, kind: value}))
