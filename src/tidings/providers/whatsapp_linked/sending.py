"""One message through the session of its channel."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from tidings.providers.base import Accepted, ErrorCode, Outcome, Outgoing, SendFailed, SendUncertain
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.errors import INSTALL, NOT_CONNECTED, NOT_HERE, outcome_of
from tidings.providers.whatsapp_linked.frames import Oversized, Send, Sent
from tidings.providers.whatsapp_linked.media import content_of
from tidings.providers.whatsapp_linked.process import BridgeGone, Line

SEND_SECONDS = 90.0
"""WhatsApp's own patience with a message is 75 seconds."""
_WITHOUT_CAPTION = frozenset({"audio", "sticker"})


def installed() -> bool:
    """Whether the optional library is here. It is not loaded for that: only the bridge does."""
    return find_spec("neonize") is not None


async def send(http: Http, line: Line | None, message: Outgoing, max_bytes: int) -> Outcome:
    """Send it and tell what became of it."""
    if (lack := _lack(message)) is not None:
        return SendFailed(code=ErrorCode.UNSUPPORTED, detail=lack)
    if line is None or not line.bridge.alive:
        if not installed():
            return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=INSTALL)
        return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=NOT_HERE, retryable=True)
    if not line.online:
        return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=NOT_CONNECTED, retryable=True)
    content = b""
    if message.media is not None:
        fetched = await content_of(http, message.media, max_bytes)
        if isinstance(fetched, SendFailed):
            return fetched
        content = fetched
    return await _ask(line, message, content)


async def _ask(line: Line, message: Outgoing, content: bytes) -> Outcome:
    file = message.media
    fields = {
        "session": line.session,
        "to": message.to,
        "text": message.text,
        "kind": file.kind if file else "text",
        "content": content,
        "content_type": file.content_type if file else "",
        "file_name": file.file_name if file else "",
        "reply_to": message.reply_to or "",
    }
    try:
        async with asyncio.timeout(SEND_SECONDS):
            sent = await line.bridge.ask(Send, **fields)
    except TimeoutError:
        return SendUncertain(detail="It is not known whether this was sent: WhatsApp did not answer in time.")
    except Oversized:
        return SendFailed(code=ErrorCode.REJECTED_CONTENT, detail="Nothing was sent: the file is too large.")
    except BridgeGone as gone:
        if not gone.told:
            return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=NOT_HERE, retryable=True)
        detail = "It is not known whether this was sent: the process that holds WhatsApp's sessions ended meanwhile."
        return SendUncertain(detail=detail, code=ErrorCode.PROVIDER_UNAVAILABLE)
    assert isinstance(sent, Sent)
    return Accepted(provider_message_id=sent.message_id) if sent.message_id else outcome_of(sent)


def _lack(message: Outgoing) -> str | None:
    """What of the message a linked device cannot carry. Nothing is left out in silence."""
    if message.template is not None:
        return "A linked device knows no approved templates: it sends plain text."
    if message.buttons:
        return "A linked device sends no buttons: WhatsApp shows those of approved businesses only."
    if message.media is None and not message.text:
        return "There is nothing to send: the text is empty."
    if message.media is not None and message.media.kind in _WITHOUT_CAPTION and message.text:
        return f"WhatsApp sends {message.media.kind} files without a caption."
    return None
