"""What a benchmark says: figures with their units in their names, the details behind them, and what must be true for them to count."""

from __future__ import annotations

import dataclasses
import json
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "out"

TARGETS: dict[str, tuple[str, float]] = {
    "ratio_to_bare": (">=", 0.65),
    "ratio_to_celery": (">=", 20),
    "p99_ms_idle": ("<", 100),
    "p99_ms_beside_campaign": ("<", 300),
    "rows_100k_seconds": ("<", 15),
    "import_peak_mb": ("<", 300),
    "receipts_per_second": (">=", 1500),
    "inbound_per_second": (">=", 1000),
    "inbound_lost": ("<", 1),
    "worker_peak_mb": ("<", 250),
    "idle_channel_kb": ("<", 150),
    "polling_channels": (">=", 2000),
    "slowest_query_ms": ("<", 50),
    "channels_at_pace": (">=", 100),
    "violations": ("<", 1),
}
"""What each has to reach on a machine with two cores."""
_MEETS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<": operator.lt}


@dataclass
class Report:
    """The outcome of one benchmark."""

    name: str
    figures: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    """What must hold, or the figures mean nothing: nobody lost, nobody twice, the ledger balances."""
    machine: dict[str, Any] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        return all(self.checks.values())

    def as_json(self) -> dict[str, Any]:
        value = dataclasses.asdict(self)
        value["figures"] = {name: tidy(number) for name, number in self.figures.items()}
        value["details"] = tidy(self.details)
        value["targets"] = {name: " ".join(map(str, TARGETS[name])) for name in self.figures if name in TARGETS}
        value["meets"] = {name: meets(name, number) for name, number in self.figures.items() if name in TARGETS}
        return value

    def save(self, folder: Path = OUT) -> None:
        """Keep it; the table of results is made from those in bench/out."""
        folder.mkdir(exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(self.as_json(), indent=2) + "\n")

    def in_words(self) -> str:
        lines = [f"== {self.name}"]
        for name, number in self.figures.items():
            sign, wanted = TARGETS.get(name, ("", 0.0))
            verdict = "" if not sign else f"   wanted {sign} {wanted:g}: {'reached' if meets(name, number) else 'MISSED'}"
            lines.append(f"   {name:<32} {tidy(number):>12}{verdict}")
        lines += [f"   check {name}: {'ok' if held else 'FAILED'}" for name, held in self.checks.items()]
        lines.append(json.dumps(tidy(self.details), indent=2))
        return "\n".join(lines)


def meets(name: str, number: float) -> bool:
    """Whether a figure reaches what is asked of it."""
    sign, wanted = TARGETS[name]
    return _MEETS[sign](number, wanted)


def tidy(value: Any) -> Any:
    """Four digits that mean something are enough."""
    if isinstance(value, float):
        return round(value, 1) if abs(value) >= 1000 else float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: tidy(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(one) for one in value]
    return value


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
