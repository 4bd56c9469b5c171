"""What the library for linked devices says, and each way in which WhatsApp ends a session: our word for it, and what follows.

WhatsApp documents none of it. Sources: github.com/tulir/whatsmeow (errors.go and send.go for sentences, types/events for ends), neonize 0.5.2's
protocol buffers for the names of reasons; 463 is told of in tulir/whatsmeow#1074 and WhiskeySockets/Baileys#2441. Everything but WhatsApp
itself is real: the bridge process, its frames and neonize's events. One bridge serves the whole table.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from neonize.proto import Neonize_pb2 as proto

from tests.providers.channels import outgoing
from tests.providers.consequences import consequence
from tests.providers.linked import Running, channel_of, provider_of, until
from tests.simulators.whatsapp_linked import LinkedWhatsApp, jid
from tidings.providers.base import CHANNEL_FATAL, Media, Outcome, Outgoing, ProviderError
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.session import PAIRING_ROUNDS

pytestmark = pytest.mark.asyncio(loop_scope="module")
TO = "254711000000"
PICTURE = Media(kind="image", content_type="image/png", content=b"not read here")


@dataclass
class Stage:
    """A WhatsApp, and one session that stays linked while others come and go in the same bridge."""

    whatsapp: LinkedWhatsApp
    http: Http
    session: Running
    numbers: Any

    async def send(self, number: int = 0, media: Media | None = None) -> Outcome:
        message = Outgoing(id="msg_1", to=outgoing(number).to, text="" if media else "Habari", media=media)
        [outcome] = await self.session.provider.send(self.http, self.session.channel, [message])
        return outcome


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with (
        Http(connect_seconds=1, total_seconds=5) as http,
        LinkedWhatsApp() as whatsapp,
        Running(provider_of(whatsapp), http, channel_of("chn_keeper")) as session,
    ):
        await session.linked(whatsapp)
        yield Stage(whatsapp, http, session, count(1))


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def quiet(stage: Stage) -> None:
    """No trouble is left over from the row before."""
    stage.whatsapp.failures, stage.whatsapp.trouble, stage.whatsapp.absent = {}, {}, set()


RATE = "info query returned status 429: rate-overlimit"
SENTENCES = [
    # nothing left: it is tried again
    ("websocket not connected", "provider_unavailable", "again"),
    ("failed to send message node: websocket not connected", "provider_unavailable", "again"),
    ("the store doesn't contain a device JID", "provider_unavailable", "again"),
    ("client is nil", "provider_unavailable", "again"),
    ("failed to get device list: failed to send usync query: info query timed out", "provider_unavailable", "again"),
    ("failed to get device list: failed to send usync query: info query returned status 503: service-unavailable", "provider_unavailable", "again"),
    ("failed to get group members: info query returned status 403: forbidden", "provider_unavailable", "again"),
    ("failed to encrypt message for 254711000000: no signal session", "provider_unavailable", "again"),
    ("can't encrypt message for device: no signal session established", "provider_unavailable", "again"),
    # the address
    ("can't send message to unknown server g.usx", "invalid_address", "final"),
    ("message recipient must be a user JID with no device part", "invalid_address", "final"),
    ("no LID found for 254711000000 from server", "invalid_address", "final"),
    ("sending to non-status broadcast lists is not yet supported", "invalid_address", "final"),
    # WhatsApp did not take it
    ("server returned error 400", "rejected_content", "final"),
    ("server returned error 401", "rejected_content", "final"),
    ("server returned error 403", "rejected_content", "final"),
    ("server returned error 404", "rejected_content", "final"),
    ("server returned error 406", "rejected_content", "final"),
    ("server returned error 420", "rejected_content", "final"),
    ("server returned error 479", "rejected_content", "final"),
    ("server returned error 463", "unreachable", "final"),
    ("server returned error 429", "rate_limited", "waits 300"),
    (f"failed to get device list: failed to send usync query: {RATE}", "rate_limited", "waits 300"),
    ("server returned error 500", "provider_unavailable", "again"),
    ("server returned error 503", "provider_unavailable", "again"),
    ("server returned error 530", "provider_unavailable", "again"),
    # it may have left
    ("timed out waiting for message send response", "timeout", "unknown"),
    ("websocket disconnected before message send returned response", "provider_unavailable", "unknown"),
    ("failed to send message node: write tcp 10.0.0.1:443: broken pipe", "provider_unavailable", "unknown"),
    ("context deadline exceeded", "provider_unavailable", "unknown"),
    ("something that nobody has seen before", "provider_unavailable", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "ours", "follows"), SENTENCES, ids=[row[0][-60:] for row in SENTENCES])
async def test_a_sentence_of_the_library(stage: Stage, sentence: str, ours: str, follows: str) -> None:
    stage.whatsapp.failures[TO] = sentence
    outcome = await stage.send()
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert sentence in outcome.detail


@pytest.mark.parametrize(
    ("step", "sentence", "ours", "follows"),
    [
        ("is_on_whatsapp", "info query timed out", "provider_unavailable", "again"),
        ("is_on_whatsapp", RATE, "rate_limited", "waits 300"),
        ("upload", "failed to refresh media connections", "provider_unavailable", "again"),
        ("upload", f"failed to refresh media connections: failed to query media connections: {RATE}", "rate_limited", "waits 300"),
    ],
)
async def test_a_step_before_the_message_leaves(stage: Stage, step: str, sentence: str, ours: str, follows: str) -> None:
    stage.whatsapp.trouble[step] = sentence
    sent = len(stage.whatsapp.sent)
    outcome = await stage.send(next(stage.numbers), PICTURE)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert len(stage.whatsapp.sent) == sent


async def test_a_number_that_is_not_on_whatsapp_is_final(stage: Stage) -> None:
    number = next(stage.numbers)
    stage.whatsapp.absent.add(outgoing(number).to)
    outcome = await stage.send(number)
    assert (outcome.code, consequence(outcome)) == ("unreachable", "final")


def reason(name: str) -> int:
    return proto.ConnectFailure.DESCRIPTOR.fields_by_name["Reason"].enum_type.values_by_name[name].number


def ban(name: str) -> Any:
    number = proto.TemporaryBan.DESCRIPTOR.fields_by_name["Code"].enum_type.values_by_name[name].number
    return proto.TemporaryBan(Code=number, Expire=7200 * 10**9)


GONE, LOCKED, AWAY, OLD = ("invalid_credentials", None), ("blocked", 3600.0), ("provider_unavailable", None), ("unsupported", 3600.0)
FAILURES = {
    "GENERIC": AWAY, "LOGGED_OUT": GONE, "TEMP_BANNED": LOCKED, "MAIN_DEVICE_GONE": GONE, "UNKNOWN_LOGOUT": GONE, "CLIENT_OUTDATED": OLD,
    "BAD_USER_AGENT": AWAY, "INTERNAL_SERVER_ERROR": AWAY, "EXPERIMENTAL": AWAY, "SERVICE_UNAVAILABLE": AWAY,
}  # fmt: skip
BANS = ("SEND_TO_TOO_MANY_PEOPLE", "BLOCKED_BY_USERS", "CREATED_TOO_MANY_GROUPS", "SENT_TOO_MANY_SAME_MESSAGE", "BROADCAST_LIST")
ENDS = [
    *((f"ConnectFailure-{name}", proto.ConnectFailure(Reason=reason(name), Message="x"), *ours) for name, ours in FAILURES.items()),
    *((f"LoggedOut-{name}", proto.LoggedOut(OnConnect=True, Reason=reason(name)), *GONE) for name in FAILURES),
    *((f"TemporaryBan-{name}", ban(name), "blocked", 7200.0) for name in BANS),
    ("StreamReplaced", proto.StreamReplaced(), "provider_unavailable", 60.0),
    ("ClientOutdated", proto.ClientOutdated(), *OLD),
]


@pytest.mark.parametrize(("event", "ours", "wait"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
async def test_an_end_of_a_session(stage: Stage, event: Any, ours: str, wait: float | None) -> None:
    """Where the link is gone the channel stops and asks for a person; where WhatsApp is away or has locked the number, it waits."""
    channel = channel_of(f"chn_{next(stage.numbers)}")
    async with Running(stage.session.provider, stage.http, channel) as session:
        device = await session.linked(stage.whatsapp)
        await device.happen(event)
        with pytest.raises(ProviderError) as trouble:
            await session.task
    assert trouble.value.code == ours
    stops = trouble.value.code in CHANNEL_FATAL
    assert (session.host.last.state, session.host.forgotten) == (("logged_out", True) if stops else ("connecting", False))
    assert (trouble.value.retry_after is None) == stops
    if wait is not None:
        assert trouble.value.retry_after == pytest.approx(wait)
    await until(lambda: stage.session.host.last.state == "connected")


async def test_there_is_a_row_for_each_reason_that_neonize_names() -> None:
    named = proto.ConnectFailure.DESCRIPTOR.fields_by_name["Reason"].enum_type.values_by_name
    assert set(named) == FAILURES.keys()
    assert set(proto.TemporaryBan.DESCRIPTOR.fields_by_name["Code"].enum_type.values_by_name) == set(BANS)


async def test_a_phone_that_refuses_to_pair_asks_for_a_person(stage: Stage) -> None:
    """Codes are shown three times before somebody is asked."""
    async with Running(stage.session.provider, stage.http, channel_of(f"chn_{next(stage.numbers)}")) as session:
        for _ in range(PAIRING_ROUNDS):
            device = await stage.whatsapp.device()
            await device.happen(proto.PairStatus(ID=jid("254711000001"), Status=proto.PairStatus.ERROR, Error="not this one"))
        with pytest.raises(ProviderError, match="not this one") as trouble:
            await session.task
    assert trouble.value.code in CHANNEL_FATAL
    assert session.host.last.state == "logged_out"
