"""Whether a channel can carry what a message holds, asked before it is accepted and before it goes on to another channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidings.delivery.content import Content, fitted, misfit
from tidings.errors import FieldError, Invalid
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.channels.templates import KnownTemplates
    from tidings.routes.rules import Step


def can_carry(step: Step, text: str, content: Content | None, *, links: bool = True) -> bool:
    """Whether the step's channel can, with the text in the place of a template where it has none.

    `links` says whether its provider could fetch an uploaded file from this installation.
    """
    provider = PROVIDERS.get(step.provider)
    if provider is None:
        return False
    can = provider.description.capabilities
    content = fitted(content, text, can) if content is not None else None
    has_media = content is not None and content.media is not None  # whose caption is judged with it
    fits = has_media or can.max_characters is None or len(text) <= can.max_characters
    return fits and (content is None or misfit(content, text, can, links=links) is None)


def may_carry(step: Step, text: str, content: Content | None, *, links: bool = True) -> bool:
    """The same for a campaign: how long its text gets for each recipient is not known yet."""
    provider = PROVIDERS.get(step.provider)
    if provider is None or content is None:
        return provider is not None
    can = provider.description.capabilities
    return misfit(fitted(content, text, can), "", can, links=links) is None


def carriers(steps: Sequence[Step], text: str, content: Content | None, *, links: bool = True) -> list[Step]:
    """The steps of a route that a campaign with this can begin at, in their order. Raises Invalid where there are none."""
    found = [one for one in steps if one.health != "off" and may_carry(one, text, content, links=links)]
    if not found:
        raise Invalid("No channel of the route can carry this content.", errors=(FieldError("route", "cannot carry it"),))
    return found


def as_carried(channel: Channel, text: str, content: Content | None) -> Content | None:
    """What of it goes by this channel when a route has chosen it."""
    provider = PROVIDERS.get(channel.provider)
    return content if provider is None or content is None else fitted(content, text, provider.description.capabilities)


def demand_carried(channel: Channel, text: str, content: Content | None, *, links: bool = True) -> None:
    """Raises Invalid with what the channel cannot carry. Without content nothing is asked."""
    provider = PROVIDERS.get(channel.provider)
    if content is None or provider is None:
        return
    reason = misfit(content, text, provider.description.capabilities, links=links)
    if reason is not None:
        raise Invalid(f"The channel “{channel.name}” {reason}. Nothing was sent.", errors=(FieldError(_field(content, reason), reason),))


def demand_template(known: KnownTemplates | None, content: Content | None) -> None:
    """Raises Invalid where the provider is known to refuse the template as it is filled in. What is not known is not refused."""
    used = content.template if content is not None else None
    if known is None or used is None:
        return
    found = [one for one in known.templates if one.name == used.name and one.language == used.language]
    if not found:
        raise _wrong(
            f"The provider has no template “{used.name}” in {used.language}. If it is new, list the channel's templates with `refresh`."
        )
    (template, *_) = found
    if template.status != "approved":
        raise _wrong(f"The template “{used.name}” is {template.status}, not approved.")
    missing = [name for name in template.parameters if not used.body.get(name)]
    unknown = sorted(used.body.keys() - set(template.parameters))
    if missing or unknown:
        told = [f"lacks a value for {', '.join(missing)}"] if missing else []
        told += [f"has no parameter {', '.join(unknown)}"] if unknown else []
        raise _wrong(f"The template “{used.name}” {' and '.join(told)}.")
    if template.header in {"image", "video", "document"} and (used.header_media is None or used.header_media.kind != template.header):
        raise _wrong(f"The template “{used.name}” needs a header of the kind {template.header}.")


def _wrong(detail: str) -> Invalid:
    return Invalid(f"{detail} Nothing was sent.", errors=(FieldError("template", detail),))


def _field(content: Content, reason: str) -> str:
    for word, field in (("template", "template"), ("subject", "subject"), ("answer", "reply_to"), ("button", "buttons")):
        if word in reason and getattr(content, field):
            return field
    return "media"
