"""The page of API keys."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from tidings.core.ids import show_id
from tidings.errors import TidingsError
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces import service
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.web.forms import Field, field_errors
from tidings.workspaces.wire import PathId

router = APIRouter(prefix="/settings/api-keys")
Writer = Annotated[PageScope, require_page(Permission.API_KEYS_WRITE, "api_keys")]

SCOPES = {
    Permission.CONTACTS_READ: "Read contacts and groups",
    Permission.CONTACTS_WRITE: "Change contacts and groups, import",
    Permission.CAMPAIGNS_READ: "Read campaigns",
    Permission.CAMPAIGNS_WRITE: "Create and steer campaigns",
    Permission.MESSAGES_READ: "Read messages",
    Permission.MESSAGES_SEND: "Send messages",
    Permission.MEDIA_READ: "Read uploaded files",
    Permission.MEDIA_WRITE: "Upload and delete files",
    Permission.CHANNELS_READ: "Read channels and alerts",
    Permission.CHANNELS_WRITE: "Set up channels",
    Permission.MEMBERS_READ: "Read members",
    Permission.MEMBERS_WRITE: "Invite, change and remove members",
    Permission.API_KEYS_WRITE: "Make and revoke API keys",
    Permission.AUDIT_READ: "Read the audit log",
    Permission.WORKSPACE_READ: "Read the workspace's settings",
    Permission.WORKSPACE_WRITE: "Change the workspace's settings",
}


@router.get("")
async def api_keys_page(request: Request, scope: Writer) -> Response:
    """Every key, without its secret."""
    return await _page(request, scope)


@router.post("")
async def create_api_key(
    request: Request, scope: Writer, name: Field = "", scopes: Annotated[list[Permission] | None, Form()] = None
) -> Response:
    """Make a key and show its secret, this one time."""
    chosen = frozenset(scopes or ())
    try:
        async with scope.session.begin_nested():
            made = await service.create_api_key(scope.session, scope.access, name=name, scopes=chosen)
    except TidingsError as error:
        return await _page(request, scope, open="create", name=name, chosen=chosen, error=error)
    return await _page(request, scope, secret=made.secret, made=made.key.name)


@router.post("/{key_id}/revoke")
async def revoke_api_key(request: Request, key_id: Annotated[UUID, PathId("key")], scope: Writer) -> Response:
    """End a key."""
    await service.revoke_api_key(scope.session, scope.access, key_id)
    response = go_to(request, "/settings/api-keys")
    flash(response, "The key is revoked and opens nothing any more.")
    return response


async def _page(request: Request, scope: PageScope, *, error: TidingsError | None = None, **more: Any) -> Response:
    offered = [(permission.value, label) for permission, label in SCOPES.items() if permission in scope.access.permissions]
    return render(
        request,
        "workspaces/api_keys.html",
        frame=scope.frame,
        status_code=error.status_code if error else 200,
        keys=await service.list_api_keys(scope.session, scope.access),
        offered=offered,
        all_scopes=len(SCOPES),
        show_id=show_id,
        errors=field_errors(error) if error else {},
        **{"open": "", "name": "", "chosen": frozenset(), "secret": "", "made": "", **more},
    )
