"""The limits on the form of a channel: each is the provider's own unless something is filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidings.errors import FieldError, Invalid

OWN, NONE = "own", "none"
"""Of a limit that may be none: one's own, or none at all; an empty text means the provider's."""
_RULE = re.compile(
    r"(?P<count>\d{1,6})\s*(?:in|per|/)\s*(?P<seconds>\d{1,6}(?:\.\d{1,3})?)\s*(?:s|sec|seconds?)?\s*,?\s*(?P<groups>groups?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsForm:
    """What is filled in of the limits so far."""

    pace: str = ""
    per_second: str = ""
    burst: str = ""
    concurrency: str = ""
    recipient_pace: str = ""
    per_recipient: str = ""
    """A rule a line: `20 in 60 groups`."""
    day: str = ""
    per_day: str = ""
    per_day_counts: str = ""
    jitter_seconds: str = ""

    @property
    def is_own(self) -> bool:
        """Whether anything is filled in."""
        return any((self.pace, self.burst, self.concurrency, self.recipient_pace, self.day, self.jitter_seconds))

    def values(self) -> dict[str, Any]:
        """As the API takes them. Raises Invalid."""
        plain = (("burst", self.burst), ("concurrency", self.concurrency), ("jitter_seconds", self.jitter_seconds))
        given: dict[str, Any] = {name: value for name, value in plain if value}
        if self.pace:
            given["per_second"] = self.per_second if self.pace == OWN else None
        if self.recipient_pace:
            given["per_recipient"] = read_rules(self.per_recipient) if self.recipient_pace == OWN else None
        if self.day:
            given["per_day"] = self.per_day if self.day == OWN else None
        if self.day == OWN and self.per_day_counts:
            given["per_day_counts"] = self.per_day_counts
        return given


def read_limits(one: Callable[[str], str]) -> LimitsForm:
    """What the browser sent; `one` gives a field's text."""
    return LimitsForm(**{name: one(name) for name in LimitsForm.__dataclass_fields__})


def limits_form(limits: Mapping[str, Any]) -> LimitsForm:
    """The form of what a channel's owner has changed."""
    return LimitsForm(
        pace=_choice(limits, "per_second"), per_second=_number(limits.get("per_second")), burst=_number(limits.get("burst")),
        concurrency=_number(limits.get("concurrency")), recipient_pace=_choice(limits, "per_recipient"),
        per_recipient=show_rules(limits.get("per_recipient") or ()), day=_choice(limits, "per_day"),
        per_day=_number(limits.get("per_day")), per_day_counts=limits.get("per_day_counts", ""),
        jitter_seconds=_number(limits.get("jitter_seconds")),
    )  # fmt: skip


def read_rules(text: str) -> list[dict[str, Any]]:
    """A rule a line, as people write it. Raises Invalid."""
    rules = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _RULE.fullmatch(line)
        if found is None:
            fault = FieldError(
                "limits.per_recipient", "has a line that is no limit. Write “1 in 1” or “20 in 60 groups”: messages, then seconds"
            )
            raise Invalid("The limits cannot be read; nothing was saved.", errors=(fault,))
        rules.append({"count": found["count"], "seconds": found["seconds"], "groups": found["groups"] is not None})
    if not rules:
        raise Invalid(
            "The limits cannot be read; nothing was saved.", errors=(FieldError("limits.per_recipient", "needs a line such as “1 in 1”"),)
        )
    return rules


def show_rules(rules: Sequence[Mapping[str, Any]]) -> str:
    """The same text again."""
    return "\n".join(f"{one['count']} in {one['seconds']:g}{' groups' if one.get('groups') else ''}" for one in rules)


def _choice(limits: Mapping[str, Any], name: str) -> str:
    if name not in limits:
        return ""
    return OWN if limits[name] else NONE


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
