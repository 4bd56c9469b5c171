"""“Not now”: a banner that a person puts off stays away for this visit, that is until the browser is closed or they sign in anew."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tidings.ui.frame import Frame

COOKIE = "tidings_later"


def put_off(response: Response, frame: Frame) -> None:
    """Have the banner stay away. The cookie has no age, so it ends with the browser's session."""
    response.set_cookie(COOKIE, _visit(frame.workspace_id, frame.csrf_token), httponly=True, samesite="lax", path="/")


def is_put_off(request: Request, workspace_id: str, csrf_token: str) -> bool:
    """Whether this person put it off in this workspace, since they signed in."""
    return request.cookies.get(COOKIE) == _visit(workspace_id, csrf_token)


def _visit(workspace_id: str, csrf_token: str) -> str:
    """The form's token is the login's own, and a secret: only its hash goes into another cookie."""
    return hashlib.sha256(f"{workspace_id} {csrf_token}".encode()).hexdigest()[:32]
