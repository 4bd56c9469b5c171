"""Keeps requests to addresses that people typed in on the public internet.

A workspace's owner may write any address into a channel; without this guard it could be a service that only this machine can see: a
database, a router, a cloud's metadata. The name is resolved here, every address it has must be public, and the connection is made
to one of these very addresses, so that a name that answers differently the second time (DNS rebinding) gains nothing. The address
is taken apart by the same library that connects, so that the two cannot read it differently (`http://0x7f.1/` is 127.0.0.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from socket import SOCK_STREAM

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.http import Url

ADDRESS_SECONDS = 60.0
"""How long a name's checked addresses are used before it is resolved again. They stay checked: it is they that are connected to."""
MOST_KEPT = 128
"""Names, and clients, remembered; the longest unused is forgotten first."""
MOST_TRIED = 3
"""Addresses of one name that are tried where no connection comes about."""

_GLOBAL_6 = ipaddress.ip_network("2000::/3")  # all that IANA has given out for the public; `is_global` alone lets more pass
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REFUSED = tuple(
    ipaddress.ip_network(one)
    for one in (
        "168.63.129.16/32",  # Azure's own service for each machine, though the number looks public
        "192.0.0.0/24",  # as a whole: which parts of it `is_global` lets pass differs between versions of Python, as with the next two
        "2001::/23",
        "3fff::/20",
    )
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """This address may not be called. `retryable` is True where asking again later may end otherwise."""

    def __init__(self, detail: str, *, retryable: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retryable = retryable


def is_public(address: Address) -> bool:
    """Whether it leads to the public internet, also where an IPv4 address is wrapped in an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not _is_refused(address)
    wrapped = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        wrapped = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if wrapped is not None:
        return is_public(wrapped)
    return address in _GLOBAL_6 and address.is_global and not _is_refused(address)


def _is_refused(address: Address) -> bool:
    return any(address in network for network in _REFUSED)


class Guard:
    """Checked addresses, and a client for each that can connect to no other. `may_reach` says what the operator allows nonetheless."""

    def __init__(self, make: Callable[[], ClientBuilder], may_reach: Callable[[str], bool], seconds: float) -> None:
        self._make = make
        self._may_reach = may_reach
        self._seconds = seconds
        self._known: OrderedDict[str, tuple[float, Sequence[Address]]] = OrderedDict()
        self._clients: OrderedDict[tuple[str, Address], Client] = OrderedDict()

    async def check(self, text: str) -> tuple[str, Sequence[Address]] | None:
        """The host and its public addresses; None where the operator allows this address as it is. Raises `Refused`."""
        try:
            url = Url(text)
        except ValueError:
            raise Refused("the address cannot be read") from None
        host = url.host_str
        if url.scheme not in {"http", "https"} or not host or url.username or url.password:
            raise Refused("only http and https addresses without a user name in them can be called")
        if self._may_reach(str(url)):
            return None
        addresses = await self._resolve(host)
        if not addresses or not all(map(is_public, addresses)):
            raise Refused(
                "the address leads into a private or special network, which the operator has not allowed (TIDINGS_ALLOWED_API_BASE_URLS)"
            )
        return host, addresses[:MOST_TRIED]

    def client(self, host: str, address: Address) -> Client:
        """The client that reaches this host at this address and nowhere else."""
        key = (host, address)
        client = self._clients.get(key)
        if client is None:
            # no_proxy: a proxy would resolve the name by itself, and to what nobody has checked.
            client = self._clients[key] = self._make().no_proxy().resolve(host, str(address), 0).build()
            if len(self._clients) > MOST_KEPT:
                self._clients.popitem(last=False)  # not closed: requests under way on it end as they would have
        else:
            self._clients.move_to_end(key)
        return client

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _resolve(self, host: str) -> Sequence[Address]:
        with contextlib.suppress(ValueError):
            return (ipaddress.ip_address(host.strip("[]")),)
        now = time.monotonic()
        known = self._known.get(host)
        if known is not None and known[0] > now:
            return known[1]
        try:
            async with asyncio.timeout(self._seconds):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Refused("the name in the address cannot be resolved", retryable=True) from None
        addresses = tuple(dict.fromkeys(ipaddress.ip_address(one[4][0]) for one in found))
        self._known[host] = (now + ADDRESS_SECONDS, addresses)
        self._known.move_to_end(host)
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return addresses
