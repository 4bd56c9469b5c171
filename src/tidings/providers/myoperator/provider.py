"""WhatsApp through MyOperator's public API.

Specs: MyOperator's Postman collection “MyOperator API Document” and its help centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

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
    MediaRule,
    Outcome,
    Outgoing,
    ProviderError,
    ProviderTemplate,
    RecipientPace,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, BadAnswer, Http, Request, base_url
from tidings.providers.myoperator.errors import CODES, NOT_PROVISIONED
from tidings.providers.myoperator.messages import body_of, unsupported
from tidings.providers.myoperator.receipts import read_hook
from tidings.providers.outcomes import by_status, converse, question
from tidings.providers.whatsapp_business.templates import Listed, template_of

API = "https://publicapi.myoperator.co"
SEND_PATH = "/chat/messages"
TEMPLATES_PATH = "/chat/templates"
_PER_PAGE = 100
_MOST_PAGES = 100
_PATH = r"/[A-Za-z0-9/_.-]{1,100}"

DESCRIPTION = Description(
    kind="myoperator",
    label="MyOperator (WhatsApp)",
    summary="WhatsApp through MyOperator, an Indian telephony company that hosts WhatsApp business numbers.",
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="In MyOperator's panel under APIs & Webhooks, Developer API, WhatsApp APIs, “Authentication”. Not the key of the calling API.",
            secret=True,
        ),
        Field(
            name="company_id",
            label="Company ID",
            help="On the same page as the key.",
            pattern=r"[A-Za-z0-9]{4,64}",
            example="5f00aa11bb22cc33",
        ),
        Field(
            name="phone_number_id",
            label="Phone number ID",
            help="MyOperator's id of the WhatsApp number. Not the number itself.",
            pattern=r"[A-Za-z0-9_-]{3,64}",
            example="87673432323365",
        ),
        Field(
            name="waba_id",
            label="WhatsApp Business Account ID",
            help="Needed to read the approved templates.",
            required=False,
            pattern=r"[A-Za-z0-9_-]{3,64}",
            example="2101000000000001",
        ),
        Field(
            name="meta_phone_number_id",
            label="Meta's phone number ID",
            help="Only if the account gets Meta's own webhooks and several numbers share this hook: events of other numbers are then left out.",
            required=False,
            pattern=r"\d{5,25}",
            example="106540352242922",
        ),
        Field(
            name="send_path",
            label="Path for sending",
            help="Leave it as it is.",
            required=False,
            pattern=_PATH,
            example=SEND_PATH,
            default=SEND_PATH,
        ),
        Field(
            name="templates_path",
            label="Path of the templates",
            help="Leave it as it is.",
            required=False,
            pattern=_PATH,
            example=TEMPLATES_PATH,
            default=TEMPLATES_PATH,
        ),
    ),
    capabilities=Capabilities(
        mediums=("whatsapp",),
        receipts=True,
        inbound=True,
        max_characters=4096,
        max_caption=1024,
        media={"image": MediaRule(content_types=("image/jpeg", "image/png"), max_bytes=5 * 1024 * 1024, by_upload=False)},
        replies=True,
        templates=True,
        window_hours=24,
        read_receipts=True,
    ),
    # MyOperator publishes no rate: a careful start. The pace to one person and the people in a day are WhatsApp's own limits.
    limits=Limits(
        per_second=5.0,
        burst=5,
        concurrency=8,
        per_recipient=(RecipientPace(count=10, seconds=60.0),),
        per_day=250,
        per_day_counts="recipients",
    ),
    sender_label="Business number",
    sender_help="The number people see. May stay empty: it is known by its ID.",
    sender_example="+919800000000",
    sender_pattern=r"\+[1-9]\d{6,14}",
    docs_url="https://documenter.getpostman.com/view/38426694/2sAXqy3evq",
    hook_help="In MyOperator's panel open APIs & Webhooks, Webhooks v2, Add new webhook. Put this address there, method POST, no authentication, "
    "and tick the WhatsApp events Received, Sent, Delivered, Read and Failed.",
    api_base_url=API,
)


class TakenMessage(msgspec.Struct):
    """The part of a success that we keep. (The conversation's id beside it is sometimes misspelt.)"""

    message_id: str = ""


class Verdict(msgspec.Struct):
    """The body of most answers."""

    status: str = ""
    code: str | int = ""
    message: str | None = None
    data: TakenMessage | None = None


class Word(msgspec.Struct):
    """The part of it that every refusal has, whatever else is in it."""

    code: str | int = ""
    message: str | None = None
    gateway_says: str | None = msgspec.field(name="Message", default=None)
    """The words of the gateway before it, which writes them so."""


class Results(msgspec.Struct):
    """A page of templates."""

    results: list[Listed]


class TemplatePage(msgspec.Struct):
    """Its envelope."""

    data: Results


_VERDICT = msgspec.json.Decoder(Verdict)
_WORD = msgspec.json.Decoder(Word)
_TEMPLATE_PAGE = msgspec.json.Decoder(TemplatePage)


class MyOperator:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:  # one recipient a request is all this API takes
            if (impossible := unsupported(message)) is not None:
                outcomes.append(impossible)
            else:
                outcomes += await converse(http, channel, 1, partial(send_request, channel, message), read_send)
        return outcomes

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002 - there is nobody to ask
        raise ProviderError(ErrorCode.UNSUPPORTED, "MyOperator has no way to ask what is left in its wallet.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        found = await _page(http, channel, {"limit": "1", "offset": "0"})
        has = "and has templates" if found else "but shows no templates yet"
        return f"MyOperator knows the key and the company, {has}. Whether the number may send is known after the first message."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(request, channel.settings.get("meta_phone_number_id", ""))

    async def templates(self, http: Http, channel: ChannelConfig) -> list[ProviderTemplate]:
        found: list[ProviderTemplate] = []
        for page in range(_MOST_PAGES):
            listed = await _page(http, channel, {"limit": str(_PER_PAGE), "offset": str(page * _PER_PAGE)})
            found += [template_of(each) for each in listed]
            if len(listed) < _PER_PAGE:
                return found
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "MyOperator's list of templates does not end.")


def send_request(channel: ChannelConfig, message: Outgoing) -> Request:
    """The request that sends one message."""
    body = body_of(message, channel.settings["phone_number_id"], channel.settings.get("waba_id", ""))
    return Request(url=_url(channel, "send_path", SEND_PATH), json=body, headers=_headers(channel))


def read_send(answer: Answer) -> list[Outcome]:
    """What MyOperator's answer to a send means."""
    if not 200 <= answer.status < 300:
        return [refused(answer)]
    verdict = answer.decode(_VERDICT)
    if verdict.status == "success" and verdict.data and verdict.data.message_id:
        return [Accepted(provider_message_id=verdict.data.message_id)]
    if str(verdict.code) in CODES:  # told inside a success of HTTP's
        return [refused(answer)]
    return [
        SendUncertain(detail=f"MyOperator's answer names no message: {verdict.message or answer.text}", code=ErrorCode.PROVIDER_UNAVAILABLE)
    ]


def refused(answer: Answer) -> SendFailed | SendUncertain:
    """A refusal by MyOperator's own code where it is known, else by the HTTP status.

    A 500 with `{"message": null}` stays a doubt. It is what an account gets for which the API was never switched on, and then nothing is sent;
    but MyOperator does not document it, and a fault in its own house after the message was passed on may look the same.
    """
    try:
        word = answer.decode(_WORD)
    except BadAnswer:
        return by_status(answer)
    number = str(word.code)
    if code := CODES.get(number):
        return SendFailed(code=code, detail=f"MyOperator {number}: {word.message or ''}".strip(), provider_code=number)
    if answer.status == 500 and b"".join(answer.body.split()) == NOT_PROVISIONED:
        return by_status(answer, "MyOperator gives no reason; its support may have to switch the WhatsApp API on for this company")
    by_http = by_status(answer, word.message or word.gateway_says)
    if isinstance(by_http, SendFailed) and number.startswith("CHAT_"):
        return SendFailed(
            code=by_http.code,
            detail=f"MyOperator {number}: {word.message or ''}".strip(),
            retryable=by_http.retryable,
            retry_after=by_http.retry_after,
            provider_code=number,
        )
    return by_http


async def _page(http: Http, channel: ChannelConfig, query: Mapping[str, str]) -> list[Listed]:
    def build() -> Request:
        account = {"waba_id": channel.settings["waba_id"]} if channel.settings.get("waba_id") else {}
        url = _url(channel, "templates_path", TEMPLATES_PATH)
        return Request(method="GET", url=url, query={**account, **query}, headers=_headers(channel))

    return (await question(http, channel, build, _TEMPLATE_PAGE, refused=refused)).data.results


def _url(channel: ChannelConfig, setting: str, default: str) -> str:
    return base_url(channel, API) + (channel.settings.get(setting) or default)


def _headers(channel: ChannelConfig) -> dict[str, str]:
    # Capital B: MyOperator's gateway answers “explicit deny” to a lower-case “bearer”.
    return {
        "Authorization": f"Bearer {channel.credentials['api_key']}",
        "X-MYOP-COMPANY-ID": channel.settings["company_id"],
    }
