"""The JSON edge of who is on what: personal channels and central addresses, for those who run the workspace."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tidings.channels import overview, service
from tidings.channels.schemas import ChannelId, State
from tidings.core.cursor import read_cursor, write_cursor
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Id, Limit, Page, PlainText, problems

Writer = Annotated[Scope, require(Permission.CHANNELS_WRITE)]


class TotalOutput(BaseModel):
    """How many personal channels stand where."""

    provider: str
    state: State
    channels: int
    owners: int = Field(description="Members who own them.")


class TotalsOutput(BaseModel):
    """The personal channels of the workspace, counted."""

    channels: int
    active_members: int = Field(description="Members with a channel of their own that is on, linked and not stopped.")
    failed_24h: int = Field(description="Messages by personal channels that failed in the last 24 hours.")
    still_central: int = Field(description="Members on a central channel who have none of their own in its place yet.")
    items: list[TotalOutput]


class OnWhatOutput(BaseModel):
    """One member on one channel. Of a personal one neither its name nor anything it carries is told."""

    member: Annotated[UUID, Id("usr")]
    email: str
    name: str
    kind: Literal["own", "central"] = Field(description="A channel of their own, or a central one that keeps their old address.")
    channel: ChannelId | None = Field(description="The central channel; null for a personal one.")
    provider: str
    medium: str
    state: State
    joined: bool = Field(description="Whether the member's chat, or their phone, is linked to it.")
    moved: bool | None = Field(description="Of a central one: whether the member has one of their own for its medium by now.")
    last_used_at: datetime | None = Field(description="Of a personal one.")

    @classmethod
    def of(cls, one: overview.OnWhat) -> OnWhatOutput:
        return cls(
            member=one.user_id, email=one.email, name=one.name, kind=one.kind, provider=one.provider, medium=one.medium, state=one.state,
            channel=one.channel_id if one.kind == "central" else None, joined=one.joined, moved=one.moved, last_used_at=one.last_used_at,
        )  # fmt: skip


def add_routes(router: APIRouter) -> None:
    """Counts and the table."""

    @router.get("/personal-channels", tags=["Channels"], responses=problems())
    async def count_personal(scope: Writer) -> TotalsOutput:
        """Count the members' personal channels, and who is still on a central one."""
        all_of_them = await overview.count_all(scope.session, scope.access)
        totals = await service.personal_totals(scope.session, scope.access)
        items = [{"provider": one.provider, "state": one.state, "channels": one.channels, "owners": one.owners} for one in totals]
        return TotalsOutput.model_validate({
            "channels": all_of_them.channels, "active_members": all_of_them.active_members, "failed_24h": all_of_them.failed_24h,
            "still_central": all_of_them.still_central, "items": items,
        })  # fmt: skip

    @router.get("/personal-channels/members", tags=["Channels"], responses=problems())
    async def list_members_channels(
        scope: Writer,
        search: Annotated[PlainText, Query(max_length=200, description="Part of a name or an e-mail address.")] = "",
        only: Annotated[
            overview.Only | None, Query(description="Own channels, those on a central one, or of these who have not moved yet.")
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OnWhatOutput]:
        """List who is on what, by e-mail address: own channels, and old addresses on central ones. Needs `members:read`, too."""
        after = read_cursor(cursor, tuple[str, UUID]) if cursor else None
        found = await overview.list_members(scope.session, scope.access, search=search, only=only, after=after, limit=limit + 1)
        shown = found[:limit]
        more = write_cursor(shown[-1].email, shown[-1].channel_id) if len(found) > limit else None
        return Page(items=[OnWhatOutput.of(one) for one in shown], next_cursor=more)
