"""Whether a channel can carry what a message holds, asked before it is accepted and before it goes on to another channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidings.delivery.content import Content, misfit
from tidings.errors import FieldError, Invalid
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.routes.rules import Step


def can_carry(step: Step, text: str, content: Content | None) -> bool:
    """Whether the step's channel can."""
    provider = PROVIDERS.get(step.provider)
    if provider is None:
        return False
    can = provider.description.capabilities
    has_media = content is not None and content.media is not None  # whose caption is judged with it
    fits = has_media or can.max_characters is None or len(text) <= can.max_characters
    return fits and (content is None or misfit(content, text, can) is None)


def demand_carried(channel: Channel, text: str, content: Content | None) -> None:
    """Raises Invalid with what the channel cannot carry. Without content nothing is asked."""
    provider = PROVIDERS.get(channel.provider)
    if content is None or provider is None:
        return
    reason = misfit(content, text, provider.description.capabilities)
    if reason is not None:
        raise Invalid(f"The channel “{channel.name}” {reason}. Nothing was sent.", errors=(FieldError(_field(content, reason), reason),))


def _field(content: Content, reason: str) -> str:
    for word, field in (("template", "template"), ("subject", "subject"), ("answer", "reply_to"), ("button", "buttons")):
        if word in reason and getattr(content, field):
            return field
    return "media"
