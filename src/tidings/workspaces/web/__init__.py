"""The pages of workspaces and people: login, first start, settings."""

from __future__ import annotations

from fastapi import APIRouter

from tidings.workspaces.web import api_keys, audit, docs, join, login, members, profile, setup, workspace

router = APIRouter(include_in_schema=False)
for part in (login, setup, join, profile, workspace, members, api_keys, audit, docs):
    router.include_router(part.router)
