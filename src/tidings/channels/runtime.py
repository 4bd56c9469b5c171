"""A channel as the engine and the hooks use it: opened, with its limits, on bare asyncpg connections of the engine's role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import structlog

from tidings.channels.activity import Happened, note_activity
from tidings.channels.rules import RetryPolicy, hook_url, merged_limits, retry_policy, senders_at_once
from tidings.channels.vault import Vault, VaultError
from tidings.providers import PROVIDERS
from tidings.providers.base import ChannelConfig, Limits, Provider

if TYPE_CHECKING:
    import asyncpg

    from tidings.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningChannel:
    """One channel with its credentials open. Kept for no longer than it is used."""

    id: UUID
    workspace_id: UUID
    name: str
    medium: str
    provider: Provider
    config: ChannelConfig = field(repr=False)
    limits: Limits
    receive: str = "hook"
    retry: RetryPolicy
    senders_at_once: int | None = None
    """So many channels of this provider may send at the same moment in this workspace; None for no such limit."""
    hook_url: str = field(repr=False)
    """The public address of its receipts and inbound; empty where none is set."""
    sendable: bool
    reason: str | None = None
    """Why nothing may be sent, where `sendable` is False."""
    sealed: bool = False
    """Its secrets cannot be opened with the keys at hand."""
    usable: bool = True
    """False when not even a question may be asked: its secrets are sealed, or its address is not allowed."""

    @property
    def kind(self) -> str:
        """The provider's."""
        return self.provider.description.kind


async def open_channel(connection: asyncpg.Connection, vault: Vault, settings: Settings, channel_id: UUID) -> RunningChannel | None:
    """The channel, ready to use; None when it was deleted or this installation lacks its provider."""
    return await _open(connection, await connection.fetchrow(f"{_SELECT} c.id = $1", channel_id), vault, settings)


async def open_channel_of_hook(connection: asyncpg.Connection, vault: Vault, settings: Settings, hook_token: str) -> RunningChannel | None:
    """The channel whose hook this is; None when there is none."""
    return await _open(connection, await connection.fetchrow(f"{_SELECT} c.hook_token = $1", hook_token), vault, settings)


async def stop_channel(connection: asyncpg.Connection, channel_id: UUID, code: str, detail: str) -> bool:
    """Stop a channel until its owner mends it, and raise one alert. False when it was stopped or deleted before."""
    stopped = await connection.fetchrow(_STOP, channel_id, code, detail[:500])
    if stopped is None:
        return False
    await raise_alert(connection, stopped["workspace_id"], channel_id, code, f"Channel “{stopped['name']}” stopped: {detail[:500]}")
    await note_activity(connection, [Happened(channel_id, "failed", detail)])
    log.warning("channel_stopped", channel_id=str(channel_id), code=str(code), detail=detail)
    return True


async def note_channel_works(connection: asyncpg.Connection, channel_id: UUID) -> None:
    """Something went through: the channel's alerts are over, and the next trouble will be told again."""
    await connection.execute(_WORKS, channel_id)


# JSON as text: connections under a session would decode it by themselves, bare ones would not.
_SELECT = """
    SELECT c.id, c.workspace_id, c.name, c.medium, c.provider, c.sender, c.settings::text, c.credentials, c.api_base_url, c.limits::text,
           c.hook_token, c.receive, c.enabled, c.stopped_code, c.stopped_detail, w.settings::text AS workspace_settings
    FROM channels c JOIN workspaces w ON w.id = c.workspace_id
    WHERE c.deleted_at IS NULL AND
"""
_STOP = """
    UPDATE channels SET stopped_code = $2, stopped_detail = $3, stopped_at = now(), updated_at = now()
    WHERE id = $1 AND stopped_at IS NULL AND deleted_at IS NULL
    RETURNING workspace_id, name
"""
# An alert still open has been told already: the channel has not worked since.
_ALERT = """
    INSERT INTO alerts (workspace_id, channel_id, kind, message) VALUES ($1, $2, $3, $4)
    ON CONFLICT (workspace_id, channel_id, kind) WHERE resolved_at IS NULL DO NOTHING
"""
# A send that was in the air when the channel stopped proves nothing, so alerts of a stopped channel stay.
_WORKS = """
    WITH used AS (
        UPDATE channels SET last_used_at = now()
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    )
    UPDATE alerts a SET resolved_at = now()
    FROM channels c
    WHERE c.id = $1 AND c.stopped_at IS NULL AND a.workspace_id = c.workspace_id AND a.channel_id = c.id AND a.resolved_at IS NULL
"""


async def raise_alert(connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID, kind: str, message: str) -> bool:
    """Tell the channel's owner, unless they have been told and it has not worked since."""
    return str(await connection.execute(_ALERT, workspace_id, channel_id, kind, message)).endswith(" 1")


async def _open(connection: asyncpg.Connection, row: asyncpg.Record | None, vault: Vault, settings: Settings) -> RunningChannel | None:
    opened = _opened(row, vault, settings)
    if opened is not None and opened.sealed:
        # Not stopped: the operator's missing key is no fault of the channel, and with its return all channels go on.
        told = f"Channel “{opened.name}” cannot be used: {opened.reason}"
        if await raise_alert(connection, opened.workspace_id, opened.id, "credentials_sealed", told):
            log.error("credentials_sealed", channel_id=str(opened.id), detail=opened.reason)
    return opened


def _opened(row: asyncpg.Record | None, vault: Vault, settings: Settings) -> RunningChannel | None:
    provider = PROVIDERS.get(row["provider"]) if row else None
    if row is None or provider is None:
        return None
    unusable, sealed = None, False
    credentials: dict[str, str] = {}
    try:
        credentials = vault.open(row["credentials"])
    except VaultError as error:
        unusable, sealed = error.detail, True
    if not unusable and row["api_base_url"] and not settings.may_override_base_url(row["api_base_url"]):
        # Never the provider's own address instead: messages meant for a test server would reach people.
        unusable = "The channel's API address is not among those that the operator allows (TIDINGS_ALLOWED_API_BASE_URLS)."
    reason = unusable or _not_sending(row)
    url = hook_url(settings.public_url, row["hook_token"])
    workspace_settings = msgspec.json.decode(row["workspace_settings"])
    return RunningChannel(
        id=row["id"],
        workspace_id=row["workspace_id"],
        name=row["name"],
        medium=row["medium"],
        provider=provider,
        config=ChannelConfig(
            sender=row["sender"],
            settings=msgspec.json.decode(row["settings"]),
            credentials=credentials,
            api_base_url=row["api_base_url"],
            hook_url=url,
            channel_id=str(row["id"]),
        ),
        limits=merged_limits(provider.description.limits, msgspec.json.decode(row["limits"])),
        receive=row["receive"],
        retry=retry_policy(workspace_settings),
        senders_at_once=senders_at_once(provider.description, workspace_settings),
        hook_url=url,
        sendable=reason is None,
        reason=reason,
        sealed=sealed,
        usable=unusable is None,
    )


def _not_sending(row: asyncpg.Record) -> str | None:
    if not row["enabled"]:
        return "The channel is disabled."
    if row["stopped_code"] is not None:
        return f"The channel is stopped: {row['stopped_detail']}"
    return None
