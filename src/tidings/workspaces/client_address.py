"""Where a request came from, for limits and the audit log. Proxies are believed only where the operator names them."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_ip(request: Request) -> str | None:
    """The caller's address; behind a trusted proxy the one that proxy saw (the last in X-Forwarded-For that is not trusted)."""
    ip = request.client.host if request.client else None
    trusted = read_networks(request.app.state.settings.trusted_proxies)
    seen = [part.strip() for line in request.headers.getlist("X-Forwarded-For") for part in line.split(",")]
    while ip and seen and _is_in(ip, trusted):
        ip = _address(seen.pop()) or ip
    return ip


@functools.cache
def read_networks(text: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, 127.0.0.1` as networks. Raises ValueError for anything else."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def _is_in(ip: str, networks: tuple[Network, ...]) -> bool:
    address = _address(ip)
    return address is not None and any(ipaddress.ip_address(address) in network for network in networks)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return None
