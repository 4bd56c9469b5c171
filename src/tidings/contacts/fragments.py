"""Reads what somebody typed into the search box. Pure; what is made of it is in search.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers

LONGEST: Final = 100
"""Characters of a search that are looked at."""
_NUMBER: Final = re.compile(r"\+?[\d\s().\-/]+")
_NOT_DIGITS: Final = re.compile(r"\D+")
_WORDS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What to look for: contacts whose name or number begins with it, and contacts that have all its words in them."""

    name_start: str
    number_starts: tuple[str, ...]
    words: tuple[str, ...]
    """Each at least three letters in one of them; empty for fragments too short to be looked for in the middle."""

    @property
    def start_patterns(self) -> list[str]:
        """LIKE patterns of the search texts that begin with it, one for the name and one for each way to read it as a number."""
        numbers = [f"%\n{escape_like(start)}%" for start in self.number_starts]
        return [f"{escape_like(self.name_start)}%", *numbers] if self.name_start else numbers

    @property
    def word_patterns(self) -> list[str]:
        """LIKE patterns that must all match, or one that never does where there is no word to look for."""
        return [f"%{escape_like(word)}%" for word in self.words] or [_NEVER]


_NEVER: Final = "\x01"


def read_fragment(plain: str, region: str) -> Fragment | None:
    """Take a search apart; `plain` went through plain_text. None when there is nothing to look for."""
    text = " ".join(plain[:LONGEST].split())
    if not text:
        return None
    if _NUMBER.fullmatch(text) and (digits := _NOT_DIGITS.sub("", text)):
        return Fragment(name_start=text, number_starts=_number_starts(text, digits, region), words=_number_words(text, digits))
    words = tuple(text.split(" ")[:_WORDS])
    return Fragment(name_start=text, number_starts=(), words=words if any(len(word) >= 3 for word in words) else ())


def escape_like(text: str) -> str:
    """Take the meaning from the signs that LIKE reads."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _number_starts(text: str, digits: str, region: str) -> tuple[str, ...]:
    """How numbers in E.164 begin that are meant by this: 0712 is +254712 in Kenya, as 712 may be."""
    if text.startswith("+"):
        return (f"+{digits}",)
    if digits.startswith("00"):
        return (f"+{digits[2:]}",)
    code = phonenumbers.country_code_for_region(region)
    if digits.startswith("0"):
        return (f"+{code}{digits[1:]}",) if code else ()
    return (f"+{digits}", f"+{code}{digits}") if code else (f"+{digits}",)


def _number_words(text: str, digits: str) -> tuple[str, ...]:
    """A number with + is whole from its beginning; any other may be the middle or the end of one."""
    return () if text.startswith("+") or len(digits) < 3 else (digits,)
