"""The JSON edge of members' addresses on a central channel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tidings.channels import central
from tidings.channels.central_list import MOST_LINES, Line
from tidings.core.cursor import read_cursor, write_cursor
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Id, Limit, Page, PathId, PlainText, problems

ChannelPath = Annotated[UUID, PathId("chn")]
Writer = Annotated[Scope, require(Permission.CHANNELS_WRITE)]
Text = Annotated[PlainText, Field(min_length=1, max_length=320)]


class CentralAddressInput(BaseModel):
    """A member and their address on the channel."""

    model_config = ConfigDict(extra="forbid")

    email: Text = Field(description="Of a member of this workspace.", examples=["ada@example.com"])
    address: Text = Field(description="As the channel's medium writes it: a chat id, a phone number.", examples=["123456789"])


class CentralAddressesInput(BaseModel):
    """Addresses to keep. Members who are not named keep what they have."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"items": [{"email": "ada@example.com", "address": "123456789"}]}]}
    )

    items: list[CentralAddressInput] = Field(min_length=1, max_length=MOST_LINES)


class RefusedOutput(BaseModel):
    """What could not be kept, and why."""

    email: str
    address: str
    reason: str = Field(examples=["Nobody of this e-mail address is a member here. Invite them first."])


class KeptOutput(BaseModel):
    """What became of the list."""

    added: int
    changed: int
    unchanged: int
    refused: list[RefusedOutput]

    @classmethod
    def of(cls, kept: central.Kept) -> KeptOutput:
        refused = [RefusedOutput(email=one.email, address=one.address, reason=one.reason) for one in kept.refused]
        return cls(added=kept.added, changed=kept.changed, unchanged=kept.unchanged, refused=refused)


class CentralAddressOutput(BaseModel):
    """Where one member is reached by the central channel."""

    member: Annotated[UUID, Id("usr")]
    email: str
    name: str
    address: str
    moved: bool = Field(description="Whether they have a channel of their own for its medium by now that is on and linked.")
    kept_at: datetime

    @classmethod
    def of(cls, one: central.CentralAddress) -> CentralAddressOutput:
        return cls(member=one.user_id, email=one.email, name=one.name, address=one.address, moved=one.moved, kept_at=one.kept_at)


def add_routes(router: APIRouter) -> None:
    """The addresses kept on one channel."""

    @router.get("/{channel_id}/central-addresses", responses=problems(404))
    async def list_central_addresses(
        channel_id: ChannelPath, scope: Writer, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[CentralAddressOutput]:
        """List the members whose old address on this channel is kept, by e-mail address. Needs `members:read`, too."""
        after = read_cursor(cursor, tuple[str])[0] if cursor else None
        found = await central.list_addresses(scope.session, scope.access, channel_id, after=after, limit=limit + 1)
        items = [CentralAddressOutput.of(one) for one in found[:limit]]
        return Page(items=items, next_cursor=write_cursor(items[-1].email) if len(found) > limit else None)

    @router.put("/{channel_id}/central-addresses", responses=problems(404, 409))
    async def keep_central_addresses(channel_id: ChannelPath, body: CentralAddressesInput, scope: Writer) -> KeptOutput:
        """Keep members' addresses on a central channel; another one replaces what was kept. Needs `members:read`, too.

        What cannot be kept is told line by line and hinders no other line. Sent again, it changes nothing.
        """
        lines = [Line(one.email, one.address) for one in body.items]
        return KeptOutput.of(await central.keep_addresses(scope.session, scope.access, channel_id, lines))

    @router.delete("/{channel_id}/central-addresses/{user_id}", status_code=204, responses=problems(404))
    async def remove_central_address(channel_id: ChannelPath, user_id: Annotated[UUID, PathId("usr")], scope: Writer) -> Response:
        """Forget a member's address on this channel."""
        await central.remove_address(scope.session, scope.access, channel_id, user_id)
        return Response(status_code=204)
