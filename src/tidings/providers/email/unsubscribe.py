"""One-click unsubscribing (RFC 8058): a link in each mail's header that leads to the channel's hook and holds for one address.

Every recipient learns the hook's address by it, so nothing that comes there is believed without the link's own signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

from tidings.providers.base import ChannelConfig, HookAnswer, HookRefused, HookRequest, ProviderOptOut

# Mail programs post this at once; a person who follows the link in a browser presses the button first.
_PAGE = (
    '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Unsubscribe</title>'
    '<form method="post"><p>No further mails from this sender?</p><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>'
)
_DONE = '<!doctype html><meta charset="utf-8"><title>Unsubscribed</title><p>You will get no further mails from this sender.</p>'


def unsubscribe_url(channel: ChannelConfig, address: str) -> str:
    """The address's link; empty where this server cannot be reached or the channel has no key."""
    key = channel.credentials.get("unsubscribe_key", "")
    if not (key and channel.hook_url.isascii() and channel.hook_url):
        return ""
    mark = "&" if "?" in channel.hook_url else "?"
    return f"{channel.hook_url}{mark}a={base64.urlsafe_b64encode(address.encode()).decode().rstrip('=')}&s={_sign(key, address)}"


def read_hook(channel: ChannelConfig, request: HookRequest) -> HookAnswer:
    """Check the link's signature, then take the opt-out or ask for it."""
    key = channel.credentials.get("unsubscribe_key", "")
    if not key:
        raise HookRefused("This channel's mails carry no link to unsubscribe.")
    try:
        query = parse_qs(urlsplit(request.url).query, max_num_fields=20)
        coded = query["a"][0]
        address = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-8")
        given = query["s"][0].encode("utf-8", "replace")
    except (ValueError, KeyError):
        raise HookRefused("This is no link to unsubscribe.", status_code=400) from None
    if not hmac.compare_digest(_sign(key, address).encode(), given):
        raise HookRefused("The link's signature is not right.")
    if request.method == "POST":
        return HookAnswer(callbacks=[ProviderOptOut(address=address)], body=_DONE.encode(), content_type="text/html; charset=utf-8")
    return HookAnswer(body=_PAGE.encode(), content_type="text/html; charset=utf-8")


def _sign(key: str, address: str) -> str:
    return hmac.new(key.encode(), b"unsubscribe:" + address.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:40]
