"""The main job as a new user does it, in Chromium, with `tidings up` as real processes: from first start to the balanced ledger."""

from __future__ import annotations

import csv
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot

pytestmark = [*IN_BROWSER, pytest.mark.timeout(300)]
SHEET = Path(__file__).parents[2] / "examples" / "contacts.xlsx"
TEXT = ", our new opening hours start on Monday: 8 to 20. Reply STOP to opt out."
A_SECOND = 45
"""Messages: slow enough that the sending can be watched and paused."""


@pytest.fixture
def address(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Where `tidings up` answers, with its API and its worker as processes of their own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
    environment = {**kept, "DATABASE_URL": database_url, "TIDINGS_HOME": str(tmp_path), "TIDINGS_LOG_LEVEL": "WARNING"}
    with (tmp_path / "up.log").open("wb") as log:
        command = [sys.executable, "-m", "tidings", "up", "--port", str(port)]
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
            _wait_for(port, process, tmp_path / "up.log")
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    assert "Traceback" not in (tmp_path / "up.log").read_text()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


async def take(page: Page, name: str) -> None:
    """Pictures at both widths, then back to the desk."""
    await shoot(page, name)
    await page.set_viewport_size({"width": 1440, "height": 900})


async def test_from_first_start_to_the_balanced_ledger(page: Page, address: str, tmp_path: Path) -> None:
    await _set_up(page, address)
    await _add_the_sandbox(page)
    people = await _import_the_sheet(page)
    await _send(page, people)
    await _watch(page)
    await _account(page, address, tmp_path)


async def _set_up(page: Page, address: str) -> None:
    await page.goto(address)
    await page.get_by_label("Your name").fill("Ada Lovelace")
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password", exact=True).fill("correct horse battery")
    await page.get_by_label("Workspace").fill("Mama Mboga Ltd")
    await page.get_by_label("Country").select_option("KE")
    await page.get_by_label("Timezone").select_option("Africa/Nairobi")
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_text("Three steps to the first message")).to_be_visible()
    await take(page, "home-new")


async def _add_the_sandbox(page: Page) -> None:
    await page.get_by_role("link", name="Use the sandbox").click()
    await page.get_by_role("textbox", name="Name").fill("Sandbox")
    await page.get_by_role("textbox", name="Sender").fill("MAMAMBOGA")
    await page.get_by_role("heading", name="Limits").click()
    await page.get_by_label("Pace", exact=True).select_option("own")
    await page.get_by_label("Messages a second").fill(str(A_SECOND))
    await page.get_by_role("button", name="Set it up").click()
    await expect(page.locator("#notices")).to_contain_text("is set up")


async def _import_the_sheet(page: Page) -> int:
    """Import the example, and say how many contacts it became."""
    await page.get_by_role("link", name="Home", exact=True).click()
    await page.get_by_role("link", name="Import a spreadsheet").click()
    await page.set_input_files("[name=file]", SHEET)
    await page.get_by_role("button", name="Read the file").click()
    button = page.get_by_role("button", name=re.compile(r"Import [\d,]+ contacts"))
    await expect(button).to_be_visible(timeout=30_000)
    people = int(re.sub(r"\D", "", await button.inner_text()))
    await button.click()
    await page.get_by_role("dialog").get_by_role("button", name=re.compile("Import")).click()
    await expect(page.locator("#notices")).to_contain_text(f"{people} new contacts", timeout=30_000)
    return people


async def _send(page: Page, people: int) -> None:
    await page.get_by_role("link", name="Campaigns", exact=True).click()
    await page.get_by_role("link", name="Write the first one").click()
    await page.get_by_label("Name").fill("New opening hours")
    await page.get_by_label("What they read").fill("Hello ")
    await page.get_by_role("button", name="First name").click()
    await page.keyboard.type(TEXT)
    await expect(page.locator("#preview .bubble")).to_have_text(re.compile(rf"^Hello [^{{]+{re.escape(TEXT)}$"))
    await expect(page.locator("#to-send")).to_have_text(str(people))
    await take(page, "compose")
    await page.get_by_role("button", name="Send …").click()
    question = page.get_by_role("dialog", name=f"Send now to {people} recipients?")
    await expect(question).to_be_visible()
    await question.get_by_role("button", name=f"Send to {people} recipients").click()
    await expect(page.locator("#notices")).to_contain_text("On its way")


async def _watch(page: Page) -> None:
    """The numbers move by themselves; it is paused, looked at after a reload, and goes on."""
    live = page.locator("#live")
    await expect(live.get_by_text("Balanced")).to_be_visible()
    await expect(live.locator(".work")).to_contain_text("a second", timeout=15_000)
    await take(page, "campaign-sending")
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_role("dialog", name="Pause this campaign?").get_by_role("button", name="Pause").click()
    await expect(live.get_by_text("Nothing leaves until you resume it")).to_be_visible()
    await page.reload()
    await expect(live.get_by_text("Nothing leaves until you resume it")).to_be_visible()
    await take(page, "campaign-paused")
    await page.get_by_role("button", name="Resume").click()
    await expect(live.get_by_text(re.compile(r"^Done "))).to_be_visible(timeout=60_000)


async def _account(page: Page, address: str, tmp_path: Path) -> None:
    """Every recipient stands in the ledger with an end, on the page and in the file."""
    live = page.locator("#live")
    await expect(live.get_by_text("Balanced")).to_be_visible()
    accepted = int((await live.locator(".ledger-total").inner_text()).replace(",", ""))
    counts = [int(text.replace(",", "")) for text in await live.locator(".ledger-count").all_inner_texts()]
    assert sum(counts) == accepted
    assert accepted > 900
    await expect(page.locator("#recipients tbody tr").first).to_be_visible()
    await page.get_by_title("It did not arrive and will not be tried again.").click()
    await expect(page.locator("#recipients")).to_contain_text("Sandbox: this number does not exist.")
    await take(page, "campaign-done")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").click()
    await (await download.value).save_as(tmp_path / "ledger.csv")
    with (tmp_path / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == accepted
    assert not {row["status"] for row in rows} & {"queued", "sending", "scheduled"}
    await page.goto(address)
    await expect(page.get_by_role("link", name="New opening hours")).to_be_visible()
    await expect(page.locator("[data-chart] canvas")).to_have_count(1)
    await take(page, "home")
