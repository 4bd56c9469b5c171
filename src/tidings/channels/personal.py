"""Personal channels: a member's own bot or number, which nobody else in the workspace sees or uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import asking, control, service
from tidings.channels.asking import Check
from tidings.channels.models import Channel
from tidings.channels.rules import PERSONAL_PROVIDERS
from tidings.channels.service import MOST_OWN, ChangeChannel, CreateChannel
from tidings.errors import Conflict, FieldError, Invalid, NotFound
from tidings.providers import PROVIDERS
from tidings.providers.base import ErrorCode

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.asking import Asking
    from tidings.channels.control import Action, Wake
    from tidings.providers.base import Description
    from tidings.workspaces.access import Access

_NOT_YOURS = frozenset({ErrorCode.INVALID_CREDENTIALS})
"""What a check may say that makes a channel of no use to anybody: it is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePersonal:
    """What a member decides of a channel of their own."""

    provider: str
    fields: Mapping[str, str] = field(repr=False)
    name: str = ""
    """Empty: the provider's name, with a number where they have several."""
    api_base_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePersonal:
    """What is to change of a channel of one's own; None leaves as it is."""

    name: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict, repr=False)


def personal_providers() -> list[Description]:
    """What this installation lets members set up for themselves."""
    return [PROVIDERS[kind].description for kind in PERSONAL_PROVIDERS if kind in PROVIDERS]


def demand_person(access: Access) -> UUID:
    """Whose channels are meant. Raises Conflict for a key, which is nobody."""
    if access.user_id is None:
        raise Conflict(
            "Personal channels belong to people, and an API key is none. Sign in as the person (POST /api/v1/auth/token) and use that token.",
            code="not_a_person",
        )
    return access.user_id


async def list_own(session: AsyncSession, access: Access) -> list[Channel]:
    """The caller's own channels, the oldest first."""
    demand_person(access)
    return await service.list_own_channels(session, access)


async def get_own(session: AsyncSession, access: Access, channel_id: UUID) -> Channel:
    """One of the caller's own. Raises NotFound, also for a channel of the workspace."""
    user_id = demand_person(access)
    channel = await service.get_channel(session, access, channel_id)
    if channel.owner_id != user_id:
        raise NotFound("You have no such channel.")
    return channel


async def create_own(how: Asking, access: Access, command: CreatePersonal) -> tuple[Channel, Check]:
    """Set up a channel for the caller alone and ask the provider whether it works.

    With credentials that the provider refuses there is no channel: raises Invalid. One that could not be asked just now is kept.
    """
    user_id = demand_person(access)
    if command.provider not in {one.kind for one in personal_providers()}:
        kinds = ", ".join(one.kind for one in personal_providers())
        raise Invalid(f"A personal channel is one of: {kinds}.", errors=(FieldError("provider", f"one of: {kinds}"),))
    async with how.database.workspace(access.workspace_id) as session:
        channel = await _create(session, how, access, user_id, command)
    check = await asking.check_channel(how, access, channel.id)
    if not check.ok and check.code in _NOT_YOURS:
        async with how.database.workspace(access.workspace_id) as session:
            await service.delete_channel(session, access, channel.id)
        raise _refused(command.provider, check, "Nothing was kept.")
    return channel, check


async def change_own(how: Asking, access: Access, channel_id: UUID, command: ChangePersonal, wake: Wake) -> tuple[Channel, Check | None]:
    """Rename a channel of the caller's own, or give it new fields, which its provider is asked about; a stopped one goes on once they work.

    What the provider refuses is not kept: raises Invalid with its words, and the channel stays as it was. Where it could not be asked just
    now, what was given is kept. Raises NotFound.
    """
    async with how.database.workspace(access.workspace_id) as session:
        channel = await get_own(session, access, channel_id)
    given = any(value is not None for value in command.fields.values())
    check = await _prove(how, access, channel, command) if given else None
    async with how.database.workspace(access.workspace_id) as session:
        change = ChangeChannel(name=command.name, fields=command.fields)
        channel = await service.change_channel(session, access, how.vault, how.settings, channel_id, change)
        if check is not None and check.ok and channel.stopped_at is not None:
            channel = await service.start_again(session, access, channel_id, None if has_session(channel) else check.detail)
            wake(session, how.database, channel_id)
    return channel, check


async def _prove(how: Asking, access: Access, channel: Channel, command: ChangePersonal) -> Check:
    if has_session(channel):
        return Check(ok=True, detail="The session begins anew.")
    check = await asking.check_fields(how, access, channel.id, command.fields)
    if not check.ok and check.code in _NOT_YOURS:
        stays = "is still stopped, and its messages wait" if channel.stopped_at is not None else "goes on as it was"
        raise _refused(channel.provider, check, f"Nothing was changed: the channel {stays}.")
    return check


async def control_own(how: Asking, access: Access, channel_id: UUID, action: Action, wake: Wake) -> Channel:
    """Start, stop or restart a channel of the caller's own. Raises NotFound, or Conflict with what the provider said."""
    async with how.database.workspace(access.workspace_id) as session:
        await get_own(session, access, channel_id)
    return await control.control(how, access, channel_id, action, wake)


def has_session(channel: Channel) -> bool:
    """Whether a phone is linked to it, which proves itself only while it runs."""
    return channel.provider in PROVIDERS and PROVIDERS[channel.provider].description.capabilities.sessions


def _refused(provider: str, check: Check, kept: str) -> Invalid:
    description = PROVIDERS[provider].description
    secret = next((one.name for one in description.fields if one.secret), "")
    return Invalid(
        f"{description.label} does not accept this: {check.detail} {kept}",
        errors=(FieldError(f"fields.{secret}", f"is not accepted: {check.detail}"),), code=check.code,
    )  # fmt: skip


async def _create(session: AsyncSession, how: Asking, access: Access, user_id: UUID, command: CreatePersonal) -> Channel:
    own = await service.list_own_channels(session, access)
    if len(own) >= MOST_OWN:
        raise Conflict(f"You have {MOST_OWN} channels already. Delete one that you do not use, then set up another.")
    wanted = CreateChannel(
        name=command.name or _free_name(PROVIDERS[command.provider].description.label, [one.name for one in own]),
        provider=command.provider, fields=command.fields, api_base_url=command.api_base_url, owner_id=user_id,
    )  # fmt: skip
    return await service.create_channel(session, access, how.vault, how.settings, wanted)


def _free_name(label: str, taken: list[str]) -> str:
    names = {one.lower() for one in taken}
    return next(name for name in (label, *(f"{label} {n}" for n in range(2, MOST_OWN + 2))) if name.lower() not in names)


async def own_address(session: AsyncSession, access: Access, channel_id: UUID) -> str:
    """The caller's own chat on their channel. Raises NotFound, or Conflict while none is linked."""
    channel = await get_own(session, access, channel_id)
    if channel.owner_address is None:
        raise Conflict("Your own chat is not linked to this channel yet. Open its link first, then try again.", code="not_linked")
    return channel.owner_address
