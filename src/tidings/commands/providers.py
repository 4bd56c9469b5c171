"""`tidings providers`: what channels can be made of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from tidings.commands.terminal import out, print_json

if TYPE_CHECKING:
    from tidings.providers.base import Description

_CAN = ("receipts", "inbound", "balance", "media", "buttons", "replies", "templates", "polling", "links", "sessions")


def providers(as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False) -> None:
    """List the providers of this version: what each can do, and how fast it may go.

    [bold]Examples[/bold]

      tidings providers

      tidings providers --json
    """
    from tidings.providers import PROVIDERS

    told = [_told(each.description) for each in PROVIDERS.values()]
    if as_json:
        print_json(told)
        return
    table = Table("Provider", "Kind", "Reaches by", _number("A second"), _number("At once"), "Can")
    for one in told:
        limits, can = one["limits"], one["capabilities"]
        pace = "no limit" if limits["per_second"] is None else f"{limits['per_second']:g}"
        able = ", ".join(name for name in _CAN if can[name])
        table.add_row(one["label"], one["kind"], ", ".join(can["mediums"]), pace, str(limits["concurrency"]), able or "send")
    out.print(table)


def _number(label: str) -> Column:
    return Column(label, justify="right", no_wrap=True)


def _told(description: Description) -> dict[str, Any]:
    return {
        "kind": description.kind, "label": description.label, "summary": description.summary, "docs_url": description.docs_url,
        "fields": [asdict(one) for one in description.fields], "sender_pattern": description.sender_pattern,
        "capabilities": asdict(description.capabilities), "limits": asdict(description.limits),
    }  # fmt: skip
