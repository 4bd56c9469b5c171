"""Twilio's rarer refusals have our codes too; the common ones stand in test_twilio."""

from __future__ import annotations

import pytest

from tests.providers.test_twilio import refused
from tidings.providers.base import SendFailed
from tidings.providers.http import Answer
from tidings.providers.twilio.provider import read_send


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (21212, "invalid_credentials"),
        (21603, "invalid_credentials"),
        (90010, "insufficient_balance"),
        (30001, "rate_limited"),
        (63018, "rate_limited"),
        (21604, "invalid_address"),
        (21608, "unsupported"),
        (30008, "unreachable"),
    ],
)
def test_it_is_told_in_our_words_with_twilios_own_number(number: int, expected: str) -> None:
    [outcome] = read_send(Answer(status=400, body=refused(number)))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.provider_code) == (expected, str(number))
