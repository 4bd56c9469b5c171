"""The one Jinja environment: finds the pages of every feature folder, escapes everything, knows our filters and components."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from tidings.core.clock import utc_now
from tidings.ui import filters, words
from tidings.ui.assets import icon, static
from tidings.ui.frame import SECTIONS, SETTINGS

if TYPE_CHECKING:
    from tidings.ui.frame import Frame

SOURCE = Path(__file__).parent.parent
# Set around each (synchronous) rendering, so that components know the person and the clock without being handed them.
current_frame: ContextVar[Frame | None] = ContextVar("current_frame", default=None)


def template_folders() -> dict[str, Path]:
    """Each feature's `templates/` folder by the feature's name: `contacts/list.html` is `contacts/templates/list.html`."""
    folders = {path.parent.name: path for path in sorted(SOURCE.glob("*/templates")) if path.is_dir()}
    return folders | {"ui": SOURCE / "ui" / "templates"}


def build_environment(extra: dict[str, Path] | None = None) -> Environment:
    """Make the environment. `extra` adds folders for tests."""
    folders = template_folders() | (extra or {})
    environment = Environment(
        loader=PrefixLoader({name: FileSystemLoader(path) for name, path in folders.items()}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters.PLAIN | {"ago": _ago, "exact": _exact, "asset": static}
    environment.globals |= {
        "static": static,
        "icon": icon,
        "draw": icon,  # for macros that have a parameter named icon
        "csrf_field": csrf_field,
        "sections": SECTIONS,
        "settings_sections": SETTINGS,
        "word": words.find_word,
        "reason_word": words.find_reason,
        "clock_name": _timezone,
        "timezone_names": timezone_names,
    }
    _add_components(environment)
    return environment


@functools.cache
def environment() -> Environment:
    """The process's environment; templates are read from disk once."""
    return build_environment()


def csrf_field() -> Markup:
    """The hidden field that every form carries; without it the server refuses the form."""
    frame = current_frame.get()
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(frame.csrf_token if frame else "")


@functools.cache
def timezone_names() -> tuple[str, ...]:
    """The names of places that a form offers as timezone."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/"))))


def _add_components(environment: Environment) -> None:
    """Offer all macros under `ui/components/` as `c.name` in every template, without an import. A file may use those of earlier ones."""
    components = SimpleNamespace()
    environment.globals["c"] = components
    for path in sorted((SOURCE / "ui" / "templates" / "components").glob("*.html")):
        module = environment.get_template(f"ui/components/{path.name}").module
        vars(components).update({name: value for name, value in vars(module).items() if not name.startswith("_")})


def _timezone() -> str:
    frame = current_frame.get()
    return frame.timezone if frame else "UTC"


def _ago(moment: datetime | None) -> Markup:
    return filters.ago(moment, now=utc_now(), timezone=_timezone())


def _exact(moment: datetime | None, *, seconds: bool = False) -> Markup:
    return filters.exact(moment, timezone=_timezone(), seconds=seconds)
