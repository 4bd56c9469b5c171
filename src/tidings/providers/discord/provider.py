"""Discord: messages to channels of a server (or to a direct chat) by a bot, or by a webhook that needs no bot.

Specs: https://docs.discord.com/developers/resources/message#create-message
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from tidings.providers.base import (
    Balance,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    Field,
    HookAnswer,
    HookRequest,
    Limits,
    MediaRule,
    Outcome,
    Outgoing,
    ProviderError,
    RecipientPace,
)
from tidings.providers.discord.interactions import DEFAULT_ANSWER, read_hook
from tidings.providers.discord.sending import (
    API,
    BUTTONS_A_ROW,
    ROWS,
    cannot,
    read_send,
    refused,
    send_request,
    user_agent,
    webhook_of,
    webhook_url,
    with_token,
)
from tidings.providers.http import Http, Request, base_url
from tidings.providers.outcomes import converse, question

FILE_BYTES = 10 * 1024 * 1024
"""What a server without boosts takes: docs.discord.com/developers/reference#uploading-files."""
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def faults(values: Mapping[str, str]) -> dict[str, str]:
    """A bot or a webhook has to be there, and a webhook is of no use without the channel it posts to."""
    if not (values["bot_token"] or values["webhook_url"]):
        return {"bot_token": "is required, unless there is a webhook address"}
    if values["webhook_url"] and not (values["bot_token"] or values["webhook_channel_id"]):
        return {"webhook_channel_id": "is required with a webhook address"}
    return {}


DESCRIPTION = Description(
    kind="discord",
    label="Discord",
    summary="Messages to the channels of a Discord server by a bot of yours, or by a webhook that needs no bot.",
    fields=(
        Field(
            name="bot_token",
            label="Bot token",
            help="In the Discord developer portal under Bot. Leave it empty to send by a webhook.",
            secret=True,
            required=False,
        ),
        Field(
            name="public_key",
            label="Public key",
            help="In the developer portal under General Information. Proves that commands and button presses come from Discord.",
            required=False,
            pattern=r"[0-9a-fA-F]{64}",
            example="0c3e5a7f91b2d4e6081a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172",
        ),
        Field(
            name="command_answer",
            label="Answer to commands",
            help="What a person sees at once after a slash command; only they see it.",
            required=False,
            default=DEFAULT_ANSWER,
            pattern=r"[\s\S]{1,2000}",
        ),
        Field(
            name="webhook_url",
            label="Webhook address",
            help="Instead of a bot: the channel's settings in Discord, Integrations, Webhooks, Copy Webhook URL.",
            secret=True,
            required=False,
            pattern=r"https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,21}/[\w-]{20,200}",
            example="https://discord.com/api/webhooks/1134567890123456789/the-long-part-after-the-last-slash",
        ),
        Field(
            name="webhook_channel_id",
            label="Webhook's channel id",
            help="The one Discord channel that the webhook posts to: right-click it, Copy Channel ID.",
            required=False,
            pattern=r"\d{15,21}",
            example="1134567890123456789",
        ),
    ),
    capabilities=Capabilities(
        mediums=("discord",),
        inbound=True,
        signed_hooks=True,
        max_characters=2000,
        media={
            "image": MediaRule(content_types=_IMAGES, max_bytes=FILE_BYTES),
            "video": MediaRule(content_types=("video/mp4", "video/webm", "video/quicktime"), max_bytes=FILE_BYTES, by_url=False),
            "audio": MediaRule(content_types=("audio/mpeg", "audio/ogg", "audio/wav"), max_bytes=FILE_BYTES, by_url=False),
            "document": MediaRule(
                content_types=("application/pdf", "text/plain", "text/csv", "application/zip"), max_bytes=FILE_BYTES, by_url=False
            ),
        },
        buttons=BUTTONS_A_ROW * ROWS,
        replies=True,
    ),
    # 50 requests a second is the limit of one bot. What one channel takes changes and is told by 429 only.
    limits=Limits(per_second=25.0, burst=5, concurrency=8, per_recipient=(RecipientPace(count=5, seconds=5.0),)),
    sender_label="Shown name",
    sender_help="Only for a channel with a webhook: the name above its messages. May stay empty.",
    sender_example="Mama Mboga",
    docs_url="https://docs.discord.com/developers",
    hook_help="In the developer portal, under General Information, put this address under “Interactions Endpoint URL”. Slash commands and "
    "presses of buttons then come in; other messages of a channel do not.",
    api_base_url=API,
    faults=faults,
)


class Me(msgspec.Struct):
    """The part of a user object that proves a bot."""

    id: str
    username: str


class Webhook(msgspec.Struct):
    """The part of a webhook object that proves a webhook."""

    id: str
    channel_id: str
    name: str | None = None


_ME = msgspec.json.Decoder(Me)
_WEBHOOK = msgspec.json.Decoder(Webhook)


class Discord:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:  # a request posts to one channel
            refusal = cannot(channel, message)
            if refusal is not None:
                outcomes.append(refusal)
            else:
                outcomes += await converse(http, with_token(channel), 1, partial(send_request, channel, message), read_send)
        return outcomes

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002
        raise ProviderError(ErrorCode.UNSUPPORTED, "Discord costs nothing and has no balance.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        if channel.credentials.get("bot_token") or not channel.credentials.get("webhook_url"):
            me = await question(http, channel, partial(_me_request, channel), _ME, refused=refused)
            return f"Signed in to Discord as the bot “{me.username}”. Whether it may write to a channel shows when it does."
        webhook = await question(http, with_token(channel), partial(_webhook_request, channel), _WEBHOOK, refused=refused)
        wanted = channel.settings.get("webhook_channel_id", "")
        if webhook.channel_id != wanted:
            said = f"it posts to {webhook.channel_id}, and the channel says {wanted or 'none'}"
            raise ProviderError(ErrorCode.INVALID_CREDENTIALS, f"The webhook's channel id is not right: {said}.")
        return f"The webhook “{webhook.name or 'without a name'}” exists and posts to the Discord channel {webhook.channel_id}."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel, request)


def _me_request(channel: ChannelConfig) -> Request:
    headers = {"user-agent": user_agent(channel), "authorization": f"Bot {channel.credentials['bot_token']}"}
    return Request(method="GET", url=f"{base_url(channel, API)}/users/@me", headers=headers)


def _webhook_request(channel: ChannelConfig) -> Request:
    hook = webhook_of(channel)
    assert hook is not None
    return Request(method="GET", url=webhook_url(channel, hook), headers={"user-agent": user_agent(channel)})
