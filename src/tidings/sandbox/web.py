"""The sandbox phone's page."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from tidings.core.ids import show_id
from tidings.errors import Invalid, NotFound
from tidings.messages.try_out import send_test
from tidings.sandbox import service
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PlainText

router = APIRouter(include_in_schema=False)
MISBEHAVING = (
    ("5550001", "does not exist"),
    ("5550002", "cannot be reached"),
    ("5550003", "opted out at the provider"),
    ("5550004", "gives no answer in time: unknown"),
    ("5550005", "asks to slow down, once"),
    ("5550006", "the provider is down: tried again"),
    ("5550007", "the account is empty: stops the channel"),
    ("5550008", "wrong credentials: stops the channel"),
    ("5550009", "taken, but never delivered"),
)
"""Endings of numbers, and what the sandbox does with messages to them."""
Reader = Annotated[PageScope, require_page(Permission.MESSAGES_READ, "sandbox")]
Sender = Annotated[PageScope, require_page(Permission.MESSAGES_SEND, "sandbox")]


@router.get("/sandbox")
async def sandbox_page(request: Request, scope: Reader, number: PlainText = "", part: str = "phone") -> Response:
    """The phones, and the conversation on one of them: the newest, where none is named."""
    try:
        wanted = await service.read_number(scope.session, scope.access, number) if number.strip() else ""
    except Invalid as error:
        response = go_to(request, "/sandbox")
        flash(response, error.detail, "warning")
        return response
    fragment = part if part in {"phone", "conversation", "phones"} else "phone"
    return render(request, "sandbox/page.html", frame=scope.frame, fragment=fragment, **await sandbox_context(scope, wanted))


async def sandbox_context(scope: PageScope, number: str) -> dict[str, Any]:
    """What the page shows."""
    session, access = scope.session, scope.access
    sandboxes = await service.sandbox_channels(session, access)
    phones = await service.list_phones(session, access, sandboxes)
    chosen = number or (phones[0].address if phones else "")
    said = await service.read_conversation(session, access, sandboxes, chosen) if chosen else []
    return {
        "channels": [(show_id("chn", one.id), one.name) for one in sandboxes if one.enabled],
        "has_sandbox": bool(sandboxes),
        "phones": phones,
        "number": chosen,
        "name": next((one.name for one in phones if one.address == chosen), ""),
        "sender": next((one.sender or one.name for one in sandboxes if said and one.id == said[-1].message.channel_id), ""),
        "said": said,
        "here": "/sandbox?" + urlencode({"number": chosen}) if chosen else "/sandbox",
        "misbehaving": MISBEHAVING,
    }


@router.post("/sandbox/answer")
async def answer(request: Request, scope: Sender) -> Response:
    """Write as the person with this number; a STOP is obeyed and answered like anybody's."""
    form = await request.form()
    number = await service.read_number(scope.session, scope.access, str(form.get("number", "")))
    await service.answer(scope.session, request.app.state.database, scope.access, number, str(form.get("text", "")))
    if "HX-Request" in request.headers:
        return render(request, "sandbox/page.html", frame=scope.frame, fragment="phone", **await sandbox_context(scope, number))
    return go_to(request, "/sandbox?" + urlencode({"number": number}))


@router.post("/sandbox/message")
async def send(request: Request, scope: Sender) -> Response:
    """Send a message to any number by a sandbox channel."""
    state = request.app.state
    await limit(state.database, f"send:{scope.access.workspace_id}", state.settings.send_requests_per_minute)
    form = await request.form()
    try:
        number = await service.read_number(scope.session, scope.access, str(form.get("number", "")))
        channel = await _channel(scope, str(form.get("channel", "")))
        await send_test(scope.session, scope.access, state.database, channel.id, number, str(form.get("text", "")).replace("\r\n", "\n"))
    except Invalid as error:
        response = go_to(request, "/sandbox")
        flash(response, f"{error.detail} Nothing was sent.", "warning")
        return response
    return go_to(request, "/sandbox?" + urlencode({"number": number}))


async def _channel(scope: PageScope, wanted: str) -> Any:
    sandboxes = await service.sandbox_channels(scope.session, scope.access)
    for one in sandboxes:
        if show_id("chn", one.id) == wanted or not wanted:
            return one
    raise NotFound("There is no such sandbox channel in this workspace.")
