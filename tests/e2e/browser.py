"""One Chromium for the run; each test gets a page of its own that fails the test on script errors, policy violations and 5xx answers.

Import the fixtures in a folder's conftest.py: `from tests.e2e.browser import browser, chromium, page`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",  # a whole page is photographed without one, but measured with it
    "--remote-debugging-port=0",
)
SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
# Chromium reports a 4xx page as a console error of its own; those answers are what many tests are about.
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """The address of the run's Chromium; it outlives the event loops of the tests, which only connect to it."""
    home = tempfile.mkdtemp(prefix="tidings-chromium-")
    command = [find_chromium(), *ARGUMENTS, f"--user-data-dir={home}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{_port(Path(home), process)}"
        finally:
            process.terminate()
            process.wait(timeout=20)
            shutil.rmtree(home, ignore_errors=True)


def find_chromium() -> str:
    """The installed Chromium, or the one that `playwright install chromium` brought."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    own = sorted(Path("~/.cache/ms-playwright").expanduser().glob("chromium-*/chrome-linux*/chrome"))
    if not own:
        pytest.skip("No Chromium here: install one, set CHROMIUM, or run `playwright install chromium`.")
    return str(own[-1])


def _port(home: Path, process: subprocess.Popen[bytes], patience: float = 30) -> int:
    """Chromium writes the port it chose into this file once it listens."""
    told = home / "DevToolsActivePort"
    deadline = time.monotonic() + patience
    while not (told.exists() and told.read_text().strip()):
        assert process.poll() is None, "Chromium ended by itself"
        assert time.monotonic() < deadline, "Chromium did not start in time"
        time.sleep(0.05)
    return int(told.read_text().split()[0])


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect_over_cdp(chromium)
        yield connected
        await connected.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page at desktop size in a context of its own; what went wrong in it fails the test at the end."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"])
    opened = await context.new_page()
    faults = watch(opened)
    yield opened
    await context.close()
    assert faults == [], faults


def watch(page: Page) -> list[str]:
    """Collect from now on what must not happen in a page."""
    faults: list[str] = []

    def heard(message) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            faults.append(f"console: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("response", lambda answer: faults.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None)
    return faults


async def shoot(page: Page, name: str) -> None:
    """Take the page at both widths into screenshots/ and fail where it is wider than the window."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for size, (width, height) in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.wait_for_timeout(350)
        await page.screenshot(path=SCREENSHOTS / f"{name}-{size}.png", full_page=True)
        overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} px wider than a window of {width} px"
