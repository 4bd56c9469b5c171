"""The pages of one's own channels: the list, setting one up until one's own chat is linked, mending it, and its switches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from tidings.channels.web.own import acts, pages, setup

if TYPE_CHECKING:
    from tidings.channels.api import SendTest, Wake


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All pages of one's own channels."""
    router = APIRouter()
    # Fixed addresses first: `/my-channels/new` is no channel.
    for part in (setup.make_router(wake), pages.router, acts.make_router(send_test=send_test, wake=wake)):
        router.include_router(part)
    return router
