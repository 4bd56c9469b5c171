"""Slack: what it posts to us."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from slack_sdk.signature import SignatureVerifier

from tests.providers.channels import HOOK, channel_of
from tests.simulators.slack import CHANNEL, DIRECT, SIGNING_SECRET, signature
from tidings.providers import provider
from tidings.providers.base import HookRefused, HookRequest, Inbound, ReceivedMedia
from tidings.providers.slack.events import plain

TS, PARENT = "1790000000.000200", "1790000000.000100"
FORM = "application/x-www-form-urlencoded"


def call(body: str, kind: str = "application/json", *, signed_at: float | None = None, at: float | None = None, **changes) -> HookRequest:
    headers = {"content-type": kind, **signature(body, signed_at), **changes}
    return HookRequest(method="POST", url=HOOK, headers=headers, body=body.encode(), at=time.time() if at is None else at)


def read(body: object, kind: str = "application/json"):
    text = body if isinstance(body, str) else json.dumps(body)
    return provider("slack").read_hook(channel_of("slack"), call(text, kind))


def event(**changes) -> dict:
    message = {"type": "message", "channel": CHANNEL, "user": "U7", "text": "Habari", "ts": TS}
    return {"type": "event_callback", "event_id": "Ev1", "event": {**message, **changes}}


# --- events -----------------------------------------------------------------------------------------------------------------


def test_the_challenge_is_answered() -> None:
    answer = read({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"})
    assert (answer.body, answer.content_type, list(answer.callbacks)) == (b"3eZbrw1aB", "text/plain", [])


def test_a_persons_message() -> None:
    [inbound] = read(event(text="Tom &amp; <https://a.example|a> in <#C1|general>, <@U9>")).callbacks
    assert inbound == Inbound(
        provider_message_id=f"{CHANNEL}:{TS}",
        sender=CHANNEL,
        recipient=None,
        text="Tom & https://a.example in #general, @U9",
        at=datetime.fromtimestamp(1_790_000_000.0002, UTC),
    )


def test_a_message_in_a_thread_names_what_it_answers() -> None:
    [inbound] = read(event(thread_ts=PARENT)).callbacks
    assert (inbound.provider_message_id, inbound.reply_to) == (f"{CHANNEL}:{TS}:{PARENT}", f"{CHANNEL}:{PARENT}")
    [first] = read(event(thread_ts=TS)).callbacks
    assert (first.provider_message_id, first.reply_to) == (f"{CHANNEL}:{TS}", None)


def test_files_come_with_a_message() -> None:
    file = {"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 9, "url_private_download": "https://files.slack.com/a"}
    [inbound] = read(event(subtype="file_share", text="", files=[file])).callbacks
    assert inbound.media == (
        ReceivedMedia(kind="image", url="https://files.slack.com/a", provider_id="F1", content_type="image/png", file_name="a.png", size=9),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B1"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"user": None},
        {"type": "reaction_added"},
        {"channel": None},
    ],
)
def test_what_no_person_wrote_is_taken_for_nothing(changes: dict) -> None:
    assert list(read(event(**changes)).callbacks) == []


@pytest.mark.parametrize(
    ("marked", "typed"),
    [
        ("a &lt;b&gt; &amp;lt;", "a <b> &lt;"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<!here> <!subteam^S1|@ops>", "!here @ops"),
        ("1 < 2 <", "1 < 2 <"),
    ],
)
def test_markup_is_taken_off(marked: str, typed: str) -> None:
    assert plain(marked) == typed


# --- buttons and commands ---------------------------------------------------------------------------------------------------


def press(**changes) -> str:
    action = {"action_id": "reply_1", "type": "button", "value": "n", "text": {"type": "plain_text", "text": "No"}, "action_ts": TS}
    payload = {
        "type": "block_actions",
        "user": {"id": "U7", "username": "asha", "name": "asha"},
        "channel": {"id": CHANNEL, "name": "general"},
        "message": {"ts": PARENT},
        "actions": [action],
    }
    return urlencode({"payload": json.dumps({**payload, **changes})})


def test_a_pressed_button_says_which_and_of_what() -> None:
    [inbound] = read(press(), FORM).callbacks
    assert (inbound.text, inbound.button, inbound.reply_to, inbound.sender, inbound.sender_name) == (
        "No",
        "n",
        f"{CHANNEL}:{PARENT}",
        CHANNEL,
        "asha",
    )


@pytest.mark.parametrize(
    "body",
    [press(actions=[{"action_id": "url_0", "action_ts": TS}]), press(type="view_submission"), press(message=None), press(actions=[])],
)
def test_presses_that_only_open_something_say_nothing(body: str) -> None:
    assert list(read(body, FORM).callbacks) == []


def command(**changes: str) -> str:
    form = {"command": "/order", "text": "42", "channel_id": CHANNEL, "user_name": "asha", "trigger_id": "1.2.abc"}
    return urlencode({**form, **changes})


def test_a_slash_command_is_a_message() -> None:
    [inbound] = read(command(), FORM).callbacks
    assert inbound == Inbound(provider_message_id="1.2.abc", sender=CHANNEL, recipient=None, text="/order 42", sender_name="asha")


def test_a_stop_command_opts_out_a_direct_chat_only() -> None:
    assert read(command(command="/stop", text="", channel_id=DIRECT), FORM).callbacks[0].keyword == "stop"
    assert read(command(command="/stop", text=""), FORM).callbacks[0].keyword is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("[]", "application/json"),
        ("{", "application/json"),
        ('{"type": "something"}', "application/json"),
        ('{"type": "event_callback", "event": 5}', "application/json"),
        ("payload={", FORM),
        ("a=1", FORM),
        ("&" * 200, FORM),
        (command(trigger_id=""), FORM),
    ],
)
def test_what_is_signed_but_nothing_of_slacks_is_refused(body: str, kind: str) -> None:
    with pytest.raises(HookRefused) as refused:
        read(body, kind)
    assert refused.value.status_code == 400


# --- signatures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [0, 299, -299])
def test_a_signature_holds_for_five_minutes(age: float) -> None:
    body = json.dumps(event())
    answer = provider("slack").read_hook(channel_of("slack"), call(body, signed_at=1_790_000_000, at=1_790_000_000 + age))
    assert len(answer.callbacks) == 1


@pytest.mark.parametrize("age", [302, -302, 1e9])
def test_an_old_signature_is_not_believed(age: float) -> None:
    with pytest.raises(HookRefused, match="five minutes"):
        provider("slack").read_hook(channel_of("slack"), call(json.dumps(event()), signed_at=1_790_000_000, at=1_790_000_000 + age))


@pytest.mark.parametrize(
    "changes",
    [
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-signature": ""},
        {"x-slack-signature": "v0=é"},
        {"x-slack-request-timestamp": ""},
        {"x-slack-request-timestamp": "soon"},
        {"x-slack-request-timestamp": "²"},
        {"x-slack-request-timestamp": "9" * 30},
    ],
)
def test_a_wrong_signature_is_not_believed(changes: dict) -> None:
    with pytest.raises(HookRefused) as refused:
        provider("slack").read_hook(channel_of("slack"), call(json.dumps(event()), **changes))
    assert refused.value.status_code == 403


def test_a_forged_body_or_no_secret_is_not_believed() -> None:
    good = call(json.dumps(event()))
    forged = HookRequest(method="POST", url=HOOK, headers=good.headers, body=good.body.replace(b"Habari", b"Kwaheri"))
    for channel, request in ((channel_of("slack"), forged), (channel_of("slack", credentials={"bot_token": "xoxb-1"}), good)):
        with pytest.raises(HookRefused):
            provider("slack").read_hook(channel, request)


def test_the_official_verifier_believes_the_same_calls() -> None:
    verifier = SignatureVerifier(SIGNING_SECRET)
    good = call(json.dumps(event()))
    assert verifier.is_valid_request(good.body, dict(good.headers))
    assert not verifier.is_valid_request(good.body + b" ", dict(good.headers))
