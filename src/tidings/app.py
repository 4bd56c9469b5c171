"""Builds the ASGI app: the one place where the web is put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from tidings.campaigns import api as campaigns
from tidings.campaigns import web as campaign_pages
from tidings.channels import api as channels
from tidings.channels import other_api as providers_and_alerts
from tidings.channels import personal_api as personal_channels
from tidings.channels import web as channel_pages
from tidings.channels.notices import read_notices
from tidings.channels.vault import open_vault
from tidings.contacts import api as contacts
from tidings.contacts import web as contact_pages
from tidings.db.database import Database
from tidings.delivery.wake import wake_after_commit
from tidings.files import api as files
from tidings.files import web as file_pages
from tidings.files.links import links_of
from tidings.files.serving import mount_links
from tidings.files.storage import open_storage
from tidings.inbox import api as conversations
from tidings.insights import api as insights
from tidings.insights import health, metrics
from tidings.insights import web as home_page
from tidings.messages import api as messages
from tidings.messages import web as message_pages
from tidings.messages.media import Places
from tidings.messages.try_out import send_test
from tidings.providers.http import Http
from tidings.receipts import api as receipts
from tidings.receipts.hooks import mount_hooks
from tidings.receipts.writer import open_writer
from tidings.routes import api as routes
from tidings.routes import web as route_pages
from tidings.sandbox import web as sandbox_pages
from tidings.settings import Settings
from tidings.ui.assets import mount_static
from tidings.workspaces import access_tokens, first_start
from tidings.workspaces import api as workspaces
from tidings.workspaces import web as workspace_pages
from tidings.workspaces.api.guide import GUIDE
from tidings.workspaces.error_edge import answer_errors
from tidings.workspaces.guards import Guards


def create_app(settings: Settings, database_url: str) -> FastAPI:
    """The whole web side. `database_url` is where this process's pools go; they open with the app and close with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            Database(database_url, pool_size=settings.api_pool_size) as database,
            Http(may_reach=settings.may_override_base_url) as http,
            open_writer(database) as writer,
        ):
            app.state.database = database
            app.state.http = http
            app.state.receipt_writer = writer
            app.state.read_notices = partial(read_notices, database.pool)
            await first_start.announce(database, settings, app.state.setup_code)
            yield

    app = FastAPI(
        title="Tidings",
        version="1",
        description=GUIDE,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.live_campaigns = campaign_pages.LiveCampaigns()
    app.state.media_places = Places()
    app.state.vault = vault = open_vault(settings)
    app.state.storage = open_storage(settings)
    app.state.links = links_of(settings, vault)
    app.state.token_keys = partial(vault.derive_all, access_tokens.PURPOSE)
    app.state.setup_code = first_start.setup_code(vault.derive(first_start.PURPOSE))
    uploads = dict.fromkeys(("/api/v1/media", "/campaigns/file"), settings.file_limit_bytes)
    app.add_middleware(Guards, upload_limit=settings.upload_limit_bytes, uploads=uploads, https=settings.secure_cookies)
    app.state.metrics = metrics.Metrics()
    app.add_middleware(metrics.Measure, metrics=app.state.metrics)
    answer_errors(app)
    app.router.routes.extend(_routes())
    mount_static(app)
    mount_hooks(app)
    mount_links(app)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every endpoint and page. They know nothing of one app, so all apps of a process share them: FastAPI takes a quarter of a second over them."""
    every = APIRouter()
    every.include_router(workspaces.router, prefix="/api/v1")
    every.include_router(channels.make_router(send_test=send_test, wake=wake_after_commit), prefix="/api/v1")
    every.include_router(providers_and_alerts.router, prefix="/api/v1")
    every.include_router(personal_channels.make_router(send_test=send_test, wake=wake_after_commit), prefix="/api/v1")
    every.include_router(routes.router, prefix="/api/v1")
    every.include_router(contacts.router, prefix="/api/v1")
    every.include_router(files.router, prefix="/api/v1")
    every.include_router(messages.router, prefix="/api/v1")
    every.include_router(conversations.router, prefix="/api/v1")
    every.include_router(campaigns.router, prefix="/api/v1")
    every.include_router(insights.router, prefix="/api/v1")
    every.include_router(health.router)
    every.include_router(metrics.router)
    every.include_router(receipts.router, prefix="/api/v1")
    every.include_router(workspace_pages.router)
    every.include_router(home_page.router)
    every.include_router(file_pages.router)
    every.include_router(campaign_pages.router)
    every.include_router(message_pages.router)
    every.include_router(channel_pages.make_router(send_test=send_test, wake=wake_after_commit))
    every.include_router(route_pages.router)
    every.include_router(contact_pages.router)
    every.include_router(sandbox_pages.router)
    return tuple(every.routes)
