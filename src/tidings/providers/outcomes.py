"""What HTTP itself says about a send, before any provider's own words: pure rules that every provider starts from."""

from __future__ import annotations

import base64
import math
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import msgspec
import structlog

from tidings.providers.base import Accepted, ChannelConfig, ErrorCode, Outcome, ProviderError, SendFailed, SendUncertain
from tidings.providers.http import Answer, Http, NoAnswer, NotSent, Request

T = TypeVar("T")
log = structlog.get_logger(__name__)

DEFAULT_PAUSE = 5.0
"""Seconds to leave a channel alone after a 429 that does not say how long."""
LONGEST_PAUSE = 86_400.0
"""Seconds; a provider that asks for more than a day is asked again after one."""
LONGEST_DETAIL = 300
"""Characters of a provider's words that are kept."""
_HEX = re.compile(r"%[0-9A-F]{2}")  # some proxies write percent codes in lower case
_MAYBE_TAKEN_REDIRECTS = frozenset({302, 303})  # "done, now look there" is how forms answer a POST they have taken


async def converse(
    http: Http,
    channel: ChannelConfig,
    count: int,
    build: Callable[[], Request],
    read: Callable[[Answer], list[Outcome]],
) -> list[Outcome]:
    """Build a request, send it, read its answer: `count` outcomes whatever happens, and nothing raised but cancellation."""
    try:
        request = build()
    except Exception as error:  # noqa: BLE001 - promised to the caller: an outcome, not an exception
        _report(error, "building a request")
        return [SendFailed(code=ErrorCode.INTERNAL, detail=_unexpected(error, "Nothing was sent."))] * count
    outcome: Outcome
    try:
        outcomes = read(await http.ask(request))
        if len(outcomes) == count:
            return [one if type(one) is Accepted else redacted(one, channel, request) for one in outcomes]
        outcome = SendUncertain(detail="The provider's answer does not fit the messages sent.", code=ErrorCode.INTERNAL)
    except (NotSent, NoAnswer) as error:
        outcome = outcome_of(error)
    except Exception as error:  # noqa: BLE001 - the request has left, so the fate of its messages is not known
        _report(error, "reading an answer")
        outcome = SendUncertain(detail=_unexpected(error, "The messages may have been sent."), code=ErrorCode.INTERNAL)
    return [redacted(outcome, channel, request)] * count


Refused = Callable[[Answer], SendFailed | SendUncertain]
"""Reads a provider's own errors; without it the HTTP status alone is read."""


async def question(
    http: Http, channel: ChannelConfig, build: Callable[[], Request], decoder: msgspec.json.Decoder[T], refused: Refused | None = None
) -> T:
    """Ask something that is not a send and read its answer. Raises `ProviderError` unless it is a 2xx of the decoder's shape."""
    return await inquire(http, channel, build, lambda answer: answer.decode(decoder), refused)


async def ask(http: Http, channel: ChannelConfig, build: Callable[[], Request], refused: Refused | None = None) -> Answer:
    """The same for an answer of no fixed shape: a file, say."""
    return await inquire(http, channel, build, lambda answer: answer, refused)


async def inquire(
    http: Http, channel: ChannelConfig, build: Callable[[], Request], read: Callable[[Answer], T], refused: Refused | None = None
) -> T:
    """The same for answers that are not of one shape; `read` raises `BadAnswer` for what it cannot use."""
    try:
        request = build()
    except Exception as error:  # noqa: BLE001 - whatever is missing, the caller is promised a ProviderError
        _report(error, "building a question")
        raise ProviderError(ErrorCode.INTERNAL, "The channel's settings are not complete: save them again.") from None
    try:
        answer = await http.ask(request)
        if 200 <= answer.status < 300:
            return read(answer)
    except (NotSent, NoAnswer) as error:
        raise ProviderError(outcome_of(error).code, redact(f"The provider could not be asked: {error.detail}.", channel, request)) from None
    refusal = (refused or by_status)(answer)
    pause = refusal.retry_after if isinstance(refusal, SendFailed) else None
    raise ProviderError(refusal.code, redact(refusal.detail, channel, request), retry_after=pause)


def outcome_of(error: NotSent | NoAnswer) -> SendFailed | SendUncertain:
    """The outcome when no usable answer came."""
    if isinstance(error, NotSent):
        code = ErrorCode.PROVIDER_UNAVAILABLE if error.retryable else ErrorCode.INTERNAL
        return SendFailed(code=code, detail=f"Nothing was sent: {error.detail}.", retryable=error.retryable)
    code = ErrorCode.TIMEOUT if error.timed_out else ErrorCode.PROVIDER_UNAVAILABLE
    return SendUncertain(detail=f"It is not known whether this was sent: {error.detail}.", code=code)


def by_status(answer: Answer, said: str | None = None) -> SendFailed | SendUncertain:
    """What an HTTP status alone proves. `said` is the provider's own sentence; without it the body's beginning is told."""
    status = answer.status
    words = answer.text if said is None else said
    detail = f"HTTP {status}: {words}" if words else f"HTTP {status} with an empty body"
    match status:
        case 429:
            pause = retry_after(answer)
            return SendFailed(
                code=ErrorCode.RATE_LIMITED, detail=detail, retryable=True, retry_after=DEFAULT_PAUSE if pause is None else pause
            )
        case 401 | 403:
            return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=detail)
        case 402:
            return SendFailed(code=ErrorCode.INSUFFICIENT_BALANCE, detail=detail)
        case 413:
            return SendFailed(code=ErrorCode.REJECTED_CONTENT, detail=detail)
        case 408:  # some gateways say so after passing a request on
            return SendUncertain(detail=detail, code=ErrorCode.TIMEOUT)
        case _ if 300 <= status < 400 and status not in _MAYBE_TAKEN_REDIRECTS:
            return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=f"{detail} (a redirect, not followed)", retryable=True)
        case _ if 400 <= status < 500:
            return SendFailed(code=ErrorCode.INTERNAL, detail=detail)
        case _:
            return SendUncertain(detail=detail, code=ErrorCode.PROVIDER_UNAVAILABLE)


def retry_after(answer: Answer) -> float | None:
    """Seconds the answer asks us to wait (RFC 9110, 10.2.3: a number of seconds or a date); None when it does not say."""
    value = (answer.headers.get("retry-after") or "").strip()
    try:
        seconds = float(value)
    except ValueError:
        date = _timestamp(value)
        if date is None:
            return None
        # Its own Date is the better clock: ours may differ from the provider's.
        seconds = date - (_timestamp(answer.headers.get("date") or "") or answer.at)
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def redacted(outcome: Outcome, channel: ChannelConfig, request: Request) -> Outcome:
    """The same outcome with any credential that the provider quoted back blotted out."""
    match outcome:
        case SendFailed():
            return SendFailed(
                code=outcome.code,
                detail=redact(outcome.detail, channel, request),
                retryable=outcome.retryable,
                retry_after=outcome.retry_after,
                pauses=outcome.pauses,
                provider_code=outcome.provider_code,
            )
        case SendUncertain():
            return SendUncertain(detail=redact(outcome.detail, channel, request), code=outcome.code)
        case _:
            return outcome


def redact(text: str, channel: ChannelConfig, request: Request | None = None) -> str:
    """Blot out every credential of the channel, in each spelling in which HTTP carries it, and then shorten the text.

    Not the other way round: half a credential would pass.
    """
    text = blotted(text, channel, request)
    return text if len(text) <= LONGEST_DETAIL else f"{text[: LONGEST_DETAIL - 1]}…"


def blotted(text: str, channel: ChannelConfig, request: Request | None = None) -> str:
    """The same text, whole, without any credential of the channel."""
    for secret in _spellings(channel.credentials, request.auth if request else None):
        text = text.replace(secret, "•••")
    return text


def _spellings(credentials: Mapping[str, str], auth: tuple[str, str] | None) -> Sequence[str]:
    values = [value for value in credentials.values() if len(value) >= 4]  # shorter ones would blot out ordinary words
    found = {spelling for value in values for spelling in (value, quote(value, safe=""), quote_plus(value), _in_json(value), escape(value))}
    found |= {_HEX.sub(lambda code: code[0].lower(), spelling) for spelling in found}
    if auth is not None:
        found.add(base64.b64encode(":".join(auth).encode()).decode())
    return sorted(found, key=len, reverse=True)


def _in_json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]


def _timestamp(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _unexpected(error: Exception, so: str) -> str:
    return f"Tidings met an unexpected {type(error).__name__} in its own code. {so} The log has the place."


def _report(error: Exception, doing: str) -> None:
    # Only the place and the kind: values in a full trace could be credentials or people's texts.
    place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-5:]]
    log.error("provider_error_in_our_code", doing=doing, kind=type(error).__name__, place=place)
