from tests.e2e.browser import browser, chromium, page  # noqa: F401
