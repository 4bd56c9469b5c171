"""Turns a template and its context into an answer: a whole page, or only the block that htmx asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse, RedirectResponse, Response

from tidings.ui.environment import current_frame, environment
from tidings.ui.flash import COOKIE, read_flash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment
    from starlette.requests import Request

    from tidings.ui.frame import Frame

# No inline scripts or styles, nothing from another server; Tabler's small pictures are data: addresses in its CSS.
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "HX-Request",
}


def render(
    request: Request, name: str, /, *, frame: Frame | None = None, fragment: str | None = None, status_code: int = 200, **context: Any
) -> HTMLResponse:
    """Answer with a page; with only its block `fragment` where htmx asked for a part of it."""
    part = fragment if wants_fragment(request) else None
    message = None if part else read_flash(request)
    text = render_text(name, frame=frame, block=part, flash=message, request_path=request.url.path, **context)
    response = HTMLResponse(text, status_code=status_code, headers=dict(SECURITY_HEADERS))
    if message:
        response.delete_cookie(COOKIE, path="/")
    return response


def render_text(
    name: str, /, *, frame: Frame | None = None, block: str | None = None, templates: Environment | None = None, **context: Any
) -> str:
    """A template, or one block of it, as text: for server-sent events and for tests."""
    template = (templates or environment()).get_template(name)
    values = {"frame": frame, "flash": None, "request_path": "", **context}
    token = current_frame.set(frame)
    try:
        if block is None:
            return template.render(values)
        return "".join(template.blocks[block](template.new_context(values)))
    finally:
        current_frame.reset(token)


def wants_fragment(request: Request) -> bool:
    """Say whether htmx wants a part of the page: not for its full-page requests, nor when the browser goes back."""
    headers = request.headers
    return headers.get("HX-Request-Type") == "partial" and "HX-History-Restore-Request" not in headers


def go_to(request: Request, address: str) -> Response:
    """Send the browser on after a form: 303, or htmx's own header where htmx asked (it would swap the page into a part)."""
    if "HX-Request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def safe_next(address: str | None) -> str:
    """Where to go after the login: a path of ours, never another site."""
    ours = bool(address) and str(address).startswith("/") and not str(address).startswith(("//", "/\\"))
    return str(address) if ours else "/"
