"""Files on their way: fetched for sending by the guarded way out, and asked for by the reference that a received one has."""

from __future__ import annotations

import asyncio
import base64
import binascii

from tidings.providers.base import ErrorCode, Media, ProviderError, ReceivedMedia, SendFailed
from tidings.providers.http import Http, NoAnswer, NotSent, Request
from tidings.providers.whatsapp_linked.errors import NOT_HERE
from tidings.providers.whatsapp_linked.frames import Fetch, Fetched
from tidings.providers.whatsapp_linked.process import BridgeGone, Line

FETCH_SECONDS = 60.0


async def content_of(http: Http, file: Media, max_bytes: int) -> bytes | SendFailed:
    """The bytes of a file to send, or why there are none. Nothing has been sent either way."""
    if file.content is not None:
        content = file.content
    else:
        try:
            answer = await http.ask(Request(method="GET", url=file.url, guarded=True, max_answer_bytes=max_bytes))
        except NotSent as error:
            return _not_fetched(error.detail, retryable=error.retryable)
        except NoAnswer as error:
            return _not_fetched(error.detail, retryable=True)
        if answer.status != 200:
            return _not_fetched(f"its address answered with HTTP {answer.status}", retryable=answer.status >= 500)
        content = answer.body
    if not content:
        return _not_fetched("it is empty", retryable=False)
    if len(content) > max_bytes:
        return _not_fetched(f"it is larger than {max_bytes // 1_048_576} MB", retryable=False)
    return content


def _not_fetched(why: str, *, retryable: bool) -> SendFailed:
    code = ErrorCode.PROVIDER_UNAVAILABLE if retryable else ErrorCode.REJECTED_CONTENT
    return SendFailed(code=code, detail=f"Nothing was sent: the file could not be had, {why}.", retryable=retryable)


def reference_text(reference: bytes) -> str:
    """A received file's reference (where WhatsApp keeps it, and its key) as it is kept."""
    return base64.urlsafe_b64encode(reference).decode().rstrip("=")


async def fetch(line: Line | None, media: ReceivedMedia, max_bytes: int) -> bytes:
    """A received file, through the session. Raises `ProviderError`."""
    if media.size is not None and media.size > max_bytes:
        raise ProviderError(ErrorCode.REJECTED_CONTENT, f"The file is larger than {max_bytes} bytes.")
    if line is None:
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, NOT_HERE.replace("Nothing was sent", "The file cannot be fetched here"))
    try:
        reference = base64.urlsafe_b64decode(media.provider_id + "=" * (-len(media.provider_id) % 4))
    except (binascii.Error, ValueError):
        raise ProviderError(ErrorCode.INTERNAL, "What was kept of this file does not lead to it.") from None
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            fetched = await line.bridge.ask(Fetch, session=line.session, reference=reference)
    except (BridgeGone, TimeoutError):
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "WhatsApp did not hand the file over; try again.") from None
    assert isinstance(fetched, Fetched)
    if fetched.failure:
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, f"WhatsApp did not hand the file over: {fetched.failure[:300]}")
    if len(fetched.content) > max_bytes:
        raise ProviderError(ErrorCode.REJECTED_CONTENT, f"The file is larger than {max_bytes} bytes.")
    return fetched.content
