"""How a channel is set up, step by step, beside the form that it speaks of."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from tidings.channels.guides import read_guide
from tidings.channels.web.shown import card_of, logo_address
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter()


@router.get("/channels/guide/{kind}")
async def guide(kind: str, request: Request, scope: Annotated[PageScope, require_page(Permission.CHANNELS_READ, "channels")]) -> Response:
    """The guide of one provider."""
    provider = card_of(kind)
    return render(request, "channels/guide.html", frame=scope.frame, provider=provider, logo=logo_address(kind), guide=read_guide(kind))
