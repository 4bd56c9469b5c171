"""`tidings demo` as it is: what it shows is what happened, it ends with 0 only if it balances, and nothing stays behind."""

from __future__ import annotations

import psutil
import pytest

from tidings.commands import demo_simulators

pytestmark = pytest.mark.timeout(400)


def figures(said: str, heading: str, *names: str) -> list[list[int]]:
    """The numbers in the rows of these names, in the first table after the heading."""
    lines = said[said.index(heading) :].splitlines()
    rows = [next(line for line in lines if line.lstrip("│ ").startswith(name)) for name in names]
    return [[int(cell) for cell in row.split("│") if cell.strip().isdigit()] for row in rows]


def simulators_of(pid: int) -> list[str]:
    return [line for one in psutil.Process(pid).children() if "tests.simulators" in (line := " ".join(one.cmdline()))]


def test_over_several_channels_everybody_is_counted_once(start) -> None:
    demo = start("demo", "--channels", "--exit")
    demo.wait_for("By WhatsApp", 120)
    assert len(simulators_of(demo.process.pid)) == 3
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert demo.process.wait(240) == 0, demo.said
    assert "Traceback" not in demo.said
    by_whatsapp, by_telegram = demo.said.split("By Telegram, to", 1)
    # 4 are not on WhatsApp and 4 stay silent; SMS reaches all of them but one.
    assert figures(by_whatsapp, "“WhatsApp”", "delivered", "failed", "accepted") == [[39], [1], [40]]
    assert figures(by_whatsapp, "By which channel", "whatsapp", "sms") == [[40, 32, 0], [8, 7, 4]]
    # 4 have left Telegram, 2 have blocked the bot and are not written to at all.
    assert figures(by_telegram, "“Telegram”", "delivered", "sent", "accepted") == [[4], [34], [40]]
    assert figures(by_telegram, "By which channel", "telegram", "sms") == [[40, 34, 0], [4, 4, 0]]
    assert demo.said.count("accepted (balances)") == 2
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_simulators_end_with_a_demo_that_was_killed(start) -> None:
    demo = start("demo", "--channels")
    demo.wait_for("By WhatsApp", 120)
    simulators = [one for one in psutil.Process(demo.process.pid).children() if "tests.simulators" in " ".join(one.cmdline())]
    demo.process.kill()
    _, alive = psutil.wait_procs(simulators, timeout=15)
    assert len(simulators) == 3
    assert not alive


def test_without_a_checkout_it_says_where_it_runs(tidings, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(demo_simulators, "CHECKOUT", tmp_path)
    refused = tidings("demo", "--channels")
    assert refused.returncode == 1
    assert "runs from a checkout" in refused.stderr
    assert "make setup" in refused.stderr
    assert not (tmp_path / "demo").exists()


def test_the_spreadsheets_campaign_balances(start) -> None:
    demo = start("demo", "--exit")
    assert demo.process.wait(360) == 0, demo.said
    assert "accepted (balances)" in demo.said
