"""The simulated mail server: Python's own smtplib must work against it, and it must be as strict."""

from __future__ import annotations

import asyncio
import json
import smtplib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.simulators import certificates
from tests.simulators.faults import KINDS
from tests.simulators.mail import FROM, PASSWORD, REFUSING, UNWANTED, USER, MailSimulator

MAIL = "From: duka@shop.example\r\nTo: asha@example.com\r\nSubject: x\r\nMessage-ID: <1@shop.example>\r\n\r\n.Habari\r\n"


@pytest.fixture
async def simulator() -> AsyncIterator[MailSimulator]:
    async with MailSimulator() as running:
        yield running


async def talk(simulator: MailSimulator, work, *, sign_in: bool = True):
    """Run smtplib's blocking calls beside the simulator's loop."""

    def call():
        with smtplib.SMTP("127.0.0.1", simulator.smtp_port, timeout=3, local_hostname="shop.example") as client:
            if sign_in:
                client.login(USER, PASSWORD)
            return work(client)

    return await asyncio.to_thread(call)


async def test_smtplib_signs_in_and_sends(simulator: MailSimulator) -> None:
    await talk(simulator, lambda client: client.sendmail(FROM, ["asha@example.com"], MAIL))
    [message] = simulator.messages.values()
    assert (message.id, message.to, message.text) == ("<1@shop.example>", "asha@example.com", ".Habari\n")


async def test_smtplib_over_starttls(tmp_path: Path) -> None:
    import ssl

    context, trusted = certificates.make(tmp_path)
    ours = ssl.create_default_context(cafile=str(trusted))
    async with MailSimulator(security="starttls", certificate=context) as simulator:
        with pytest.raises(smtplib.SMTPException):
            await talk(simulator, lambda client: client.sendmail(FROM, ["asha@example.com"], MAIL), sign_in=False)

        def encrypted(client: smtplib.SMTP):
            client._host = "localhost"
            client.starttls(context=ours)
            client.login(USER, PASSWORD)
            return client.sendmail(FROM, ["asha@example.com"], MAIL)

        await talk(simulator, encrypted, sign_in=False)
    assert simulator.taken == {"asha@example.com": 1}


async def test_a_stranger_is_refused(simulator: MailSimulator) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        await talk(simulator, lambda client: client.sendmail(FROM, ["asha@example.com"], MAIL), sign_in=False)
    assert refused.value.smtp_code == 530
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await talk(simulator, lambda client: client.login(USER, "wrong"), sign_in=False)


@pytest.mark.parametrize("to", REFUSING)
async def test_recipients_that_refuse(simulator: MailSimulator, to: str) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await talk(simulator, lambda client: client.sendmail(FROM, [to], MAIL))
    assert refused.value.recipients[to][0] == int(REFUSING[to][:3])


@pytest.mark.parametrize("to", UNWANTED)
async def test_mails_that_are_unwanted(simulator: MailSimulator, to: str) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await talk(simulator, lambda client: client.sendmail(FROM, [to], MAIL))
    assert refused.value.smtp_code == int(UNWANTED[to][:3])
    assert not simulator.taken


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(simulator: MailSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)

    def send(client: smtplib.SMTP) -> None:
        client.sendmail(FROM, ["asha@example.com"], MAIL)

    if kind == "slow":
        await talk(simulator, send)
    else:
        with pytest.raises((smtplib.SMTPException, OSError)):
            await talk(simulator, send)
    await talk(simulator, send)
    assert simulator.taken["asha@example.com"] == (2 if kind == "slow" else 1)


async def test_it_is_steered_over_http(simulator: MailSimulator) -> None:
    async with httpx2.AsyncClient(verify=False, base_url=simulator.url) as browser:
        assert (await browser.get("/_sim/smtp")).json() == {"url": simulator.smtp_url}
        await browser.post("/_sim/faults", json={"kind": "server_error", "count": 1})
        with pytest.raises(smtplib.SMTPDataError):
            await talk(simulator, lambda client: client.sendmail(FROM, ["asha@example.com"], MAIL))
        assert (await browser.get("/_sim/requests")).json() == {"asha@example.com": 1}
        assert (await browser.get("/_sim/taken")).json() == {}
        assert (await browser.get("/elsewhere")).status_code == 404


@pytest.mark.parametrize("module", ["tests.simulators.discord", "tests.simulators.mail", "tests.simulators.slack"])
def test_each_runs_as_a_process_that_tells_its_port(module: str) -> None:
    with subprocess.Popen([sys.executable, "-m", module, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            assert httpx2.get(f"http://127.0.0.1:{port}/_sim/requests", timeout=5).status_code == 200
        finally:
            process.terminate()
        assert process.wait(5) == 0
