"""The components in a real browser, under the real content security policy."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port), "--log-level", "error", "tests.ui.gallery:app"]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(timeout=20)


async def test_the_gallery_fits_a_desktop_and_a_phone(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    await expect(page.locator("[data-chart] canvas")).to_have_count(2)
    await shoot(page, "gallery")


async def test_the_menu_opens_on_a_phone(page: Page, gallery: str) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(gallery)
    await expect(page.get_by_role("link", name="Contacts")).to_be_hidden()
    await page.get_by_label("Menu", exact=True).click()
    await expect(page.get_by_role("link", name="Contacts")).to_be_visible()


async def test_a_question_is_asked_before_a_form_goes_out(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    await page.get_by_role("button", name="Pause").click()
    question = page.get_by_role("dialog", name="Pause this campaign?")
    await question.get_by_role("button", name="Back").click()
    assert sent == []
    await page.get_by_role("button", name="Pause").click()
    async with page.expect_request(lambda request: request.method == "POST"):
        await question.get_by_role("button", name="Pause").click()


async def test_load_more_appends_rows_and_typing_refreshes_the_list(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    names = page.locator("#list tbody tr:not([data-more])")
    await expect(names).to_have_count(6)
    await page.get_by_role("link", name="Load more").click()
    await expect(names).to_have_count(12)
    await page.get_by_role("searchbox").fill("wanjiku")
    await expect(names).to_have_count(6)
    assert "search=wanjiku" in page.url


async def test_selecting_rows_shows_the_bulk_actions(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    bar = page.locator("[data-bulk-bar]")
    await expect(bar).to_be_hidden()
    await page.get_by_label("Select all rows shown").check()
    await expect(bar).to_contain_text("6 selected")
    await page.get_by_label("Select Wanjiku Njoroge 0").uncheck()
    await expect(bar).to_contain_text("5 selected")


async def test_an_htmx_form_sends_the_token_and_shows_the_toast(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    async with page.expect_request("**/pause") as sent:
        await page.get_by_role("button", name="Save").click()
    assert (await (await sent.value).all_headers())["x-csrf-token"] == "token-of-the-session"
    await expect(page.locator(".toast")).to_contain_text("日本語")


async def test_hidden_parts_of_a_form_are_not_sent(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    moment = page.get_by_label("Starts at")
    await expect(moment).to_be_visible()
    await page.get_by_label("Send later").uncheck()
    await expect(moment).to_be_hidden()
    await expect(moment).to_be_disabled()


async def test_tooltips_copy_buttons_and_dialogs_work_without_inline_scripts(page: Page, gallery: str) -> None:
    await page.goto(gallery)
    await page.locator(".status", has_text="Delivered").first.hover()
    await expect(page.get_by_role("tooltip")).to_have_text("The provider says it reached the phone.")
    await page.get_by_role("button", name="Copy").click()
    assert (await page.evaluate("navigator.clipboard.readText()")).startswith("tdk_")
    await page.get_by_role("button", name="Open a dialog").click()
    await page.get_by_role("dialog", name="Add contacts").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("dialog", name="Add contacts")).to_be_hidden()


@pytest.mark.parametrize("status", ["403", "404", "409", "422", "429"])
async def test_a_problem_page_tells_a_person_what_to_do(page: Page, gallery: str, status: str) -> None:
    answer = await page.goto(f"{gallery}/problem/{status}")
    assert answer is not None
    assert answer.status == int(status)
    await expect(page.get_by_role("link", name="Home").first).to_be_visible()
    await shoot(page, f"problem-{status}")


async def test_the_login_page_fits(page: Page, gallery: str) -> None:
    await page.goto(f"{gallery}/login")
    await expect(page.get_by_label("E-mail")).to_be_focused()
    await shoot(page, "login")


async def test_live_parts_poll_until_done_and_take_server_sent_events(page: Page, gallery: str) -> None:
    await page.goto(f"{gallery}/live")
    await expect(page.locator("#work")).to_contain_text("finished")
    await expect(page.locator("#stream b")).to_have_text("linked")


async def test_a_refused_fragment_leaves_the_part_as_it_is_and_says_why(page: Page, gallery: str) -> None:
    await page.goto(f"{gallery}/live?done=3")
    await page.get_by_role("button", name="Refused").click()
    await expect(page.locator("#notices")).to_contain_text("The campaign is already sending")
    await expect(page.locator("#work")).to_contain_text("finished")
