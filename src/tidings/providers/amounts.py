"""Money as providers write it, to whole millionths: never through a float, which cannot hold 0.1."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

_PRICE = re.compile(r"^\s*([A-Za-z]{3})\s*(-?[\d,]*\.?\d+)\s*$", re.ASCII)


def micros(number: str) -> int | None:
    """`"0.05"` as 50_000 millionths; None when the text is not a number."""
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?|-?\.\d{1,15}", number.strip(), re.ASCII):
        return None
    return int((Decimal(number.strip()) * 1_000_000).to_integral_value(ROUND_HALF_UP))


def price(text: str) -> tuple[int, str] | None:
    """`"KES 1,785.50"` as (1_785_500_000, "KES"); None when no currency is named or the text is something else."""
    found = _PRICE.match(text)
    if found is None:
        return None
    amount = micros(found[2].replace(",", ""))
    return None if amount is None else (amount, found[1].upper())
