"""What may be done with channels; the door of this feature for all others. What asks the provider itself is in asking.py."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from tidings.channels import queries
from tidings.channels.activity import Happened, note_activity
from tidings.channels.alerts import channels_of_alerts, list_alerts, resolve_alert
from tidings.channels.changes import ChangeChannel, CreateChannel
from tidings.channels.filling_in import check_base_url, description_of, merged_fields
from tidings.channels.lifecycle import choose_receive
from tidings.channels.models import Channel
from tidings.channels.queries import DayUse, PersonalTotal, Resting, Traffic, day_use, pause_of, resting, traffic
from tidings.channels.rotation import rotate_credentials
from tidings.channels.rules import choose_medium, hints, may_see, read_all, read_sender, state_of
from tidings.channels.standing import begin_anew
from tidings.core.addresses import LABELS
from tidings.core.clock import utc_now
from tidings.core.ids import new_id
from tidings.db.database import raw_connection
from tidings.errors import Conflict, NotFound
from tidings.providers.base import ErrorCode
from tidings.workspaces.access import system_access
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.vault import Vault
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

__all__ = [
    "ChangeChannel", "CreateChannel", "DayUse", "PersonalTotal", "Resting", "Traffic", "begin_again", "change_channel", "channel_for_sending",
    "channels_of_alerts", "create_channel", "day_use", "delete_channel", "get_channel", "list_alerts", "list_channels", "list_own_channels", "make_default",
    "medium_of_channel", "pause_of", "personal_totals", "resolve_alert", "resting", "rotate_credentials", "set_enabled", "start_again", "traffic",
]  # fmt: skip

MOST_OWN = 20
"""Personal channels of one member."""


async def list_channels(session: AsyncSession, access: Access, *, after: UUID | None = None, limit: int = 200) -> list[Channel]:
    """The workspace's channels, the oldest first. Personal ones are not among them."""
    return await queries.list_channels(session, access.workspace_id, after=after, limit=limit)


async def list_own_channels(session: AsyncSession, access: Access) -> list[Channel]:
    """The caller's personal channels, the oldest first; a key has none."""
    if access.user_id is None:
        return []
    return await queries.list_channels(session, access.workspace_id, owner_id=access.user_id, limit=MOST_OWN)


async def personal_totals(session: AsyncSession, access: Access) -> list[PersonalTotal]:
    """How many personal channels there are, by provider and state."""
    return await queries.personal_totals(session, access.workspace_id)


async def get_channel(session: AsyncSession, access: Access, channel_id: UUID, *, lock: bool = False) -> Channel:
    """One channel; with `lock`, nobody else changes it until this transaction ends. Raises NotFound."""
    return await _get(session, access, channel_id, lock=lock)


async def create_channel(session: AsyncSession, access: Access, vault: Vault, settings: Settings, command: CreateChannel) -> Channel:
    """Set up a channel, enabled. Raises Invalid with every field that is wrong, or Conflict when the name is taken."""
    description = description_of(command.provider)
    medium = choose_medium(description, command.medium)
    plain, secret, sender = read_all(description, command.fields, command.sender)
    check_base_url(settings, command.api_base_url)
    default = command.is_default
    if command.owner_id is not None:
        default = False
    elif default is None:
        default = not await queries.has_default(session, access.workspace_id, medium)
    elif default:
        await queries.clear_default(session, access.workspace_id, medium)
    channel = Channel(
        workspace_id=access.workspace_id,
        id=new_id(),
        name=command.name,
        provider=command.provider,
        medium=medium,
        sender=sender,
        settings=plain,
        credentials=vault.seal(secret),
        credential_hints=hints(secret),
        api_base_url=command.api_base_url,
        limits=dict(command.limits),
        receive=choose_receive(description, command.receive, has_address=bool(settings.public_url)),
        hook_token=secrets.token_urlsafe(24),
        is_default=default,
        enabled=True,
        owner_id=command.owner_id,
    )
    session.add(channel)
    await _flush(session, command.name)
    await record(session, access, "channel.created", "channel", channel.id, after=_told(channel))
    return channel


async def change_channel(  # noqa: PLR0917
    session: AsyncSession, access: Access, vault: Vault, settings: Settings, channel_id: UUID, command: ChangeChannel
) -> Channel:
    """Change what is given and keep the rest; secrets too are only replaced by new ones."""
    channel = await _get(session, access, channel_id, lock=True)
    had, before = _facts(channel), _told(channel)
    changed_secrets = _change_fields(channel, vault, command.fields)
    if command.receive is not None and command.receive != channel.receive:
        channel.receive = choose_receive(description_of(channel.provider), command.receive, has_address=bool(settings.public_url))
    if command.api_base_url is not None and command.api_base_url != channel.api_base_url:
        check_base_url(settings, command.api_base_url)
        channel.api_base_url = command.api_base_url
    channel.name = command.name if command.name is not None else channel.name
    if command.sender is not None and command.sender != channel.sender:  # one kept before there was a rule may stay
        channel.sender = read_sender(description_of(channel.provider), command.sender)
    channel.limits = dict(command.limits) if command.limits is not None else channel.limits
    await _flush(session, channel.name)
    changed = [name for name, value in _facts(channel).items() if value != had[name]]
    after = _told(channel)
    if changed and channel.owner_id is not None:
        after["changed"] = changed
    if changed_secrets:
        after["credentials_replaced"] = changed_secrets
    if changed_secrets or not _ITS_RUN.isdisjoint(changed):
        await begin_anew(session, channel.id, forget_cursor=bool(changed_secrets) or "api_base_url" in changed)
        await _note(session, access, channel.id, "changed")
    if after != before:
        await record(session, access, "channel.changed", "channel", channel.id, before=before, after=after)
    return channel


_ITS_RUN = frozenset({"fields", "api_base_url", "receive", "sender"})
"""What whoever runs a channel has to begin anew for."""


def _change_fields(channel: Channel, vault: Vault, changes: Mapping[str, str | None]) -> list[str]:
    """Apply changed fields and return the names of the secrets among them."""
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        return []
    plain, secret, before = merged_fields(channel, vault, given)
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
    channel = await _get(session, access, channel_id, lock=True)
    if channel.enabled != enabled:
        channel.enabled = enabled
        channel.switched_at = utc_now()
        await session.flush()
        if enabled:
            await begin_anew(session, channel.id)
        await record(session, access, "channel.enabled" if enabled else "channel.disabled", "channel", channel.id)
        await _note(session, access, channel.id, "started" if enabled else "stopped")
    return channel


async def begin_again(session: AsyncSession, access: Access, channel_id: UUID) -> Channel:
    """Have a running channel begin anew: its run, its probes, and its pauses are over."""
    channel = await _get(session, access, channel_id, lock=True)
    channel.switched_at = utc_now()
    await session.flush()
    await queries.reset_pace(session, channel.id)
    await begin_anew(session, channel.id)
    await record(session, access, "channel.begun_again", "channel", channel.id)
    await _note(session, access, channel.id, "restarted")
    return channel


async def _note(session: AsyncSession, access: Access, channel_id: UUID, kind: str) -> None:
    await note_activity(await raw_connection(session), [Happened(channel_id, kind, f"by {access.actor_label}")])


async def make_default(session: AsyncSession, access: Access, channel_id: UUID) -> Channel:
    """Make this the channel that its medium's messages go by when none is named. Raises Conflict while it is disabled."""
    channel = await _get(session, access, channel_id, lock=True)
    if not channel.enabled:
        raise Conflict(f"“{channel.name}” is disabled. Enable it first, then make it the default.")
    if channel.owner_id is not None:
        raise Conflict("A personal channel is its owner's alone: it cannot be the workspace's default.")
    if not channel.is_default:
        await queries.clear_default(session, access.workspace_id, channel.medium)
        channel.is_default = True
        await _flush(session, channel.name)
        await record(session, access, "channel.made_default", "channel", channel.id)
    return channel


async def start_again(session: AsyncSession, access: Access, channel_id: UUID, proof: str | None) -> Channel:
    """Let a stopped channel go on, after its check gave this proof; None where only its run can prove it. Its pauses are over too."""
    channel = await _get(session, access, channel_id, lock=True)
    before = {"stopped_code": channel.stopped_code, "stopped_detail": channel.stopped_detail}
    channel.stopped_code = channel.stopped_detail = channel.stopped_at = None
    if before["stopped_code"] is not None:
        channel.switched_at = utc_now()
    await session.flush()
    await queries.reset_pace(session, channel.id)
    if before["stopped_code"] is not None:
        await begin_anew(session, channel.id)
        await _note(session, access, channel.id, "restarted")
        if proof is not None:
            await queries.close_alerts(session, access.workspace_id, channel.id, ErrorCode.INVALID_CREDENTIALS)
        if channel.owner_id is not None:  # the provider's words name its bot
            await record(session, access, "channel.restarted", "channel", channel.id, before={"personal": True}, after=_told(channel))
        else:
            await record(session, access, "channel.restarted", "channel", channel.id, before=before, after={"check": proof})
    return channel


async def delete_channel(session: AsyncSession, access: Access, channel_id: UUID) -> None:
    """Delete a channel and destroy its secrets; its messages stay in the ledger. Raises Conflict while any still has to leave."""
    channel = await _get(session, access, channel_id, lock=True)
    messages, campaigns = await queries.count_unfinished(session, access.workspace_id, channel_id)
    if messages or campaigns:
        waiting = " and ".join(
            f"{count} {word}{'' if count == 1 else 's'}" for count, word in ((messages, "message"), (campaigns, "campaign")) if count
        )
        raise Conflict(f"{waiting} still have to leave by “{channel.name}”. Let them end or cancel them, then delete the channel.")
    before = _told(channel)
    channel.deleted_at = utc_now()
    channel.is_default = channel.is_central = False
    channel.credentials, channel.credential_hints = b"", {}
    await queries.forget_central_addresses(session, access.workspace_id, channel_id)
    await queries.forget_session(session, access.workspace_id, channel_id)
    if channel.owner_id is not None:  # only its owner was told, and sees it no more
        await queries.close_alerts(session, access.workspace_id, channel_id)
    channel.owner_address = channel.owner_linked_at = None
    await session.flush()
    await record(session, access, "channel.deleted", "channel", channel.id, before=before)


async def channel_for_sending(
    session: AsyncSession, workspace_id: UUID, channel_id: UUID | None, medium: str | None, *, access: Access | None = None
) -> Channel:
    """The channel to send by: the one named, or the medium's default. A stopped one is given too: its messages wait for its restart.

    A personal channel is there for its owner alone, whose `access` must be given; for all that does without one there is none.

    Raises NotFound when there is none of this id, Conflict when there is no default or the channel is disabled.
    """
    channel = await queries.channel_for_sending(session, workspace_id, channel_id, medium)
    if channel is not None and channel.owner_id is not None and (access is None or not may_see(access, channel.owner_id)):
        channel = None
    if channel is None and channel_id is not None:
        raise NotFound("There is no such channel in this workspace.")
    if channel is None:
        raise Conflict(
            f"There is no default channel for {LABELS[medium or 'sms']}. Set one up under Channels, or name a channel.",
            code="no_channel",
        )
    if not channel.enabled:
        raise Conflict(f"The channel “{channel.name}” is disabled. Enable it, or use another.", code="channel_disabled")
    return channel


async def medium_of_channel(session: AsyncSession, workspace_id: UUID, channel_id: UUID) -> str:
    """The medium a channel sends by. Raises NotFound."""
    return (await _get(session, system_access(workspace_id, "engine"), channel_id)).medium


async def _get(session: AsyncSession, access: Access, channel_id: UUID, *, lock: bool = False) -> Channel:
    channel = await queries.get_channel(session, access.workspace_id, channel_id, lock=lock)
    if channel is None or not may_see(access, channel.owner_id):
        raise NotFound("There is no such channel in this workspace.")
    return channel


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
    """What the audit log says of a channel: everything but its secrets and its hook's path, and of a personal one next to nothing."""
    facts = _facts(channel)
    if channel.owner_id is not None:
        return {"personal": True, **{name: facts[name] for name in ("provider", "medium", "state")}}
    return facts


def _facts(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "provider": channel.provider,
        "medium": channel.medium,
        "sender": channel.sender,
        "fields": channel.settings,
        "secrets": sorted(channel.credential_hints),
        "api_base_url": channel.api_base_url,
        "limits": channel.limits,
        "receive": channel.receive,
        "is_default": channel.is_default,
        "is_central": channel.is_central,
        "state": state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None),
    }
