"""The JSON edge of workspaces, people, keys and the audit log."""

from __future__ import annotations

from fastapi import APIRouter

from tidings.workspaces.api import api_keys, audit, auth, members, workspace

router = APIRouter()
for part in (auth, workspace, members, api_keys, audit):
    router.include_router(part.router)
