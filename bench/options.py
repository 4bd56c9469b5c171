"""What may be said on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.report import OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Size and repetition. None and the defaults give runs of a minute or a few."""

    n: int | None = None
    rounds: int = 3
    full: bool = False
    """The sizes that the published results are measured at."""
    out: Path = OUT
    """Where the JSON goes."""
