"""Files that people sent: first their address, then the file itself.

Specs: developers.facebook.com, WhatsApp Cloud API reference, media.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from tidings.providers.base import ChannelConfig, ErrorCode, ProviderError, ReceivedMedia
from tidings.providers.http import BadAnswer, Http, NoAnswer, NotSent, Request
from tidings.providers.outcomes import outcome_of, question, redact
from tidings.providers.whatsapp_cloud.answers import STORED_MEDIA
from tidings.providers.whatsapp_cloud.errors import refused
from tidings.providers.whatsapp_cloud.graph import bearer, node

_HOSTS = ("fbsbx.com", "fbcdn.net", "whatsapp.net")
"""Meta's own; the one that its documentation shows is lookaside.fbsbx.com. The token is shown to no other."""


async def fetch(http: Http, channel: ChannelConfig, media: ReceivedMedia, max_bytes: int) -> bytes:
    """The file's bytes. Raises `ProviderError`."""
    if not media.provider_id:
        raise ProviderError(ErrorCode.UNSUPPORTED, "The file has no id to ask Meta for.")
    stored = await question(http, channel, partial(_where, channel, media), STORED_MEDIA, refused=refused)
    if isinstance(stored.file_size, int) and stored.file_size > max_bytes:
        raise _too_large(max_bytes)
    if not _is_metas(stored.url, channel):
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "Meta names a place for the file that is not Meta's own; it was not fetched.")
    request = Request(method="GET", url=stored.url, headers={**bearer(channel), "Accept": "*/*"}, max_answer_bytes=max_bytes)
    try:
        answer = await http.ask(request)
    except BadAnswer:
        raise _too_large(max_bytes) from None
    except (NotSent, NoAnswer) as error:
        raise ProviderError(outcome_of(error).code, redact(f"The file could not be fetched: {error.detail}.", channel)) from None
    if not 200 <= answer.status < 300:
        refusal = refused(answer)
        raise ProviderError(refusal.code, redact(refusal.detail, channel))
    return answer.body


def _where(channel: ChannelConfig, media: ReceivedMedia) -> Request:
    return Request(method="GET", url=node(channel, media.provider_id), headers=bearer(channel))


def _is_metas(url: str, channel: ChannelConfig) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if channel.api_base_url:  # the operator has let this channel speak with another place than Meta
        own = urlsplit(channel.api_base_url)
        if (parts.scheme, host, port) == (own.scheme, own.hostname, own.port):
            return True
    return parts.scheme == "https" and port in {None, 443} and host.endswith(tuple(f".{name}" for name in _HOSTS))


def _too_large(max_bytes: int) -> ProviderError:
    return ProviderError(ErrorCode.UNSUPPORTED, f"The file is larger than {max_bytes} bytes.")
