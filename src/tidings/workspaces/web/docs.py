"""The API reference, open to everyone: it holds no data."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tidings.ui.pages import render

router = APIRouter()


@router.get("/docs")
async def docs_page(request: Request) -> Response:
    """Every endpoint of the API, to read and to try."""
    return render(request, "workspaces/docs.html", openapi_url=request.app.openapi_url)
