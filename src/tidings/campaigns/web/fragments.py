"""Parts of the compose page that follow what is typed: the live preview, and the last question."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response

from tidings.campaigns.web.compose_page import form_page
from tidings.campaigns.web.file import kept_content
from tidings.campaigns.web.form import field_error, parse, read_editing, read_form, read_number
from tidings.campaigns.web.look_ahead import look_ahead
from tidings.core.clock import utc_now
from tidings.errors import Conflict, Invalid, NotFound
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter()
Writer = Annotated[PageScope, require_page(Permission.CAMPAIGNS_WRITE, "campaigns")]
NOBODY = "Nobody in it can be reached by this channel: they have no address for it, or opted out."


@router.post("/campaigns/preview-fragment")
async def preview_fragment(request: Request, scope: Writer) -> Response:
    """What the recipients would see, and what it comes to, of the form as it stands."""
    sent = await request.form()
    form = read_form(sent)
    ahead = await look_ahead(scope, form, now=utc_now(), links=request.app.state.links.reachable, campaign_id=read_editing(sent)[0])
    return render(request, "campaigns/preview.html", frame=scope.frame, form=form, ahead=ahead, shown=read_number(sent.get("sample")) or 0)


@router.post("/campaigns/confirm-fragment")
async def confirm_fragment(request: Request, scope: Writer) -> Response:
    """The last question: to exactly how many, when and for how much. A form that is wrong comes back with its errors instead."""
    sent = await request.form()
    form = read_form(sent)
    act: Literal["schedule", "send"] = "schedule" if form.is_later else "send"
    campaign_id, version = read_editing(sent)
    try:
        kept = await kept_content(scope, campaign_id)
        wanted = parse(form, timezone=scope.frame.timezone, scheduled=form.is_later, kept=kept)
        ahead = await look_ahead(scope, form, now=utc_now(), links=request.app.state.links.reachable, campaign_id=campaign_id, strict=True)
        if wanted.scheduled_at is not None and wanted.scheduled_at <= utc_now():
            raise field_error("scheduled_at", "That time has passed. Choose a later one, or send now.")
        if ahead.preview is None or ahead.preview.to_send == 0:
            raise field_error("audience", NOBODY)
    except (Invalid, Conflict, NotFound) as error:
        return await form_page(request, scope, form, error=error, campaign_id=campaign_id, version=version)
    return render(request, "campaigns/confirm.html", frame=scope.frame, form=form, ahead=ahead, act=act, shown=0)
