"""BulkSMS's documented problems and statuses, each over real HTTP: our word for it, and what follows.

Source: its published OpenAPI (developer.bulksms.com/json/v1; a copy is at github.com/APIs-guru/openapi-directory, APIs/bulksms.com/1.0.0):
the responses `bad-request`, `credits`, 401 and 404, the six types of `status.type` and the four of `status.subtype`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.providers.channels import HOOK, channel_of
from tests.providers.consequences import consequence
from tests.providers.test_bulksms import message
from tests.simulators.bulksms import BulkSmsSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import Accepted, HookRefused, HookRequest, Outcome, Receipt
from tidings.providers.bulksms.errors import FAILURES, PROBLEMS, STATUSES
from tidings.providers.http import Http

BULKSMS = provider("bulksms")


@pytest.fixture
async def simulator() -> AsyncIterator[BulkSmsSimulator]:
    async with BulkSmsSimulator() as running:
        yield running


async def send(simulator: BulkSmsSimulator, http: Http) -> Outcome:
    [outcome] = await BULKSMS.send(http, channel_of("bulksms", simulator.url), [message()])
    return outcome


@pytest.mark.parametrize(
    ("status", "name", "ours", "follows"),
    [
        (400, "bad-request", "rejected_content", "final"),
        (401, "unauthorized", "invalid_credentials", "stops"),
        (403, "insufficient-credits", "insufficient_balance", "stops"),
        (403, "something-else-forbidden", "invalid_credentials", "stops"),
        (404, "not-found", "internal", "final"),
        (405, "something-new", "internal", "final"),
        (415, "bad-request", "rejected_content", "final"),
        (429, "something-new", "rate_limited", "waits 5"),
        (500, "something-new", "provider_unavailable", "unknown"),
        (503, "bad-request", "provider_unavailable", "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else None,
)
async def test_a_problem_of_bulksms(simulator: BulkSmsSimulator, http: Http, status: int, name: str, ours: str, follows: str) -> None:
    simulator.faults.add(kind="status", http=status, words=name)
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert not simulator.taken
    if status < 500:
        assert outcome.provider_code == name
    assert PROBLEMS.keys() == {"insufficient-credits", "bad-request"}, "a row here for each"


STATUS_ROWS = [
    ("ACCEPTED", "sent", None),
    ("SCHEDULED", "sent", None),
    ("SENT", "sent", None),
    ("UNKNOWN", "sent", None),
    ("DELIVERED", "delivered", None),
    ("FAILED.EXPIRED", "failed", "unreachable"),
    ("FAILED.HANDSET_ERROR", "failed", "unreachable"),
    ("FAILED.BLOCKED", "failed", "opted_out"),
    ("FAILED.NOT_SENT", "failed", "unreachable"),
    ("FAILED.A_REASON_OF_2030", "failed", "unreachable"),
]


@pytest.mark.parametrize(("word", "status", "ours"), STATUS_ROWS, ids=[row[0] for row in STATUS_ROWS])
async def test_a_status_that_bulksms_posts(simulator: BulkSmsSimulator, http: Http, word: str, status: str, ours: str | None) -> None:
    got: list[Receipt] = []

    async def hook(call: Call) -> Reply:
        request = HookRequest(method=call.method, url=HOOK, headers=call.headers, body=call.body)
        got.extend(BULKSMS.read_hook(channel_of("bulksms"), request).callbacks)
        return Reply()

    async with Server(hook) as server:
        simulator.plan.url = server.url
        outcome = await send(simulator, http)
        kind, _, subtype = word.partition(".")
        await simulator.post_status(simulator.messages[outcome.provider_message_id], kind, subtype or None)
    [receipt] = got
    assert (receipt.status, receipt.code) == (status, ours)
    assert receipt.provider_status == (word if "." in word else f"{word}.null")


@pytest.mark.parametrize(
    ("word", "follows"),
    [
        ("ACCEPTED", "sent"),
        ("SCHEDULED", "sent"),
        ("SENT", "sent"),
        ("UNKNOWN", "sent"),
        ("DELIVERED", "sent"),
        ("FAILED.EXPIRED", "final"),
        ("FAILED.HANDSET_ERROR", "final"),
        ("FAILED.BLOCKED", "opts out"),
        ("FAILED.NOT_SENT", "final"),
        ("FAILED.A_REASON_OF_2030", "final"),
    ],
)
async def test_a_status_in_the_answer_to_a_submission(simulator: BulkSmsSimulator, http: Http, word: str, follows: str) -> None:
    simulator.at_once[message().to] = word
    outcome = await send(simulator, http)
    assert consequence(outcome) == follows
    if not isinstance(outcome, Accepted):
        assert outcome.provider_code == word


def test_no_status_stands_in_our_tables_without_a_row_here() -> None:
    words = {row[0].partition(".") for row in STATUS_ROWS}
    assert {word[0] for word in words} == STATUSES.keys()
    assert {word[2] for word in words} - {"", "A_REASON_OF_2030"} == FAILURES.keys()


def test_a_type_that_nobody_documents_is_refused() -> None:
    """With 400: BulkSMS then posts the others of the same call again, one by one, and drops this one."""
    body = b'[{"id": "1", "type": "SENT", "to": "254711000001", "body": "x", "status": {"id": "ODD.null", "type": "ODD"}}]'
    with pytest.raises(HookRefused):
        BULKSMS.read_hook(channel_of("bulksms"), HookRequest(method="POST", url=HOOK, headers={}, body=body))
