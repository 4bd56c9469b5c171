"""The file of a campaign in a real browser: picked, looked at, refused, taken off, sent and seen again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.contacts.builders import make_contact
from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tests.files.samples import PDF, SVG, png
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.channels.service import CreateChannel, create_channel
from tidings.core.ids import show_id
from tidings.settings import Settings

pytestmark = [*IN_BROWSER, pytest.mark.timeout(240)]
PICTURE = {"name": "market day.png", "mimeType": "image/png", "buffer": png(640, 360)}


@pytest_asyncio.fixture(loop_scope="session")
async def bot() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, bot: TelegramSimulator) -> Settings:
    return Settings(
        _env_file=None, home=tmp_path, api_pool_size=5, worker_pool_size=5, allowed_api_base_urls=bot.url, file_limit_bytes=2**20
    )


@pytest_asyncio.fixture(loop_scope="session")
async def shop(signed_in: Page, site: Site, bot: TelegramSimulator) -> Page:
    """The owner's browser, with a bot that carries files and a sandbox that carries none."""
    state = site.app.state
    async with site.database.workspace(site.workspace_id) as session:
        for wanted in (
            CreateChannel(name="Sandbox", provider="sandbox", fields={}),
            CreateChannel(name="Shop bot", provider="telegram", fields={"bot_token": BOT_TOKEN}, api_base_url=bot.url),
        ):
            await create_channel(session, site.access, state.vault, state.settings, wanted)
    contact = await make_contact(site.database.pool, site.workspace_id, "Amina", "+254711000001")
    await site.database.pool.execute(
        "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, new_id(), $2, 'telegram', '4711')",
        site.workspace_id, contact,
    )  # fmt: skip
    return signed_in


async def desk(page: Page, name: str) -> None:
    await shoot(page, name)
    await page.set_viewport_size({"width": 1440, "height": 900})


async def choose(page: Page, channel: str) -> None:
    value = await page.locator("#field-channel option", has_text=channel).get_attribute("value")
    await page.locator("#field-channel").select_option(value)


async def test_a_picture_is_picked_previewed_taken_off_and_saved(shop: Page, site: Site) -> None:
    page = shop
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("Name", exact=True).fill("Market day")
    await choose(page, "Shop bot")
    await page.get_by_label("What they read").fill("Fresh today, {{ first_name|default('there') }}")
    await page.get_by_label("Picture or file").set_input_files(PICTURE)
    picked = page.locator("#file .picked")
    await expect(picked).to_contain_text("market day.png")
    await expect(picked.locator("img")).to_be_visible()
    assert await picked.locator("img").evaluate("one => one.naturalWidth") == 640
    phone = page.locator("#preview .phone-screen")
    await expect(phone.locator("img.bubble-picture")).to_be_visible()
    await expect(phone).to_contain_text("Fresh today, Amina")
    await expect(page.get_by_label("What they read")).to_have_value("Fresh today, {{ first_name|default('there') }}")
    await desk(page, "compose-with-file")
    await page.get_by_role("button", name="Remove the file").click()
    await expect(page.get_by_label("Picture or file")).to_be_attached()
    await expect(phone.locator("img")).to_have_count(0)
    await page.get_by_label("Picture or file").set_input_files({"name": "prices.pdf", "mimeType": "application/pdf", "buffer": PDF})
    await expect(phone).to_contain_text("prices.pdf")
    await page.get_by_role("button", name="Remove the file").click()
    await page.get_by_label("Picture or file").set_input_files(PICTURE)
    await expect(picked.locator("img")).to_be_visible()
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.locator(".bubble-picture").first).to_be_visible()
    content = await site.database.pool.fetchval("SELECT content ->> 'media' FROM campaigns")
    assert '"content_type": "image/png"' in content
    await desk(page, "campaign-with-file")
    await page.get_by_role("link", name="Edit").first.click()
    await expect(page.locator("#file .picked")).to_contain_text("market day.png")
    await page.get_by_role("button", name="Remove the file").click()
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.get_by_text("Saved as a draft")).to_be_visible()
    assert await site.database.pool.fetchval("SELECT content FROM campaigns") is None


async def test_what_is_not_taken_says_why_where_it_was_picked(shop: Page, site: Site) -> None:
    page = shop
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("What they read").fill("Fresh today")
    await choose(page, "Sandbox")
    await page.get_by_label("Picture or file").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": SVG})
    error = page.locator("#error-file")
    await expect(error).to_contain_text("This file is not taken")
    await desk(page, "compose-file-refused")
    large = {"name": "large.png", "mimeType": "image/png", "buffer": png() + bytes(2 * 1024 * 1024)}
    await page.get_by_label("Picture or file").set_input_files(large)
    await expect(error).to_contain_text("2.0 MB")
    assert await site.database.pool.fetchval("SELECT count(*) FROM files") == 0
    await page.get_by_label("Picture or file").set_input_files(PICTURE)
    await expect(page.locator("#preview")).to_contain_text("carries no files of the kind image")
    await expect(error).to_be_hidden()
    await page.get_by_label("Name", exact=True).fill("Market day")
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.locator("#error-file")).to_contain_text("carries no files of the kind image")
    await expect(page.locator("#file .picked")).to_contain_text("market day.png")
    await desk(page, "compose-file-misfit")


async def test_the_page_of_a_message_shows_its_file(shop: Page, site: Site) -> None:
    import io

    from tidings.core.clock import utc_now
    from tidings.delivery.content import Content, MediaPart
    from tidings.files.service import Taking, Upload, take_file
    from tidings.messages.service import SendMessage, send_message

    how = Taking(database=site.database, storage=site.app.state.storage, settings=site.app.state.settings)
    file, _ = await take_file(how, site.access, Upload(file=io.BytesIO(PICTURE["buffer"]), name="market day.png"))
    async with site.database.workspace(site.workspace_id) as session:
        command = SendMessage(to="4711", text="Fresh today", medium="telegram", content=Content(media=MediaPart(id=file.public_id)))
        message = await send_message(session, site.access, site.database, command, now=utc_now(), region="KE")
    answer = await shop.request.get(f"{site.address}/files/{file.public_id}", timeout=15_000)
    assert await answer.body() == PICTURE["buffer"]
    await shop.goto(f"{site.address}/messages/{show_id('msg', message.id)}")
    await expect(shop.locator(".bubble-picture")).to_be_visible()
    async with shop.expect_download() as download:
        await shop.get_by_role("link", name="market day.png").click()
    assert (await (await download.value).path()).read_bytes() == PICTURE["buffer"]
    await desk(shop, "message-with-file")
    await site.database.pool.execute("UPDATE files SET deleted_at = now()")
    await shop.reload()
    await expect(shop.locator(".bubble")).to_contain_text("no longer kept")
