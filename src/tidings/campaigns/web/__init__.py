"""The pages of campaigns: list, compose, one campaign live."""

from __future__ import annotations

from fastapi import APIRouter

from tidings.campaigns.web import acts, compose, downloads, file, fragments, list_page, live, page, pickers
from tidings.campaigns.web.live import LiveCampaigns

__all__ = ["LiveCampaigns", "router"]

router = APIRouter(include_in_schema=False)
# Fixed addresses first: `/campaigns/new` is no campaign.
for part in (list_page, compose, file, fragments, pickers, page, live, acts, downloads):
    router.include_router(part.router)
