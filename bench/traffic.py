"""The messages that all sides of the comparison send: one text with a name in it, to numbers that cannot exist twice."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from tidings.core.ids import show_id

ACCOUNT = "AC00000000000000000000000000000000"
TOKEN = "bench-auth-token-0123456789abcdef"
SENDER = "+15005550006"
TEMPLATE = "Hello {{ first_name|default('there') }}, your order is ready. Reply STOP to opt out."
FIRST_NAMES = ("Amina", "Brian", "Chen", "Dalila", "Emeka", "Fatou", "Grace", "Hugo")
PUBLIC_URL = "https://bench.example.com"


def address(index: int) -> str:
    """The n-th number: of Kenya's mobile range, which the import too takes for valid."""
    return f"+2547{index:08d}"


def name(index: int) -> str:
    """The n-th person's name."""
    return f"{FIRST_NAMES[index % len(FIRST_NAMES)]} Person{index}"


def sid(index: int) -> str:
    """The provider's id of the n-th message."""
    return f"SM{index:032x}"


def form(index: int, hook_url: str) -> dict[str, str]:
    """What Twilio is sent for the n-th person, byte for byte as long as what Tidings sends."""
    return {
        "To": address(index),
        "Body": f"Hello {FIRST_NAMES[index % len(FIRST_NAMES)]}, your order is ready. Reply STOP to opt out.",
        "From": SENDER,
        "StatusCallback": f"{hook_url}?m={show_id('msg', UUID(int=index))}",
    }


def bodies(count: int) -> Iterator[dict[str, str]]:
    """All of them, made beforehand: what is measured is the sending. One iterator, shared by all who post."""
    hook_url = f"{PUBLIC_URL}/hooks/twilio/0123456789abcdefghijklmnopqrstuv"
    return iter([form(index, hook_url) for index in range(count)])
