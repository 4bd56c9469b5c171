"""What a gateway's answer means, by what the channel's settings say of it. What they do not say is a doubt, never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidings.providers.base import Accepted, ErrorCode, Outcome, SendFailed, SendUncertain
from tidings.providers.http import Answer, BadAnswer
from tidings.providers.outcomes import DEFAULT_PAUSE, by_status, retry_after

RETRYABLE = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.PROVIDER_UNAVAILABLE, ErrorCode.TIMEOUT})
LONGEST_ID = 255


def at(path: str, tree: Any) -> Any:
    """What stands at `data.0.id` or the JSON pointer `/data/0/id` (RFC 6901); None where there is nothing."""
    pointer = [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    for step in pointer if path.startswith("/") else path.split("."):
        if isinstance(tree, Mapping):
            tree = tree.get(step)
        elif isinstance(tree, list):
            tree = tree[int(step)] if re.fullmatch(r"\d{1,6}", step, re.ASCII) and int(step) < len(tree) else None
        else:
            return None
    return tree


def word(value: Any) -> str | None:
    """A text, a number or a yes-or-no as a text; None for anything else, and for an empty one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() or None if isinstance(value, str | int | float) else None


def find(paths: str, tree: Any) -> str | None:
    """The first word that stands at one of the places, which have commas between; None where none has any."""
    return next((found for path in paths.split(",") if (found := word(at(path.strip(), tree))) is not None), None)


def listed(text: str) -> list[str]:
    """The words of `a, b` or of one a line, in small letters."""
    return [one.strip().casefold() for one in re.split(r"[,\n]", text) if one.strip()]


def mapped(text: str) -> dict[str, str]:
    """The pairs of `theirs=ours`, one a line or with commas between, theirs in small letters. Raises ValueError for anything else."""
    pairs = {}
    for one in re.split(r"[,\n]", text):
        if one.strip():
            theirs, mark, ours = one.rpartition("=")
            if not (mark and theirs.strip() and ours.strip()):
                raise ValueError(one.strip())
            pairs[theirs.strip().casefold()] = ours.strip().lower()
    return pairs


def read_send(settings: Mapping[str, str], message_id: str, answer: Answer) -> list[Outcome]:
    """What the answer to a send means. Without an id of theirs the message is known by ours."""
    if not _has_status(settings["success_statuses"], answer.status):
        return [_refused(settings, answer)]
    needs_json = settings.get("success_path") or settings.get("id_path")
    tree = answer.json() if needs_json else None
    doubt_or_failure = _verdict(settings, answer, tree)
    if doubt_or_failure is not None:
        return [doubt_or_failure]
    found = find(settings["id_path"], tree) if settings.get("id_path") else message_id
    if found is None or len(found) > LONGEST_ID:
        return [SendUncertain(detail=f"The answer has no message id at “{settings['id_path']}”.", code=ErrorCode.PROVIDER_UNAVAILABLE)]
    return [Accepted(provider_message_id=found)]


def _verdict(settings: Mapping[str, str], answer: Answer, tree: Any) -> SendFailed | SendUncertain | None:
    """None for a success."""
    good, bad = listed(settings.get("success_values", "")), listed(settings.get("failure_values", ""))
    path = settings.get("success_path")
    if not path and not good and not bad:
        return None
    said = find(path, tree) if path else answer.text
    told = (said or "").casefold()
    if told in good if path else told.startswith(tuple(good)):
        return None
    if told and (told in bad if path else told.startswith(tuple(bad))):
        return _failed(settings, answer, said or "", ErrorCode.INTERNAL)
    where = f"there is “{said or 'nothing'}” at “{path}”" if path else f"the answer is “{said}”"
    return SendUncertain(
        detail=f"The channel's settings call this answer neither a success nor a failure: {where}.",
        code=ErrorCode.PROVIDER_UNAVAILABLE,
    )


def _refused(settings: Mapping[str, str], answer: Answer) -> SendFailed | SendUncertain:
    said = _error(settings, answer)
    by_http = by_status(answer, said)
    return by_http if isinstance(by_http, SendUncertain) else _failed(settings, answer, by_http.detail, by_http.code)


def _failed(settings: Mapping[str, str], answer: Answer, detail: str, otherwise: ErrorCode) -> SendFailed:
    error = _error(settings, answer)
    ours = mapped(settings.get("error_codes", "")).get((error or detail).casefold())
    code = ErrorCode(ours) if ours else otherwise
    # Only a word that the settings know is kept as a code: any other could be a credential that the gateway quotes back.
    known = error if ours else None
    pause = retry_after(answer)
    return SendFailed(
        code=code,
        detail=f"The gateway says: {detail}" + (f" ({error})" if error and error not in detail else ""),
        retryable=code in RETRYABLE,
        retry_after=None if code is not ErrorCode.RATE_LIMITED else DEFAULT_PAUSE if pause is None else pause,
        provider_code=known,
    )


def _error(settings: Mapping[str, str], answer: Answer) -> str | None:
    """Their own word for what went wrong."""
    if not settings.get("error_path"):
        return None
    try:
        return find(settings["error_path"], answer.json())
    except BadAnswer:
        return None


def _has_status(ranges: str, status: int) -> bool:
    bounds = [one.partition("-") for one in ranges.replace(" ", "").split(",")]
    return any(int(low) <= status <= int(high or low) for low, _, high in bounds)
