"""Who may be written to now: whatever happens, no window of any limit ever holds too much."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.channels.pace import first_of, jittered
from tidings.channels.recipients import DAY, PLACE, DayCap, Waiting, day_cap, place_of, sort_out
from tidings.providers.base import RecipientPace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATEST = timedelta(seconds=11)
CHAT = (RecipientPace(count=1, seconds=1.0), RecipientPace(count=20, seconds=60.0, groups=True))
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def waiting(number: int, address: str = "1", **known: object) -> Waiting:
    return Waiting(id=UUID(int=number), address=address, **known)


def group(address: str) -> bool:
    return address.startswith("-")


def choose(messages: Sequence[Waiting], rules=CHAT, most: int = 100, now: datetime = NOW, recipients: DayCap | None = None):
    return sort_out(messages, rules, most=most, now=now, is_group=group, recipients=recipients)


def most_within(moments: Sequence[datetime], seconds: float) -> int:
    """The most that any window so long holds."""
    ordered = sorted(moments)
    return max(
        (index - bisect_left(ordered, at - timedelta(seconds=seconds), lo=0) for index, at in enumerate(ordered, start=1)), default=0
    )


# --- single decisions ---------------------------------------------------------------------------------------------------


def test_each_recipient_once_all_go_in_order():
    messages = [waiting(n, str(n + 1)) for n in range(30)]
    chosen = choose(messages)
    assert chosen.now == [one.id for one in messages]
    assert not chosen.later


def test_a_recipient_who_must_wait_lets_the_others_go():
    chosen = choose([waiting(1), waiting(2), waiting(3), waiting(4, "2"), waiting(5, "3")])
    assert chosen.now == [UUID(int=1), UUID(int=4), UUID(int=5)]
    assert chosen.later == {UUID(int=2): NOW + timedelta(seconds=1), UUID(int=3): NOW + timedelta(seconds=2)}


def test_the_wait_is_counted_from_when_the_last_request_ended():
    chosen = choose([waiting(1, sends=[NOW - timedelta(seconds=0.7)])])
    assert chosen.later == {UUID(int=1): NOW + timedelta(seconds=0.3)}
    assert choose([waiting(1, sends=[NOW - timedelta(seconds=1)])]).now == [UUID(int=1)]


def test_a_group_has_its_minute_and_a_person_does_not():
    lately = [NOW - timedelta(seconds=2 * n + 2) for n in range(20)]
    chosen = choose([waiting(1, "-100", sends=lately), waiting(2, "7", sends=lately)])
    assert chosen.now == [UUID(int=2)]
    assert chosen.later == {UUID(int=1): lately[-1] + timedelta(seconds=60)}


def test_a_burst_within_the_rule_goes_at_once():
    rules = (RecipientPace(count=5, seconds=5.0),)
    chosen = choose([waiting(n) for n in range(7)], rules)
    assert chosen.now == [UUID(int=n) for n in range(5)]
    assert sorted(chosen.later.values()) == [NOW + timedelta(seconds=5), NOW + timedelta(seconds=5)]


def test_whom_the_provider_wants_left_alone_waits_and_what_ends_does_not():
    until = NOW + timedelta(seconds=30)
    chosen = choose([waiting(1, held_until=until), waiting(2, held_until=until), waiting(3, held_until=until, ends_here=True)], rules=())
    assert chosen.now == [UUID(int=3)]
    assert set(chosen.later.values()) == {until}


def test_a_full_day_takes_those_it_knows_and_puts_new_ones_off_to_the_places_that_come_free():
    cap = DayCap(room=1, frees=[(NOW + timedelta(hours=1), 1), (NOW + timedelta(hours=2), 5)])
    messages = [waiting(1, "1"), waiting(2, "2"), waiting(3, "3", counted=True), waiting(4, "1"), waiting(5, "4"), waiting(6, "2")]
    chosen = choose(messages, rules=(), recipients=cap)
    assert chosen.now == [UUID(int=1), UUID(int=3), UUID(int=4)]
    assert chosen.later == {
        UUID(int=2): NOW + timedelta(hours=1), UUID(int=5): NOW + timedelta(hours=2), UUID(int=6): NOW + timedelta(hours=1),
    }  # fmt: skip


# --- whatever happens ---------------------------------------------------------------------------------------------------

rules = st.lists(
    st.builds(RecipientPace, count=st.integers(1, 6), seconds=st.floats(0.5, 40), groups=st.booleans()), min_size=1, max_size=3
)


@settings(max_examples=150, deadline=None)
@given(rules=rules, seed=st.integers(0, 2**32), addresses=st.integers(1, 4), crashes=st.floats(0, 1))
def test_no_recipient_is_ever_written_to_faster_than_every_rule_allows(rules, seed, addresses, crashes):
    """Two workers claim in any order; requests take any time up to the latest; some ends are never told of."""
    chance = random.Random(seed)
    now, number = NOW, 0
    rows: dict[UUID, tuple[str, datetime]] = {}
    arrived: dict[str, list[datetime]] = defaultdict(list)
    ends: list[tuple[datetime, UUID]] = []
    for _ in range(60):
        now += timedelta(seconds=chance.choice([0.01, 0.2, 1.0, 5.0]) * chance.random())
        for end, ended in [one for one in ends if one[0] <= now]:
            ends.remove((end, ended))
            rows[ended] = (rows[ended][0], min(rows[ended][1], end))
        names = [f"{chance.choice(['', '-'])}{chance.randrange(addresses)}" for _ in range(chance.randrange(8))]
        sends = {name: [at for address, at in rows.values() if address == name] for name in names}
        messages = [waiting(number + index, name, sends=sends[name]) for index, name in enumerate(names)]
        number += len(names)
        chosen = choose(messages, rules, most=chance.randrange(1, 10), now=now)
        assert all(at > now for at in chosen.later.values())
        for one in messages:
            if one.id in chosen.now:
                arrival = now + LATEST * chance.choice([0.0, 0.01, 0.1, 1.0]) * chance.random()
                arrived[one.address].append(arrival)
                rows[one.id] = (one.address, now + LATEST)
                if chance.random() >= crashes:
                    ends.append((arrival, one.id))
    for address, moments in arrived.items():
        for rule in rules:
            if group(address) or not rule.groups:
                assert most_within(moments, rule.seconds - 1e-6) <= rule.count


@settings(max_examples=100, deadline=None)
@given(count=st.integers(1, 5), seconds=st.floats(0.5, 10), waiting_count=st.integers(1, 30))
def test_whoever_waits_goes_in_the_end_and_without_being_put_off_much(count, seconds, waiting_count):
    rule = (RecipientPace(count=count, seconds=seconds),)
    due = {UUID(int=n): NOW for n in range(waiting_count)}
    sent: list[datetime] = []
    looked = 0
    while due:
        now = min(due.values())
        ready = sorted((one for one, at in due.items() if at <= now), key=lambda one: one.int)
        chosen = choose([Waiting(id=one, address="1", sends=sent) for one in ready], rule, now=now)
        for one in chosen.now:
            del due[one]
            sent.append(now)
        due |= chosen.later
        looked += len(ready)
        assert looked <= 6 * waiting_count
    assert most_within(sent, seconds - 1e-6) <= count
    assert (sent[-1] - sent[0]).total_seconds() <= (waiting_count / count + 1) * seconds


@settings(max_examples=60, deadline=None)
@given(cap=st.integers(1, 30), seed=st.integers(0, 2**32), of_recipients=st.booleans())
def test_no_24_hours_hold_more_than_the_cap(cap, seed, of_recipients):
    """Places are taken before the send, given back for what was refused, and moved by whom is written to again."""
    chance = random.Random(seed)
    now = NOW
    taken: dict[datetime, int] = defaultdict(int)
    last: dict[str, datetime] = {}
    left: list[tuple[datetime, str]] = []
    refused: list[datetime] = []
    for number in range(80):
        now += timedelta(hours=chance.choice([0.001, 0.5, 8.0]) * chance.random())
        day = day_cap(cap, {at: n for at, n in taken.items() if at > now - DAY})
        place = place_of(now + LATEST)
        assert now + LATEST <= place <= now + LATEST + PLACE
        names = [str(chance.randrange(2 * cap)) for _ in range(chance.randrange(1, 12))]
        messages = [
            Waiting(id=UUID(int=number * 100 + index), address=name, counted=name in last and last[name] > now - DAY)
            for index, name in enumerate(names)
        ]
        if not of_recipients and day.room == 0:
            assert day.free_at(1, now) > now
            continue
        most = 100 if of_recipients else day.room
        chosen = choose(messages, (), most=most, now=now, recipients=day if of_recipients else None)
        going = [one.address for one in messages if one.id in chosen.now]
        if of_recipients:
            for name in dict.fromkeys(going):
                if name in last:
                    taken[last[name]] -= 1
                last[name] = place
                taken[place] += 1
            left += [(now + LATEST * chance.random(), name) for name in going]
        else:
            taken[place] += len(going)
            for name in going:
                if chance.random() < 0.2:
                    refused.append(place)
                else:
                    left.append((now + LATEST * chance.random(), name))
            while refused and chance.random() < 0.5:
                taken[refused.pop()] -= 1
    left.sort()
    for index, (end, _) in enumerate(left):
        window = [name for at, name in left[: index + 1] if at > end - DAY]
        assert len(set(window) if of_recipients else window) <= cap


@given(
    per_gap=st.floats(0, 20), jitter=st.floats(0.01, 30), seed=st.integers(0, 2**32),
    steps=st.lists(st.tuples(st.floats(0, 40), st.integers(0, 5)), min_size=2, max_size=40),
)  # fmt: skip
def test_with_jitter_every_gap_is_the_interval_and_a_random_part_of_the_jitter(per_gap, jitter, seed, steps):
    interval, horizon = timedelta(seconds=per_gap), timedelta(seconds=1)
    uniform = random.Random(seed).uniform
    now, free = NOW, EPOCH
    slots: list[datetime] = []
    reserved: list[datetime] = []
    for wait, wanted in steps:
        now += timedelta(seconds=wait)
        drawn = jittered(
            most=5, interval=interval, jitter_seconds=jitter, next_free_at=free, now=now, horizon=horizon, uniform=uniform
        )  # fmt: skip
        assert all(now <= drawn.slot(index) <= now + horizon for index in range(drawn.count))
        count = min(wanted, drawn.count)
        if count:
            used = first_of(drawn, count)
            assert len(used.slots) == count
            reserved.append(free)
            free = used.next_free_at
            slots += used.slots
            assert timedelta(0) <= free - slots[-1] - interval <= timedelta(seconds=jitter, microseconds=1)
    assert all(later - earlier >= interval for earlier, later in pairwise(slots))
