"""The JSON edge of standing sessions: where one stands, now and as it changes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from tidings.channels.session_events import Streams
from tidings.channels.sessions import ShownSession, get_session, qr_picture, qr_svg
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId, problems

ChannelPath = Annotated[UUID, PathId("chn")]


class SessionOutput(BaseModel):
    """Where a linked device stands. The codes are there for `channels:write` only: whoever scans one links a phone."""

    state: Literal["none", "connecting", "pairing", "connected", "logged_out"] = Field(
        description="`none`: the provider keeps no session, or no worker has begun it yet. `pairing`: somebody has to scan the code or type it on the phone. "
        "`logged_out`: the phone ended the link; start the channel again to link it anew."
    )
    detail: str
    qr: str | None = Field(description="The text of the QR code.")
    qr_svg: str | None = Field(description="The code as a picture: an SVG document.")
    qr_png: str | None = Field(description="The same as a PNG in a `data:` address.")
    pairing_code: str | None = Field(description="What to type on the phone instead of scanning.", examples=["ABCD-1234"])
    address: str | None = Field(description="Whom the session speaks as.", examples=["+254711000123"])
    updated_at: datetime | None

    @classmethod
    def of(cls, shown: ShownSession) -> SessionOutput:
        return cls(
            state=shown.state,
            detail=shown.detail,
            qr=shown.qr or None,
            qr_svg=qr_svg(shown.qr) if shown.qr else None,
            qr_png=qr_picture(shown.qr, "png") if shown.qr else None,
            pairing_code=shown.pairing_code or None,
            address=shown.address or None,
            updated_at=shown.updated_at,
        )


def add_routes(router: APIRouter) -> None:
    """The routes, below `/channels`."""
    streams = Streams()

    @router.get("/{channel_id}/session", responses=problems(404))
    async def get_channel_session(channel_id: ChannelPath, scope: Annotated[Scope, require(Permission.CHANNELS_READ)]) -> SessionOutput:
        """Show where the channel's standing session stands, with the QR code while it waits for a phone."""
        return SessionOutput.of(await get_session(scope.session, scope.access, channel_id, with_codes=_may_link(scope.access)))

    @router.get(
        "/{channel_id}/session/events",
        response_class=Response,
        responses={
            200: {
                "description": "Server-sent events: the session as JSON, at once and whenever it changes.",
                "content": {"text/event-stream": {}},
            },
            **problems(404),
        },
    )
    async def follow_channel_session(
        channel_id: ChannelPath, request: Request, access: Annotated[Access, require_access(Permission.CHANNELS_READ)]
    ) -> Response:
        """Follow the session through server-sent events. The stream ends after ten minutes; connect again to go on."""
        return await streams.answer(request.app.state.database, access, channel_id, _json, with_codes=_may_link(access))


def _json(shown: ShownSession) -> str:
    return SessionOutput.of(shown).model_dump_json()


def _may_link(access: Access) -> bool:
    return Permission.CHANNELS_WRITE in access.permissions
