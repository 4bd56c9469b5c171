"""Slack: messages by an app of the workspace through the Web API.

Specs: https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from tidings.providers.base import (
    Accepted,
    Balance,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    Field,
    HookAnswer,
    HookRequest,
    Limits,
    Media,
    MediaRule,
    Outcome,
    Outgoing,
    ProviderError,
    ReceivedMedia,
    RecipientPace,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, Http, NoAnswer, NotSent, Request, base_url
from tidings.providers.outcomes import by_status, converse, outcome_of, redact
from tidings.providers.slack.events import read_hook
from tidings.providers.slack.sending import (
    API,
    Said,
    call,
    read,
    read_send,
    read_share,
    send_request,
    share_request,
    upload_request,
    upload_url_request,
)

FILE_BYTES = 20 * 1024 * 1024
"""Of ours: Slack takes a gigabyte, but a file passes through this process."""

DESCRIPTION = Description(
    kind="slack",
    label="Slack",
    summary="Messages to channels and people of a Slack workspace by an app that you add to it.",
    fields=(
        Field(
            name="bot_token",
            label="Bot token",
            help="In your app's settings under OAuth & Permissions: Bot User OAuth Token. It begins with xoxb-.",
            secret=True,
            pattern=r"xoxb-[A-Za-z0-9-]+",
            example="xoxb-1234567890-1234567890-AbCdEfGhIj",
        ),
        Field(
            name="signing_secret",
            label="Signing secret",
            help="In your app's settings under Basic Information. Without it nothing that Slack posts to us is believed.",
            secret=True,
            required=False,
            pattern=r"[0-9a-f]{32}",
            example="0123456789abcdef0123456789abcdef",
        ),
    ),
    capabilities=Capabilities(
        mediums=("slack",),
        inbound=True,
        signed_hooks=True,
        max_characters=4000,
        max_caption=3000,
        media={
            "image": MediaRule(content_types=("image/png", "image/jpeg", "image/gif"), max_bytes=FILE_BYTES),
            "video": MediaRule(content_types=("video/mp4", "video/webm", "video/quicktime"), max_bytes=FILE_BYTES, by_url=False),
            "audio": MediaRule(content_types=("audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav"), max_bytes=FILE_BYTES, by_url=False),
            "document": MediaRule(
                content_types=("application/pdf", "text/plain", "text/csv", "application/zip"), max_bytes=FILE_BYTES, by_url=False
            ),
        },
        buttons=25,
        replies=True,
    ),
    # “1 message per second per channel”, and “several hundred” a minute in a workspace: docs.slack.dev/apis/web-api/rate-limits
    limits=Limits(per_second=5.0, burst=5, concurrency=4, per_recipient=(RecipientPace(count=1, seconds=1.0),)),
    sender_label="",
    docs_url="https://docs.slack.dev",
    hook_help="In your app's settings put this address under Event Subscriptions (events message.channels, message.groups and message.im), "
    "under Interactivity for buttons, and at each slash command.",
    api_base_url=API,
)


class Slack:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:  # a request posts one message
            if message.media is not None and message.media.content is not None:
                outcomes.append(await _send_file(http, channel, message, message.media))
            else:
                outcomes += await converse(http, channel, 1, partial(send_request, channel, message), read_send)
        return outcomes

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002
        raise ProviderError(ErrorCode.UNSUPPORTED, "Slack costs nothing a message and has no balance.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        said: list[Said] = []
        [outcome] = await converse(http, channel, 1, lambda: call(channel, "auth.test", {}), partial(_keep, said))
        if isinstance(outcome, SendFailed | SendUncertain):
            raise ProviderError(outcome.code, f"Slack did not let us in: {outcome.detail}")
        return f"Signed in to the Slack workspace “{said[0].team}” as the app “{said[0].user}”."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel, request)

    async def fetch_media(self, http: Http, channel: ChannelConfig, media: ReceivedMedia, *, max_bytes: int) -> bytes:
        """A file that a person posted. The token goes to Slack's own hosts only."""
        place, ours = urlsplit(media.url), urlsplit(base_url(channel, API))
        at_slack = place.scheme == "https" and (place.hostname or "").endswith(".slack.com")
        if not at_slack and (place.scheme, place.netloc) != (ours.scheme, ours.netloc):
            raise ProviderError(ErrorCode.UNSUPPORTED, "The file does not lie at Slack.")
        if media.size is not None and media.size > max_bytes:
            raise ProviderError(ErrorCode.REJECTED_CONTENT, f"The file has {media.size} bytes; at most {max_bytes} are fetched.")
        try:
            token = channel.credentials["bot_token"]
            answer = await http.ask(Request(method="GET", url=media.url, headers={"authorization": f"Bearer {token}"}))
        except KeyError:
            raise ProviderError(ErrorCode.INTERNAL, "The channel's settings are not complete: save them again.") from None
        except (NotSent, NoAnswer) as error:
            raise ProviderError(outcome_of(error).code, redact(f"The file could not be fetched: {error.detail}.", channel)) from None
        if answer.status != 200:
            refusal = by_status(answer)
            raise ProviderError(refusal.code, redact(refusal.detail, channel))
        if len(answer.body) > max_bytes:
            raise ProviderError(ErrorCode.REJECTED_CONTENT, f"The file is larger than {max_bytes} bytes.")
        return answer.body


async def _send_file(http: Http, channel: ChannelConfig, message: Outgoing, media: Media) -> Outcome:
    """Upload, then share: only the last of the three steps posts anything, so a failure before it is certain."""
    place: list[Said] = []
    outcome = await _step(http, channel, partial(upload_url_request, channel, media), partial(_keep, place))
    if isinstance(outcome, Accepted):
        outcome = await _step(http, channel, lambda: upload_request(channel, media, place[0].upload_url), _read_upload)
    if isinstance(outcome, Accepted):
        file_id = place[0].file_id
        [outcome] = await converse(
            http, channel, 1, partial(share_request, channel, message, media, file_id), partial(read_share, file_id=file_id)
        )
    return outcome


async def _step(http: Http, channel: ChannelConfig, build: Callable[[], Request], read_step: Callable[[Answer], list[Outcome]]) -> Outcome:
    [outcome] = await converse(http, channel, 1, build, read_step)
    if isinstance(outcome, SendUncertain):
        detail = f"The file could not be uploaded, so nothing was posted. {outcome.detail}"
        return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=detail, retryable=True)
    return outcome


def _keep(kept: list[Said], answer: Answer) -> list[Outcome]:
    """Keep what was said, for the next step; the outcome here only says that there is a next step."""
    said = read(answer)
    if not isinstance(said, Said):
        return [said]
    kept.append(said)
    return [Accepted(provider_message_id="")]


def _read_upload(answer: Answer) -> list[Outcome]:
    return [Accepted(provider_message_id="")] if answer.status == 200 else [by_status(answer)]
