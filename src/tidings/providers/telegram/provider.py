"""Telegram: a bot's messages through the Bot API.

Specs: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import structlog
from msgspec import structs

from tidings.providers.base import (
    Balance,
    Callback,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    Field,
    HookAnswer,
    HookRequest,
    Limits,
    Outcome,
    Outgoing,
    Polled,
    ProviderError,
    ReceivedMedia,
    RecipientPace,
)
from tidings.providers.http import Http, Request, base_url
from tidings.providers.outcomes import ask, converse, question
from tidings.providers.telegram.errors import moved_to, refused
from tidings.providers.telegram.hook import read_hook, secret_token
from tidings.providers.telegram.sending import (
    API,
    LONGEST_CAPTION,
    LONGEST_TEXT,
    MEDIA,
    TOKEN,
    method_url,
    read_send,
    refusal_of_ours,
    send_request,
)
from tidings.providers.telegram.updates import ALLOWED, callbacks, plain_json, read_update

DESCRIPTION = Description(
    kind="telegram",
    label="Telegram",
    summary="Messages from a Telegram bot of yours to people, groups and channels that have let it in. Free of charge.",
    fields=(
        Field(
            name=TOKEN,
            label="Bot token",
            help="@BotFather on Telegram gives it with /newbot, and shows it again with /token.",
            secret=True,
            pattern=r"[0-9]{5,16}:[A-Za-z0-9_-]{30,60}",
            example="110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8",
        ),
        Field(
            name="parse_mode",
            label="Formatting",
            help="HTML or MarkdownV2, if your texts carry Telegram's marks. Empty: a text goes out exactly as it is written.",
            required=False,
            pattern=r"HTML|MarkdownV2",
            example="HTML",
        ),
        Field(
            name="link_previews",
            label="Link previews",
            help="“off” shows no picture of the first link's page below a text.",
            required=False,
            pattern=r"on|off",
            example="off",
            default="on",
        ),
    ),
    capabilities=Capabilities(
        mediums=("telegram",),
        inbound=True,
        signed_hooks=True,
        max_characters=LONGEST_TEXT,
        max_caption=LONGEST_CAPTION,
        media=MEDIA,
        buttons=20,
        replies=True,
        polling=True,
        links=True,
    ),
    # As Telegram's FAQ for bots has them (“My bot is hitting limits”). A request takes some tenths of a second.
    limits=Limits(
        per_second=30.0,
        burst=1,
        concurrency=16,
        per_recipient=(RecipientPace(count=1, seconds=1.0), RecipientPace(count=20, seconds=60.0, groups=True)),
    ),
    sender_label="Bot name",
    sender_help="The bot's @name. May stay empty: the token tells it.",
    sender_example="@mamamboga_bot",
    sender_pattern=r"@\w{4,32}",
    docs_url="https://core.telegram.org/bots/api",
    hook_help="Nothing to copy: Tidings tells Telegram this address itself when the channel is set to receive by webhook. It must be "
    "reachable over HTTPS on port 443, 80, 88 or 8443. Without a public address, let the channel ask Telegram instead.",
    api_base_url=API,
)
LONGEST_WAIT = 25.0
"""Seconds of one poll: some less than a request of ours may take in all."""
UPDATES_AT_ONCE = 25
MOST_BYTES_OF_UPDATES = 16 * 1_048_576
"""More than 25 updates can have, however many links people put into them; a page too large to read would be asked for again for ever."""
_SECONDS_FOR_PRESSES = 5.0
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")  # Specs: https://core.telegram.org/bots/features#deep-linking
_BOT_NAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}")
log = structlog.get_logger(__name__)


class Me(msgspec.Struct):
    """The bot itself."""

    first_name: str
    username: str


class AnswerWithMe(msgspec.Struct):
    """The answer of getMe."""

    result: Me


class Done(msgspec.Struct):
    """The answer of a method that gives nothing back."""

    result: bool


class File(msgspec.Struct):
    """A file that can be fetched for an hour."""

    file_path: str
    file_size: int | None = None


class AnswerWithFile(msgspec.Struct):
    """The answer of getFile."""

    result: File


_ME = msgspec.json.Decoder(AnswerWithMe)
_DONE = msgspec.json.Decoder(Done)
_FILE = msgspec.json.Decoder(AnswerWithFile)


class Telegram:
    """The provider. It holds nothing: one object serves all bots."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        return [await self._send(http, channel, message) for message in batch]

    async def _send(self, http: Http, channel: ChannelConfig, message: Outgoing) -> Outcome:
        if (ours := refusal_of_ours(channel, message)) is not None:
            return ours
        [outcome] = await converse(http, channel, 1, partial(send_request, channel, message), read_send)
        if (moved := moved_to(outcome)) is None:
            return outcome
        # The group has become a supergroup with another number. Telegram took nothing, so this is no second copy.
        there = structs.replace(message, to=moved, reply_to=None)
        return (await converse(http, channel, 1, partial(send_request, channel, there), read_send))[0]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002
        raise ProviderError(ErrorCode.UNSUPPORTED, "Telegram takes no money for messages: there is no balance.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        me = await self._me(http, channel)
        if _BOT_NAME.fullmatch(channel.sender) and channel.sender[1:].lower() != me.username.lower():
            detail = f"The token is that of @{me.username}, but the bot name filled in is {channel.sender}: links would lead elsewhere."
            raise ProviderError(ErrorCode.INVALID_CREDENTIALS, detail)
        return f"Signed in as the bot “{me.first_name}”. People find it at https://t.me/{me.username}."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel, request)

    async def poll(self, http: Http, channel: ChannelConfig, cursor: str, *, wait_seconds: float) -> Polled:
        answer = await ask(http, channel, partial(updates_request, channel, cursor, wait_seconds), refused)
        page = plain_json(answer.body)
        told = page.get("result") if isinstance(page, dict) else None
        if not isinstance(told, list):
            raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "Telegram's answer holds no updates.")
        found, presses, next_cursor = read_page(told, channel.sender or None, cursor)
        await self._answer_presses(http, channel, presses)
        return Polled(callbacks=found, cursor=next_cursor)

    async def receive_by(self, http: Http, channel: ChannelConfig, way: Literal["hook", "polling"]) -> str:
        if way == "polling":
            await question(http, channel, partial(call, channel, "deleteWebhook", drop_pending_updates=False), _DONE, refused)
            return "Telegram waits to be asked for what comes in. Nothing that was waiting is lost."
        secret = secret_token(channel)
        if not secret:
            raise ProviderError(
                ErrorCode.UNSUPPORTED, "This installation has no public address that Telegram could call: let the channel ask instead."
            )
        # The secret is ours to hide as well, should Telegram quote it back.
        hidden = replace(channel, credentials={**channel.credentials, "secret_token": secret})
        request = partial(call, channel, "setWebhook", url=channel.hook_url, secret_token=secret, allowed_updates=ALLOWED)
        await question(http, hidden, request, _DONE, refused)
        return "Telegram calls this channel's address for everything that comes in, beginning with what was waiting."

    async def link(self, http: Http, channel: ChannelConfig, code: str) -> str:
        if not _CODE.fullmatch(code):
            raise ProviderError(ErrorCode.INTERNAL, "A link's code has 1 to 64 letters, digits, - and _.")
        name = channel.sender if _BOT_NAME.fullmatch(channel.sender) else f"@{(await self._me(http, channel)).username}"
        return f"https://t.me/{name[1:]}?start={code}"

    async def fetch_media(self, http: Http, channel: ChannelConfig, media: ReceivedMedia, *, max_bytes: int) -> bytes:
        file = (await question(http, channel, partial(call, channel, "getFile", file_id=media.provider_id), _FILE, refused)).result
        if file.file_size is not None and file.file_size > max_bytes:
            raise ProviderError(ErrorCode.UNSUPPORTED, f"The file has {file.file_size} bytes; {max_bytes} are allowed.")
        return (await ask(http, channel, partial(file_request, channel, file.file_path, max_bytes))).body

    async def _me(self, http: Http, channel: ChannelConfig) -> Me:
        return (await question(http, channel, partial(call, channel, "getMe"), _ME, refused)).result

    async def _answer_presses(self, http: Http, channel: ChannelConfig, presses: Sequence[str]) -> None:
        """Stop the clocks on pressed buttons, where that goes quickly: a press counts without it."""
        asked = [question(http, channel, partial(call, channel, "answerCallbackQuery", callback_query_id=one), _DONE) for one in presses]
        try:
            async with asyncio.timeout(_SECONDS_FOR_PRESSES):
                await asyncio.gather(*asked, return_exceptions=True)
        except TimeoutError:
            log.info("telegram_presses_not_answered", count=len(presses))


def call(channel: ChannelConfig, method: str, **parameters: Any) -> Request:
    """A request for any method."""
    return Request(url=method_url(channel, method), json=parameters)


def updates_request(channel: ChannelConfig, cursor: str, wait_seconds: float) -> Request:
    """The request for what came in. With its offset all earlier updates are forgotten at Telegram's side."""
    offset = {"offset": int(cursor)} if cursor.isdecimal() else {}
    seconds = int(min(max(wait_seconds, 0.0), LONGEST_WAIT))
    request = call(channel, "getUpdates", timeout=seconds, limit=UPDATES_AT_ONCE, allowed_updates=ALLOWED, **offset)
    return structs.replace(request, max_answer_bytes=MOST_BYTES_OF_UPDATES)


def read_page(told: Sequence[Any], recipient: str | None, cursor: str) -> tuple[list[Callback], list[str], str]:
    """What a page of updates means, the presses to be answered, and the cursor after it. No update, however odd, holds up the others."""
    found: list[Callback] = []
    presses: list[str] = []
    last = -1
    for one in told:
        update = read_update(one)
        number = update.update_id if update else one.get("update_id") if isinstance(one, dict) else None
        if isinstance(number, int):
            last = max(last, number)
        if update is None:
            log.warning("telegram_update_skipped", update_id=number)
            continue
        found += callbacks(update, recipient)
        presses += [update.callback_query.id] if update.callback_query else []
    return found, presses, cursor if last < 0 else str(last + 1)


def file_request(channel: ChannelConfig, path: str, max_bytes: int) -> Request:
    """The request for a received file. Specs: https://core.telegram.org/bots/api#file."""
    url = f"{base_url(channel, API)}/file/bot{quote(channel.credentials[TOKEN], safe=':')}/{quote(path)}"
    return Request(method="GET", url=url, max_answer_bytes=max_bytes)
