"""What a campaign's text and the rest of its content are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tidings.delivery.content import Content, sources
from tidings.templates.rendering import read_text

if TYPE_CHECKING:
    from tidings.campaigns.models import Campaign


def carried_by(campaign: Campaign) -> Content | None:
    """What goes with its text."""
    return None if campaign.content is None else msgspec.convert(campaign.content, Content)


def names_used(text: str, content: Content | None) -> list[str]:
    """The values of a contact that it uses anywhere. Raises Invalid for a malformed template."""
    names = set(read_text(text).names)
    if content is not None:
        for source in sources(content):
            names |= read_text(source).names
    return sorted(names)
