"""Personal channels: a member's own bot or number, which nobody else in the workspace sees or uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import asking, service
from tidings.channels.models import Channel
from tidings.channels.rules import PERSONAL_PROVIDERS
from tidings.channels.service import MOST_OWN, CreateChannel
from tidings.errors import Conflict, FieldError, Invalid, NotFound
from tidings.providers import PROVIDERS
from tidings.providers.base import ErrorCode

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.asking import Asking, Check
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
        secret = next((one.name for one in PROVIDERS[command.provider].description.fields if one.secret), "")
        raise Invalid(
            f"{PROVIDERS[command.provider].description.label} does not accept this: {check.detail} Nothing was kept.",
            errors=(FieldError(f"fields.{secret}", "is not accepted"),), code=check.code,
        )  # fmt: skip
    return channel, check


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
