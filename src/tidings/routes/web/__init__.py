"""The pages of routes: the list, one route, making, changing and deleting one."""

from __future__ import annotations

from fastapi import APIRouter

from tidings.routes.web import pages, setup

router = APIRouter(include_in_schema=False)
# Fixed addresses first: `/routes/new` is no route.
router.include_router(setup.router)
router.include_router(pages.router)
