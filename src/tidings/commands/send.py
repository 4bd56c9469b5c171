"""`tidings send`: one message, or a text to a group."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidings.commands.choosing import WorkspaceName, choose_channel, choose_group, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import err, out, print_json
from tidings.core.ids import show_id
from tidings.errors import Invalid
from tidings.settings import Settings
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.workspaces.access import Access
    from tidings.workspaces.models import Workspace

_STILL_MOVING = frozenset({"scheduled", "queued", "sending"})


@dataclass(frozen=True, slots=True)
class _Wanted:
    text: str
    to: str | None
    group: str | None
    channel: str | None
    at: datetime | None


def send(
    text: Annotated[str, typer.Argument(help="What to send. To a group it may be personal: 'Hello {{ first_name|default(\"there\") }}'.")],
    to: Annotated[str | None, typer.Option(help="One recipient's number or address.")] = None,
    group: Annotated[str | None, typer.Option(help="Everybody in this group, as a campaign.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="By which channel: its name or id. (default: the workspace's default for SMS)")
    ] = None,
    at: Annotated[datetime | None, typer.Option(help="When, in UTC: 2030-08-01T09:00:00. (default: now)")] = None,
    workspace: WorkspaceName = None,
    wait: Annotated[int, typer.Option(min=0, max=3600, help="Seconds to wait for the outcome of a single message.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Send one message, or a text to a group.

    It is accepted and written down here; a worker (`tidings up`, `tidings worker`) sends it. Opt-outs hold as everywhere.

    [bold]Examples[/bold]

      tidings send "Your table is ready" --to +254712345678 --wait 30

      tidings send 'Hello {{ first_name|default("there") }}, we open at nine' --group Customers --at 2030-08-01T06:00:00
    """
    if (to is None) == (group is None):
        raise Invalid("Say whom to send to: either --to or --group. Nothing was sent.")
    wanted = _Wanted(text, to, group, channel, at.replace(tzinfo=UTC) if at else None)
    result = run(_send(read_settings(), wanted, workspace, wait))
    if as_json:
        print_json(result)
    else:
        reason = f": {result['error']}" if result.get("error") else ""
        out.print(f"{result['id']} is {result['status']}{reason}.", markup=False)


async def _send(given: Settings, wanted: _Wanted, workspace: str | None, wait: int) -> dict[str, Any]:
    async with open_database(given) as database:
        async with database.system() as session:
            owner = await choose_workspace(session, workspace)
        access = system_access(owner.id, "tidings send")
        async with database.workspace(owner.id) as session:
            if wanted.group:
                return await _send_campaign(session, access, wanted)
            message_id = await _send_message(session, access, database, owner, wanted)
        if not await database.pool.fetchval(_A_WORKER_LIVES):
            err.print("No worker runs now; it leaves when one does: `tidings up`.")
            wait = 0
        return await _outcome(database, access, message_id, wait)


_A_WORKER_LIVES = "SELECT EXISTS (SELECT FROM worker_heartbeats WHERE seen_at > now() - interval '15 seconds')"


async def _send_message(session: AsyncSession, access: Access, database: Database, owner: Workspace, wanted: _Wanted) -> UUID:
    from tidings.core.clock import utc_now
    from tidings.messages.service import SendMessage, send_message

    channel = await choose_channel(session, access, wanted.channel) if wanted.channel else None
    command = SendMessage(to=wanted.to or "", text=wanted.text, channel_id=channel.id if channel else None, send_at=wanted.at)
    return (await send_message(session, access, database, command, now=utc_now(), region=owner.default_region)).id


async def _send_campaign(session: AsyncSession, access: Access, wanted: _Wanted) -> dict[str, Any]:
    from tidings.campaigns.service import CampaignInput, create_campaign, launch_campaign
    from tidings.contacts.service import Audience
    from tidings.core.clock import utc_now

    group = await choose_group(session, access, wanted.group or "")
    channel = await choose_channel(session, access, wanted.channel) if wanted.channel else None
    name = f"{group.name}, {utc_now():%Y-%m-%d %H:%M}"
    wish = CampaignInput(
        name=name,
        text=wanted.text,
        audience=Audience(groups=(group.id,)),
        channel_id=channel.id if channel else None,
        scheduled_at=wanted.at,
    )
    campaign = await create_campaign(session, access, wish, now=utc_now())
    if wanted.at is None:
        campaign = await launch_campaign(session, access, campaign.id, now=utc_now())
    return {"id": show_id("cmp", campaign.id), "name": name, "status": str(campaign.status)}


async def _outcome(database: Database, access: Access, message_id: UUID, wait: int) -> dict[str, Any]:
    from tidings.messages.service import get_message

    deadline = asyncio.get_running_loop().time() + wait
    while True:
        async with database.workspace(access.workspace_id) as session:
            message = await get_message(session, access.workspace_id, message_id)
        if message.status not in _STILL_MOVING or asyncio.get_running_loop().time() >= deadline:
            return {
                "id": show_id("msg", message.id),
                "status": str(message.status),
                "error": message.error_detail or message.error_code or message.suppression,
            }
        await asyncio.sleep(0.25)
