"""Logs of tests in plain lines: structlog's own way draws each traceback with all its variables, for two seconds of a core."""

from __future__ import annotations

import structlog


def plain_logs() -> None:
    """What is logged goes to the output as structlog does by default, tracebacks as Python prints them."""
    structlog.reset_defaults()
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])
