"""Named SQL kept in .sql files beside the code that runs it."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class NamedSql:
    """The statements of one .sql file, each under `-- name: …`, as attributes."""

    def __init__(self, package: str, filename: str) -> None:
        text = files(package).joinpath(filename).read_text()
        parts = _NAME.split(text)
        self._statements: dict[str, str] = dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(name) from None
