"""The file that goes with a campaign: chosen and uploaded while the form is being filled in, looked at, taken off again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.campaigns.contents import carried_by
from tidings.campaigns.reading import get_campaign
from tidings.core.ids import read_id
from tidings.delivery.content import Content, MediaPart
from tidings.errors import TidingsError
from tidings.files.receiving import receive_file
from tidings.files.shown import ShownFile, find_shown
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, Visitor, require_visitor
from tidings.workspaces.rules import Permission

router = APIRouter()
Uploader = Annotated[Visitor, require_visitor(Permission.MEDIA_WRITE, "campaigns")]
KEPT = "kept"
"""What the form says of a file at an address, which only the API can set: it stays as it is, or is taken off."""
CHANGED = {"HX-Trigger": "tidings:file"}
"""The preview follows."""
ACCEPT = "image/*,video/*,audio/*,.pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv,.zip"


@router.post("/campaigns/file")
async def upload(request: Request, visitor: Uploader) -> Response:
    """Keep the file, and show it where the picker was; or say there why it was not taken."""
    try:
        kept, _ = await receive_file(request, visitor.access)
    except TidingsError as error:
        said = error.detail if error.code != "no_file" else "Choose a file first."
        return _picker(request, visitor, None, said, error.status_code)
    return _picker(request, visitor, ShownFile.of(kept))


@router.get("/campaigns/file")
async def take_off(request: Request, visitor: Uploader) -> Response:
    """The empty picker. The file itself stays for whatever else uses it, and goes by itself when nothing does."""
    return _picker(request, visitor, None)


def _picker(request: Request, visitor: Visitor, picked: ShownFile | None, error: str = "", status_code: int = 200) -> Response:
    response = render(
        request, "campaigns/parts/file.html", frame=visitor.frame, status_code=status_code, picked=picked, file_error=error,
        file_limit=request.app.state.settings.file_limit_bytes, file_accept=ACCEPT,
    )  # fmt: skip
    response.headers.update(CHANGED)
    return response


async def find_picked(scope: PageScope, named: str) -> ShownFile | None:
    """What the form names, as far as it is there."""
    if named == KEPT:
        return ShownFile(KEPT, "document", "", "A file at an address, set over the API")
    return await find_shown(scope.session, scope.access.workspace_id, named)


async def kept_content(scope: PageScope, campaign_id: UUID | None) -> Content | None:
    """What the edited campaign carries beside its text already."""
    if campaign_id is None:
        return None
    return carried_by(await get_campaign(scope.session, scope.access.workspace_id, campaign_id))


def named_by(content: Content | None) -> str:
    """How the form names the file of a campaign."""
    if content is None or content.media is None:
        return ""
    return content.media.id or KEPT


def content_with(kept: Content | None, named: str) -> Content | None:
    """What goes with the text: all that the form does not show stays, and the file is the one that it names."""
    before = kept or Content()
    chosen = MediaPart(id=named) if read_id("med", named) else None
    media = before.media if named == named_by(kept) else chosen
    made = Content(media=media, buttons=before.buttons, template=before.template, subject=before.subject, reply_to=before.reply_to)
    return None if made == Content() else made
