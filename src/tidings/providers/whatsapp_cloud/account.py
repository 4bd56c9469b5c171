"""What is asked about the account: whether the channel is ready, its templates, its number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tidings.providers.base import ChannelConfig, ErrorCode, ProviderError, ProviderTemplate
from tidings.providers.http import Http, Request
from tidings.providers.outcomes import question
from tidings.providers.whatsapp_business.templates import template_of
from tidings.providers.whatsapp_cloud.answers import APPS, NUMBER, TEMPLATE_PAGE, Number
from tidings.providers.whatsapp_cloud.errors import refused
from tidings.providers.whatsapp_cloud.graph import bearer, node
from tidings.providers.whatsapp_cloud.receipts import link

_NUMBER_FIELDS = "id,display_phone_number,verified_name,quality_rating,code_verification_status,status"
_TEMPLATE_FIELDS = "name,language,status,category,components"
_PER_PAGE = 50
_MOST_PAGES = 200  # an account holds 6,000 templates at the most
_SILENT = frozenset({"BANNED", "DISCONNECTED", "DELETED", "RATE_LIMITED", "RESTRICTED"})
"""Words of `status` for a number that sends nothing. Source: Graph API reference, WhatsApp business phone number."""


async def check(http: Http, channel: ChannelConfig) -> str:
    """The number, its standing, and whether Meta would call us."""
    number = await _number(http, channel)
    if number.status in _SILENT:
        raise ProviderError(
            ErrorCode.INVALID_CREDENTIALS, f"Meta has the number {number.display_phone_number} as {number.status}: it sends nothing."
        )
    apps = await question(
        http, channel, lambda: _get(channel, node(channel, channel.settings["waba_id"], "/subscribed_apps")), APPS, refused=refused
    )
    told = f"The number {number.display_phone_number} (“{number.verified_name}”) is ready."
    if number.quality_rating not in {"", "UNKNOWN"}:
        told += f" Its quality rating is {number.quality_rating}."
    if number.code_verification_status == "EXPIRED":
        told += " Its verification has expired: verify it again in WhatsApp Manager."
    return told if apps.data else f"{told} No app is subscribed to the account yet, so no receipts and replies would come."


async def templates(http: Http, channel: ChannelConfig) -> list[ProviderTemplate]:
    """All of them, page after page."""
    found: list[ProviderTemplate] = []
    query = {"fields": _TEMPLATE_FIELDS, "limit": str(_PER_PAGE)}
    for _ in range(_MOST_PAGES):
        build = partial(_template_request, channel, query)
        page = await question(http, channel, build, TEMPLATE_PAGE, refused=refused)
        found += [template_of(each) for each in page.data]
        if not (page.paging.next and page.paging.cursors.after):
            return found
        query = {**query, "after": page.paging.cursors.after}
    raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "Meta's list of templates does not end.")


async def link_of(http: Http, channel: ChannelConfig, code: str) -> str:
    """The address that opens a chat with this channel, the code already typed."""
    number = channel.sender or (await _number(http, channel)).display_phone_number
    return link(number, code)


async def _number(http: Http, channel: ChannelConfig) -> Number:
    def build() -> Request:
        return _get(channel, node(channel, channel.settings["phone_number_id"]), {"fields": _NUMBER_FIELDS})

    return await question(http, channel, build, NUMBER, refused=refused)


def _template_request(channel: ChannelConfig, query: Mapping[str, str]) -> Request:
    return _get(channel, node(channel, channel.settings["waba_id"], "/message_templates"), query)


def _get(channel: ChannelConfig, url: str, query: Mapping[str, str] | None = None) -> Request:
    return Request(method="GET", url=url, query=query, headers=bearer(channel))
