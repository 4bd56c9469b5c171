"""What Slack posts to a channel's hook: events, presses of buttons, and slash commands; all to the one address, signed alike.

Specs: https://docs.slack.dev/authentication/verifying-requests-from-slack, …/apis/events-api,
…/interactivity/handling-user-interaction, …/interactivity/implementing-slash-commands
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from tidings.providers.base import ChannelConfig, HookAnswer, HookRefused, HookRequest, Inbound, ReceivedMedia, media_kind
from tidings.providers.slack.sending import URL_BUTTON, message_id

OLDEST = 5 * 60
"""Seconds after which a signature is not believed, so that a call overheard cannot be played again."""
MOST_FIELDS = 50  # of a form; a slash command has some fifteen
PEOPLES_SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})
"""Other subtypes are edits, deletions, joins and what apps post."""
KEYWORDS: dict[str, Literal["stop", "start", "help"]] = {"/stop": "stop", "/start": "start", "/help": "help"}
_MARK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


class File(msgspec.Struct):
    """A file in a message."""

    id: str = ""
    name: str | None = None
    mimetype: str | None = None
    size: int | None = None
    url_private_download: str | None = None
    url_private: str | None = None


class Event(msgspec.Struct):
    """A message event."""

    type: str = ""
    subtype: str | None = None
    channel: str | None = None
    user: str | None = None
    bot_id: str | None = None
    text: str | None = None
    ts: str | None = None
    thread_ts: str | None = None
    files: list[File] = []


class Envelope(msgspec.Struct):
    """What the Events API posts."""

    type: str
    challenge: str = ""
    event: Event | None = None


class Named(msgspec.Struct):
    """Something with an id, and perhaps a name."""

    id: str = ""
    name: str = ""
    username: str = ""


class Text(msgspec.Struct):
    """A text object."""

    text: str = ""


class Action(msgspec.Struct):
    """One pressed button."""

    action_id: str = ""
    action_ts: str = ""
    value: str | None = None
    text: Text | None = None


class Pressed(msgspec.Struct):
    """The message whose button was pressed."""

    ts: str = ""
    thread_ts: str | None = None


class Interaction(msgspec.Struct):
    """The `payload` of an interaction."""

    type: str
    user: Named | None = None
    channel: Named | None = None
    message: Pressed | None = None
    actions: list[Action] = []


_ENVELOPE = msgspec.json.Decoder(Envelope)
_INTERACTION = msgspec.json.Decoder(Interaction)


def read_hook(channel: ChannelConfig, request: HookRequest) -> HookAnswer:
    """Check the signature over the raw body, then say what it holds."""
    _check(channel, request)
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _form(dict(parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)))
        envelope = _ENVELOPE.decode(request.body)
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise HookRefused("This is nothing that Slack posts.", status_code=400) from None
    if envelope.type == "url_verification":
        return HookAnswer(body=envelope.challenge.encode("utf-8", "replace"))
    if envelope.type != "event_callback":
        raise HookRefused("This is no event.", status_code=400)
    inbound = _message(envelope.event) if envelope.event else None
    return HookAnswer(callbacks=[inbound] if inbound else [])


def _check(channel: ChannelConfig, request: HookRequest) -> None:
    secret = channel.credentials.get("signing_secret", "")
    if not secret:
        raise HookRefused("This channel holds no signing secret to check the call with.")
    stamp = request.headers.get("x-slack-request-timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12) or abs(request.at - int(stamp)) > OLDEST:
        raise HookRefused("The call is not signed, or its signature is older than five minutes.")
    signed = b"v0:" + stamp.encode() + b":" + request.body
    wanted = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), request.headers.get("x-slack-signature", "").encode("utf-8", "replace")):
        raise HookRefused("The signature does not fit the channel's signing secret.")


def _message(event: Event) -> Inbound | None:
    """The message of a person; None for what apps wrote (we ourselves among them), edits, and other events."""
    person = event.type in {"message", "app_mention"} and event.subtype in PEOPLES_SUBTYPES and event.user and not event.bot_id
    if not person or not event.channel or not event.ts:
        return None
    threaded = event.thread_ts if event.thread_ts != event.ts else None
    return Inbound(
        provider_message_id=message_id(event.channel, event.ts, threaded),
        sender=event.channel,
        recipient=None,
        text=plain(event.text or ""),
        at=_time(event.ts),
        media=tuple(_media(file) for file in event.files if file.id),
        reply_to=message_id(event.channel, threaded, None) if threaded else None,
    )


def _media(file: File) -> ReceivedMedia:
    content_type = file.mimetype or ""
    return ReceivedMedia(
        kind=media_kind(content_type),
        url=file.url_private_download or file.url_private or "",
        provider_id=file.id,
        content_type=content_type,
        file_name=file.name or "",
        size=file.size,
    )


def _form(form: Mapping[str, str]) -> HookAnswer:
    if "payload" in form:
        return _interaction(_INTERACTION.decode(form["payload"]))
    if form.get("command") and form.get("channel_id") and form.get("trigger_id"):
        return HookAnswer(callbacks=[_command(form)])
    raise HookRefused("This is neither an interaction nor a slash command.", status_code=400)


def _interaction(interaction: Interaction) -> HookAnswer:
    pressed = [action for action in interaction.actions if not action.action_id.startswith(URL_BUTTON)]
    message, channel = interaction.message, interaction.channel
    if interaction.type != "block_actions" or not pressed or message is None or channel is None or not channel.id:
        return HookAnswer()
    user = interaction.user or Named()
    return HookAnswer(
        callbacks=[
            Inbound(
                provider_message_id=f"{channel.id}:{action.action_ts}:{action.action_id}",
                sender=channel.id,
                recipient=None,
                text=action.text.text if action.text else action.value or "",
                at=_time(action.action_ts),
                sender_name=user.name or user.username,
                button=action.value,
                reply_to=message_id(channel.id, message.ts, message.thread_ts),
            )
            for action in pressed
        ]
    )


def _command(form: Mapping[str, str]) -> Inbound:
    command, place = form["command"], form["channel_id"]
    return Inbound(
        provider_message_id=form["trigger_id"],
        sender=place,
        recipient=None,
        text=f"{command} {form.get('text', '')}".strip(),
        # In a channel a command is one person's, while the address is everybody's: only in a direct chat it may opt out.
        keyword=KEYWORDS.get(command) if place.startswith("D") else None,
        sender_name=form.get("user_name", ""),
    )


def plain(text: str) -> str:
    """Slack's marked-up text as a person typed it: addresses and names in angle brackets, three letters escaped."""
    return _MARK.sub(_unmarked, text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _unmarked(found: re.Match[str]) -> str:
    what, label = found[1], found[2]
    if what.startswith(("http://", "https://")):
        return what
    if what.startswith("#"):
        return f"#{label}" if label else what
    return label or what


def _time(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None
