"""Addresses of every medium, as people and providers write them, made into the one form in which they are kept, or refused in words.

| medium | form |
| --- | --- |
| sms | E.164: `+254711000123` |
| whatsapp | E.164, or the id of somebody who shows no number: business-scoped (`KE.1349…`), or, by linked device, `1349…@lid` |
| telegram | a chat id (`123456789`, groups below zero) or a public name (`@channel`) |
| email | an address, lower case |
| slack | the id of a channel, a group or a person: `C024BE91L`, `U024BE7LH` |
| discord | the id of a channel: 17 to 20 digits |
| chat | whatever the service behind it calls its target |
"""

from __future__ import annotations

import re
from typing import Final

from tidings.core.phone import BadPhone, parse_phone

MEDIUMS: Final = ("sms", "whatsapp", "telegram", "email", "slack", "discord", "chat")
PHONE_MEDIUMS: Final = frozenset({"sms", "whatsapp"})
LABELS: Final = {
    "sms": "SMS",
    "whatsapp": "WhatsApp",
    "telegram": "Telegram",
    "email": "Email",
    "slack": "Slack",
    "discord": "Discord",
    "chat": "Chat",
}
LONGEST: Final = 320
"""Characters of an address: the longest e-mail address."""

_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff\ufeff]+")
# Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
_WHATSAPP_USER: Final = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
# What WhatsApp's own devices call a person who hides the number: https://pkg.go.dev/go.mau.fi/whatsmeow/types (HiddenUserServer)
_WHATSAPP_HIDDEN: Final = re.compile(r"[1-9]\d{4,19}@lid")
_TELEGRAM_CHAT: Final = re.compile(r"-?[1-9]\d{0,15}|@[A-Za-z][A-Za-z0-9_]{3,31}")  # ids have at most 52 significant bits
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_SLACK: Final = re.compile(r"[CDGUW][A-Z0-9]{2,20}")
_DISCORD: Final = re.compile(r"\d{15,21}")


class BadAddress(ValueError):
    """This text is no address of that medium. `reason` completes "The address …"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean_address(medium: str, text: str, region: str | None) -> str:
    """The address as it is kept. `region` (ISO 3166) is how national phone numbers are read. Raises `BadAddress`."""
    address = _INVISIBLE.sub(" ", text).strip()
    if medium not in MEDIUMS:
        raise BadAddress(f"is of an unknown medium; known are {', '.join(MEDIUMS)}")
    if medium == "whatsapp" and (_WHATSAPP_USER.fullmatch(address) or _WHATSAPP_HIDDEN.fullmatch(address)):
        return address
    if medium in PHONE_MEDIUMS:
        try:
            return parse_phone(address, region)
        except BadPhone as error:
            raise BadAddress(error.reason) from error
    if not 1 <= len(address) <= LONGEST:
        raise BadAddress(f"must have 1 to {LONGEST} characters")
    if medium == "email":
        return _matched(_EMAIL, address.lower(), "is not an e-mail address")
    if medium == "telegram":
        return _matched(_TELEGRAM_CHAT, address, "is no Telegram chat: give the chat's number, or a public @name")
    if medium == "slack":
        return _matched(_SLACK, address, "is no Slack id: it begins with C, D, G, U or W, like C024BE91L")
    if medium == "discord":
        return _matched(_DISCORD, address, "is no Discord channel id: it has 17 to 20 digits")
    return address


def is_phone(medium: str, address: str) -> bool:
    """Whether the address is a phone number (a WhatsApp user may show none)."""
    return medium in PHONE_MEDIUMS and address.startswith("+")


def is_group(medium: str, address: str) -> bool:
    """Whether an address is a group of people, for limits that hold for groups alone: Telegram numbers groups below zero."""
    return medium == "telegram" and address.startswith("-")


def _matched(pattern: re.Pattern[str], address: str, reason: str) -> str:
    if not pattern.fullmatch(address):
        raise BadAddress(reason)
    return address
