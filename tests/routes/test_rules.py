"""Which step a message goes by, and when it goes on: decided by what the ledger says, whatever happened in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidings.core.ids import new_id
from tidings.routes.rules import Choice, Situation, Skipped, Step, Try, choose, decide, is_double

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CHANNELS = [new_id() for _ in range(3)]
REACHABLE = {"sms": "+254712345678", "whatsapp": "+254712345678", "telegram": "4711"}


def step(place: int, medium: str = "sms", **more) -> Step:
    return Step(position=place + 1, channel_id=CHANNELS[place], medium=medium, provider="sandbox", **{"health": "up", **more})


def one_try(place: int, status: str, **more) -> Try:
    return Try(id=new_id(), channel_id=CHANNELS[place], status=status, **{"due_at": NOW - timedelta(seconds=100), **more})


def at(*steps: Step, **more) -> Situation:
    return Situation(now=NOW, steps={one.channel_id: one for one in steps}, **more)


class TestChoosing:
    def test_the_first_step_that_works_is_taken(self):
        assert choose([step(0), step(1)], addresses=REACHABLE) == Choice(step(0), (), "+254712345678")

    def test_the_preferred_medium_comes_before_the_order(self):
        steps = [step(0), step(1, "whatsapp"), step(2, "telegram")]
        assert choose(steps, addresses=REACHABLE, preferred="telegram").step == steps[2]
        assert choose(steps, addresses=REACHABLE, preferred="telegram", tried=[CHANNELS[2]]).step == steps[0]

    def test_a_step_without_an_address_is_passed_over_and_told(self):
        found = choose([step(0, "whatsapp"), step(1)], addresses={"sms": "+254712345678"})
        assert found.step == step(1)
        assert found.skipped == (Skipped(CHANNELS[0], "no_address"),)

    def test_a_step_that_cannot_carry_the_content_is_passed_over(self):
        found = choose([step(0), step(1)], addresses=REACHABLE, carries=lambda one: one.position == 2)
        assert (found.step, found.skipped) == (step(1), (Skipped(CHANNELS[0], "unsupported"),))

    def test_a_channel_that_is_down_is_taken_only_where_no_other_is_left(self):
        down = step(0, health="stopped")
        assert choose([down, step(1)], addresses=REACHABLE).skipped == (Skipped(CHANNELS[0], "channel_stopped"),)
        assert choose([down, step(1, health="off")], addresses=REACHABLE).step == down
        assert choose([step(0, health="off")], addresses=REACHABLE).step is None


class TestGoingOn:
    def test_a_final_error_goes_on(self):
        assert decide([one_try(0, "failed", error_code="unreachable")], at(step(0))).goes_on

    def test_who_opted_out_is_not_followed_to_another_medium(self):
        assert not decide([one_try(0, "failed", error_code="opted_out")], at(step(0))).goes_on
        assert not decide([one_try(0, "suppressed")], at(step(0))).goes_on

    def test_an_overdue_receipt_goes_on_and_an_awaited_one_is_looked_for_in_time(self):
        wishes = step(0, wished="delivered", wait_seconds=60)
        assert decide([one_try(0, "sent", sent_at=NOW - timedelta(seconds=61))], at(wishes)).goes_on
        found = decide([one_try(0, "sent", sent_at=NOW - timedelta(seconds=59))], at(wishes))
        assert (found.goes_on, found.look_at) == (False, NOW + timedelta(seconds=1))

    def test_without_a_time_only_an_error_goes_on(self):
        found = decide([one_try(0, "sent", sent_at=NOW - timedelta(days=9))], at(step(0, wished="read")))
        assert (found.goes_on, found.look_at) == (False, None)

    def test_what_could_not_leave_in_time_is_taken_back_and_goes_on_where_another_works(self):
        late = one_try(0, "queued")
        found = decide([late], at(step(0, wait_seconds=60)))
        assert (found.goes_on, found.only_if_up, found.cancel) == (True, True, (late.id,))
        assert not decide([late], at(step(0, wait_seconds=60), held=True)).goes_on

    def test_a_message_in_the_air_is_left_alone(self):
        found = decide([one_try(0, "sending", begun_at=NOW - timedelta(hours=1))], at(step(0, wait_seconds=60)))
        assert (found.goes_on, found.cancel) == (False, ())
        assert found.look_at is not None

    def test_what_waits_at_a_stopped_channel_goes_on_once_it_is_due(self):
        assert decide([one_try(0, "queued")], at(step(0, health="stopped"))).goes_on
        assert not decide([one_try(0, "scheduled", due_at=NOW + timedelta(days=1))], at(step(0, health="stopped"))).goes_on

    def test_nothing_goes_on_of_a_cancelled_campaign_or_past_its_time(self):
        failed = one_try(0, "failed", error_code="unreachable")
        assert not decide([failed], at(step(0), cancelled=True)).goes_on
        assert not decide([one_try(0, "failed", error_code="unreachable", expires_at=NOW)], at(step(0))).goes_on

    def test_a_late_receipt_takes_back_what_has_not_left(self):
        first, second = one_try(0, "delivered", superseded=True), one_try(1, "queued")
        found = decide([first, second], at(step(0, wished="delivered"), step(1)))
        assert (found.speaks, found.cancel, found.goes_on) == (first.id, (second.id,), False)

    def test_after_it_left_both_are_told(self):
        assert is_double(["delivered", "read"])
        assert not is_double(["delivered", "sent"])


statuses = st.sampled_from(
    ["scheduled", "queued", "sending", "sent", "delivered", "read", "failed", "unknown", "suppressed", "cancelled", "expired"]
)


@given(
    st.lists(statuses, min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from(["sent", "delivered", "read"]), st.none() | st.just(60), st.sampled_from(["up", "stopped", "off"])), min_size=3, max_size=3),
    st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_whatever_stands_in_the_ledger_the_decision_is_sound(found, wishes, held, cancelled):
    steps = [step(place, wished=wished, wait_seconds=wait, health=health) for place, (wished, wait, health) in enumerate(wishes)]
    tries = [one_try(place, status, sent_at=NOW - timedelta(hours=1)) for place, status in enumerate(found)]
    made = decide(tries, at(*steps, held=held, cancelled=cancelled))
    by_id = {one.id: one for one in tries}
    # One of them speaks, only what has not left is taken back, and what reached its recipient is never spoken over.
    assert made.speaks in by_id
    assert all(by_id[one].status in {"scheduled", "queued"} for one in made.cancel)
    if any(one.status in {"delivered", "read"} for one in tries):
        assert by_id[made.speaks].status in {"delivered", "read"}
    assert not (made.goes_on and cancelled)
    assert not (made.goes_on and made.speaks in made.cancel and not made.only_if_up)
    # Once its own act is written, the same look finds nothing more to take back.
    after = [
        Try(**{**{name: getattr(one, name) for name in one.__slots__}, "status": "cancelled"}) if one.id in made.cancel else one
        for one in tries
    ]
    if not made.goes_on:
        again = decide(after, at(*steps, held=held, cancelled=cancelled))
        assert (again.cancel, again.goes_on, again.speaks) == ((), False, made.speaks)
