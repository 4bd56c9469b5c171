"""A configuration tried with one real request before it is saved, where a person makes it up: HTTP gateways.

Nothing is kept of it but a line in the audit log. A request that was accepted gives a proof, by which the form knows that exactly this
configuration has been tested. No transaction is open while the request is under way.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.channels.filling_in import check_base_url, description_of, merged_fields
from tidings.channels.rules import choose_medium, hook_url, read_all, read_sender
from tidings.channels.service import ChangeChannel, CreateChannel, get_channel
from tidings.contacts.service import is_opted_out
from tidings.contacts.workspace_region import default_region
from tidings.core.addresses import BadAddress, clean_address
from tidings.core.ids import new_id, show_id
from tidings.db.database import raw_connection
from tidings.errors import Conflict, FieldError, Invalid
from tidings.providers import PROVIDERS
from tidings.providers.base import Accepted, ChannelConfig, Outgoing, Tried, TriesOut
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.asking import Asking
    from tidings.channels.models import Channel
    from tidings.channels.vault import Vault
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

PURPOSE = "tested configurations"
PROOF_SECONDS = 3_600
"""A test that is older says little of the service as it is now."""
TEST_TEXT = "This is a test message from Tidings. Your channel works."


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A channel as it would be saved."""

    workspace_id: UUID
    kind: str
    medium: str
    sender: str
    api_base_url: str
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    hook_url: str = field(default="", repr=False)

    def same(self) -> bytes:
        """What is equal exactly where two would send and be read alike."""
        untried = {one.name for one in PROVIDERS[self.kind].description.fields if not one.tried}
        settings = sorted((name, value) for name, value in self.settings.items() if name not in untried)
        parts = (str(self.workspace_id), self.kind, self.medium, self.sender, self.api_base_url, settings, sorted(self.secrets.items()))
        return msgspec.json.encode(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedOut:
    """What a try showed."""

    to: str
    tried: Tried
    proof: str
    """Empty unless the message was accepted."""

    @property
    def ok(self) -> bool:
        return isinstance(self.tried.outcome, Accepted)


def can_try(kind: str) -> bool:
    """Whether channels of this provider are tried before they are saved."""
    return isinstance(PROVIDERS.get(kind), TriesOut)


async def candidate_of(
    session: AsyncSession, access: Access, vault: Vault, settings: Settings, command: CreateChannel | ChangeChannel,
    *, channel_id: UUID | None = None,
) -> Candidate:  # fmt: skip
    """The channel as this command would make it. Raises Invalid with every field that is wrong, or NotFound."""
    if isinstance(command, CreateChannel):
        description = description_of(command.provider)
        plain, secret, sender = read_all(description, command.fields, command.sender)
        check_base_url(settings, command.api_base_url)
        return Candidate(
            workspace_id=access.workspace_id, kind=command.provider, medium=choose_medium(description, command.medium),
            sender=sender, api_base_url=command.api_base_url, settings=plain, secrets=secret,
            # Its own address is made when it is saved.
            hook_url=hook_url(settings.public_url, "not-saved-yet"),
        )  # fmt: skip
    assert channel_id is not None
    channel = await get_channel(session, access, channel_id)
    plain, secret, _ = merged_fields(channel, vault, command.fields)
    provider_card = description_of(channel.provider)
    base = channel.api_base_url if command.api_base_url is None else command.api_base_url
    if base != channel.api_base_url:
        check_base_url(settings, base)
    return Candidate(
        workspace_id=access.workspace_id, kind=channel.provider, medium=channel.medium,
        sender=channel.sender if command.sender in {None, channel.sender} else read_sender(provider_card, command.sender or ""), api_base_url=base, settings=plain, secrets=secret,
        hook_url=hook_url(settings.public_url, channel.hook_token),
    )  # fmt: skip


async def try_out(
    asking: Asking, access: Access, command: CreateChannel | ChangeChannel, *, channel_id: UUID | None = None, to: str, text: str = TEST_TEXT
) -> TriedOut:  # fmt: skip
    """Send one message by a channel as it would be saved. Raises Invalid, NotFound, or Conflict where nothing may be sent."""
    async with asking.database.workspace(access.workspace_id) as session:
        candidate = await candidate_of(session, access, asking.vault, asking.settings, command, channel_id=channel_id)
        provider = PROVIDERS[candidate.kind]
        if not isinstance(provider, TriesOut):
            label = provider.description.label
            raise Conflict(f"{label} channels are not tried before they are saved. Save it, then use its check.", code="unsupported")
        address = await _address(session, access, candidate.medium, to)
    config = ChannelConfig(
        sender=candidate.sender, settings=candidate.settings, credentials=candidate.secrets, api_base_url=candidate.api_base_url,
        hook_url=candidate.hook_url,
    )  # fmt: skip
    tried = await provider.try_out(asking.http, config, Outgoing(id=show_id("msg", new_id()), to=address, text=text))
    done = TriedOut(to=address, tried=tried, proof="")
    async with asking.database.workspace(access.workspace_id) as session:
        told = {"to": address, "provider": candidate.kind, "before_saving": True, "accepted": done.ok}
        await record(session, access, "channel.tested", "channel", channel_id, after=told)
    return TriedOut(to=address, tried=tried, proof=prove(asking.vault, candidate)) if done.ok else done


def prove(vault: Vault, candidate: Candidate) -> str:
    """Words by which this configuration is known to have been tested, for an hour."""
    until = f"{int(time.time()) + PROOF_SECONDS}"
    return f"{until}.{_sign(vault.derive(PURPOSE), until, candidate)}"


def is_proved(vault: Vault, candidate: Candidate, proof: str) -> bool:
    """Whether they are of exactly this configuration, and not too old."""
    until, _, given = proof.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 15 and int(until) > time.time()):
        return False
    signed = [_sign(key, until, candidate) for key in vault.derive_all(PURPOSE)]
    return any(secrets.compare_digest(one.encode(), given.encode("utf-8", "replace")) for one in signed)


def candidate_as_saved(channel: Channel, vault: Vault) -> Candidate:
    """What is saved of a channel now."""
    plain, secret, _ = merged_fields(channel, vault, {})
    return Candidate(
        workspace_id=channel.workspace_id, kind=channel.provider, medium=channel.medium, sender=channel.sender,
        api_base_url=channel.api_base_url, settings=plain, secrets=secret,
    )  # fmt: skip


def _sign(key: bytes, until: str, candidate: Candidate) -> str:
    return hmac.new(key, until.encode() + b"." + candidate.same(), hashlib.sha256).hexdigest()


async def _address(session: AsyncSession, access: Access, medium: str, to: str) -> str:
    connection = await raw_connection(session)
    try:
        address = clean_address(medium, to, await default_region(connection, access.workspace_id))
    except BadAddress as error:
        raise Invalid(
            f"The test cannot go to “{to[:50]}”: the address {error.reason}.", errors=(FieldError("to", error.reason),)
        ) from error
    if await is_opted_out(connection, access.workspace_id, medium, address):
        raise Conflict(f"{address} has opted out. Nothing was sent; name another number.", code="opted_out")
    return address
