"""Channels as pages show them: plain values, made once, drawn in several places."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Request

from tidings.channels import service
from tidings.channels.asking import Asking
from tidings.channels.models import Channel
from tidings.channels.queries import DayUse, Resting, Traffic
from tidings.channels.rules import merged_limits, state_of
from tidings.channels.standing import Standing, standings
from tidings.core.ids import show_id
from tidings.errors import NotFound
from tidings.providers import PROVIDERS, logo
from tidings.providers.base import Description, Limits
from tidings.workspaces.wire import PathId

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

ChannelPath = Annotated[UUID, PathId("chn")]
NOTHING_YET = Traffic(sent=0, delivered=0, failed=0, received=0, waiting=0)
MENDING = {
    "insufficient_balance": "Top up the account at {provider}, then start the channel again.",
    "unhealthy": "Nothing, if {provider} has an outage: it goes on by itself. Otherwise look at the channel's settings.",
    "invalid_credentials": "A key, a password, a sender or a setting is not right any more. Put the right one in under Edit, then start the "
    "channel again.",
    "credentials_sealed": "Nothing at {provider} is wrong. Whoever runs this server has to put its keys back; the channel then goes on by itself.",
}
"""What to do, by the code of the fault."""
LINK_AGAIN = "Press Start again, and scan the new code with the phone."
"""The same where a phone is linked: there is no key to put in."""


TEST_TO = {
    "email": ("you@example.com", "An address of your own."),
    "telegram": ("254711000", "The number of a chat with the bot: open the bot, press Start, and the number stands under Messages."),
    "slack": ("C024BE91L", "The id of a Slack channel that the app is in, or of a person."),
    "discord": ("1134567890123456789", "The id of a Discord channel."),
    "chat": ("team", "Whom the service calls so. Any word, where the channel's address names the one it goes to."),
}
"""By medium: how somebody to test with is written, and who that can be."""
PHONE_TO = ("+254712345678", "A number of your own.")
MENDING_OWN = {
    "invalid_credentials": "Look up the current {secret} at {provider} and type it in {place}: the channel goes on as soon as {provider} accepts it.",
    "logged_out": "Start the channel again, then scan the code that appears {place} with your phone.",
}
"""The same for the owner of a personal channel, who need not know what credentials are."""


def card_of(kind: str) -> Description:
    """The provider's card. Raises NotFound when this installation lacks it."""
    if kind not in PROVIDERS:
        raise NotFound("This installation has no such provider.")
    return PROVIDERS[kind].description


def address_of(description: Description, channel: Channel | None) -> str:
    """Where the form of a channel lives, be it there or not yet."""
    return f"/channels/{show_id('chn', channel.id)}" if channel else f"/channels/new/{description.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChannel:
    """One channel with what does not stand on its row."""

    channel: Channel
    traffic: Traffic
    resting: Resting | None
    standing: Standing | None = None
    day: DayUse | None = None

    @property
    def id(self) -> str:
        return show_id("chn", self.channel.id)

    @property
    def address(self) -> str:
        return f"/channels/{self.id}"

    @property
    def description(self) -> Description | None:
        """None when this installation does not have the provider any more."""
        return PROVIDERS[self.channel.provider].description if self.channel.provider in PROVIDERS else None

    @property
    def provider_name(self) -> str:
        return self.description.label if self.description else self.channel.provider

    @property
    def test_to(self) -> tuple[str, str]:
        """Whom a test can go to: an example, and a sentence."""
        example, words = TEST_TO.get(self.channel.medium, PHONE_TO)
        hours = self.description.capabilities.window_hours if self.description else None
        first = f" Write from it to this channel first: WhatsApp takes a text like this for {hours:g} hours after that." if hours else ""
        return example, words + first

    @property
    def logo(self) -> str:
        return logo_address(self.channel.provider)

    @property
    def state(self) -> str:
        state = state_of(enabled=self.channel.enabled, stopped=self.channel.stopped_at is not None)
        if state == "active" and self.resting is not None:
            return "holding" if self.resting.failing else "paused"
        if state == "active" and self.standing is not None and self.standing.actual.state in {"starting", "degraded"}:
            return self.standing.actual.state
        return state

    @property
    def limits(self) -> Limits:
        return merged_limits(self.description.limits if self.description else Limits(per_second=None), self.channel.limits)

    @property
    def day_free_at(self) -> datetime | None:
        """When sending goes on, where the cap on 24 hours is reached."""
        cap = self.limits.per_day
        return self.day.free_at(cap) if self.day is not None and cap is not None else None

    @property
    def what_to_do(self) -> str:
        """How to mend a stopped channel."""
        return self.mending(self.channel.stopped_code or "")

    def mending(self, code: str) -> str:
        """How to mend what has this code."""
        if code == "invalid_credentials" and self.description is not None and self.description.capabilities.sessions:
            return LINK_AGAIN
        return what_to_do(code, self.provider_name)


SPOKEN = {"Apprise": "the service", "Email": "the mail service", "HTTP gateway": "the gateway", "Sandbox": "the sandbox"}
"""Providers whose label is no name of a company: how a sentence calls them."""


def what_to_do(code: str, provider_name: str) -> str:
    """How to mend a channel that stopped with this code."""
    name = SPOKEN.get(provider_name, provider_name)
    return MENDING.get(code, "Mend what {provider} complains about, then start the channel again.").format(provider=name)


def what_owner_does(channel: Channel, code: str, place: str) -> str:
    """How its owner mends a personal channel; `place` is where they type in or see what it takes."""
    description = PROVIDERS[channel.provider].description if channel.provider in PROVIDERS else None
    provider_name = description.label if description else channel.provider
    secret = next((one.label for one in description.fields if one.secret), "") if description else ""
    if code == "invalid_credentials" and description is not None and description.capabilities.sessions:
        code = "logged_out"
    if code not in MENDING_OWN:
        return what_to_do(code, provider_name)
    return MENDING_OWN[code].format(secret=secret[:1].lower() + secret[1:], provider=provider_name, place=place)


def own_address(channel_id: UUID) -> str:
    """Where the owner of a personal channel looks after it."""
    return f"/my-channels/{show_id('chn', channel_id)}"


@cache
def logo_address(kind: str) -> str:
    """A provider's picture as a data: address, which needs no request; empty where there is none."""
    if kind not in PROVIDERS:
        return ""
    return "data:image/svg+xml;base64," + base64.b64encode(logo(kind).read_bytes()).decode()


async def show_channels(session: AsyncSession, access: Access, channels: list[Channel]) -> list[ShownChannel]:
    """The same channels with their traffic, rests, days and standings, in four queries."""
    ids = [one.id for one in channels]
    traffic = await service.traffic(session, access.workspace_id, ids) if ids else {}
    resting = await service.resting(session, ids) if ids else {}
    days = await service.day_use(session, access.workspace_id, ids) if ids else {}
    known = await standings(session, channels)
    return [
        ShownChannel(
            channel=one,
            traffic=traffic.get(one.id, NOTHING_YET),
            resting=resting.get(one.id),
            day=days.get(one.id),
            standing=known.get(one.id),
        )
        for one in channels
    ]


async def show_channel(session: AsyncSession, access: Access, channel_id: UUID) -> ShownChannel:
    """One channel. Raises NotFound."""
    return (await show_channels(session, access, [await service.get_channel(session, access, channel_id)]))[0]


def asking_of(request: Request) -> Asking:
    """What asking a provider takes, from the app."""
    state = request.app.state
    return Asking(database=state.database, vault=state.vault, settings=state.settings, http=state.http)
