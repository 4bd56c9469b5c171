"""What asks the provider itself: the check, the balance, the restart. No transaction is open while it is asked, so these open their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from uuid import UUID

from tidings.channels import service
from tidings.channels.filling_in import check_base_url, merged_fields
from tidings.channels.probing import note_probe, probe
from tidings.channels.runtime import RunningChannel, open_channel
from tidings.core.clock import utc_now
from tidings.db.database import raw_connection
from tidings.errors import Conflict, NotFound, Unavailable
from tidings.providers.base import Balance, ErrorCode, FetchesMedia, Links, ProviderError
from tidings.providers.http import NoAnswer, NotSent, Request

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.channels.vault import Vault
    from tidings.db.database import Database
    from tidings.providers.base import ReceivedMedia
    from tidings.providers.http import Http
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

BALANCE_KEPT = timedelta(hours=1)
_NO_PROVIDER = "This installation does not have the channel's provider any more."
MOST_HOPS = 4
"""Addresses asked for one file: services answer with a redirect to where it lies."""


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
    found = await probe(asking.http, channel)
    if not channel.provider.description.capabilities.sessions:  # those are known by the worker that holds the session
        async with asking.database.pool.acquire() as connection, connection.transaction():
            await note_probe(connection, channel, found, every_seconds=asking.settings.health_seconds)
    return Check(ok=found.ok, detail=found.detail, code=found.code)


async def check_fields(asking: Asking, access: Access, channel_id: UUID, fields: Mapping[str, str | None]) -> Check:
    """What the provider says of a channel with these fields changed, before anything is kept. Raises NotFound or Invalid."""
    async with asking.database.workspace(access.workspace_id) as session:
        channel = await service.get_channel(session, access, channel_id)
        settings, secrets, _ = merged_fields(channel, asking.vault, fields)
        check_base_url(asking.settings, channel.api_base_url)
        opened = await open_channel(await raw_connection(session), asking.vault, asking.settings, channel_id)
    if opened is None:
        raise NotFound(_NO_PROVIDER)
    candidate = replace(opened, config=replace(opened.config, settings=settings, credentials=secrets))
    found = await probe(asking.http, candidate)
    return Check(ok=found.ok, detail=found.detail, code=found.code)


async def restart_channel(asking: Asking, access: Access, channel_id: UUID) -> Channel:
    """Let a stopped channel go on once its check succeeds. Raises NotFound, or Conflict with what the provider said."""
    channel = await open_for_asking(asking, access, channel_id)
    if channel.provider.description.capabilities.sessions:
        proof = None  # before somebody links the device, which is done while the channel runs
    else:
        check = await check_channel(asking, access, channel_id)
        if not check.ok:
            raise Conflict(f"The channel stays stopped, its messages wait. The check failed: {check.detail}", code=check.code)
        proof = check.detail
    async with asking.database.workspace(access.workspace_id) as session:
        return await service.start_again(session, access, channel_id, proof)


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


async def ask_link(asking: Asking, access: Access, channel_id: UUID, code: str) -> str:
    """The address that a person opens to link their chat. Raises NotFound, or Conflict when the channel has no such thing or cannot say."""
    channel = await open_for_asking(asking, access, channel_id)
    label = channel.provider.description.label
    if not isinstance(channel.provider, Links):
        raise Conflict(f"{label} has no links by which a person joins their chat. Add their address by hand.", code="unsupported")
    try:
        return await channel.provider.link(asking.http, channel.config, code)
    except ProviderError as error:
        raise Conflict(f"{label} gave no link: {error.detail}", code=error.code) from error


async def fetch_media(asking: Asking, access: Access, channel_id: UUID, media: ReceivedMedia) -> bytes:
    """A file that a person sent by a channel, from the provider or from its address.

    Raises NotFound when the channel is gone, Conflict with what the provider said, Unavailable when nobody answers.
    """
    channel = await open_for_asking(asking, access, channel_id)
    most = asking.settings.media_limit_bytes
    if media.size is not None and media.size > most:
        raise Conflict(f"The file has {media.size:,} bytes; {most:,} are the most that this installation fetches.", code="too_large")
    try:
        if isinstance(channel.provider, FetchesMedia):
            return await channel.provider.fetch_media(asking.http, channel.config, media, max_bytes=most)
        return await _download(asking.http, media.url, most)
    except ProviderError as error:
        raise Conflict(f"{channel.provider.description.label} did not give the file: {error.detail}", code=error.code) from error
    except (NotSent, NoAnswer) as error:
        raise Unavailable(f"The file could not be fetched: {error.detail}. Try again later.", retry_after=30) from error


async def _download(http: Http, url: str, most: int) -> bytes:
    """A file from an address that came from outside: every hop of the way must lead to the public internet."""
    for _ in range(MOST_HOPS):
        answer = await http.ask(Request(method="GET", url=url, headers={"accept": "*/*"}, guarded=True, max_answer_bytes=most))
        if answer.status not in {301, 302, 303, 307, 308}:
            break
        url = urljoin(url, answer.headers.get("location", ""))
    if answer.status != 200:
        raise ProviderError(ErrorCode.UNREACHABLE, f"its address answered with status {answer.status}")
    return answer.body


async def open_for_asking(asking: Asking, access: Access, channel_id: UUID) -> RunningChannel:
    """The channel, fit to be asked. Raises NotFound, or Conflict where not even a question may be put."""
    async with asking.database.workspace(access.workspace_id) as session:
        await service.get_channel(session, access, channel_id)
        channel = await open_channel(await raw_connection(session), asking.vault, asking.settings, channel_id)
    if channel is None:
        raise NotFound(_NO_PROVIDER)
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
