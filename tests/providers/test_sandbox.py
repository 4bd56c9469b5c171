"""The sandbox reaches nobody, and misbehaves exactly for the numbers its page names."""

from __future__ import annotations

import msgspec
import pytest

from tests.providers.channels import channel_of, outgoing
from tidings.core.phone import parse_phone
from tidings.providers import provider
from tidings.providers.base import Accepted, ErrorCode, HookRefused, HookRequest, Inbound, Receipt, SendFailed, SendUncertain
from tidings.providers.sandbox.provider import FAILURES, LIMITED_ONCE, SENT_ONLY, UNCERTAIN, Sandbox

CHANNEL = channel_of("sandbox")


async def send(sandbox: Sandbox, *messages):
    return await sandbox.send(None, CHANNEL, messages)  # type: ignore[arg-type] - it needs no network


async def test_a_usual_number_is_delivered_at_once_under_an_id_that_follows_from_ours() -> None:
    message = outgoing(7)
    [first], [again] = await send(Sandbox(), message), await send(Sandbox(), message)
    assert isinstance(first, Accepted)
    assert (first.provider_message_id, first.status) == (f"sandbox_{message.id}", "delivered")
    assert first == again


@pytest.mark.parametrize(
    ("to", "code", "retryable"),
    [
        ("+254705550001", ErrorCode.INVALID_ADDRESS, False),
        ("+15005550002", ErrorCode.UNREACHABLE, False),
        ("+254705550003", ErrorCode.OPTED_OUT, False),
        ("+254705550006", ErrorCode.PROVIDER_UNAVAILABLE, True),
        ("+254705550007", ErrorCode.INSUFFICIENT_BALANCE, False),
        ("+254705550008", ErrorCode.INVALID_CREDENTIALS, False),
    ],
)
async def test_a_failing_number_fails_its_own_way(to: str, code: ErrorCode, retryable: bool) -> None:
    [outcome] = await send(Sandbox(), outgoing(to=to))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (code, retryable)


async def test_one_number_leaves_us_in_doubt() -> None:
    [outcome] = await send(Sandbox(), outgoing(to="+254705550004"))
    assert isinstance(outcome, SendUncertain)


async def test_one_number_is_rate_limited_once_for_each_message() -> None:
    sandbox = Sandbox()
    first, second = outgoing(1, "+254705550005"), outgoing(2, "+254705550005")
    [limited, also, then] = await send(sandbox, first, second, first)
    assert isinstance(limited, SendFailed)
    assert (limited.code, limited.retry_after) == (ErrorCode.RATE_LIMITED, 1.0)
    assert isinstance(also, SendFailed)
    assert isinstance(then, Accepted)


async def test_what_it_remembers_is_bounded() -> None:
    sandbox = Sandbox()
    await send(sandbox, *[outgoing(number, "+254705550005") for number in range(3000)])
    assert len(sandbox._limited) == 1000


async def test_one_number_is_never_reported_delivered() -> None:
    [outcome] = await send(Sandbox(), outgoing(to="+254705550009"))
    assert isinstance(outcome, Accepted)
    assert outcome.status == "sent"


@pytest.mark.parametrize("ending", [*FAILURES, UNCERTAIN, LIMITED_ONCE, SENT_ONLY])
def test_each_of_its_numbers_passes_as_a_real_one(ending: str) -> None:
    assert parse_phone(f"+25470{ending}", None) == f"+25470{ending}"


async def test_it_has_credit_and_is_ready() -> None:
    assert (await provider("sandbox").balance(None, CHANNEL)).currency == "credits"  # type: ignore[arg-type]
    assert "no real phone" in await provider("sandbox").check(None, CHANNEL)  # type: ignore[arg-type]


def read(**fields: str):
    request = HookRequest(method="POST", url="https://x/", headers={}, body=msgspec.json.encode(fields))
    [callback] = provider("sandbox").read_hook(CHANNEL, request).callbacks
    return callback


def test_the_virtual_phone_answers_and_reports() -> None:
    assert read(id="in_1", **{"from": "+254711000123"}, text="STOP") == Inbound(
        provider_message_id="in_1", sender="+254711000123", recipient=None, text="STOP"
    )
    assert read(id="sandbox_msg_1", status="read") == Receipt(provider_message_id="sandbox_msg_1", status="read", provider_status="read")
    assert read(id="sandbox_msg_1", status="failed").code == ErrorCode.UNREACHABLE
    with pytest.raises(HookRefused):
        read(id="in_1", text="who is this from?")
