"""What receipts add to a message and to its story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from tests.messages.site import Api, until
from tidings.core.ids import new_id
from tidings.messages.models import Attempt, Message, Receipt
from tidings.messages.timeline import Standing, Story, tell

ME = "+254711000001"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


async def test_a_receipt_moves_the_message_on_and_stands_in_its_story(api: Api, worker: None) -> None:
    made = await api.post("/messages", {"to": ME, "text": "Hello"})

    async def status(wanted: str) -> Any:
        found = await api.get(f"/messages/{made['id']}")
        return found if found["status"] == wanted else None

    found = await until(lambda: status("delivered"))
    token = await api.database.pool.fetchval("SELECT hook_token FROM channels")
    theirs = found["attempts"][0]["provider_message_id"]
    answer = await api.client.post(f"/hooks/{token}", json={"id": theirs, "status": "read"})
    assert answer.status_code == 200
    found = await until(lambda: status("read"))
    assert found["read_at"]
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert story["summary"] == "It arrived and was opened."
    assert [step["kind"] for step in story["steps"]] == ["accepted", "attempt", "receipt"]
    assert story["steps"][2]["sentence"] == "The provider reported it read; its own word was read."


async def test_an_answer_is_told_as_what_came_in(api: Api) -> None:
    token = await api.database.pool.fetchval("SELECT hook_token FROM channels")
    answer = await api.client.post(f"/hooks/{token}", json={"id": "in-1", "from": ME, "text": "Thank you"})
    assert answer.status_code == 200

    async def came() -> Any:
        return (await api.get("/messages", params={"direction": "in"}))["items"]

    (found,) = await until(came)
    assert (found["status"], found["from"], found["to"], found["text"]) == ("received", ME, None, "Thank you")
    story = await api.get(f"/messages/{found['id']}/timeline")
    assert story["summary"] == f"Came in from {ME}."
    assert [step["kind"] for step in story["steps"]] == ["received"]


# --- the sentences themselves -------------------------------------------------------------------------------------------


def message(**more: Any) -> Message:
    given = {
        "workspace_id": new_id(), "id": new_id(), "direction": "out", "campaign_id": None, "resend_of": None, "is_confirmation": False,
        "address": ME, "created_by": "Shop", "created_at": NOW, "due_at": NOW, "attempt": 0, "status": "queued", "settled_at": None,
        "expires_at": None, "error_code": None, "suppression": None, "possible_duplicate": False, "claimed_at": None, **more,
    }  # fmt: skip
    return Message(**given)


def attempt(number: int, outcome: str, **more: Any) -> Attempt:
    given = {"number": number, "outcome": outcome, "code": None, "provider_code": None, "detail": None, "provider_message_id": None,
             "latency_ms": None, "at": NOW + timedelta(minutes=number), **more}  # fmt: skip
    return Attempt(**given)


def receipt(status: str, minutes: float, **more: Any) -> Receipt:
    given = {"status": status, "provider_status": status.upper(), "code": None, "detail": None, "reported_at": None,
             "received_at": NOW + timedelta(minutes=minutes), **more}  # fmt: skip
    return Receipt(**given)


def told(
    one: Message, *, attempts: tuple[Attempt, ...] = (), receipts: tuple[Receipt, ...] = (), clock: tzinfo = UTC, **standing: Any
) -> Story:
    where = Standing(channel_name="the channel “Main”", **standing)
    later = NOW + timedelta(hours=1)
    return tell(one, attempts=attempts, receipts=receipts, source_name="Sale", standing=where, now=later, clock=clock)


def test_a_retry_then_a_success_reads_in_order() -> None:
    story = told(
        message(status="delivered", attempt=2, settled_at=NOW),
        attempts=(
            attempt(1, "failed", code="provider_unavailable", provider_code="30001", detail="Queue overflow.", latency_ms=90),
            attempt(2, "accepted", provider_message_id="SM1", latency_ms=120),
        ),
        receipts=(receipt("delivered", 2.5), receipt("sent", 2.2)),
    )
    assert [step.sentence for step in story.steps] == [
        f"Accepted from Shop, to go to {ME} by the channel “Main”.",
        "Attempt 1: the provider refused it after 90 ms (provider_unavailable, code 30001): Queue overflow. It was to be tried again.",
        "Attempt 2: the provider took it as SM1 after 120 ms.",
        "The provider reported it sent; its own word was SENT.",
        "The provider reported it delivered; its own word was DELIVERED.",
    ]
    assert story.summary == "It arrived, as the provider says."


def test_moments_are_told_by_the_readers_clock_and_in_utc_to_programs() -> None:
    waiting = message(status="scheduled", due_at=NOW + timedelta(days=1))
    assert told(waiting).summary == "Waits for its time, 2026-11-22 09:00:00 UTC."
    assert told(waiting, clock=ZoneInfo("Africa/Nairobi")).summary == "Waits for its time, 22 Nov 2026, 12:00:00."


def test_a_copy_that_is_possible_is_said_to_be() -> None:
    story = told(
        message(status="sent", attempt=2, possible_duplicate=True, settled_at=NOW),
        attempts=(attempt(1, "uncertain", code="timeout", detail="No answer"), attempt(2, "accepted")),
    )
    assert story.steps[1].sentence.endswith("No answer. It was to be sent again, so a second copy is possible.")
    assert story.summary == "The provider took it. Whether it arrived has not been told. A second copy is possible."


def test_a_late_failure_names_the_providers_reason() -> None:
    story = told(
        message(status="failed", attempt=1, error_code="unreachable", settled_at=NOW),
        attempts=(attempt(1, "accepted"),),
        receipts=(receipt("failed", 3, code="unreachable", detail="Handset off", reported_at=NOW),),
    )
    assert story.steps[2].sentence == (
        "The provider reported it failed (unreachable): Handset off; its own word was FAILED, dated 2026-11-21 09:00:00 UTC."
    )
    assert story.summary == "Failed for good. The phone was off or out of reach for too long."


def test_what_waits_says_for_what() -> None:
    later = NOW + timedelta(hours=2)
    assert told(message()).summary == "Waits for its turn at the channel “Main”."
    assert told(message(), disabled=True).summary == "Waits: the channel “Main” is disabled."
    assert told(message(), held=True).summary == "Waits: its campaign is paused or was cancelled."
    paused = told(message(), paused_until=later, pause_reason="Too fast.")
    assert paused.summary == "Waits: the channel “Main” rests until 2026-11-21 11:00:00 UTC: Too fast."
    assert told(message(attempt=1, due_at=later)).summary == "Waits for its next attempt, 2026-11-21 11:00:00 UTC."
    assert told(message(status="sending", attempt=1, claimed_at=NOW)).summary == "Attempt 1 is under way."


def test_why_it_was_sent_at_all() -> None:
    assert "because" not in told(message(created_by=None)).steps[0].sentence
    campaign = told(message(campaign_id=new_id(), created_by=None)).steps[0].sentence
    assert campaign.startswith("Written for the campaign “Sale” (cmp_")
    assert told(message(is_confirmation=True)).steps[0].sentence.startswith("Written by Tidings as the one answer")


def test_what_was_not_sent_says_why() -> None:
    assert told(message(status="suppressed", suppression="opted_out", settled_at=NOW)).summary.startswith(
        "Not sent, on purpose. The recipient"
    )
    assert told(message(status="expired", expires_at=NOW, settled_at=NOW)).summary == (
        "Its time to be useful passed at 2026-11-21 09:00:00 UTC before it could leave."
    )
    assert told(message(status="cancelled", settled_at=NOW)).summary == "Cancelled by a person before it left."
