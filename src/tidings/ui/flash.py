"""One-time messages: what just happened, shown on the next page (a cookie) or at once (an htmx event)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "tidings_flash"
Tone = Literal["success", "info", "warning", "danger"]


class Flash(msgspec.Struct, frozen=True):
    """One sentence and its colour."""

    text: str
    tone: Tone = "success"


def flash(response: Response, text: str, tone: Tone = "success") -> None:
    """Show a sentence on the page that this redirect leads to. Plain text of at most 500 characters; the page escapes it."""
    packed = base64.urlsafe_b64encode(msgspec.json.encode(Flash(text[:500], tone))).decode().rstrip("=")
    response.set_cookie(COOKIE, packed, max_age=60, httponly=True, samesite="lax", path="/")


def toast(response: Response, text: str, tone: Tone = "success") -> None:
    """Show a sentence at once in the corner of the page that asked through htmx."""
    # Header values are Latin-1; JSON's own escapes carry everything else.
    response.headers["HX-Trigger"] = json.dumps({"tidings:toast": {"text": text[:500], "tone": tone}})


def read_flash(request: Request) -> Flash | None:
    """The sentence that the last answer left; None when there is none or it is not ours."""
    packed = request.cookies.get(COOKIE)
    if not packed:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=Flash)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
