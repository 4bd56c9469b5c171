"""The page of a central channel's members: who is kept on it, who has moved, and a list to keep more."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from tidings.channels import central, service
from tidings.channels.central_list import MOST_LINES, read_list
from tidings.channels.web.shown import ChannelPath
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import Tone, flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, PathId

router = APIRouter(prefix="/channels/{channel_id}")
Writer = Annotated[PageScope, require_page(Permission.CHANNELS_WRITE, "channels")]
_ROWS = 50


@router.post("/make-central")
async def make_central(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
    """Mark it, and go on to the members' addresses."""
    try:
        await central.set_central(scope.session, scope.access, channel_id, central=True)
    except Conflict as error:
        return _go(request, _channel(channel_id), error.detail, "warning")
    said = "It is marked as central. Now keep the addresses of the members who are on it: they will be asked to set up their own."
    return _go(request, f"{_channel(channel_id)}/central", said)


@router.post("/end-central")
async def end_central(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
    """Mark it no longer."""
    await central.set_central(scope.session, scope.access, channel_id, central=False)
    return _go(request, _channel(channel_id), "It is no longer marked as central: nobody is asked to move. The addresses on it stay kept.")


@router.get("/central")
async def central_page(channel_id: ChannelPath, request: Request, scope: Writer, cursor: Cursor = None) -> Response:
    """Who is kept on it, by e-mail address."""
    return await _page(request, scope, channel_id, cursor=cursor)


@router.post("/central")
async def keep(channel_id: ChannelPath, request: Request, scope: Writer, list: Annotated[str, Form()] = "") -> Response:  # noqa: A002
    """Keep a list of addresses; what cannot be kept comes back to be mended."""
    try:
        kept = await central.keep_addresses(scope.session, scope.access, channel_id, read_list(list))
    except (Invalid, Conflict) as error:
        return await _page(request, scope, channel_id, typed=list, error=error.detail, status_code=422)
    done = f"{kept.added} added, {kept.changed} changed, {kept.unchanged} were kept already."
    if not kept.refused:
        return _go(request, f"{_channel(channel_id)}/central", done)
    again = "\n".join(f"{one.email}, {one.address}" for one in kept.refused)
    return await _page(request, scope, channel_id, typed=again, refused=kept.refused, done=done, status_code=422)


@router.post("/central/{user_id}/remove")
async def remove(channel_id: ChannelPath, user_id: Annotated[UUID, PathId("usr")], request: Request, scope: Writer) -> Response:
    """Forget one member's address."""
    await central.remove_address(scope.session, scope.access, channel_id, user_id)
    return _go(request, f"{_channel(channel_id)}/central", "The address is forgotten.")


async def _page(
    request: Request, scope: PageScope, channel_id: UUID, *, cursor: str | None = None, status_code: int = 200, **more: Any
) -> Response:
    channel = await service.get_channel(scope.session, scope.access, channel_id)
    after = read_cursor(cursor, tuple[str])[0] if cursor else None
    found = await central.list_addresses(scope.session, scope.access, channel_id, after=after, limit=_ROWS + 1)
    address = f"{_channel(channel_id)}/central"
    context: dict[str, Any] = {
        "channel": channel,
        "address": address,
        "channel_address": _channel(channel_id),
        "members": found[:_ROWS],
        "more": f"{address}?cursor={write_cursor(found[_ROWS - 1].email)}" if len(found) > _ROWS else "",
        "most": MOST_LINES,
        "show_id": show_id,
        "typed": "", "error": "", "done": "", "refused": (),
    }  # fmt: skip
    return render(
        request,
        "channels/central.html",
        frame=scope.frame,
        fragment="rows" if cursor else None,
        status_code=status_code,
        **{**context, **more},
    )


def _channel(channel_id: UUID) -> str:
    return f"/channels/{show_id('chn', channel_id)}"


def _go(request: Request, address: str, text: str, tone: Tone = "success") -> Response:
    response = go_to(request, address)
    flash(response, text, tone)
    return response
