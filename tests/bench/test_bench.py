"""Every benchmark runs, in a size that measures nothing, and says what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import percentile

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = {
    "bulk": ({"ratio_to_bare"}, 200),
    "latency": ({"p99_ms_idle", "p99_ms_beside_campaign"}, 40),
    "import": ({"rows_per_second", "import_peak_mb"}, 100),
    "receipts": ({"receipts_per_second"}, 200),
    "inbound": ({"inbound_per_second"}, 200),
    "memory": ({"worker_peak_mb"}, 200),
    "polling": ({"idle_channel_kb", "polling_channels"}, 20),
    "queries": ({"slowest_query_ms"}, 10_000),
    "telegram": ({"messages_per_second"}, 2),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FIGURES)
def test_benchmark_runs_and_its_checks_hold(name: str, tmp_path: Path) -> None:
    figures, size = FIGURES[name]
    done = subprocess.run(
        [sys.executable, "-m", "bench", name, "--json", "--n", str(size), "--rounds", "1", "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=220, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    said = json.loads(done.stdout)
    assert said["checks"] or name == "queries"
    assert all(said["checks"].values())
    assert figures <= said["figures"].keys()
    assert all(number > 0 for figure, number in said["figures"].items() if figure in figures)
    assert said == json.loads((tmp_path / f"{name}.json").read_text())


def test_percentile_is_the_smallest_value_that_the_share_does_not_exceed() -> None:
    values = [float(one) for one in range(1, 101)]
    assert percentile(values, 0.99) == 99
    assert percentile(values, 0.5) == 50
    assert percentile([7.0], 0.99) == 7
