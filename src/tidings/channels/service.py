"""What may be done with channels; the door of this feature for all others. What asks the provider itself is in asking.py."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from tidings.channels import queries
from tidings.channels.alerts import list_alerts, resolve_alert
from tidings.channels.models import Channel
from tidings.channels.queries import DayUse, Resting, Traffic, day_use, pause_of, resting, traffic
from tidings.channels.rotation import rotate_credentials
from tidings.channels.rules import choose_medium, hints, split_fields, state_of
from tidings.core.clock import utc_now
from tidings.core.ids import new_id
from tidings.errors import Conflict, FieldError, Invalid, NotFound
from tidings.providers import PROVIDERS
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.vault import Vault
    from tidings.providers.base import Description
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

__all__ = [
    "ChangeChannel", "CreateChannel", "DayUse", "Resting", "Traffic", "change_channel", "channel_for_sending", "create_channel", "day_use",
    "delete_channel", "get_channel", "list_alerts", "list_channels", "make_default", "medium_of_channel", "pause_of", "resolve_alert", "resting", "rotate_credentials",
    "set_enabled", "start_again", "traffic",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateChannel:
    """What its owner decides of a new channel."""

    name: str
    provider: str
    fields: Mapping[str, str] = field(repr=False)
    """The provider's fields, secret ones included."""
    medium: str | None = None
    sender: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    api_base_url: str = ""
    is_default: bool | None = None
    """None: it becomes its medium's default where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeChannel:
    """What is to change; None leaves as it is."""

    name: str | None = None
    sender: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    """Only the fields to change: an empty text clears one, None (and leaving it out) keeps it."""
    limits: Mapping[str, Any] | None = None
    """Replaces all limits of its own; an empty one goes back to the provider's."""
    api_base_url: str | None = None


async def list_channels(session: AsyncSession, access: Access, *, after: UUID | None = None, limit: int = 200) -> list[Channel]:
    """The workspace's channels, the oldest first."""
    return await queries.list_channels(session, access.workspace_id, after=after, limit=limit)


async def get_channel(session: AsyncSession, access: Access, channel_id: UUID) -> Channel:
    """One channel. Raises NotFound."""
    return await _get(session, access.workspace_id, channel_id)


async def create_channel(session: AsyncSession, access: Access, vault: Vault, settings: Settings, command: CreateChannel) -> Channel:
    """Set up a channel, enabled. Raises Invalid with every field that is wrong, or Conflict when the name is taken."""
    description = _description(command.provider)
    medium = choose_medium(description, command.medium)
    plain, secret = split_fields(description, command.fields)
    _check_base_url(settings, command.api_base_url)
    default = command.is_default
    if default is None:
        default = not await queries.has_default(session, access.workspace_id, medium)
    elif default:
        await queries.clear_default(session, access.workspace_id, medium)
    channel = Channel(
        workspace_id=access.workspace_id,
        id=new_id(),
        name=command.name,
        provider=command.provider,
        medium=medium,
        sender=command.sender,
        settings=plain,
        credentials=vault.seal(secret),
        credential_hints=hints(secret),
        api_base_url=command.api_base_url,
        limits=dict(command.limits),
        hook_token=secrets.token_urlsafe(24),
        is_default=default,
        enabled=True,
    )
    session.add(channel)
    await _flush(session, command.name)
    await record(session, access, "channel.created", "channel", channel.id, after=_told(channel))
    return channel


async def change_channel(  # noqa: PLR0917
    session: AsyncSession, access: Access, vault: Vault, settings: Settings, channel_id: UUID, command: ChangeChannel
) -> Channel:
    """Change what is given and keep the rest; secrets too are only replaced by new ones."""
    channel = await _get(session, access.workspace_id, channel_id, lock=True)
    before = _told(channel)
    changed_secrets = _change_fields(channel, vault, command.fields)
    if command.api_base_url is not None and command.api_base_url != channel.api_base_url:
        _check_base_url(settings, command.api_base_url)
        channel.api_base_url = command.api_base_url
    channel.name = command.name if command.name is not None else channel.name
    channel.sender = command.sender if command.sender is not None else channel.sender
    channel.limits = dict(command.limits) if command.limits is not None else channel.limits
    await _flush(session, channel.name)
    after = _told(channel)
    if changed_secrets:
        after["credentials_replaced"] = changed_secrets
    if after != before:
        await record(session, access, "channel.changed", "channel", channel.id, before=before, after=after)
    return channel


def _change_fields(channel: Channel, vault: Vault, changes: Mapping[str, str | None]) -> list[str]:
    """Apply changed fields and return the names of the secrets among them."""
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        return []
    description = _description(channel.provider)
    # With all secrets given anew the old ones need not be opened, so a lost key can be got over.
    all_new = all(one.name in given for one in description.fields if one.secret)
    before = {} if all_new else vault.open(channel.credentials)
    plain, secret = split_fields(description, {**channel.settings, **before, **given})
    channel.settings = plain
    changed = sorted(
        name for name in given if (name in secret or name in channel.credential_hints) and secret.get(name) != before.get(name)
    )
    if changed:
        channel.credentials = vault.seal(secret)
        channel.credential_hints = hints(secret)
        channel.balance_at = None
    return changed


async def set_enabled(session: AsyncSession, access: Access, channel_id: UUID, *, enabled: bool) -> Channel:
    """Switch a channel on or off. While it is off its messages wait."""
    channel = await _get(session, access.workspace_id, channel_id, lock=True)
    if channel.enabled != enabled:
        channel.enabled = enabled
        await session.flush()
        await record(session, access, "channel.enabled" if enabled else "channel.disabled", "channel", channel.id)
    return channel


async def make_default(session: AsyncSession, access: Access, channel_id: UUID) -> Channel:
    """Make this the channel that its medium's messages go by when none is named. Raises Conflict while it is disabled."""
    channel = await _get(session, access.workspace_id, channel_id, lock=True)
    if not channel.enabled:
        raise Conflict(f"“{channel.name}” is disabled. Enable it first, then make it the default.")
    if not channel.is_default:
        await queries.clear_default(session, access.workspace_id, channel.medium)
        channel.is_default = True
        await _flush(session, channel.name)
        await record(session, access, "channel.made_default", "channel", channel.id)
    return channel


async def start_again(session: AsyncSession, access: Access, channel_id: UUID, proof: str) -> Channel:
    """Let a stopped channel go on, after its check gave this proof. Its pauses are over too."""
    channel = await _get(session, access.workspace_id, channel_id, lock=True)
    before = {"stopped_code": channel.stopped_code, "stopped_detail": channel.stopped_detail}
    channel.stopped_code = channel.stopped_detail = channel.stopped_at = None
    await session.flush()
    await queries.reset_pace(session, channel.id)
    if before["stopped_code"] is not None:
        await record(session, access, "channel.restarted", "channel", channel.id, before=before, after={"check": proof})
    return channel


async def delete_channel(session: AsyncSession, access: Access, channel_id: UUID) -> None:
    """Delete a channel and destroy its secrets; its messages stay in the ledger. Raises Conflict while any still has to leave."""
    channel = await _get(session, access.workspace_id, channel_id, lock=True)
    messages, campaigns = await queries.count_unfinished(session, access.workspace_id, channel_id)
    if messages or campaigns:
        waiting = " and ".join(
            f"{count} {word}{'' if count == 1 else 's'}" for count, word in ((messages, "message"), (campaigns, "campaign")) if count
        )
        raise Conflict(f"{waiting} still have to leave by “{channel.name}”. Let them end or cancel them, then delete the channel.")
    before = _told(channel)
    channel.deleted_at = utc_now()
    channel.is_default = False
    channel.credentials, channel.credential_hints = b"", {}
    await session.flush()
    await record(session, access, "channel.deleted", "channel", channel.id, before=before)


async def channel_for_sending(session: AsyncSession, workspace_id: UUID, channel_id: UUID | None, medium: str | None) -> Channel:
    """The channel to send by: the one named, or the medium's default. A stopped one is given too: its messages wait for its restart.

    Raises NotFound when there is none of this id, Conflict when there is no default or the channel is disabled.
    """
    channel = await queries.channel_for_sending(session, workspace_id, channel_id, medium)
    if channel is None and channel_id is not None:
        raise NotFound("There is no such channel in this workspace.")
    if channel is None:
        raise Conflict(f"There is no default channel for {medium}. Set one up under Channels, or name a channel.", code="no_channel")
    if not channel.enabled:
        raise Conflict(f"The channel “{channel.name}” is disabled. Enable it, or use another.", code="channel_disabled")
    return channel


async def medium_of_channel(session: AsyncSession, workspace_id: UUID, channel_id: UUID) -> str:
    """The medium a channel sends by. Raises NotFound."""
    return (await _get(session, workspace_id, channel_id)).medium


async def _get(session: AsyncSession, workspace_id: UUID, channel_id: UUID, *, lock: bool = False) -> Channel:
    channel = await queries.get_channel(session, workspace_id, channel_id, lock=lock)
    if channel is None:
        raise NotFound("There is no such channel in this workspace.")
    return channel


def _description(provider: str) -> Description:
    if provider not in PROVIDERS:
        kinds = ", ".join(PROVIDERS)
        raise Invalid(f"There is no provider “{provider[:50]}”.", errors=(FieldError("provider", f"one of: {kinds}"),))
    return PROVIDERS[provider].description


def _check_base_url(settings: Settings, url: str) -> None:
    if url and not settings.may_override_base_url(url):
        raise Invalid(
            "This installation does not allow channels to use that API address. Leave it empty for the provider's own.",
            errors=(FieldError("api_base_url", "is not among those that the operator allows (TIDINGS_ALLOWED_API_BASE_URLS)"),),
        )


async def _flush(session: AsyncSession, name: str) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        if "channels_name" in str(error.orig):
            raise Conflict(f"There is a channel named “{name}” already. Choose another name.", code="name_taken") from error
        if "channels_one_default" in str(error.orig):
            raise Conflict("Somebody else has just changed the default channel. Look again, then repeat.") from error
        raise


def _told(channel: Channel) -> dict[str, Any]:
    """What the audit log says of a channel: everything but its secrets and its hook's path."""
    return {
        "name": channel.name,
        "provider": channel.provider,
        "medium": channel.medium,
        "sender": channel.sender,
        "fields": channel.settings,
        "secrets": sorted(channel.credential_hints),
        "api_base_url": channel.api_base_url,
        "limits": channel.limits,
        "is_default": channel.is_default,
        "state": state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None),
    }
