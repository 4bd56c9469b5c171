"""One browser for these tests."""

from playwright.async_api import expect

expect.set_options(timeout=15_000)  # milliseconds: browser, server, worker and database may share two busy cores
