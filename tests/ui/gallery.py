"""Every component on one page, with sample data: `granian --interface asgi tests.ui.gallery:app`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from tidings.core.clock import utc_now
from tidings.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, RateLimited
from tidings.ui.assets import mount_static
from tidings.ui.environment import build_environment
from tidings.ui.flash import Flash, toast
from tidings.ui.frame import SECTIONS, SETTINGS, Frame, WorkspaceChoice
from tidings.ui.pages import SECURITY_HEADERS, render_text, wants_fragment
from tidings.ui.problems import problem_page
from tidings.ui.words import FAMILIES, REASONS

TEMPLATES = build_environment({"gallery": Path(__file__).parent / "pages"})
ERRORS = {
    "403": Forbidden(
        "This needs the permission channels:write, which ada@example.com does not have. Ask an owner of the workspace for another role, or to do it."
    ),
    "404": NotFound("There is no such campaign in this workspace."),
    "409": Conflict("The campaign is already sending, so its text can no longer be changed. Pause or cancel it first."),
    "422": Invalid("Some fields cannot be used; nothing was changed.", errors=(FieldError("phone", "This is not a phone number."),)),
    "429": RateLimited("Too many attempts. Nothing was changed; try again in a minute.", retry_after=60),
    "500": RuntimeError("a secret that must not be shown"),
}


def sample_frame(section: str = "campaigns") -> Frame:
    return Frame(
        user_name="Ada Lovelace",
        user_email="ada@example.com",
        workspace_id="wrk_1",
        workspace_name="Mama Mboga Ltd",
        workspaces=(WorkspaceChoice("wrk_1", "Mama Mboga Ltd"), WorkspaceChoice("wrk_2", "Kigali Couriers & Sons")),
        role="owner",
        permissions=frozenset(entry.permission for entry in (*SECTIONS, *SETTINGS)),
        csrf_token="token-of-the-session",
        section=section,
        open_alerts=3,
        timezone="Africa/Nairobi",
    )


def rows(start: int = 0, count: int = 6) -> list[dict[str, Any]]:
    states = ["delivered", "read", "sent", "sending", "failed", "unknown"]
    return [
        {"id": f"msg_{start + n}", "name": f"Wanjiku Njoroge {start + n}", "phone": f"+2547111111{start + n:02}", "status": states[n % 6],
         "at": utc_now() - timedelta(minutes=7 * (start + n)), "cost": 800_000}
        for n in range(count)
    ]  # fmt: skip


async def gallery(request: Request) -> Response:
    start = int(request.query_params.get("from", "0"))
    context = {
        "now": utc_now(),
        "hour": timedelta(hours=1),
        "families": FAMILIES,
        "reasons": REASONS,
        "rows": rows(start),
        "next": start + 6,
    }
    fragment = ("rows" if "from" in request.query_params else "list") if wants_fragment(request) else None
    return page_of("gallery/gallery.html", block=fragment, flash=Flash("Campaign “Market day” was scheduled."), **context)


def page_of(name: str, **context: Any) -> HTMLResponse:
    text = render_text(name, frame=sample_frame(), templates=TEMPLATES, **context)
    return HTMLResponse(text, headers=dict(SECURITY_HEADERS))


async def sign_in(_: Request) -> Response:
    return HTMLResponse(render_text("gallery/login.html", templates=TEMPLATES), headers=dict(SECURITY_HEADERS))


async def problem(request: Request) -> Response:
    frame = None if "out" in request.query_params else sample_frame()
    return problem_page(request, ERRORS[request.path_params["status"]], frame)


async def posted(_: Request) -> Response:
    response = Response(status_code=204)
    toast(response, "Paused: nothing leaves until you resume it – 日本語", "success")
    return response


async def live(request: Request) -> Response:
    done = int(request.query_params.get("done", "0"))
    return page_of("gallery/live.html", block="work" if wants_fragment(request) else None, flash=None, done=done)


async def stream(_: Request) -> Response:
    events = iter(["data: <b>scan this code</b>\n\n", "data: <b>linked</b>\n\n", "event: end\ndata: \n\n"])
    return StreamingResponse(events, media_type="text/event-stream")


app = Starlette(
    routes=[
        Route("/", gallery),
        Route("/login", sign_in),
        Route("/live", live),
        Route("/stream", stream),
        Route("/problem/{status}", problem),
        Route("/pause", posted, methods=["POST"]),
    ]
)
mount_static(app)
