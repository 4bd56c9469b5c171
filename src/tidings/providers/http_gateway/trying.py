"""A request to a gateway with all of it to be seen: as it left, what came back, and what a message would have become.

What is shown is made from the same templates with stand-ins in place of the secrets, so that nothing has to be found and blotted out in it,
however short a secret is or however the template writes it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tidings.providers.base import ChannelConfig, Outcome, Outgoing, Tried
from tidings.providers.http import Answer, Http, Request, content_of
from tidings.providers.http_gateway.answers import read_send
from tidings.providers.outcomes import blotted, converse

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SHOWN = 4_000
"""Characters of a body."""
_MOST_HEADERS = 40


async def try_out(
    http: Http, channel: ChannelConfig, message: Outgoing, send_request: Callable[[ChannelConfig, Outgoing], Request]
) -> Tried:
    """Send it once."""
    came: list[Answer] = []

    def read(answer: Answer) -> list[Outcome]:
        came.append(answer)
        return read_send(channel.settings, message.id, answer)

    (outcome,) = await converse(http, channel, 1, partial(send_request, channel, message), read)
    try:
        request = show_request(send_request(_masked(channel), message))
    except (KeyError, ValueError):
        request = ""
    return Tried(request=request, answer=_show_answer(came[0], channel) if came else None, outcome=outcome)


def show_request(request: Request) -> str:
    """As it leaves, with what the client adds to each."""
    given, body = content_of(request)
    host = urlsplit(request.url).netloc
    headers = {
        "host": host,
        "user-agent": "Tidings",
        "accept": "application/json",
        **{name.lower(): value for name, value in given.items()},
    }
    if request.auth is not None:
        headers["authorization"] = f"Basic {request.auth[0]}:••• (in base64)"
    lines = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines) + (f"\n\n{_short(body.decode('utf-8', 'replace'))}" if body else "")


def _show_answer(answer: Answer, channel: ChannelConfig) -> str:
    lines = [f"HTTP {answer.status}", *(f"{name}: {value}" for name, value in list(answer.headers.items())[:_MOST_HEADERS])]
    # Blotted out before it is shortened: half a secret would pass.
    text = blotted("\n".join(lines) + "\n\n" + answer.body.decode("utf-8", "replace"), channel, _auth_only(channel))
    head, _, body = text.partition("\n\n")
    return f"{head[:MOST_SHOWN]}\n\n{_short(body) if body else '(an empty body)'}"


def _masked(channel: ChannelConfig) -> ChannelConfig:
    """The same with stand-ins for what is secret. Plain letters, because they may stand in an address or a header."""
    return replace(channel, credentials={name: f"SECRET-{name.upper().replace('_', '-')}" for name in channel.credentials})


def _auth_only(channel: ChannelConfig) -> Request:
    user = channel.settings.get("basic_user")
    return Request(url="", auth=(user, channel.credentials.get("basic_password", "")) if user else None)


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n… ({len(text):,} characters in all)"
