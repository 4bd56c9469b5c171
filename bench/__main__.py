"""`python -m bench NAME` runs one benchmark, `python -m bench all` every one; bench/README.md says what each measures."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from bench.machine import describe_machine, in_words
from bench.options import Options
from bench.report import OUT, Report

NAMES = ("bulk", "latency", "import", "receipts", "inbound", "memory", "queries", "polling", "telegram")
_MODULES = {"import": "importing"}  # `import` cannot be a module's name


def main() -> int:
    """Exit code 0 when every check held, whatever the speed; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=(*NAMES, "all"))
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on standard output")
    parser.add_argument("--n", type=int, help="messages, rows, receipts or requests: each benchmark has its own default")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions where the median is taken (default 3)")
    parser.add_argument("--full", action="store_true", help="the published sizes: 1,000,000 recipients, 10,000,000 messages")
    parser.add_argument("--record", action="store_true", help="write the figures into bench/RESULTS.md")
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON goes (default bench/out)")
    given = parser.parse_args()
    options = Options(n=given.n, rounds=max(1, given.rounds), full=given.full, out=given.out)
    reports = [_run(name, options) for name in (NAMES if given.name == "all" else (given.name,))]
    _show(reports, as_json=given.json)
    if given.record:
        from bench.results import record

        record()
    return 0 if all(report.is_sound for report in reports) else 1


def _run(name: str, options: Options) -> Report:
    run: Callable[[Options], Coroutine[Any, Any, Report]] = importlib.import_module(f"bench.{_MODULES.get(name, name)}").run
    machine = describe_machine()
    print(f"{name} … ({in_words(machine)})", file=sys.stderr, flush=True)
    report = uvloop.run(run(options))
    report.machine = machine
    report.save(options.out)
    return report


def _show(reports: list[Report], *, as_json: bool) -> None:
    if as_json:
        values = [report.as_json() for report in reports]
        print(json.dumps(values[0] if len(values) == 1 else _together(values), indent=2))
    else:
        for report in reports:
            print(report.in_words())


def _together(values: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": "all",
        "figures": {name: number for value in values for name, number in value["figures"].items()},
        "reports": values,
    }


if __name__ == "__main__":
    sys.exit(main())
