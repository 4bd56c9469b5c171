"""What Meta calls a channel's hook with: the one question whether the address is ours, and signed events."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, quote, urlsplit

from tidings.providers.base import Callback, ChannelConfig, HookAnswer, HookRefused, HookRequest, Inbound, Linked
from tidings.providers.whatsapp_business.webhooks import read_webhook

LINK_WORD = "/start"
_LINK = re.compile(rf"{LINK_WORD} ([A-Za-z0-9_-]{{6,64}})")
_CHALLENGE = re.compile(r"[\w.-]{1,200}", re.ASCII)


def read_hook(channel: ChannelConfig, request: HookRequest) -> HookAnswer:
    """Answer Meta's question, or check an event's signature over its raw bytes and say what it holds."""
    if request.method == "GET":
        return HookAnswer(body=_verified(channel, request))
    secret = channel.credentials.get("app_secret", "")
    given = request.headers.get("x-hub-signature-256", "")
    if not secret or not hmac.compare_digest(sign(secret, request.body).encode(), given.encode("utf-8", "replace")):
        raise HookRefused("The signature does not fit. Is the app secret the one of the app that calls?")
    return HookAnswer(callbacks=list(_linked(read_webhook(request.body, channel.settings.get("phone_number_id", "")))))


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`. Specs: developers.facebook.com, Graph API webhooks, validating payloads."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def link_text(code: str) -> str:
    """What a person who opened the link finds typed and has only to send."""
    return f"{LINK_WORD} {code}"


def link(number: str, code: str) -> str:
    """Specs: faq.whatsapp.com, how to use click to chat: `https://wa.me/<digits>?text=<prefilled>`."""
    return f"https://wa.me/{re.sub(r'[^0-9]', '', number)}?text={quote(link_text(code), safe='')}"


def _verified(channel: ChannelConfig, request: HookRequest) -> bytes:
    """Specs: developers.facebook.com, Graph API webhooks, verification requests."""
    try:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
    except ValueError:
        raise HookRefused("The call cannot be read.", status_code=400) from None
    token = channel.credentials.get("verify_token", "")
    given = query.get("hub.verify_token", "")
    right = hmac.compare_digest(token.encode(), given.encode("utf-8", "replace"))
    if query.get("hub.mode") != "subscribe" or not token or not right:
        raise HookRefused("The verify token is not this channel's.")
    challenge = query.get("hub.challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise HookRefused("There is no challenge to answer.", status_code=400)
    return challenge.encode()


def _linked(callbacks: Sequence[Callback]) -> Iterator[Callback]:
    """The same, but a sent link's text as the link that it is."""
    for callback in callbacks:
        opened = _LINK.fullmatch(callback.text.strip()) if isinstance(callback, Inbound) else None
        if opened and isinstance(callback, Inbound):
            yield Linked(code=opened[1], address=callback.sender, name=callback.sender_name)
        else:
            yield callback
