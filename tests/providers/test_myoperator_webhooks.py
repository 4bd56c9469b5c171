"""Both kinds of webhook that MyOperator posts: its own, and Meta's."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.providers.channels import HOOK, channel_of, outgoing
from tests.simulators.myoperator import MyOperatorSimulator, event
from tests.simulators.whatsapp_cloud import contact, envelope
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Callback,
    ErrorCode,
    HookRefused,
    HookRequest,
    Inbound,
    Receipt,
    ReceivedMedia,
)
from tidings.providers.http import Http

ASHA = "+919800012345"
CHANNEL = channel_of("myoperator")


# --- webhooks -----------------------------------------------------------------------------------------------------------------


def read(payload: object, **settings: str) -> list[Callback]:
    body = json.dumps(payload).encode()
    channel = channel_of("myoperator", settings={**CHANNEL.settings, **settings})
    return list(provider("myoperator").read_hook(channel, HookRequest(method="POST", url=HOOK, headers={}, body=body)).callbacks)


LIVE = {
    "event_type": "message.received",
    "timestamp": "2026-06-26T02:10:56.956814767Z",
    "customer_identifier": "919800012345",
    "direction": "incoming",
    "session_id": "dd60b513",
    "payload": {"id": "9fcb92ab", "status": "received", "data": {"type": "text", "context": {"body": "Test 1"}}},
}


def test_an_incoming_message_as_it_was_seen_live() -> None:
    at = datetime(2026, 6, 26, 2, 10, 56, 956814, tzinfo=UTC)  # the last three of nine digits are cut off
    assert read(LIVE) == [Inbound(provider_message_id="9fcb92ab", sender=ASHA, recipient=None, text="Test 1", at=at)]


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2026-06-26T02:10:56Z", datetime(2026, 6, 26, 2, 10, 56, tzinfo=UTC)),
        ("2026-06-26T07:40:56+05:30", datetime(2026, 6, 26, 2, 10, 56, tzinfo=UTC)),
        ("2026-06-26T02:10:56", datetime(2026, 6, 26, 2, 10, 56, tzinfo=UTC)),
        (1782439856, datetime(2026, 6, 26, 2, 10, 56, tzinfo=UTC)),
        (1782439856000, datetime(2026, 6, 26, 2, 10, 56, tzinfo=UTC)),
        ("yesterday", None),
        (10**300, None),
        (None, None),
    ],
)
def test_times(stamp: object, at: datetime | None) -> None:
    [inbound] = read({**LIVE, "timestamp": stamp})
    assert isinstance(inbound, Inbound)
    assert inbound.at == at


def test_an_incoming_picture() -> None:
    data = {"type": "image", "link": "https://files.example/a.jpg", "caption": "Look", "mime_type": "image/jpeg", "filename": "a.jpg"}
    [inbound] = read({**LIVE, "payload": {"id": "5", "data": data}})
    assert isinstance(inbound, Inbound)
    assert inbound.text == "Look"
    assert inbound.media == (ReceivedMedia(kind="image", url="https://files.example/a.jpg", content_type="image/jpeg", file_name="a.jpg"),)


@pytest.mark.parametrize("word", ["sent", "delivered", "read", "failed"])
def test_a_receipt_is_joined_on_the_message_id(word: str) -> None:
    [receipt] = read(event(f"message.{word}", ASHA, "outgoing", {"id": "6d7b", "status": word, "myop_ref_id": None}))
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.status, receipt.reference) == ("6d7b", word, None)
    assert receipt.at is not None
    assert receipt.code == (ErrorCode.UNREACHABLE if word == "failed" else None)


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ({"errors": [{"code": 131047, "title": "Re-engagement"}]}, ErrorCode.TEMPLATE_REQUIRED, "Re-engagement"),
        ({"error": {"code": "131026", "message": "Undeliverable"}}, ErrorCode.UNREACHABLE, "Undeliverable"),
        ({"error": "No luck"}, ErrorCode.UNREACHABLE, "No luck"),
        ({"errors": [5]}, ErrorCode.UNREACHABLE, "failed"),
    ],
)
def test_a_failure_says_why_where_myoperator_does(reason: dict, code: ErrorCode, words: str) -> None:
    [receipt] = read(event("message.failed", ASHA, "outgoing", {"id": "6d7b", "status": "failed", "myop_ref_id": "msg_7", **reason}))
    assert isinstance(receipt, Receipt)
    assert (receipt.code, receipt.reference) == (code, "msg_7")
    assert words in (receipt.detail or "")


def test_other_events_are_nothing_to_write_down() -> None:
    assert read(event("conversation.closed", ASHA, "outgoing", {"id": "5"})) == []


@pytest.mark.parametrize(
    "payload",
    [
        {"event_type": "message.received"},
        {**LIVE, "customer_identifier": ""},
        {**LIVE, "payload": {"id": ""}},
        {"object": "page", "entry": []},
    ],
)
def test_a_call_that_names_nothing_is_a_bad_one(payload: dict) -> None:
    with pytest.raises(HookRefused) as refused:
        read(payload)
    assert refused.value.status_code == 400


def test_metas_webhooks_are_read_too() -> None:
    said = {"contacts": [contact(ASHA)], "messages": [{"from": ASHA[1:], "id": "wamid.1", "type": "text", "text": {"body": "Hi"}}]}
    [inbound] = read(envelope(said))
    assert isinstance(inbound, Inbound)
    assert (inbound.sender, inbound.text, inbound.sender_name) == (ASHA, "Hi", "Asha")
    assert read(envelope(said), meta_phone_number_id="99999") == []


@pytest.mark.parametrize("meta", [False, True])
async def test_the_simulators_webhooks_are_read(http: Http, meta: bool) -> None:
    got: list[Callback] = []

    async def handler(call: Call) -> Reply:
        request = HookRequest(method=call.method, url=HOOK, headers=call.headers, body=call.body)
        got.extend(provider("myoperator").read_hook(CHANNEL, request).callbacks)
        return Reply(200)

    async with MyOperatorSimulator() as simulator, Server(handler) as ours:
        simulator.meta_webhooks = meta
        simulator.plan.url = ours.url
        simulator.plan.statuses = ["sent", "delivered", "read", "failed"]
        [outcome] = await provider("myoperator").send(http, channel_of("myoperator", simulator.url), [outgoing(to=ASHA)])
        await simulator.poster.idle()
        await simulator.post_inbound(url=ours.url, sender=ASHA, text="Thanks")
    assert isinstance(outcome, Accepted)
    *receipts, inbound = got
    assert [(one.status, one.provider_message_id) for one in receipts if isinstance(one, Receipt)] == [
        (word, outcome.provider_message_id) for word in simulator.plan.statuses
    ]
    assert isinstance(inbound, Inbound)
    assert inbound.text == "Thanks"
