"""One bridge for many tests, each with a session of its own: a bridge costs half a second of a core, a session next to nothing.

What a test does to the bridge itself is in test_bridge.py, where each has its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count

import pytest
import pytest_asyncio

from tests.providers.conftest import impatient
from tests.providers.linked import Running, channel_of, provider_of
from tests.simulators.whatsapp_linked import Device, LinkedWhatsApp
from tidings.providers.base import ChannelConfig
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.provider import WhatsAppLinked

_CHANNELS = count(1)


@dataclass(frozen=True)
class Shared:
    """A provider whose bridge stays, because a session that no test sees stays."""

    provider: WhatsAppLinked
    whatsapp: LinkedWhatsApp


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared() -> AsyncIterator[Shared]:
    async with LinkedWhatsApp() as whatsapp, impatient() as http:
        provider = provider_of(whatsapp)
        async with Running(provider, http, channel_of("chn_that_stays")) as session:
            await session.linked(whatsapp)
            yield Shared(provider, whatsapp)


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[Http]:
    async with impatient() as opened:
        yield opened


@pytest.fixture
def provider(shared: Shared) -> WhatsAppLinked:
    return shared.provider


@pytest.fixture
def whatsapp(shared: Shared) -> LinkedWhatsApp:
    shared.whatsapp.begin_anew()
    return shared.whatsapp


@pytest.fixture
def channel() -> ChannelConfig:
    """A channel that no other test has."""
    return channel_of(f"chn_{next(_CHANNELS)}")


@pytest_asyncio.fixture(loop_scope="session")
async def session(provider: WhatsAppLinked, whatsapp: LinkedWhatsApp, http: Http, channel: ChannelConfig) -> AsyncIterator[Running]:
    async with Running(provider, http, channel) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def device(session: Running, whatsapp: LinkedWhatsApp) -> Device:
    return await session.linked(whatsapp)
