"""API keys."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from tidings.workspaces import service
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.schemas import ApiKeyInput, ApiKeyList, ApiKeyOutput, NewApiKeyOutput
from tidings.workspaces.wire import PathId, problems

router = APIRouter(prefix="/api-keys", tags=["API keys"])


@router.get("", responses=problems())
async def list_api_keys(scope: Annotated[Scope, require(Permission.API_KEYS_WRITE)]) -> ApiKeyList:
    """List every key, revoked ones too, the newest first. No secrets are in it."""
    return ApiKeyList(items=[ApiKeyOutput.of(one) for one in await service.list_api_keys(scope.session, scope.access)])


@router.post("", status_code=201, responses=problems())
async def create_api_key(body: ApiKeyInput, scope: Annotated[Scope, require(Permission.API_KEYS_WRITE)]) -> NewApiKeyOutput:
    """Make a key. Its secret is in this answer and never again; it cannot do more than you can."""
    made = await service.create_api_key(
        scope.session, scope.access, name=body.name, scopes=frozenset(body.scopes), expires_at=body.expires_at
    )
    return NewApiKeyOutput(**ApiKeyOutput.of(made.key).model_dump(), secret=made.secret)


@router.delete("/{key_id}", status_code=204, responses=problems(404))
async def revoke_api_key(key_id: Annotated[UUID, PathId("key")], scope: Annotated[Scope, require(Permission.API_KEYS_WRITE)]) -> None:
    """End a key at once. The list goes on to show it."""
    await service.revoke_api_key(scope.session, scope.access, key_id)
