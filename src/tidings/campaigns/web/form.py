"""The compose form: what was typed, kept as typed until it makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from tidings.campaigns.contents import carried_by
from tidings.campaigns.service import CampaignInput
from tidings.campaigns.web.file import content_with, named_by
from tidings.contacts.service import Audience
from tidings.core.ids import read_id, show_id
from tidings.core.local_time import BadMoment, read_local, write_local
from tidings.errors import FieldError, Invalid
from tidings.messages.service import LONGEST_VALIDITY

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from tidings.campaigns.models import Campaign
    from tidings.delivery.content import Content

LONGEST_NAME = 200
MOST_CHOSEN = 500
"""Groups or contacts that one form may name."""
VALIDITIES: tuple[tuple[str, str], ...] = (
    ("3600", "1 hour"), ("21600", "6 hours"), ("43200", "12 hours"), ("86400", "1 day"), ("259200", "3 days"), ("604800", "1 week"),
)  # fmt: skip
"""Seconds and words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeForm:
    """Everything the author has filled in so far."""

    name: str = ""
    channel: str = ""
    audience: str = "everyone"
    groups: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    text: str = ""
    file: str = ""
    """An uploaded file's id, or KEPT."""
    when: str = "now"
    scheduled_at: str = ""
    validity: str = ""
    delivery: str = "at_most_once"

    @property
    def is_later(self) -> bool:
        return self.when == "later"


def read_form(form: FormData) -> ComposeForm:
    """What the browser sent; nothing in it is trusted yet."""

    def one(name: str, default: str = "") -> str:
        value = form.get(name, default)
        return _clean(value) if isinstance(value, str) else default

    def many(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for value in form.getlist(name)[:MOST_CHOSEN] if isinstance(value, str)))

    return ComposeForm(
        name=one("name").strip(),
        channel=one("channel"),
        audience=one("audience", "chosen"),
        groups=many("groups"),
        contacts=many("contacts"),
        text=one("text"),
        file=one("file"),
        when=one("when", "now"),
        scheduled_at=one("scheduled_at"),
        validity=one("validity"),
        delivery=one("delivery", "at_most_once"),
    )


def form_of(campaign: Campaign, timezone: str) -> ComposeForm:
    """The form as it stands for a campaign that was saved."""
    audience = campaign.audience
    seconds = str(campaign.validity_seconds or "")
    return ComposeForm(
        name=campaign.name,
        channel=show_id("rte", campaign.route_id) if campaign.route_id else show_id("chn", campaign.channel_id),
        audience="everyone" if audience.get("all") else "chosen",
        groups=tuple(show_id("grp", UUID(one)) for one in audience.get("groups", ())),
        contacts=tuple(show_id("con", UUID(one)) for one in audience.get("contacts", ())),
        text=campaign.text,
        file=named_by(carried_by(campaign)),
        when="later" if campaign.scheduled_at else "now",
        scheduled_at=write_local(campaign.scheduled_at, timezone),
        validity=seconds,
        delivery=campaign.delivery,
    )


def chosen_audience(form: ComposeForm) -> Audience:
    """Whom the form means; ids that are none are left out, so that a count can be shown at any time."""
    if form.audience == "everyone":
        return Audience(all=True)
    return Audience(groups=_ids("grp", form.groups), contacts=_ids("con", form.contacts))


def chosen_channel(form: ComposeForm) -> UUID | None:
    """The channel the form names; None where it names none, or a route."""
    return read_id("chn", form.channel)


def chosen_route(form: ComposeForm) -> UUID | None:
    """The route that stands in the place of a channel."""
    return read_id("rte", form.channel)


def parse(form: ComposeForm, *, timezone: str, scheduled: bool, kept: Content | None = None) -> CampaignInput:
    """The campaign that the form describes. Raises Invalid with every field that is wrong; the service checks the rest.

    `kept` is what an edited campaign carries already; what the form does not show of it stays.
    """
    errors: list[FieldError] = []
    if not 1 <= len(form.name) <= LONGEST_NAME:
        errors.append(FieldError("name", "Give it a name that you will recognise." if not form.name else "200 characters are the most."))
    content = content_with(kept, form.file)
    if not form.text.strip() and not (content is not None and content.speaks):
        errors.append(FieldError("text", "Write what the recipients are to read, or choose a file."))
    audience = chosen_audience(form)
    if not (audience.all or audience.groups or audience.contacts):
        errors.append(FieldError("audience", "Choose at least one group or contact, or everyone."))
    scheduled_at = _moment(form.scheduled_at, timezone, errors) if scheduled else None
    if errors:
        several = "Some fields need another look; what you typed is kept."
        raise Invalid(errors[0].message if len(errors) == 1 else several, errors=tuple(errors))
    return CampaignInput(
        name=form.name,
        text=form.text,
        content=content,
        audience=audience,
        channel_id=chosen_channel(form),
        route_id=chosen_route(form),
        scheduled_at=scheduled_at,
        validity_seconds=_validity(form.validity),
        delivery=_delivery(form.delivery),
    )


def sentences(error: Invalid) -> Mapping[str, str]:
    """What to show at which field of the form; what belongs to none of them stands under `form`."""
    places = {"channel_id": "channel", "route": "channel", "validity_seconds": "validity", "media": "file"}
    known = {"name", "channel", "audience", "text", "file", "scheduled_at", "validity", "delivery"}
    said: dict[str, str] = {}
    for one in error.errors:
        field = one.field.split(".")[0]
        field = places.get(field, field)
        said.setdefault(field if field in known else "form", error.detail if len(error.errors) == 1 else one.message)
    return said or {"form": error.detail}


def _clean(text: str) -> str:
    """Line ends as we keep them; the NUL character, which PostgreSQL cannot keep, is dropped."""
    return text.replace("\r\n", "\n").replace("\0", "")


def _moment(text: str, timezone: str, errors: list[FieldError]) -> datetime | None:
    try:
        return read_local(text, timezone)
    except BadMoment as error:
        errors.append(FieldError("scheduled_at", str(error)))
        return None


def _ids(prefix: str, texts: tuple[str, ...]) -> tuple[UUID, ...]:
    found = (read_id(prefix, text) for text in texts)
    return tuple(one for one in found if one is not None)


def _validity(text: str) -> int | None:
    seconds = read_number(text)
    return seconds if seconds and seconds <= LONGEST_VALIDITY.total_seconds() else None


def _delivery(text: str) -> Literal["at_least_once", "at_most_once"]:
    return "at_least_once" if text == "at_least_once" else "at_most_once"


def read_editing(form: FormData) -> tuple[UUID | None, int | None]:
    """Which campaign the form edits, and the version its author saw; None for a new one."""
    version = form.get("version")
    return read_id("cmp", str(form.get("editing", ""))), read_number(version)


def read_number(value: object) -> int | None:
    """A whole number as a form sends it; None for anything else, absurdly long ones included."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 9 else None


def field_error(field: str, sentence: str) -> Invalid:
    """What is wrong with one field."""
    return Invalid(sentence, errors=(FieldError(field, sentence),))
