"""Where a channel's mail server is, and the way there that does not lead into the operator's own network.

A channel's owner writes any host name. Its addresses are looked up once and the connection goes to the very address that was
judged, so that a name cannot point elsewhere a moment later. A server on a private address is used only where the operator
allows it by name: as the channel's API address `smtp://host:port`, out of TIDINGS_ALLOWED_API_BASE_URLS.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tidings.providers.base import ChannelConfig, ErrorCode, SendFailed

MOST_ADDRESSES = 3  # that are tried one after the other
_Place = tuple[int, tuple[Any, ...]]
"""A family of addresses and, as the socket module has it, an address of that family."""
_EMBEDS_IPV4 = ipaddress.ip_network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address


class Trouble(Exception):
    """There is no usable connection. Nothing was sent."""

    def __init__(self, outcome: SendFailed) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to connect."""

    host: str
    port: int
    trusted: bool
    """The operator has allowed this very address, so it may be private."""


def server_of(channel: ChannelConfig) -> Server:
    """The channel's server. Raises KeyError or ValueError when the settings are not complete."""
    if channel.api_base_url:
        place = urlsplit(channel.api_base_url)
        if place.scheme != "smtp" or not place.hostname:
            raise ValueError("an API address of a mail server is smtp://host:port")
        return Server(host=place.hostname, port=place.port or 25, trusted=True)
    return Server(host=channel.settings["host"], port=int(channel.settings["port"]), trusted=False)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, whatever notation hides it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _EMBEDS_IPV4 else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


async def connected_socket(server: Server, seconds: float) -> socket.socket:
    """A connection to the server. Raises `Trouble`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise Trouble(_unavailable(f"the host {server.host} was not found")) from None
    addresses: list[_Place] = list(dict.fromkeys((family, place) for family, _, _, _, place in found))
    if not server.trusted and not all(is_public(str(place[0])) for _, place in addresses):
        detail = f"The host {server.host} is in a private network. The operator can allow it as smtp://{server.host}:{server.port}."
        raise Trouble(SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=detail))
    return await _first_that_answers(server, addresses[:MOST_ADDRESSES], seconds)


async def _first_that_answers(server: Server, addresses: Sequence[_Place], seconds: float) -> socket.socket:
    loop = asyncio.get_running_loop()
    reason = "no address"
    for family, place in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(seconds):
                await loop.sock_connect(sock, place)
        except TimeoutError:
            sock.close()
            reason = "no answer in time"
        except OSError as error:
            sock.close()
            reason = error.strerror or type(error).__name__
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise Trouble(_unavailable(f"no connection to {server.host} port {server.port} ({reason})"))


def _unavailable(why: str) -> SendFailed:
    return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=f"Nothing was sent: {why}.", retryable=True)
