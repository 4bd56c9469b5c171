"""`tidings demo`: the main job on real input, in an installation of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tidings.commands.demo_channels import demo_channels
from tidings.commands.demo_place import alone, chosen_port, invite, make_workspace, watch, wipe
from tidings.commands.demo_simulators import require_simulators
from tidings.commands.installation import read_settings, run
from tidings.commands.processes import stop_on_signals
from tidings.commands.terminal import err, out
from tidings.commands.up import running
from tidings.errors import Unavailable
from tidings.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from tidings.campaigns.models import Campaign
    from tidings.campaigns.rules import Ledger
    from tidings.contacts.imports.service import Import
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

GROUP = "Customers"
TEXT = 'Hello {{ first_name|default("there") }}, our new opening hours start on Monday: 8 to 20. Reply STOP to opt out.'
_MOST_REASONS = 1000


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the ledger; exit code 0 only if it balances.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the dashboard. (default: the first free one from 8710)")
    ] = None,
    channels: Annotated[
        bool,
        typer.Option("--channels", help="WhatsApp and Telegram with SMS behind them, against simulators instead. Runs from a checkout."),
    ] = False,
) -> None:
    """Do the main job on real input: a spreadsheet, a campaign, every recipient accounted for.

    In an installation of its own under TIDINGS_HOME/demo, made anew each time; yours is not touched. Nothing leaves this machine: the
    messages go to a sandbox phone in the dashboard, which stays up until Ctrl-C.

    [bold]Examples[/bold]

      tidings demo

      tidings demo --exit && echo "every recipient is accounted for"

      tidings demo --channels
    """
    if channels:
        require_simulators()
    given = read_settings()
    home = given.home / "demo"
    with alone(home), chosen_port(given, port) as number:
        chosen = given.model_copy(update={"home": home, "database_url": None, "port": number})
        wipe(home)
        balanced = run(demo_channels(chosen, ends=exit_) if channels else _demo(chosen, ends=exit_))
    raise typer.Exit(0 if balanced else 1)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the demo did."""

    imported: Import
    campaign: Campaign
    ledger: Ledger
    reasons: Counter[tuple[str, str]]
    """Why, and how often, by outcome."""

    @property
    def balances(self) -> bool:
        """Nobody is missing: as many accepted as were imported, each with an outcome."""
        return self.ledger.balances and self.ledger.waiting == 0 and self.ledger.accepted == self.imported.created_count > 0


async def _demo(given: Settings, *, ends: bool) -> bool:
    from tidings.db.database import Database

    stop = asyncio.Event()
    stop_on_signals(stop)
    password = secrets.token_urlsafe(9)
    async with running(given, stop) as url, Database(url, pool_size=4) as database:
        if stop.is_set():
            err.print("Stopped before the demo began: nothing was sent.")
            return False
        access = await make_workspace(database, password)
        channel_id = await _make_channel(database, access, given)
        imported = await _import(database, access)
        campaign = await _campaign(database, access, channel_id)
        campaign, ledger = await watch(database, access, campaign.id, stop)
        told = _Told(imported, campaign, ledger, await _reasons(database, access, campaign.id))
        out.print(f"\n{told.imported.filename}: {told.imported.row_count} rows", markup=False)
        out.print(_sheet(told.imported))
        out.print(f"\n“{campaign.name}”: what became of each recipient", markup=False)
        out.print(_table(told))
        if not ends and not stop.is_set():
            invite(given, password)
            await stop.wait()
            err.print("Stopping …")
    return told.balances


async def _make_channel(database: Database, access: Access, given: Settings) -> UUID:
    from tidings.channels.service import CreateChannel, create_channel
    from tidings.channels.vault import open_vault

    async with database.workspace(access.workspace_id) as session:
        wish = CreateChannel(name="Sandbox", provider="sandbox", fields={}, is_default=True)
        return (await create_channel(session, access, open_vault(given), given, wish)).id


async def _import(database: Database, access: Access) -> Import:
    from tidings.commands.import_ import import_with_bar
    from tidings.contacts.imports.service import Limits

    sheet = example_sheet()
    out.print(f"Importing {sheet.name}: names and numbers as people write them.", markup=False)
    made, _ = await import_with_bar(database, access, sheet, GROUP, None, Limits(upload_bytes=2**24, rows=100_000))
    return made


async def _campaign(database: Database, access: Access, channel_id: UUID) -> Campaign:
    from tidings.campaigns.service import CampaignInput, create_campaign, launch_campaign
    from tidings.commands.choosing import choose_group
    from tidings.contacts.service import Audience
    from tidings.core.clock import utc_now

    async with database.workspace(access.workspace_id) as session:
        group = await choose_group(session, access, GROUP)
        wish = CampaignInput(name="New opening hours", text=TEXT, audience=Audience(groups=(group.id,)), channel_id=channel_id)
        made = await create_campaign(session, access, wish, now=utc_now())
        return await launch_campaign(session, access, made.id, now=utc_now())


async def _reasons(database: Database, access: Access, campaign_id: UUID) -> Counter[tuple[str, str]]:
    """What went wrong with those it went wrong with, in the provider's words."""
    from tidings.campaigns.ledger import list_recipients

    async with database.workspace(access.workspace_id) as session:
        found = await list_recipients(
            session, access.workspace_id, campaign_id, statuses=("failed", "unknown", "suppressed"), limit=_MOST_REASONS
        )
    return Counter((each.status, each.error_detail or each.error_code or each.suppression or "no reason given") for each in found)


def _sheet(made: Import) -> Table:
    table = Table()
    table.add_column("Rows")
    table.add_column("", justify="right")
    table.add_row("became contacts", str(made.created_count))
    table.add_row("came twice", str(made.duplicate_count))
    table.add_row("cannot be used", str(made.error_count))
    return table


def _table(told: _Told) -> Table:
    ledger = told.ledger
    table = Table(show_footer=True)
    mark = "[green]balances[/]" if told.balances else "[bold red]does not balance[/]"
    table.add_column("Outcome", footer=f"accepted ({mark})")
    table.add_column("Recipients", justify="right", footer=str(ledger.accepted))
    for name in ("delivered", "sent", "failed", "unknown", "suppressed", "cancelled", "expired", "waiting"):
        table.add_row(name, str(getattr(ledger, name)))
        for (outcome, why), count in told.reasons.most_common():
            if outcome == name:
                table.add_row(f"  [dim]{count} × {escape(why)}[/]", "")
    return table


def example_sheet() -> Path:
    """A thousand contacts as real sheets have them: in the package, or beside it in a checkout."""
    for place in (Path(str(files("tidings"))) / "examples", Path(__file__).parents[3] / "examples"):
        if (place / "contacts.xlsx").exists():
            return place / "contacts.xlsx"
    raise Unavailable("The example spreadsheet is missing from this installation of Tidings. Install it anew.")
