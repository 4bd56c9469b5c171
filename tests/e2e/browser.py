"""One Chromium for the run; each test gets a page of its own that fails the test on script errors, policy violations and 5xx answers.

Mark the modules with `pytestmark = IN_BROWSER`: starting Playwright takes a second of a core, so all these tests share one connection to
Chromium, and the event loop that it lives in. Fixtures of theirs that are coroutines need that loop as well
(`@pytest_asyncio.fixture(loop_scope="session")`).
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
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

IN_BROWSER = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
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
    # As Playwright starts its own (chromiumSwitches.ts): else a page behind another's window is drawn when Chromium finds the time, and
    # a click on it waits for that for half a minute on a busy machine.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-ipc-flooding-protection",
    "--disable-hang-monitor",
    "--disable-back-forward-cache",
    "--allow-pre-commit-input",
    "--disable-extensions",
    "--disable-default-apps",
    "--metrics-recording-only",
    # The last three are pages of the address bar's list of suggestions, loaded for each new context: a third of what a test costs.
    "--disable-features=PaintHolding,DestroyProfileOnBrowserClose,OptimizationHints,MediaRouter,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
    "--enable-features=CDPScreenshotNewSurface",
)
SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PICTURES = bool(os.environ.get("SCREENSHOTS"))
"""A whole page takes half a second of a core to draw, and nobody looks at it in most runs."""
# Measured when the new width has been laid out; a chart follows it a moment later.
OVERFLOW = """async () => {
    const tooWide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const frame = () => new Promise(requestAnimationFrame);
    await frame(); await frame();
    for (const until = performance.now() + 1000; tooWide() > 0 && performance.now() < until;) await frame();
    return tooWide();
}"""
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect_over_cdp(chromium)
        yield connected
        await connected.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page at desktop size in a context of its own; what went wrong in it fails the test at the end."""
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"]
    )
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
    """Fail where the page is wider than the window, at both widths; with SCREENSHOTS set, take it into screenshots/ as well."""
    for size, (width, height) in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        if PICTURES:
            await _picture(page, f"{name}-{size}.png")
        overflow = await page.evaluate(OVERFLOW)
        assert overflow <= 0, f"{name} is {overflow} px wider than a window of {width} px"


async def _picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.wait_for_timeout(350)
    await page.screenshot(path=SCREENSHOTS / name, full_page=True)
