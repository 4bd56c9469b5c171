"""The one way in for outbound messages: single ones and the fan-out of campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import msgspec

from tidings.channels.service import channel_for_sending
from tidings.channels.templates import KnownTemplates, known_templates
from tidings.core.ids import new_id
from tidings.db.database import raw_connection
from tidings.delivery.content import Content, rendered
from tidings.delivery.rules import Status
from tidings.delivery.wake import wake_after_commit
from tidings.errors import Conflict, FieldError, Invalid, TidingsError
from tidings.messages import queries
from tidings.messages.carrying import as_carried, demand_carried, demand_template
from tidings.messages.checking import LONGEST_AHEAD, LONGEST_VALIDITY, check_times, clean_to
from tidings.messages.conversations import note_outbound
from tidings.messages.models import Message
from tidings.messages.prices import Price, recent_price
from tidings.messages.queries import MessageFilter
from tidings.messages.reading import (
    Shown,
    explain_message,
    file_of,
    get_message,
    list_attempts,
    list_messages,
    list_tries,
    show_messages,
)
from tidings.messages.routing import Routed, Wanted, await_receipts, choose_channels
from tidings.messages.sources import (
    cancel_source_page,
    count_followed,
    count_statuses,
    end_source,
    freeze_content,
    hold_source,
    release_source,
)
from tidings.messages.uploads import look_up_files
from tidings.messages.windows import refuse_closed
from tidings.routes.rules import Step, skipped_as_kept
from tidings.templates.rendering import CannotRender, read_text, render
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

__all__ = [
    "LONGEST_AHEAD", "LONGEST_VALIDITY", "PRIORITIES", "MessageFilter", "Price", "SendMessage", "Shown", "Urgency", "cancel_message",
    "cancel_source_page", "count_followed", "count_statuses", "end_source", "explain_message", "file_of", "freeze_content", "get_message", "hold_source", "list_attempts",
    "list_messages", "list_tries", "recent_price", "release_source", "send_message", "send_messages", "show_messages",
]  # fmt: skip

Urgency = Literal["transactional", "normal", "bulk"]
PRIORITIES: dict[Urgency, int] = {"transactional": 0, "normal": 1, "bulk": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """One message to one address."""

    to: str
    text: str
    variables: dict[str, Any] | None = None
    """None: the text is sent as it stands. Otherwise it is a template, filled in with these now."""
    channel_id: UUID | None = None
    """None: the workspace's default channel of the medium."""
    medium: str = "sms"
    reference: str | None = None
    send_at: datetime | None = None
    validity: timedelta | None = None
    delivery: Literal["at_least_once", "at_most_once"] = "at_least_once"
    urgency: Urgency = "transactional"
    contact_id: UUID | None = None
    is_confirmation: bool = False
    route_id: UUID | None = None
    """Instead of a channel: the route that chooses it."""
    message_class: str = ""
    """Instead of a route: the class whose route it is."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """With a route: addresses by medium, instead of `to`."""
    medium_wanted: bool = True
    """Whether `medium` was asked for, or is only the usual one."""
    content: Content | None = None
    """What it carries besides its text. With `variables` it is filled in as well."""
    reply_to: UUID | None = None
    """The message of the same channel that this one answers."""
    links: bool = True
    """Whether a provider could fetch an uploaded file from this installation: it has a public address."""

    @property
    def goes_by_route(self) -> bool:
        return self.route_id is not None or bool(self.message_class)


async def send_message(
    session: AsyncSession, access: Access, database: Database, command: SendMessage, *, now: datetime, region: str
) -> Message:
    """Accept one message and have it sent at once or at its time. Raises Invalid, NotFound or Conflict; then nothing was accepted."""
    (made,) = await send_messages(session, access, database, [command], now=now, region=region)
    if isinstance(made, TidingsError):
        raise made
    return made


async def send_messages(
    session: AsyncSession, access: Access, database: Database, commands: Sequence[SendMessage], *, now: datetime, region: str
) -> list[Message | TidingsError]:
    """Accept many at once: for each, in its place, the message or why it was refused. What is refused does not hold up the rest."""
    contents = await look_up_files(session, access.workspace_id, [one.content for one in commands])
    commands = [
        command if isinstance(content, Invalid) else replace(command, content=content)
        for command, content in zip(commands, contents, strict=True)
    ]
    routed = await _routed(session, access.workspace_id, commands, region, now)
    commands = [_by_route(command, routed.get(place)) for place, command in enumerate(commands)]
    channels = await _channels(session, access, commands)
    answered = {one.reply_to for one in commands if one.reply_to is not None}
    named = await queries.provider_ids(session, access.workspace_id, answered) if answered else {}
    templated = {
        one.id
        for place, one in _chosen(commands, channels)
        if (content := commands[place].content) is not None and content.template is not None
    }
    known = await known_templates(session, access.workspace_id, templated) if templated else {}
    made = [
        _make(
            access,
            command,
            _refusal(contents[place], routed.get(place)) or channels[command.channel_id, command.medium],
            now,
            region,
            _Known(named, known),
        )
        for place, command in enumerate(commands)
    ]
    usable = [one for one in channels.values() if not isinstance(one, TidingsError)]
    made = await refuse_closed(session, access.workspace_id, made, usable, now=now)
    accepted = [one for one in made if isinstance(one, Message)]
    await _find_contacts(session, access.workspace_id, accepted)
    followed = [
        (one, _follow(one, way)) for place, way in routed.items() if isinstance(one := made[place], Message) and isinstance(way, Routed)
    ]
    session.add_all(accepted)
    await session.flush()
    await note_outbound(await raw_connection(session), access.workspace_id, {(one.channel_id, one.address) for one in accepted})
    await await_receipts(session, followed)
    for channel_id in {one.channel_id for one in accepted if one.status == Status.QUEUED}:
        wake_after_commit(session, database, channel_id)
    return made


async def _routed(
    session: AsyncSession, workspace_id: UUID, commands: Sequence[SendMessage], region: str, now: datetime
) -> dict[int, Routed | TidingsError]:
    """By its place, the way of each message that is to go by a route."""
    wanted = {
        place: Wanted(
            route_id=one.route_id, message_class=one.message_class, medium=one.medium if one.medium_wanted else None,
            contact_id=one.contact_id, to=one.to, addresses=one.addresses, text=one.text, content=one.content, links=one.links,
            leaves_now=one.send_at is None or one.send_at <= now,
        )
        for place, one in enumerate(commands)
        if one.goes_by_route
    }  # fmt: skip
    return await choose_channels(session, workspace_id, wanted, region, now=now) if wanted else {}


def _by_route(command: SendMessage, way: Routed | TidingsError | None) -> SendMessage:
    if not isinstance(way, Routed):
        return command
    return replace(command, channel_id=way.step.channel_id, medium=way.step.medium, to=way.choice.address, contact_id=way.contact_id)


def _refusal(*found: Content | Routed | TidingsError | None) -> TidingsError | None:
    return next((one for one in found if isinstance(one, TidingsError)), None)


def _follow(message: Message, way: Routed) -> Step:
    """Write the route on a message that goes by it."""
    message.route_id, message.route_step = way.route_id, way.step.position
    message.skipped = skipped_as_kept(way.choice.skipped)
    message.addresses = way.addresses or None
    return way.step


_Wanted = tuple[UUID | None, str]


async def _channels(session: AsyncSession, access: Access, commands: Sequence[SendMessage]) -> dict[_Wanted, Channel | TidingsError]:
    found: dict[_Wanted, Channel | TidingsError] = {}
    for wanted in dict.fromkeys((one.channel_id, one.medium) for one in commands if one.channel_id is not None or not one.goes_by_route):
        try:
            found[wanted] = await channel_for_sending(session, access.workspace_id, *wanted, access=access)
        except TidingsError as error:
            found[wanted] = error
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What contents are checked by."""

    answered: Mapping[UUID, tuple[UUID, str | None]]
    """The channel and the provider's id of messages that are answered."""
    templates: Mapping[UUID, KnownTemplates]
    """By channel."""


def _chosen(commands: Sequence[SendMessage], channels: Mapping[_Wanted, Channel | TidingsError]) -> Iterator[tuple[int, Channel]]:
    for place, one in enumerate(commands):
        channel = channels.get((one.channel_id, one.medium))
        if channel is not None and not isinstance(channel, TidingsError):
            yield place, channel


def _make(  # noqa: PLR0917
    access: Access, command: SendMessage, channel: Channel | TidingsError, now: datetime, region: str, known: _Known
) -> Message | TidingsError:
    if isinstance(channel, TidingsError):
        return channel
    try:
        address = clean_to(command.to, channel.medium, region)
        text = _text(command)
        content = _content(command, channel, text, known)
        check_times(command.send_at, command.validity, now)
    except Invalid as error:
        return error
    due_at = max(command.send_at or now, now)
    return Message(
        workspace_id=access.workspace_id,
        id=new_id(),
        direction="out",
        contact_id=command.contact_id,
        channel_id=channel.id,
        medium=channel.medium,
        address=address,
        reference=command.reference,
        text=text,
        content=None if content is None else msgspec.to_builtins(content),
        delivery=command.delivery,
        priority=PRIORITIES[command.urgency],
        status=Status.SCHEDULED if due_at > now else Status.QUEUED,
        due_at=due_at,
        expires_at=due_at + command.validity if command.validity else None,
        attempt=0,
        failures=0,
        possible_duplicate=False,
        is_confirmation=command.is_confirmation,
        created_by=access.actor_label,
        created_at=now,
    )


async def _find_contacts(session: AsyncSession, workspace_id: UUID, messages: Sequence[Message]) -> None:
    nobodys = [one for one in messages if one.contact_id is None]
    owners = await queries.contacts_of_addresses(session, workspace_id, {(one.medium, one.address) for one in nobodys})
    for one in nobodys:
        one.contact_id = owners.get((one.medium, one.address))


def _text(command: SendMessage) -> str:
    if not command.text.strip() and not (command.content is not None and command.content.speaks):
        raise Invalid("A message needs a text.", errors=(FieldError("text", "is empty"),))
    return _filled_in(command.text, command)


def _filled_in(template: str, command: SendMessage) -> str:
    if command.variables is None:
        return template
    read_text(template)
    try:
        return render(template, {name: value for name, value in command.variables.items() if value is not None})
    except CannotRender as error:
        raise Invalid(error.detail, errors=(FieldError("variables", error.detail),)) from error


def _content(command: SendMessage, channel: Channel, text: str, known: _Known) -> Content | None:
    content = command.content
    if content is None and command.reply_to is None:
        return None
    if content is not None and command.variables is not None:
        content = rendered(content, lambda template: _filled_in(template, command))
    if command.reply_to is not None and command.goes_by_route:
        raise Invalid(
            "An answer goes by the channel of the message it answers. Name that channel instead of a route.",
            errors=(FieldError("reply_to", "not with a route"),),
        )
    if command.reply_to is not None:
        content = msgspec.structs.replace(content or Content(), reply_to=_answered(command.reply_to, channel, known))
    demand_carried(channel, text, as_carried(channel, text, content) if command.goes_by_route else content, links=command.links)
    demand_template(known.templates.get(channel.id), content)
    return content


def _answered(message_id: UUID, channel: Channel, known: _Known) -> str:
    channel_id, provider_id = known.answered.get(message_id, (None, None))
    if channel_id != channel.id or provider_id is None:
        raise Invalid(
            "Only a message of the same channel that its provider knows can be answered.",
            errors=(FieldError("reply_to", "no message of this channel that its provider knows"),),
        )
    return provider_id


async def cancel_message(session: AsyncSession, access: Access, message_id: UUID) -> Message:
    """Take back a message that has not left. Raises Conflict when it is too late."""
    message = await get_message(session, access.workspace_id, message_id, viewer=access.user_id)
    if not await queries.cancel_one(session, access.workspace_id, message_id):
        await session.refresh(message)
        raise Conflict(f"This message is {message.status}; only one that is scheduled or queued can be cancelled.")
    await session.refresh(message)
    await record(session, access, "message.cancelled", "message", message_id)
    return message
