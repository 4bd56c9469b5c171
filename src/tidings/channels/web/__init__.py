"""The pages of channels: the list, setting one up, one channel, alerts, who is on what, and those of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from tidings.channels.web import acts, alerts, central, guide, list_page, overview, own, page, session, setup, trying

if TYPE_CHECKING:
    from tidings.channels.api import SendTest, Wake


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All pages. They are handed what lies on floors above: sending a test message, waking the engine."""
    router = APIRouter(include_in_schema=False)
    # Fixed addresses first: `/channels/new` is no channel.
    parts = (
        list_page.router, overview.router, setup.router, guide.router, trying.router, page.router, central.router, session.router,
        acts.make_router(send_test=send_test, wake=wake), alerts.router, own.make_router(send_test=send_test, wake=wake),
    )  # fmt: skip
    for part in parts:
        router.include_router(part)
    return router
