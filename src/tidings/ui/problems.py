"""Errors as people see them in the dashboard: a page, a notice at the top of the page for htmx, or the way to the login."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tidings.errors import TidingsError, Unauthenticated
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render, wants_fragment

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tidings.ui.frame import Frame

UNEXPECTED = "Tidings failed at this request. What you had sent before is safe; the fault is in the log. Please try again."
NOT_SAVED = "Your login had ended, so that was not carried out. Log in; your browser's way back still holds what you typed."
PICTURES = {
    403: {"icon": "lock"},
    404: {"icon": "map-search"},
    409: {"icon": "clock-pause"},
    413: {"icon": "file-upload"},
    422: {"icon": "forms"},
    429: {"icon": "hourglass"},
    500: {"icon": "bug"},
}


def problem_page(request: Request, error: Exception, frame: Frame | None = None) -> Response:
    """Answer an error of a page. Give the frame where the person is known, so that they keep their menu."""
    known = error if isinstance(error, TidingsError) else TidingsError(UNEXPECTED)
    if isinstance(known, Unauthenticated):
        return _to_the_login(request)
    response = render(request, "ui/problem.html", frame=frame, fragment="notice", status_code=known.status_code, **problem_context(known))
    if wants_fragment(request):
        # The part that was asked for stays as it is; the sentence goes to the top of the page.
        response.headers["HX-Retarget"] = "#notices"
        response.headers["HX-Reswap"] = "innerHTML"
    if known.retry_after:
        response.headers["Retry-After"] = str(int(known.retry_after) + 1)
    return response


def _to_the_login(request: Request) -> Response:
    """And back to where they were, with its search and filters; a form cannot be sent again for them, so they are told."""
    if request.method == "GET":
        # What htmx asked for is a part of the page that its person is looking at.
        here = urlsplit(request.headers.get("HX-Current-URL") or str(request.url))
        return go_to(request, f"/login?next={quote(here.path + (f'?{here.query}' if here.query else ''))}")
    response = go_to(request, "/login")
    flash(response, NOT_SAVED, "warning")
    return response


def problem_context(error: TidingsError) -> dict[str, object]:
    """What the page and the notice show of an error."""
    return {
        "status": error.status_code,
        "title": error.title,
        "detail": error.detail,
        "errors": error.errors,
        "picture": PICTURES.get(error.status_code, PICTURES[500])["icon"],
    }


def wants_page(request: Request) -> bool:
    """Say whether an error of this request is shown to a person (a page) and not to a program (problem+json)."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
