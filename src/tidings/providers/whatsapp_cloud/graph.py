"""Addresses and headers of the Graph API, which every call here has in common."""

from __future__ import annotations

from urllib.parse import quote

from tidings.providers.base import ChannelConfig
from tidings.providers.http import base_url
from tidings.providers.whatsapp_cloud.description import API, VERSION


def node(channel: ChannelConfig, thing: str, edge: str = "") -> str:
    """The address of one of Meta's things, or of what hangs on it."""
    return f"{base_url(channel, API)}/{quote(channel.settings.get('graph_version') or VERSION, safe='')}/{quote(thing, safe='')}{edge}"


def bearer(channel: ChannelConfig) -> dict[str, str]:
    return {"Authorization": f"Bearer {channel.credentials['access_token']}"}
