"""What asks the provider itself: the check, the balance, the restart. No transaction is open while it is asked, so these open their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import service
from tidings.channels.runtime import RunningChannel, open_channel
from tidings.core.clock import utc_now
from tidings.db.database import raw_connection
from tidings.errors import Conflict, NotFound
from tidings.providers.base import Balance, ProviderError

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.channels.vault import Vault
    from tidings.db.database import Database
    from tidings.providers.http import Http
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

BALANCE_KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What asking a provider takes; one for each process."""

    database: Database
    vault: Vault
    settings: Settings
    http: Http


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a check proved, or why it failed."""

    ok: bool
    detail: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBalance:
    """A balance and when the provider gave it."""

    balance: Balance
    at: datetime


async def check_channel(asking: Asking, access: Access, channel_id: UUID) -> Check:
    """Prove a channel's configuration with a free request to its provider. Raises NotFound."""
    channel = await open_for_asking(asking, access, channel_id)
    try:
        return Check(ok=True, detail=await channel.provider.check(asking.http, channel.config))
    except ProviderError as error:
        return Check(ok=False, detail=error.detail, code=error.code)


async def restart_channel(asking: Asking, access: Access, channel_id: UUID) -> Channel:
    """Let a stopped channel go on once its check succeeds. Raises NotFound, or Conflict with what the provider said."""
    check = await check_channel(asking, access, channel_id)
    if not check.ok:
        raise Conflict(f"The channel stays stopped, its messages wait. The check failed: {check.detail}", code=check.code)
    async with asking.database.workspace(access.workspace_id) as session:
        return await service.start_again(session, access, channel_id, check.detail)


async def read_balance(asking: Asking, access: Access, channel_id: UUID, *, refresh: bool = False) -> KnownBalance:
    """What the account has left: as known, when that is not older than an hour, or asked anew.

    Raises NotFound, or Conflict when the provider has no such thing or cannot say.
    """
    async with asking.database.workspace(access.workspace_id) as session:
        known = _known(await service.get_channel(session, access, channel_id))
    if known is not None and not refresh:
        return known
    channel = await open_for_asking(asking, access, channel_id)
    description = channel.provider.description
    if not description.capabilities.balance:
        raise Conflict(f"{description.label} tells no balance.", code="unsupported")
    try:
        fresh = await channel.provider.balance(asking.http, channel.config)
    except ProviderError as error:
        raise Conflict(f"{description.label} did not tell the balance: {error.detail}", code=error.code) from error
    return await _keep(asking, access, channel_id, fresh)


async def open_for_asking(asking: Asking, access: Access, channel_id: UUID) -> RunningChannel:
    """The channel, fit to be asked. Raises NotFound, or Conflict where not even a question may be put."""
    async with asking.database.workspace(access.workspace_id) as session:
        await service.get_channel(session, access, channel_id)
        channel = await open_channel(await raw_connection(session), asking.vault, asking.settings, channel_id)
    if channel is None:
        raise NotFound("This installation does not have the channel's provider any more.")
    if channel.reason and not channel.usable:
        raise Conflict(channel.reason)
    return channel


async def _keep(asking: Asking, access: Access, channel_id: UUID, balance: Balance) -> KnownBalance:
    now = utc_now()
    async with asking.database.workspace(access.workspace_id) as session:
        channel = await service.get_channel(session, access, channel_id)
        channel.balance_micros, channel.balance_currency, channel.balance_at = balance.micros, balance.currency, now
        await session.flush()
    return KnownBalance(balance=balance, at=now)


def _known(channel: Channel) -> KnownBalance | None:
    if channel.balance_at is None or channel.balance_micros is None or channel.balance_currency is None:
        return None
    if utc_now() - channel.balance_at > BALANCE_KEPT:
        return None
    return KnownBalance(balance=Balance(micros=channel.balance_micros, currency=channel.balance_currency), at=channel.balance_at)
