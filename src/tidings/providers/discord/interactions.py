"""What Discord posts to a channel's hook: interactions, that is slash commands and presses of our buttons.

Specs: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tidings.providers.base import ChannelConfig, HookAnswer, HookRefused, HookRequest, Inbound

PONG, MESSAGE, QUIETLY, CHOICES = 1, 4, 6, 8  # kinds of answers
EPHEMERAL = 64  # a flag: only the person who called sees it
KEYWORDS: dict[str, Literal["stop", "start", "help"]] = {"stop": "stop", "start": "start", "help": "help"}
DEFAULT_ANSWER = "Thank you, we have your message."
_EPOCH_MS = 1_420_070_400_000  # snowflakes count from 2015


class Option(msgspec.Struct):
    """A value given with a slash command; a subcommand holds further ones."""

    name: str = ""
    value: Any = None
    options: list[Option] = []


class Data(msgspec.Struct):
    """Of a command its name and options, of a component its custom id."""

    name: str = ""
    options: list[Option] = []
    custom_id: str = ""


class User(msgspec.Struct):
    """Who acted."""

    id: str = ""
    username: str = ""
    global_name: str | None = None


class Member(msgspec.Struct):
    """Who acted, in a server."""

    user: User | None = None
    nick: str | None = None


class Component(msgspec.Struct):
    """A row, or a button in it."""

    custom_id: str | None = None
    label: str | None = None
    components: list[Component] = []


class Message(msgspec.Struct):
    """The message whose button was pressed."""

    id: str = ""
    components: list[Component] = []


class Interaction(msgspec.Struct):
    """One call of the interactions endpoint."""

    id: str
    type: int
    data: Data | None = None
    guild_id: str | None = None
    channel_id: str | None = None
    member: Member | None = None
    user: User | None = None
    message: Message | None = None


_INTERACTION = msgspec.json.Decoder(Interaction)


def read_hook(channel: ChannelConfig, request: HookRequest) -> HookAnswer:
    """Check the signature over the raw body, then say what the interaction is."""
    _check(channel, request)
    try:
        interaction = _INTERACTION.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise HookRefused("This is not an interaction.", status_code=400) from None
    match interaction.type:
        case 1:  # PING
            return _answer({"type": PONG})
        case 2:  # APPLICATION_COMMAND
            said = channel.settings.get("command_answer") or DEFAULT_ANSWER
            return _answer({"type": MESSAGE, "data": {"content": said, "flags": EPHEMERAL}}, _command(interaction))
        case 3:  # MESSAGE_COMPONENT
            return _answer({"type": QUIETLY}, _press(interaction))
        case 4:  # APPLICATION_COMMAND_AUTOCOMPLETE
            return _answer({"type": CHOICES, "data": {"choices": []}})
        case _:
            raise HookRefused("An interaction of a kind that this channel never starts.", status_code=400)


def _check(channel: ChannelConfig, request: HookRequest) -> None:
    # Discord calls with wrong signatures on purpose when the address is set, and wants 401 for them.
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(channel.settings["public_key"]))
        signature = bytes.fromhex(request.headers["x-signature-ed25519"])
        key.verify(signature, request.headers["x-signature-timestamp"].encode() + request.body)
    except KeyError:
        raise HookRefused("The call is not signed, or this channel has no public key to check it with.", status_code=401) from None
    except (ValueError, InvalidSignature):
        raise HookRefused("The signature does not fit the channel's public key.", status_code=401) from None


def _answer(body: dict[str, Any], *callbacks: Inbound) -> HookAnswer:
    return HookAnswer(callbacks=callbacks, body=msgspec.json.encode(body), content_type="application/json")


def _command(interaction: Interaction) -> Inbound:
    data = interaction.data or Data()
    text = " ".join([f"/{data.name}", *_values(data.options, depth=0)])
    # In a server a command is one person's, while the address is the whole channel's: only in a direct chat it may opt out.
    keyword = KEYWORDS.get(data.name) if interaction.guild_id is None else None
    return _inbound(interaction, text=text, keyword=keyword)


def _values(options: list[Option], depth: int) -> list[str]:
    if depth > 3:
        return []
    said: list[str] = []
    for option in options:
        said += [option.name, *_values(option.options, depth + 1)] if option.value is None else [str(option.value)]
    return said


def _press(interaction: Interaction) -> Inbound:
    custom_id = (interaction.data or Data()).custom_id
    message = interaction.message or Message()
    value = custom_id.partition(":")[2] or custom_id
    label = next((one.label for row in message.components for one in row.components if one.custom_id == custom_id and one.label), value)
    return _inbound(interaction, text=label, button=value, reply_to=message.id or None)


def _inbound(
    interaction: Interaction,
    *,
    text: str,
    button: str | None = None,
    reply_to: str | None = None,
    keyword: Literal["stop", "start", "help"] | None = None,
) -> Inbound:
    if not interaction.channel_id:
        raise HookRefused("The interaction names no channel.", status_code=400)
    user = (interaction.member.user if interaction.member else None) or interaction.user or User()
    return Inbound(
        provider_message_id=interaction.id,
        sender=interaction.channel_id,
        recipient=None,
        text=text,
        at=_time_of(interaction.id),
        keyword=keyword,
        sender_name=(interaction.member.nick if interaction.member else None) or user.global_name or user.username,
        button=button,
        reply_to=reply_to,
    )


def _time_of(snowflake: str) -> datetime | None:
    """The time that an id carries: milliseconds above its lowest 22 bits."""
    if not (snowflake.isascii() and snowflake.isdecimal() and len(snowflake) <= 20):
        return None
    return datetime.fromtimestamp(((int(snowflake) >> 22) + _EPOCH_MS) / 1000, UTC)
