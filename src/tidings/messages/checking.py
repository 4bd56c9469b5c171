"""What is checked of every message before it is accepted: whom it goes to, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from tidings.core.addresses import BadAddress, clean_address
from tidings.errors import FieldError, Invalid

LONGEST_VALIDITY = timedelta(days=30)
LONGEST_AHEAD = timedelta(days=366)


def check_times(send_at: datetime | None, validity: timedelta | None, now: datetime) -> None:
    """Raises Invalid."""
    if validity is not None and not timedelta(0) < validity <= LONGEST_VALIDITY:
        raise Invalid("A message can be valid for a second to 30 days.", errors=(FieldError("valid_for_seconds", "out of range"),))
    if send_at is not None and send_at > now + LONGEST_AHEAD:
        raise Invalid("A message can be scheduled for a year ahead at most.", errors=(FieldError("send_at", "is too far ahead"),))


def clean_to(text: str, medium: str, region: str) -> str:
    """The address in its final form. Raises Invalid."""
    try:
        return clean_address(medium, text, region)
    except BadAddress as error:
        noun = "number" if medium == "sms" else "address"
        raise Invalid(f"The {noun} {error.reason}.", errors=(FieldError("to", error.reason),)) from error
