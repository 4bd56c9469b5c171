"""What a person sent beside the text, whatever the provider: as it is kept on the message, and as it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tidings.providers.base import Location, ReceivedMedia

if TYPE_CHECKING:
    from uuid import UUID

    from tidings.providers.base import Inbound

LONGEST_TEXT = 20_000
LONGEST_NAME = 200
MOST_MEDIA = 30
"""Files of one message; no service lets a person send so many at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The parts of an inbound message but its text."""

    media: tuple[ReceivedMedia, ...] = ()
    location: Location | None = None
    button: str | None = None
    """The value of the button that was pressed."""
    provider_reply_to: str | None = None
    """The provider's id of the message that it answers."""
    reply_to: UUID | None = None
    """That message, where it is one of ours."""
    sender_name: str = ""


def pack_content(inbound: Inbound) -> str | None:
    """The parts as the message keeps them, in JSON; None where there are none."""
    parts = {
        "media": [{name: _plain(value) for name, value in asdict(one).items() if value} for one in inbound.media[:MOST_MEDIA]],
        "location": asdict(inbound.location) if inbound.location else None,
        "button": inbound.button,
        "reply_to": inbound.reply_to,
        "sender_name": inbound.sender_name,
    }
    told = {name: _plain(value) for name, value in parts.items() if value}
    return msgspec.json.encode(told).decode() if told else None


def _plain(value: Any) -> Any:
    """Text within as PostgreSQL takes it."""
    match value:
        case str():
            return clean(value, 2_000)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case _:
            return value


def unpack_content(kept: Mapping[str, Any] | None) -> Content:
    """The parts of a message again."""
    kept = kept or {}
    return Content(
        media=tuple(msgspec.convert(kept.get("media", []), list[ReceivedMedia])),
        location=msgspec.convert(kept["location"], Location) if "location" in kept else None,
        button=kept.get("button"),
        provider_reply_to=kept.get("reply_to"),
        sender_name=kept.get("sender_name", ""),
    )


def clean(text: str, longest: int) -> str:
    """Text from outside as PostgreSQL takes it: it has no NUL, and a lone surrogate is no character."""
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode()
