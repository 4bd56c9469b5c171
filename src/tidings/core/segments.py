"""How many SMS parts a text costs, counted as the networks count (3GPP TS 23.038 and 23.040).

A part holds 140 bytes: 160 seven-bit characters of the GSM alphabet, or 70 sixteen-bit ones of UCS-2 as soon as one character is not
in that alphabet. A longer text gives up some of each part to the header that joins them: 153 or 67 are left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
"""Written as an escape and a character: two units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """What a text costs. Units are septets for GSM-7 and UTF-16 code units for UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    per_segment: int
    """Units a part holds at this length: fewer once there are several parts."""
    segments: int
    remaining: int
    """Units still free in the last part."""
    unsupported: tuple[str, ...] = ()
    """The characters outside GSM-7 that make the text UCS-2, each once, in the order they stand."""


def count_segments(text: str) -> Segments:
    """Count the parts of a text. An empty text costs none."""
    strange = set(text) - GSM_BASIC
    if not strange:
        return _packed("GSM-7", [1] * len(text) if len(text) > 160 else None, len(text), 160, 153)
    strange -= GSM_EXTENDED
    if not strange:
        costs = [2 if character in GSM_EXTENDED else 1 for character in text]
        return _packed("GSM-7", costs, sum(costs), 160, 153)
    costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return _packed(
        "UCS-2", costs, sum(costs), 70, 67, unsupported=tuple(dict.fromkeys(character for character in text if character in strange))
    )


def _packed(
    encoding: Literal["GSM-7", "UCS-2"],
    costs: Iterable[int] | None,
    units: int,
    alone: int,
    joined: int,
    *,
    unsupported: tuple[str, ...] = (),
) -> Segments:
    if units <= alone or costs is None:
        parts, free, held = min(units, 1), alone - units, alone
    else:
        parts, used, held = 1, 0, joined
        for cost in costs:
            if used + cost > joined:  # an escape and its character, or a surrogate pair, go to the next part together
                parts, used = parts + 1, 0
            used += cost
        free = joined - used
    return Segments(encoding=encoding, units=units, per_segment=held, segments=parts, remaining=free, unsupported=unsupported)
