"""Linking a phone in a real browser: the code appears, changes and gives way to the number, without a reload."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import text

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site, settings, signed_in, site  # noqa: F401
from tidings.channels.service import CreateChannel, create_channel
from tidings.channels.sessions import StoredSession
from tidings.channels.web import session as panel
from tidings.core.ids import new_id, show_id
from tidings.providers.base import SessionState

pytestmark = [*IN_BROWSER, pytest.mark.timeout(240)]
QR = "2@7w9/" + "Zm9vYmFy" * 24 + ",aGVsbG8=,d29ybGQ=,"


_ELSEWHERE = """
    WITH worker AS (INSERT INTO channel_workers (worker_id, capacity, expires_at) VALUES (:worker, 1, now() + interval '1 hour'))
    UPDATE channel_standing SET worker_id = :worker WHERE channel_id = :channel
"""


async def tell_nobody(_: object) -> None: ...


async def test_a_phone_is_linked_on_the_channels_page(signed_in: Page, site: Site) -> None:  # noqa: F811
    state = site.app.state
    async with site.database.system() as session:
        command = CreateChannel(name="Shop phone", provider="whatsapp_linked", fields={})
        channel = await create_channel(session, site.access, state.vault, state.settings, command)
        # Another worker has it: the one of this site would dial the real WhatsApp.
        await session.execute(text(_ELSEWHERE), {"worker": new_id(), "channel": channel.id})
    host = StoredSession(site.database.pool, state.vault, site.workspace_id, channel.id, tell_nobody)
    page = signed_in
    await page.goto(f"{site.address}/channels/{show_id('chn', channel.id)}")
    box = page.locator("#session")
    await expect(box).to_contain_text("A worker begins the session")
    await host.show(SessionState(state="pairing", qr=QR))
    code = page.get_by_alt_text("QR code to link a phone")
    await expect(code).to_be_visible()
    first = await code.get_attribute("src")
    assert await code.evaluate("image => image.complete && image.naturalWidth > 0")
    await shoot(page, "channel-linking")
    await host.show(SessionState(state="pairing", qr=QR + "next"))
    await expect(code).not_to_have_attribute("src", first or "")
    await host.show(SessionState(state="pairing", pairing_code="ABCD-1234"))
    await expect(box).to_contain_text("ABCD-1234")
    await host.show(SessionState(state="connected", address="+254711000001"))
    await expect(box).to_contain_text("+254 711 000001")
    await shoot(page, "channel-linked")
    await page.goto("about:blank")
    for _ in range(200):
        if panel._streams.count == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("a stream outlived its page")
