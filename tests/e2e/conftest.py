"""One browser for these tests."""

from playwright.async_api import expect

from tests.e2e.browser import browser, chromium, page  # noqa: F401

expect.set_options(timeout=15_000)  # milliseconds: browser, server, worker and database may share two busy cores
