"""BulkSMS: the marks that find a message again, and what its webhooks say."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.channels import HOOK, channel_of
from tests.providers.test_bulksms import message, taken
from tests.simulators.bulksms import BulkSmsSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.core.ids import show_id
from tidings.providers import provider
from tidings.providers.base import Cost, ErrorCode, HookRefused, HookRequest, Inbound, Receipt
from tidings.providers.bulksms.marks import deduplication_id, pack, unpack
from tidings.providers.http import Http

BULKSMS = provider("bulksms")
CHANNEL = channel_of("bulksms")

# --- marks ----------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**46 - 1), st.integers(0, 2**12 - 1), st.integers(0, 2**62 - 1))
def test_an_id_fits_into_twenty_letters_and_comes_back(time: int, first: int, second: int) -> None:
    ours = show_id("msg", UUID(int=time << 80 | 7 << 76 | first << 64 | 2 << 62 | second))
    mark = pack(ours)
    assert mark is not None
    assert len(mark) == 20
    assert unpack(mark) == ours


@pytest.mark.parametrize("odd", ["", "msg_00000000000000000000000007", "con_01arz3ndektsv4rrffq69g5fav", "order-17"])
def test_what_is_no_message_id_of_ours_gets_no_mark(odd: str) -> None:
    assert pack(odd) is None


@pytest.mark.parametrize("odd", ["", "submission-12765", "é" * 20, "A" * 24, "A" * 19 + "=", "my order 1234567 89."])
def test_a_mark_that_is_not_ours_names_nothing(odd: str) -> None:
    assert unpack(odd) is None


def test_the_same_messages_have_the_same_number_and_others_another() -> None:
    ids = [message().id for _ in range(3)]
    assert deduplication_id(ids) == deduplication_id(list(ids))
    assert 0 <= deduplication_id(ids) < 2**31
    assert len({deduplication_id(part) for part in (ids, ids[::-1], ids[:2], [])}) == 4


# --- hooks ---------------------------------------------------------------------------------------------------------------


def hook(*messages: dict) -> HookRequest:
    return HookRequest(method="POST", url=HOOK, headers={"content-type": "application/json"}, body=json.dumps(list(messages)).encode())


@pytest.mark.parametrize(
    ("kind", "subtype", "status", "code"),
    [
        ("ACCEPTED", None, "sent", None),
        ("SCHEDULED", None, "sent", None),
        ("SENT", None, "sent", None),
        ("UNKNOWN", None, "sent", None),
        ("DELIVERED", None, "delivered", None),
        ("FAILED", "EXPIRED", "failed", ErrorCode.UNREACHABLE),
        ("FAILED", "HANDSET_ERROR", "failed", ErrorCode.UNREACHABLE),
        ("FAILED", "BLOCKED", "failed", ErrorCode.OPTED_OUT),
        ("FAILED", "NOT_SENT", "failed", ErrorCode.UNREACHABLE),
        ("FAILED", None, "failed", ErrorCode.UNREACHABLE),
    ],
)
def test_a_receipt(kind: str, subtype: str | None, status: str, code: ErrorCode | None) -> None:
    one = message()
    told = {"id": f"{kind}.{subtype or 'null'}", "type": kind, "subtype": subtype}
    [receipt] = BULKSMS.read_hook(CHANNEL, hook(taken(one, "11", status=told, numberOfParts=2, creditCost=1.5))).callbacks
    assert receipt == Receipt(
        provider_message_id="11",
        status=status,
        provider_status=told["id"],
        reference=one.id,
        code=code,
        detail=f"BulkSMS: {told['id']}" if code else None,
        segments=2,
        cost=Cost(micros=1_500_000, currency="credits"),
    )


def test_an_array_holds_many_and_the_test_of_the_address_none() -> None:
    many = BULKSMS.read_hook(CHANNEL, hook(taken(message(), "1"), taken(message(), "2", userSuppliedId="theirs"))).callbacks
    assert [(one.provider_message_id, one.reference is None) for one in many] == [("1", False), ("2", True)]
    assert list(BULKSMS.read_hook(CHANNEL, hook()).callbacks) == []


def test_a_message_from_a_person() -> None:
    received = {
        "id": "77", "type": "RECEIVED", "from": "254711000123", "to": "27007654321", "body": "Nini?", "relatedSentMessageId": "11",
        "submission": {"id": "0", "date": "2026-09-01T12:00:00+02:00"}, "status": {"id": "RECEIVED.null", "type": "RECEIVED"},
    }  # fmt: skip
    [inbound] = BULKSMS.read_hook(CHANNEL, hook(received)).callbacks
    assert isinstance(inbound, Inbound)
    assert (inbound.sender, inbound.recipient, inbound.text, inbound.reply_to) == ("+254711000123", "27007654321", "Nini?", "11")
    assert inbound.at is not None
    assert inbound.at.isoformat() == "2026-09-01T10:00:00+00:00"
    [odd] = BULKSMS.read_hook(CHANNEL, hook({**received, "from": "20880", "submission": None})).callbacks
    assert (odd.sender, odd.at) == ("20880", None)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id": "1"}]',
        b'[{"id": "1", "type": "SENT", "status": {"type": "ODD"}}]',
        b'[{"id": "", "type": "SENT", "status": {"type": "SENT"}}]',
        b'[{"id": "1", "type": "RECEIVED", "body": "x"}]',
        b'{"id": "1"}',
        b"[" * 100_000,
        b"[" + b'{"id": "1", "type": "SENT", "status": {"type": "SENT"}},' * 1001 + b'{"id": "1"}]',
    ],
)
def test_what_is_no_array_of_messages_is_refused(body: bytes) -> None:
    with pytest.raises(HookRefused) as refused:
        BULKSMS.read_hook(CHANNEL, HookRequest(method="POST", url=HOOK, headers={}, body=body))
    assert refused.value.status_code == 400


def test_an_amount_too_large_to_write_out_is_no_trouble() -> None:
    body = b'[{"id": "1", "type": "SENT", "status": {"type": "SENT"}, "creditCost": 1e999999}]'
    [receipt] = BULKSMS.read_hook(CHANNEL, HookRequest(method="POST", url=HOOK, headers={}, body=body)).callbacks
    assert receipt.cost is None


async def test_the_simulators_webhooks_are_understood(http: Http) -> None:
    one, blocked = message(1), message(2)
    simulator = BulkSmsSimulator()
    simulator.blocked.add(blocked.to)
    got: list = []

    async def ours(call: Call) -> Reply:
        got.extend(BULKSMS.read_hook(CHANNEL, HookRequest(method=call.method, url=HOOK, headers=call.headers, body=call.body)).callbacks)
        return Reply()

    async with simulator, Server(ours) as server:
        await BULKSMS.send(http, channel_of("bulksms", simulator.url), [one, blocked])
        simulator.plan.url = server.url
        for sent in list(simulator.messages.values()):
            await simulator.post_status(sent, "DELIVERED")
        await simulator.post_inbound(url=server.url, sender="+254711000001", text="STOP")
    assert [(receipt.reference, receipt.status, receipt.code) for receipt in got[:2]] == [
        (one.id, "delivered", None),
        (blocked.id, "failed", ErrorCode.OPTED_OUT),
    ]
    assert (got[2].sender, got[2].text) == ("+254711000001", "STOP")
    assert "+254711000001" in simulator.blocked
