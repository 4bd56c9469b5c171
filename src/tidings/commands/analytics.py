"""`tidings analytics`: how channels and providers do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidings.commands.choosing import WorkspaceName, choose_channel, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import out, print_json
from tidings.settings import Settings
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    from tidings.insights.analytics_schemas import AnalyticsOutput


def analytics(
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days up to now.")] = 7,
    channel: Annotated[str | None, typer.Option(help="Only this channel: its name or id.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only channels of this provider.")] = None,
    workspace: WorkspaceName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show how each channel did: messages, success, answer and arrival times, the commonest error, cost.

    [bold]Examples[/bold]

      tidings analytics --days 30

      tidings analytics --provider twilio --json
    """
    found = run(_read(read_settings(), workspace, days, channel, provider))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for line in _lines(found):
        out.print(line, markup=False, soft_wrap=True)


async def _read(given: Settings, workspace: str | None, days: int, channel: str | None, provider: str | None) -> AnalyticsOutput:
    from tidings.core.clock import utc_now
    from tidings.insights.analytics import Asked, read_analytics
    from tidings.insights.analytics_schemas import AnalyticsOutput

    async with open_database(given) as database:
        async with database.system() as session:
            owner = await choose_workspace(session, workspace)
        access = system_access(owner.id, "tidings analytics")
        now = utc_now()
        async with database.workspace(owner.id) as session:
            chosen = await choose_channel(session, access, channel) if channel else None
            asked = Asked(since=now - timedelta(days=days), until=now, channel_id=chosen.id if chosen else None, provider=provider)
            return AnalyticsOutput.of(await read_analytics(session, access, asked, now=now))


def _lines(found: AnalyticsOutput) -> list[str]:
    if not found.channels:
        return ["No channel fits. `tidings analytics` without options shows all of the workspace."]
    lines = []
    for one in found.channels:
        rate = "nothing has ended" if one.success_rate is None else f"{one.success_rate:.1%} taken by the provider"
        lines.append(f"{one.name} ({one.provider}): {sum(one.by_status.values())} messages, {rate}")
        lines += [f"  {words}" for words in _details(one) if words]
    if not found.complete:
        lines.append("Times, errors and costs are of the latest 200,000 messages.")
    return lines


def _details(one: Any) -> list[str]:
    answer, arrival = one.answer_ms, one.arrival_seconds
    errors = ", ".join(f"{each.code} {each.count}" for each in one.errors[:3])
    return [
        f"answers in {answer.p50:.0f} ms, 99 % within {answer.p99:.0f} ms" if answer.p50 is not None else "",
        f"arrives in {arrival.p50:.1f} s, 99 % within {arrival.p99:.1f} s" if arrival.p50 is not None else "",
        f"errors: {errors}" if errors else "",
        "cost: " + ", ".join(f"{each.amount} {each.currency}" for each in one.cost) if one.cost else "",
    ]
