"""Refuses forms that another site sends in a signed-in person's name."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tidings.errors import Forbidden

if TYPE_CHECKING:
    from starlette.requests import Request


def verify_same_origin(request: Request) -> None:
    """Raises Forbidden for a change that did not come from our own pages (https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site)."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    # Browsers before 2023 send no Sec-Fetch-Site; they do send Origin with a post.
    foreign = site not in {"same-origin", "none"} if site else bool(origin) and urlsplit(origin or "").netloc != request.headers.get("Host")
    if foreign:
        raise Forbidden("This form was sent from another site, so nothing was changed. Open the page here and try again.")


def verify_csrf(sent: str | None, expected: str) -> None:
    """Raises Forbidden when a form does not carry the token of the session; constant time."""
    if not sent or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden("This page was open too long and its form is no longer valid; nothing was changed. Reload it and try again.")
