"""Writes the table of bench/RESULTS.md from what lies in bench/out; the words around the table are people's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.machine import in_words
from bench.report import OUT, TARGETS

RESULTS = Path(__file__).parent / "RESULTS.md"
_BEGIN = "<!-- figures: written by `python -m bench … --record` -->"
_END = "<!-- end of figures -->"


def record() -> None:
    """Put the newest figures into the file."""
    reports = [json.loads(path.read_text()) for path in sorted(OUT.glob("*.json"))]
    text = RESULTS.read_text()
    head, rest = text.split(_BEGIN, 1)
    _, tail = rest.split(_END, 1)
    RESULTS.write_text(f"{head}{_BEGIN}\n\n{_table(reports)}\n{_END}{tail}")


def _table(reports: list[dict[str, Any]]) -> str:
    lines = ["| benchmark | figure | measured | wanted | |", "| --- | --- | ---: | ---: | --- |"]
    for report in reports:
        for name, number in report["figures"].items():
            wanted = " ".join(map(str, TARGETS[name])) if name in TARGETS else ""
            verdict = {True: "reached", False: "**missed**", None: ""}[report["meets"].get(name)]
            lines.append(f"| {report['name']} | `{name}` | {number:,} | {wanted} | {verdict} |")
    lines += ["", *(f"- {report['name']}: {_size(report)}{in_words(report['machine'])}" for report in reports), ""]
    return "\n".join(lines)


def _size(report: dict[str, Any]) -> str:
    size = report["details"].get("n") or report["details"].get("campaign")
    unsound = [name for name, held in report["checks"].items() if not held]
    return (f"n = {size:,}; " if size else "") + (f"**UNSOUND: {'; '.join(unsound)}**; " if unsound else "")
