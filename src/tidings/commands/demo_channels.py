"""`tidings demo --channels`: one campaign by WhatsApp and one by Telegram, each on a route with SMS behind it, every recipient counted once."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tidings.commands.demo_place import invite, make_workspace, watch
from tidings.commands.demo_simulators import Simulator, simulators
from tidings.commands.processes import stop_on_signals
from tidings.commands.terminal import err, out
from tidings.commands.up import address, running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from tidings.campaigns.models import Campaign
    from tidings.campaigns.rules import Ledger
    from tidings.channels.asking import Asking
    from tidings.channels.models import Channel
    from tidings.channels.service import CreateChannel
    from tidings.db.database import Database
    from tidings.messages.models import Message
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

EACH = 40
"""People of each campaign."""
WAIT_SECONDS = 5
TEXT = "Hello {{ first_name }}, your order is ready. Reply STOP to opt out."
_BOT = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"
_NAMES = ("Amina", "Baraka", "Chao", "Dalila", "Esther", "Faraji", "Grace", "Hamisi", "Imani", "Juma")
_LINK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody made up, and what is the matter with them."""

    number: int
    name: str
    phone: str
    chat: int


def people(first: int) -> list[Person]:
    """As many as one campaign has; nobody is in both."""
    return [
        Person(n, f"{_NAMES[n % 10]} {'Otieno' if n % 2 else 'Wanjiru'} {first + n}", f"+2547{first + n:08}", 7_000_000 + first + n)
        for n in range(EACH)
    ]


async def demo_channels(given: Settings, *, ends: bool) -> bool:
    """Run it; whether both ledgers balance and each recipient is in them once."""
    async with simulators() as services:
        allowed = ",".join(one.url for one in services.values())
        given = given.model_copy(update={"allowed_api_base_urls": allowed, "public_url": address(given)})
        stop = asyncio.Event()
        stop_on_signals(stop)
        return await _run(given, services, stop, ends=ends)


async def _run(given: Settings, services: Mapping[str, Simulator], stop: asyncio.Event, *, ends: bool) -> bool:
    from tidings.channels.asking import Asking
    from tidings.channels.vault import open_vault
    from tidings.db.database import Database
    from tidings.providers.http import Http

    password = secrets.token_urlsafe(9)
    async with running(given, stop) as url, Database(url, pool_size=4) as database, Http(may_reach=given.may_override_base_url) as http:
        if stop.is_set():
            err.print("Stopped before the demo began: nothing was sent.")
            return False
        access = await make_workspace(database, password)
        how = Asking(database=database, vault=open_vault(given), settings=given, http=http)
        channels = await _channels(how, access, services)
        told = [
            await _show(database, access, await _whatsapp(how, access, channels, services), stop),
            await _show(database, access, await _telegram(how, access, channels, services, stop), stop),
        ]
        if not ends and not stop.is_set():
            invite(given, password)
            await stop.wait()
            err.print("Stopping …")
    return all(told)


# --- what there is ----------------------------------------------------------------------------------------------------


async def _channels(how: Asking, access: Access, services: Mapping[str, Simulator]) -> dict[str, Channel]:
    from tidings.channels.service import create_channel

    made = {}
    async with how.database.workspace(access.workspace_id) as session:
        for name, wish in _wishes(services).items():
            made[name] = await create_channel(session, access, how.vault, how.settings, wish)
    return made


def _wishes(services: Mapping[str, Simulator]) -> dict[str, CreateChannel]:
    """With the credentials that the simulators ask for."""
    from tidings.channels.service import CreateChannel

    meta = {
        "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": "EAAsimulated/access+token=of-meta",
        "app_secret": "0123456789abcdef-simulated-app-secret", "verify_token": "simulated verify token",
    }  # fmt: skip
    account = {"account_sid": "AC" + "5" * 32, "auth_token": "simulated-auth-token-of-twilio"}
    return {
        "whatsapp_cloud": CreateChannel(
            name="WhatsApp", provider="whatsapp_cloud", fields=meta, api_base_url=services["whatsapp_cloud"].url, sender="+15550783881"
        ),
        "telegram": CreateChannel(
            name="Telegram bot", provider="telegram", fields={"bot_token": _BOT}, api_base_url=services["telegram"].url, receive="polling"
        ),
        "twilio": CreateChannel(name="SMS", provider="twilio", fields=account, api_base_url=services["twilio"].url, sender="+15005550006"),
    }


async def _contacts(how: Asking, access: Access, group_name: str, who: Sequence[Person], *mediums: str) -> tuple[UUID, list[UUID]]:
    """A group of these people; its id and theirs."""
    from tidings.contacts.groups.service import add_contacts, create_group
    from tidings.contacts.models import Address, NewContact
    from tidings.contacts.service import create_contacts

    wanted = [NewContact(name=one.name, addresses=tuple(Address(medium=each, address=one.phone) for each in mediums)) for one in who]
    async with how.database.workspace(access.workspace_id) as session:
        made = await create_contacts(session, access, wanted)
        ids = [one.contact_id for one in made if one.contact_id is not None]
        group = await create_group(session, access, group_name)
        await add_contacts(session, access, group.id, ids)
    return group.id, ids


async def _launch(how: Asking, access: Access, name: str, group_id: UUID, steps: Sequence[Any], **more: Any) -> Campaign:
    from tidings.campaigns.service import CampaignInput, create_campaign, launch_campaign
    from tidings.contacts.service import Audience
    from tidings.core.clock import utc_now
    from tidings.routes.service import RouteInput, create_route

    async with how.database.workspace(access.workspace_id) as session:
        route = (await create_route(session, access, RouteInput(name=f"{name}, then SMS", steps=steps))).route
        wish = CampaignInput(name=name, text=TEXT, audience=Audience(groups=(group_id,)), route_id=route.id, **more)
        made = await create_campaign(session, access, wish, now=utc_now())
        return await launch_campaign(session, access, made.id, now=utc_now())


# --- what happens -----------------------------------------------------------------------------------------------------


async def _whatsapp(how: Asking, access: Access, channels: Mapping[str, Channel], services: Mapping[str, Simulator]) -> Campaign:
    """An approved template. Some are not on WhatsApp, some phones stay silent, and one is reached by nothing."""
    from tidings.channels.rules import hook_url
    from tidings.delivery.content import Content, TemplatePart
    from tidings.routes.service import StepInput

    who = people(11_000_000)
    whatsapp, twilio = services["whatsapp_cloud"], services["twilio"]
    hook = hook_url(how.settings.public_url, channels["whatsapp_cloud"].hook_token)
    silent = [one.phone for one in who if one.number % 10 == 7]
    absent = [one.phone for one in who if one.number % 10 == 3]
    await whatsapp.steer("unreachable", numbers=absent)
    await whatsapp.steer("receipts", statuses=["sent", "delivered"], url=hook, failing=silent, failing_status="sent")
    await twilio.steer("receipts", statuses=["sent", "delivered"], failing=absent[:1])
    group_id, _ = await _contacts(how, access, "On WhatsApp", who, "whatsapp", "sms")
    steps = [
        StepInput(channel_id=channels["whatsapp_cloud"].id, wished="delivered", wait_seconds=WAIT_SECONDS),
        StepInput(channel_id=channels["twilio"].id),
    ]
    body = {"1": "{{ first_name }}", "2": "7"}
    template = TemplatePart(name="order_ready", language="en", body=body, header_text="7", buttons=("", "7"), button_kinds=("reply", "url"))
    out.print(
        f"\nBy WhatsApp with the approved template “order_ready”, to {len(who)} people. {len(absent)} are not on WhatsApp and {len(silent)} "
        f"phones stay silent for {WAIT_SECONDS} s: those get an SMS instead, which does not reach one of them either.",
        markup=False,
    )
    return await _launch(how, access, "WhatsApp", group_id, steps, content=Content(template=template))


async def _telegram(
    how: Asking, access: Access, channels: Mapping[str, Channel], services: Mapping[str, Simulator], stop: asyncio.Event
) -> Campaign:
    """To chats that people opened themselves. Some have left Telegram since; some have blocked the bot, and are not followed to SMS."""
    from tidings.routes.service import StepInput

    who = people(22_000_000)
    telegram = services["telegram"]
    group_id, ids = await _contacts(how, access, "On Telegram", who, "sms")
    out.print(f"\n{len(who)} people open the bot's one-time link, each their own: their chats become addresses.", markup=False)
    await _open_links(how, access, channels["telegram"].id, telegram, who, ids, stop)
    left, blocked = ([one.chat for one in who if one.number % every == rest] for every, rest in ((10, 4), (20, 8)))
    for chat in (*left, *blocked):
        await telegram.steer("chat", token=_BOT, chat=chat, **{"is": "deactivated" if chat in left else "blocked"})
    steps = [StepInput(channel_id=channels["telegram"].id), StepInput(channel_id=channels["twilio"].id)]
    out.print(
        f"By Telegram, to {len(who)} people. {len(left)} have left Telegram (403) and get an SMS instead. {len(blocked)} have blocked the bot: "
        "that is an opt-out, and they are not followed to SMS.",
        markup=False,
    )
    return await _launch(how, access, "Telegram", group_id, steps)


async def _open_links(
    how: Asking, access: Access, channel_id: UUID, telegram: Simulator, who: Sequence[Person], ids: Sequence[UUID], stop: asyncio.Event
) -> None:
    from tidings.channels.linking import link_contact
    from tidings.contacts.reach import read_reach

    for one, contact_id in zip(who, ids, strict=True):
        link = await link_contact(how, access, contact_id, channel_id)
        await telegram.steer("inbound", token=_BOT, chat=one.chat, text=f"/start {link.url.partition('start=')[2]}")
    end = asyncio.get_running_loop().time() + _LINK_SECONDS
    while not stop.is_set() and asyncio.get_running_loop().time() < end:
        async with how.database.pool.acquire() as connection:
            reach = await read_reach(connection, [(access.workspace_id, one) for one in ids])
        if all("telegram" in one.addresses for one in reach.values()):
            return
        await asyncio.sleep(0.2)


# --- what is told -----------------------------------------------------------------------------------------------------


async def _show(database: Database, access: Access, campaign: Campaign, stop: asyncio.Event) -> bool:
    """Its ledger, and by which channel people were reached; whether it balances."""
    from tidings.messages.service import MessageFilter, list_messages

    campaign, ledger = await watch(database, access, campaign.id, stop)
    async with database.workspace(access.workspace_id) as session:
        tries = await list_messages(session, access.workspace_id, MessageFilter(campaign_id=campaign.id), limit=10 * EACH)
    balances = balanced(ledger, tries)
    out.print(f"\n“{campaign.name}”: what became of each recipient", markup=False)
    out.print(_ledger(ledger, tries, balances=balances))
    out.print("By which channel", markup=False)
    out.print(_by_channel(tries))
    return balances


def balanced(ledger: Ledger, tries: Sequence[Message]) -> bool:
    """Nobody is missing and nobody is counted twice, however many channels were tried."""
    counted = [one.contact_id for one in tries if not one.superseded]
    everybody = {one.contact_id for one in tries}
    return ledger.balances and ledger.waiting == 0 and ledger.accepted == EACH == len(counted) == len(everybody)


def _ledger(ledger: Ledger, tries: Sequence[Message], *, balances: bool) -> Table:
    table = Table(show_footer=True)
    mark = "[green]balances[/]" if balances else "[bold red]does not balance[/]"
    table.add_column("Outcome", footer=f"accepted ({mark})")
    table.add_column("Recipients", justify="right", footer=str(ledger.accepted))
    for outcome in ("delivered", "sent", "failed", "unknown", "suppressed", "cancelled", "expired", "waiting"):
        table.add_row(outcome, str(getattr(ledger, outcome)))
        why = Counter(one.error_code or one.suppression for one in tries if one.status == outcome and not one.superseded)
        for reason, count in why.most_common():
            if reason:
                table.add_row(f"  [dim]{count} × {reason}[/]", "")
    return table


def _by_channel(tries: Sequence[Message]) -> Table:
    table = Table()
    for heading in ("", "Messages", "Recipients reached", "Second copy possible"):
        table.add_column(heading, justify="right" if heading else "left")
    for medium in dict.fromkeys(one.medium for one in sorted(tries, key=lambda one: one.id)):
        mine = [one for one in tries if one.medium == medium]
        reached = sum(not one.superseded and one.status in {"sent", "delivered", "read"} for one in mine)
        table.add_row(medium, str(len(mine)), str(reached), str(sum(one.possible_duplicate for one in mine)))
    return table
