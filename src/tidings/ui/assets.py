"""The static files: each address carries a hash of the content, so that browsers keep them for a year and never show an old one."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
_DRAWINGS = Path(__file__).parent / "icons.json"


@functools.cache
def static(name: str) -> str:
    """The address of a static file. Raises FileNotFoundError for one that is not there, so that a typo shows at once."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@functools.cache
def icon(name: str, classes: str = "") -> Markup:
    """One of Tabler's icons, drawn in the text's colour; hidden from screen readers, who get the words beside it."""
    drawing = _drawings()[name]
    paint = 'fill="currentColor"' if name.startswith("filled-") else 'fill="none" stroke="currentColor" stroke-width="2"'
    return Markup(  # noqa: S704  # the drawings are vendored files of ours
        f'<svg xmlns="http://www.w3.org/2000/svg" class="icon {classes}" width="24" height="24" viewBox="0 0 24 24" {paint} '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{drawing}</svg>'
    )


@functools.cache
def _drawings() -> dict[str, str]:
    drawings: dict[str, str] = json.loads(_DRAWINGS.read_text())
    return drawings


class _HashedFiles(StaticFiles):
    """Static files that may be kept a year when asked for by their hash, and must be asked for again without it."""

    def file_response(self, full_path: str | Path, stat_result: object, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[override]
        response = super().file_response(full_path, stat_result, scope, status_code)  # type: ignore[arg-type]
        hashed = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def mount_static(app: Starlette) -> None:
    """Serve the static files under /static, compressed."""
    app.mount("/static", GZipMiddleware(_HashedFiles(directory=FOLDER), minimum_size=1000), name="static")
