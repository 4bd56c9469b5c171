"""Structured logs with nothing in them that should not be there. Only entry points call `configure_logging`."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_HIDDEN = "***"
_SECRET_NAME = re.compile(r"secret|token|passw(or)?d|authorization|api_?key|credential|cookie|signature", re.IGNORECASE)
_PHONE = re.compile(r"\+\d{7,15}(?!\d)")
_SECRET_TEXT = (
    (re.compile(r"(://[^:/\s@]*:)[^@/\s]+@"), r"\1***@"),  # a password in an address
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\btdk_\w+"), "tdk_***"),  # our API keys
)
_QUIET = ("alembic", "asyncio", "pgqueuer", "_granian", "granian.access")
"""Loggers that tell of their own housekeeping; they are heard from WARNING on, unless all is."""

GRANIAN_LOGGING: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": [], "propagate": True}},
}
"""Has granian hand its own lines to ours instead of printing them."""


def configure_logging(*, format: str, level: str) -> None:  # noqa: A002  (the setting's name)
    """Send everything, libraries' lines too, to standard error: coloured for people or one JSON object a line."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=False,  # modules make their loggers before we come here
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(), processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(format)]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel("DEBUG" if level == "DEBUG" else "WARNING")


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide secrets by their name and by their look, and the middle of phone numbers."""
    return {key: _HIDDEN if _SECRET_NAME.search(key) and value else _clean(value) for key, value in event.items()}


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Before redact, so that what an exception quotes is cleaned too; and as plain text, since pretty tracebacks show variables.
        structlog.processors.format_exc_info,
        redact,
    ]


def _renderer(format: str) -> Processor:  # noqa: A002
    if format == "json":
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _clean(value: Any) -> Any:
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {key: _HIDDEN if isinstance(key, str) and _SECRET_NAME.search(key) else _clean(one) for key, one in value.items()}
        case list() | tuple() | set():
            return [_clean(one) for one in value]
        case _:
            return value


def clean_text(text: str) -> str:
    """The text without what looks like a secret or a whole phone number."""
    for pattern, instead in _SECRET_TEXT:
        text = pattern.sub(instead, text)
    return _PHONE.sub(lambda found: _mask_phone(found.group()), text)


def _mask_phone(number: str) -> str:
    """+4917012345678 → +4917…678: enough to find it again, too little to dial."""
    return f"{number[:5]}…{number[-3:]}"
