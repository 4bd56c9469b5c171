"""WhatsApp through Meta's Cloud API.

Specs: https://developers.facebook.com/docs/whatsapp/cloud-api/reference
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tidings.providers.base import (
    Accepted,
    Balance,
    ChannelConfig,
    ErrorCode,
    HookAnswer,
    HookRequest,
    Media,
    Outcome,
    Outgoing,
    ProviderError,
    ProviderTemplate,
    ReceivedMedia,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, File, Http, Request
from tidings.providers.outcomes import converse
from tidings.providers.whatsapp_cloud import account
from tidings.providers.whatsapp_cloud.answers import TAKEN, UPLOADED
from tidings.providers.whatsapp_cloud.description import DESCRIPTION
from tidings.providers.whatsapp_cloud.errors import refused
from tidings.providers.whatsapp_cloud.graph import bearer, node
from tidings.providers.whatsapp_cloud.media import fetch
from tidings.providers.whatsapp_cloud.messages import body_of, unsupported, upload_of
from tidings.providers.whatsapp_cloud.receipts import read_hook


class WhatsAppCloud:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        return [await _send(http, channel, message) for message in batch]  # one recipient a request is all this API takes

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002 - there is nobody to ask
        raise ProviderError(ErrorCode.UNSUPPORTED, "Meta bills the account's payment method; there is no balance to ask for.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        return await account.check(http, channel)

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel, request)

    async def templates(self, http: Http, channel: ChannelConfig) -> list[ProviderTemplate]:
        return await account.templates(http, channel)

    async def link(self, http: Http, channel: ChannelConfig, code: str) -> str:
        return await account.link_of(http, channel, code)

    async def fetch_media(self, http: Http, channel: ChannelConfig, media: ReceivedMedia, *, max_bytes: int) -> bytes:
        return await fetch(http, channel, media, max_bytes)


def send_request(channel: ChannelConfig, message: Outgoing, media_id: str | None = None) -> Request:
    """The request that sends one message."""
    return Request(
        url=node(channel, channel.settings["phone_number_id"], "/messages"), json=body_of(message, media_id), headers=bearer(channel)
    )


def read_send(answer: Answer) -> list[Outcome]:
    """What Meta's answer to a send means. Many failures come by webhook only, after an answer that looks well."""
    if not 200 <= answer.status < 300:
        return [refused(answer)]
    messages = answer.decode(TAKEN).messages
    if not messages or not messages[0].id:
        return [SendUncertain(detail="Meta's answer names no message.", code=ErrorCode.PROVIDER_UNAVAILABLE)]
    return [Accepted(provider_message_id=messages[0].id)]


def upload_request(channel: ChannelConfig, file: Media) -> Request:
    """The request that hands a file over; Meta keeps it for 30 days."""
    return Request(
        url=node(channel, channel.settings["phone_number_id"], "/media"),
        form={"messaging_product": "whatsapp", "type": file.content_type},
        files={"file": File(name=file.file_name or file.kind, content=file.content or b"", content_type=file.content_type)},
        headers=bearer(channel),
    )


def read_upload(answer: Answer) -> list[Outcome]:
    """The file's id as if it were a message's."""
    if not 200 <= answer.status < 300:
        return [refused(answer)]
    uploaded = answer.decode(UPLOADED)
    return [Accepted(provider_message_id=uploaded.id) if uploaded.id else SendUncertain(detail="Meta's answer names no file.")]


async def _send(http: Http, channel: ChannelConfig, message: Outgoing) -> Outcome:
    if (impossible := unsupported(message)) is not None:
        return impossible
    media_id: str | None = None
    if (file := upload_of(message)) is not None:
        [uploaded] = await converse(http, channel, 1, partial(upload_request, channel, file), read_upload)
        match uploaded:
            case Accepted():
                media_id = uploaded.provider_message_id
            case SendUncertain():  # whatever became of the file, nobody has been sent anything
                return SendFailed(
                    code=ErrorCode.PROVIDER_UNAVAILABLE, detail=f"The file was not handed over. {uploaded.detail}", retryable=True
                )
            case SendFailed():
                return uploaded
    [outcome] = await converse(http, channel, 1, partial(send_request, channel, message, media_id), read_send)
    return outcome
