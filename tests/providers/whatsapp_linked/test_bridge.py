"""The bridge process itself: killed, alone, full, without its library, and with the real one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from tests.providers.channels import outgoing
from tests.providers.linked import NUMBER, Host, Running, channel_of, provider_of, until
from tests.simulators.whatsapp_linked import LinkedWhatsApp
from tidings.providers.base import Accepted, ErrorCode, ProviderError, SendUncertain
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.provider import WhatsAppLinked

pytestmark = pytest.mark.asyncio(loop_scope="session")
SESSIONS = 50


@pytest_asyncio.fixture(loop_scope="session")
async def whatsapp() -> AsyncIterator[LinkedWhatsApp]:
    async with LinkedWhatsApp() as made:
        yield made


async def test_a_killed_bridge_loses_nothing_of_the_link_and_guesses_nothing(whatsapp: LinkedWhatsApp, http: Http) -> None:
    provider = provider_of(whatsapp)
    async with Running(provider, http, channel_of()) as session:
        device = await session.linked(whatsapp)
        assert isinstance((await provider.send(http, channel_of(), [outgoing()]))[0], Accepted)
        whatsapp.silent = True
        in_the_air = asyncio.create_task(provider.send(http, channel_of(), [outgoing()]))
        await until(lambda: len(whatsapp.sent) == 2)
        os.kill(device.pid, signal.SIGKILL)
        [outcome] = await in_the_air
        assert isinstance(outcome, SendUncertain)
        with pytest.raises(ProviderError, match="started anew") as trouble:
            await session.task
        assert trouble.value.retry_after is not None
        assert not device.path.exists()
    whatsapp.silent = False
    async with Running(provider, http, channel_of(), kept=session.host.kept) as again:
        device_again = await whatsapp.device()
        assert device_again.pid != device.pid
        assert (device_again.number, device_again.steps) == (NUMBER, 2), "the keys are those of the very last message"
        await device_again.connect()
        await until(lambda: again.host.last.state == "connected")
        assert isinstance((await provider.send(http, channel_of(), [outgoing()]))[0], Accepted)


WORKER = """
import asyncio, sys
from tests.providers.linked import Running, channel_of
from tests.simulators.whatsapp_linked import CLIENT
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.provider import WhatsAppLinked

async def main():
    provider = WhatsAppLinked(client=CLIENT, environment={"FAKE_WHATSAPP": sys.argv[1], "PYTHONPATH": sys.argv[2]})
    async with Http() as http, Running(provider, http, channel_of()) as session:
        await session.task

asyncio.run(main())
"""


async def test_a_bridge_whose_worker_was_killed_destroys_the_stores_and_ends(whatsapp: LinkedWhatsApp) -> None:
    paths = whatsapp.environment["PYTHONPATH"]
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, whatsapp.environment["FAKE_WHATSAPP"], paths, env={**os.environ, "PYTHONPATH": paths}
    )
    device = await whatsapp.device(60)
    bridge, folder = psutil.Process(device.pid), device.path.parent.parent
    await device.link(NUMBER)
    assert folder.exists()
    worker.kill()
    await worker.wait()
    await until(lambda: not folder.exists() and not (bridge.is_running() and bridge.status() != psutil.STATUS_ZOMBIE))


async def test_fifty_sessions_share_one_bridge(whatsapp: LinkedWhatsApp, http: Http, capsys: pytest.CaptureFixture[str]) -> None:
    provider = provider_of(whatsapp)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Running(provider, http, channel_of("chn_0")))
        devices = [await first.linked(whatsapp)]
        bridge = psutil.Process(devices[0].pid)
        alone = bridge.memory_info().rss
        running = [await stack.enter_async_context(Running(provider, http, channel_of(f"chn_{one}"))) for one in range(1, SESSIONS)]
        for _ in running:
            device = await whatsapp.device(60)
            await device.link(NUMBER)
            devices.append(device)
        await until(lambda: all(one.host.last.state == "connected" for one in running), seconds=60)
        assert {device.pid for device in devices} == {bridge.pid}
        sent = await asyncio.gather(*(provider.send(http, channel_of(f"chn_{one}"), [outgoing(one)]) for one in range(SESSIONS)))
        assert all(isinstance(one, Accepted) for [one] in sent)
        each = (bridge.memory_info().rss - alone) / (SESSIONS - 1)
        with capsys.disabled():
            print(
                f"\nbridge: {alone / 2**20:.0f} MB with one session, {each / 2**20:.2f} MB for each further one, {bridge.num_threads()} threads"
            )
        assert each < 2 * 2**20
        for one in (first, *running):
            one.stop.set()
        await asyncio.wait_for(asyncio.gather(*(one.task for one in (first, *running))), 60)
    assert not bridge.is_running()


async def test_a_code_that_nobody_scans_is_shown_again_and_then_asks_for_a_person(whatsapp: LinkedWhatsApp, http: Http) -> None:
    async with Running(provider_of(whatsapp, code_seconds=0.5), http, channel_of()) as session:
        for code in ("2@1", "2@2", "2@3"):
            device = await whatsapp.device()
            await device.show(code)
            await until(lambda code=code: session.host.last.qr == code)
        with pytest.raises(ProviderError, match="not linked in time") as trouble:
            await session.task
    assert trouble.value.code is ErrorCode.INVALID_CREDENTIALS
    assert session.host.last.state == "logged_out"
    assert session.host.kept is None


async def test_a_store_that_cannot_be_read_is_told(whatsapp: LinkedWhatsApp, http: Http) -> None:
    async with Running(provider_of(whatsapp), http, channel_of(), kept=b"TWS1 nonsense") as session:
        with pytest.raises(ProviderError, match="cannot be read"):
            await session.task


async def test_one_channel_has_one_session(whatsapp: LinkedWhatsApp, http: Http) -> None:
    provider = provider_of(whatsapp)
    async with Running(provider, http, channel_of()) as session:
        await session.linked(whatsapp)
        with pytest.raises(ProviderError, match="already"):
            await provider.run_session(http, channel_of(), None, Host(), asyncio.Event())


async def test_without_the_library_the_operator_is_told_what_to_install(http: Http) -> None:
    provider = WhatsAppLinked(client="no_such_library.client:NewClient")
    with pytest.raises(ProviderError, match=r"pip install 'tidings\[whatsapp-linked\]'") as trouble:
        await provider.run_session(http, channel_of(), None, Host(), asyncio.Event())
    assert trouble.value.code is ErrorCode.INVALID_CREDENTIALS


async def test_a_library_that_cannot_be_loaded_is_told(http: Http, tmp_path: Path) -> None:
    (tmp_path / "broken_library.py").write_text("raise OSError('libmagic.so.1: cannot open shared object file')")
    paths = f"{tmp_path}:{Path(__file__).parents[3] / 'src'}"
    provider = WhatsAppLinked(client="broken_library:NewClient", environment={"PYTHONPATH": paths})
    with pytest.raises(ProviderError, match="libmagic"):
        await provider.run_session(http, channel_of(), None, Host(), asyncio.Event())


async def test_the_real_library_loads_and_backs_off_where_whatsapp_cannot_be_reached(http: Http) -> None:
    """Through a proxy that is not there, so that no machine on which this runs ever calls WhatsApp."""
    dead = "http://127.0.0.1:9"
    provider = WhatsAppLinked(environment={"HTTPS_PROXY": dead, "HTTP_PROXY": dead, "https_proxy": dead, "ALL_PROXY": dead, "NO_PROXY": ""})
    waits = []
    for _ in range(2):
        host = Host()
        with pytest.raises(ProviderError, match="failed to dial whatsapp web websocket") as trouble:
            await asyncio.wait_for(provider.run_session(http, channel_of(), None, host, asyncio.Event()), 100)
        assert trouble.value.code is ErrorCode.PROVIDER_UNAVAILABLE
        assert host.last.state == "connecting"
        assert host.kept is None
        waits.append(trouble.value.retry_after)
    assert 3 < waits[0] <= 5 < waits[1] <= 10
