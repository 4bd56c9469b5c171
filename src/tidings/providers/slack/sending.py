"""How a message is put for Slack, and what its answers mean: pure functions.

Specs: https://docs.slack.dev/reference/methods/chat.postMessage, …/files.getUploadURLExternal, …/files.completeUploadExternal
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tidings.providers.base import Accepted, Button, ChannelConfig, ErrorCode, Media, Outcome, Outgoing, SendFailed, SendUncertain
from tidings.providers.http import Answer, Request, base_url
from tidings.providers.outcomes import DEFAULT_PAUSE, by_status, retry_after
from tidings.providers.slack.errors import CODES, MAYBE_DONE, RETRYABLE

API = "https://slack.com/api"
LONGEST_SECTION = 3000  # letters of one section block: docs.slack.dev/reference/block-kit/blocks/section-block
LONGEST_ALT = 2000
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class PostedMessage(msgspec.Struct):
    """The message in the answer, where we look for its thread."""

    thread_ts: str | None = None


class Said(msgspec.Struct):
    """What all of Slack's answers have in common; `ok` alone tells whether it was done."""

    ok: bool
    error: str = ""
    needed: str = ""
    """The scope that is missing."""
    channel: str = ""
    ts: str = ""
    message: PostedMessage | None = None
    upload_url: str = ""
    file_id: str = ""
    team: str = ""
    user: str = ""


_SAID = msgspec.json.Decoder(Said)


def call(channel: ChannelConfig, method: str, body: dict[str, Any]) -> Request:
    """One call of Slack's Web API."""
    headers = {
        "authorization": f"Bearer {channel.credentials['bot_token']}",
        "content-type": "application/json; charset=utf-8",  # without the charset Slack warns in every answer
    }
    return Request(url=f"{base_url(channel, API)}/{method}", body=msgspec.json.encode(body), headers=headers)


def send_request(channel: ChannelConfig, message: Outgoing) -> Request:
    """The request that posts one message."""
    body: dict[str, Any] = {"channel": message.to, "text": message.text.translate(_ESCAPES)}
    if message.buttons or message.media is not None:
        body["blocks"] = list(_blocks(message))
    return call(channel, "chat.postMessage", body | _thread(message))


def upload_url_request(channel: ChannelConfig, media: Media) -> Request:
    """The request for an address to put the file at. This method takes a form, not JSON."""
    form = {"filename": file_name(media), "length": str(len(media.content or b""))}
    headers = {"authorization": f"Bearer {channel.credentials['bot_token']}"}
    return Request(url=f"{base_url(channel, API)}/files.getUploadURLExternal", form=form, headers=headers)


def upload_request(channel: ChannelConfig, media: Media, url: str) -> Request:
    """The request that brings the file. The address came in an answer, so it must be Slack's (or the operator's test server)."""
    place, ours = urlsplit(url), urlsplit(base_url(channel, API))
    at_slack = place.scheme == "https" and (place.hostname or "").endswith(".slack.com")
    if not at_slack and (place.scheme, place.netloc) != (ours.scheme, ours.netloc):
        raise ValueError("an upload address that is not Slack's")
    return Request(url=url, body=media.content, headers={"content-type": "application/octet-stream"})


def share_request(channel: ChannelConfig, message: Outgoing, media: Media, file_id: str) -> Request:
    """The request that posts an uploaded file with its caption."""
    body: dict[str, Any] = {"files": [{"id": file_id, "title": file_name(media)}], "channels": message.to}
    if message.text:
        body["initial_comment"] = message.text.translate(_ESCAPES)
    return call(channel, "files.completeUploadExternal", body | _thread(message))


def file_name(media: Media) -> str:
    """The file's name; one made from its kind where it has none."""
    return media.file_name or f"{media.kind}.{media.content_type.partition('/')[2].partition(';')[0] or 'bin'}"


def read_send(answer: Answer) -> list[Outcome]:
    """What Slack's answer to a post means."""
    said = read(answer)
    if not isinstance(said, Said):
        return [said]
    if not (said.channel and said.ts):
        return [SendUncertain(detail="Slack's answer names no message.", code=ErrorCode.PROVIDER_UNAVAILABLE)]
    thread = said.message.thread_ts if said.message else None
    return [Accepted(provider_message_id=message_id(said.channel, said.ts, thread))]


def read_share(answer: Answer, file_id: str) -> list[Outcome]:
    """What Slack's answer to a shared file means. It posts the file a moment later and names no message."""
    said = read(answer)
    return [Accepted(provider_message_id=file_id) if isinstance(said, Said) else said]


def message_id(channel: str, ts: str, thread_ts: str | None) -> str:
    """A message's id: its channel and its time there, for times are unique in a channel only.

    One in a thread has the thread's first message as a third part, because an answer must name that one.
    """
    return f"{channel}:{ts}" if thread_ts in {None, "", ts} else f"{channel}:{ts}:{thread_ts}"


def read(answer: Answer) -> Said | SendFailed | SendUncertain:
    """What any answer of the Web API means."""
    if not 200 <= answer.status < 300:
        return by_status(answer)
    said = answer.decode(_SAID)
    if said.ok:
        return said
    detail = f"Slack: {said.error or 'no reason given'}" + (f" (needs {said.needed})" if said.needed else "")
    if said.error in MAYBE_DONE:
        return SendUncertain(detail=detail, code=ErrorCode.PROVIDER_UNAVAILABLE)
    code = CODES.get(said.error, ErrorCode.INTERNAL)
    pause = retry_after(answer)
    return SendFailed(
        code=code,
        detail=detail,
        retryable=code in RETRYABLE,
        retry_after=None if code is not ErrorCode.RATE_LIMITED else DEFAULT_PAUSE if pause is None else pause,
        provider_code=said.error or None,
    )


def _thread(message: Outgoing) -> dict[str, str]:
    return {"thread_ts": message.reply_to.rpartition(":")[2]} if message.reply_to else {}


def _blocks(message: Outgoing) -> Iterator[dict[str, Any]]:
    for part in _sections(message.text):
        yield {"type": "section", "text": {"type": "mrkdwn", "text": part}}
    if message.media is not None:
        alt = (message.text or file_name(message.media))[:LONGEST_ALT]
        yield {"type": "image", "image_url": message.media.url, "alt_text": alt}
    if message.buttons:
        yield {"type": "actions", "elements": _elements(message.buttons)}


def _sections(text: str) -> Iterator[str]:
    """The escaped text in parts that a section holds, never cut within an escape."""
    part = ""
    for letter in text:
        escaped = letter.translate(_ESCAPES)
        if len(part) + len(escaped) > LONGEST_SECTION:
            yield part
            part = ""
        part += escaped
    if part:
        yield part


URL_BUTTON = "url_"
"""How the action_id of a button begins that only opens an address: Slack tells of its press too."""


def _elements(buttons: Sequence[Button]) -> list[dict[str, Any]]:
    return [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": button.label},
            **(
                {"action_id": f"{URL_BUTTON}{at}", "url": button.value}
                if button.kind == "url"
                else {"action_id": f"reply_{at}", "value": button.value or button.label}
            ),
        }
        for at, button in enumerate(buttons)
    ]
