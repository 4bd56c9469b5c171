"""E-mail: sent through a real SMTP conversation, with an honest word on each mail whatever the server does."""

from __future__ import annotations

import asyncio
import base64
import socket
from pathlib import Path

import pytest

from tests.providers.channels import channel_of
from tests.simulators import certificates
from tests.simulators.mail import FROM, PASSWORD, REFUSING, SIGN_IN, UNWANTED, USER, MailSimulator
from tidings.providers import provider
from tidings.providers.base import Accepted, ErrorCode, Outgoing, ProviderError, SendFailed, SendUncertain
from tidings.providers.email.provider import Email
from tidings.providers.email.session import Patience
from tidings.providers.http import Http

QUICK = Email(Patience(connect=0.5, reply=0.5, taken=0.5, batch=20))
SETTINGS = channel_of("email").settings


def mail(number: int = 0, to: str | None = None, text: str = "Habari", **changes) -> Outgoing:
    return Outgoing(id=f"msg_{number:026}", to=to or f"asha{number}@example.com", text=text, **changes)


def with_settings(**changes: str) -> dict[str, str]:
    return {**SETTINGS, **changes}


@pytest.fixture
async def simulator():
    async with MailSimulator() as running:
        yield running


async def send(simulator: MailSimulator, http: Http, *mails: Outgoing, **changes):
    return await QUICK.send(http, channel_of("email", simulator.smtp_url, **changes), mails)


# --- the batch ------------------------------------------------------------------------------------------------------------


async def test_a_batch_goes_over_one_connection(simulator: MailSimulator, http: Http) -> None:
    outcomes = await send(simulator, http, *(mail(number) for number in range(10)))
    assert outcomes == [Accepted(provider_message_id=f"msg_{number:026}@shop.example") for number in range(10)]
    assert simulator.connections == 1
    assert [str(one["To"]) for one in simulator.mails] == [f"asha{number}@example.com" for number in range(10)]


async def test_a_server_that_hangs_up_after_some_mails_gets_the_rest_by_other_connections(simulator: MailSimulator, http: Http) -> None:
    simulator.most_a_connection = 3
    outcomes = await send(simulator, http, *(mail(number) for number in range(8)))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert simulator.connections == 3
    assert set(simulator.taken.values()) == {1}


async def test_one_bad_recipient_harms_no_other(simulator: MailSimulator, http: Http) -> None:
    outcomes = await send(
        simulator, http, mail(1), mail(2, "nobody@example.com"), mail(3, "not an address"), mail(4, "spam@example.com"), mail(5)
    )
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [
        None,
        ErrorCode.INVALID_ADDRESS,
        ErrorCode.INVALID_ADDRESS,
        ErrorCode.BLOCKED,
        None,
    ]
    assert simulator.connections == 1


@pytest.mark.parametrize("kind", ["reset", "hang", "truncated", "html", "garbage", "empty"])
@pytest.mark.parametrize("taken", [True, False])
async def test_no_answer_after_the_last_dot_is_a_doubt_of_that_mail_alone(
    simulator: MailSimulator, http: Http, kind: str, taken: bool
) -> None:
    simulator.faults.add(kind=kind, numbers=["asha1@example.com"], seconds=0.8, taken=taken)
    first, doubtful, last = await send(simulator, http, mail(0), mail(1), mail(2))
    assert isinstance(first, Accepted)
    assert isinstance(doubtful, SendUncertain)
    assert doubtful.code is (ErrorCode.TIMEOUT if kind == "hang" else ErrorCode.PROVIDER_UNAVAILABLE)
    assert isinstance(last, Accepted)
    assert (simulator.taken["asha1@example.com"], simulator.requests["asha1@example.com"]) == (int(taken), 1)


async def test_silence_before_the_mail_left_is_a_failure_and_no_doubt(http: Http) -> None:
    async def dumb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250 simple\r\n")
        while await reader.readline():
            pass
        writer.close()

    server = await asyncio.start_server(dumb, "127.0.0.1", 0)
    async with server:
        channel = channel_of(
            "email", f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", settings=with_settings(username=""), credentials={}
        )
        outcomes = await QUICK.send(http, channel, [mail(1), mail(2)])
    assert {(type(one), one.code, one.retryable) for one in outcomes} == {(SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True)}


async def test_a_batch_that_takes_too_long_is_given_back_unsent(simulator: MailSimulator, http: Http) -> None:
    simulator.faults.add(kind="slow", seconds=1.2)
    slow = Email(Patience(batch=1.0))  # long enough for a busy machine to begin the first
    outcomes = await slow.send(http, channel_of("email", simulator.smtp_url), [mail(number) for number in range(3)])
    assert isinstance(outcomes[0], Accepted)
    assert [(one.code, one.retryable, one.retry_after) for one in outcomes[1:]] == [(ErrorCode.RATE_LIMITED, True, 1.0)] * 2
    assert sum(simulator.requests.values()) == 1


async def test_cancelling_a_send_ends_it(simulator: MailSimulator, http: Http) -> None:
    simulator.faults.add(kind="hang", seconds=1)
    sending = asyncio.create_task(provider("email").send(http, channel_of("email", simulator.smtp_url), [mail()]))
    await asyncio.sleep(0.1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


# --- what servers refuse --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "code", "retryable", "pause"),
    [
        ("nobody@example.com", ErrorCode.INVALID_ADDRESS, False, None),
        ("old@example.com", ErrorCode.INVALID_ADDRESS, False, None),
        ("full@example.com", ErrorCode.UNREACHABLE, False, None),
        ("off@example.com", ErrorCode.UNREACHABLE, False, None),
        ("closed@example.com", ErrorCode.BLOCKED, False, None),
        ("gray@example.com", ErrorCode.PROVIDER_UNAVAILABLE, True, None),
        ("fast@example.com", ErrorCode.RATE_LIMITED, True, 60.0),
        ("signin@example.com", ErrorCode.INVALID_CREDENTIALS, False, None),
        ("spam@example.com", ErrorCode.BLOCKED, False, None),
        ("plain@example.com", ErrorCode.REJECTED_CONTENT, False, None),
        ("later@example.com", ErrorCode.PROVIDER_UNAVAILABLE, True, None),
    ],
)
async def test_a_refused_mail_is_told_in_our_words(
    simulator: MailSimulator, http: Http, to: str, code: ErrorCode, retryable: bool, pause: float | None
) -> None:
    [outcome] = await send(simulator, http, mail(to=to))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable, outcome.retry_after) == (code, retryable, pause)
    assert {**REFUSING, **UNWANTED}[to].partition(" ")[2] in outcome.detail
    assert not simulator.taken


@pytest.mark.parametrize(
    ("greeting", "code", "pause"),
    [
        ("421 4.7.0 Too many connections from your host", ErrorCode.RATE_LIMITED, 60.0),
        ("421 Service not available", ErrorCode.PROVIDER_UNAVAILABLE, None),
        ("554 5.7.1 Your host is on a list", ErrorCode.PROVIDER_UNAVAILABLE, None),
        ("HTTP/1.1 400 Bad Request", ErrorCode.PROVIDER_UNAVAILABLE, None),
    ],
)
async def test_a_server_that_does_not_let_us_begin(
    simulator: MailSimulator, http: Http, greeting: str, code: ErrorCode, pause: float | None
) -> None:
    simulator.greeting = greeting
    outcomes = await send(simulator, http, mail(1), mail(2))
    assert {(type(one), one.code, one.retryable, one.retry_after) for one in outcomes} == {(SendFailed, code, True, pause)}


async def test_a_server_that_goes_away_at_the_first_mail_is_not_asked_again_at_once(simulator: MailSimulator, http: Http) -> None:
    simulator.faults.add(kind="rate_limited")
    outcomes = await send(simulator, http, mail(1), mail(2), mail(3))
    assert {(one.code, one.retry_after) for one in outcomes} == {(ErrorCode.RATE_LIMITED, 60.0)}
    assert (simulator.connections, sum(simulator.requests.values())) == (1, 1)


async def test_a_wrong_password_or_sender_stops_the_channel(simulator: MailSimulator, http: Http) -> None:
    [wrong] = await send(simulator, http, mail(), credentials={"password": "wrong"})
    simulator.senders = {"other@shop.example"}
    [foreign] = await send(simulator, http, mail())
    assert [wrong.code, foreign.code] == [ErrorCode.INVALID_CREDENTIALS] * 2
    assert "SMTP 535" in wrong.detail
    assert "not owned by user" in foreign.detail


async def test_a_server_without_sign_in_cannot_take_a_password(http: Http) -> None:
    async with MailSimulator(sign_in=False) as simulator:
        [outcome] = await send(simulator, http, mail(), settings=with_settings(username=""), credentials={})
        assert isinstance(outcome, Accepted)
        assert "without signing in" in await QUICK.check(
            http, channel_of("email", simulator.smtp_url, settings=with_settings(username=""), credentials={})
        )


async def test_no_connection_is_a_failure_to_try_again(http: Http) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        channel = channel_of("email", f"smtp://127.0.0.1:{taken.getsockname()[1]}")
        outcomes = await QUICK.send(http, channel, [mail(1), mail(2)])
    assert {(type(one), one.code, one.retryable) for one in outcomes} == {(SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True)}


@pytest.mark.parametrize("settings", [{}, {"from_address": FROM}, with_settings(port="x"), {**SETTINGS, "security": ""} | {"host": ""}])
async def test_incomplete_settings_send_nothing_and_raise_nothing(http: Http, settings: dict[str, str]) -> None:
    [outcome] = await QUICK.send(http, channel_of("email", settings=settings), [mail()])
    assert isinstance(outcome, SendFailed)
    with pytest.raises(ProviderError):
        await QUICK.check(http, channel_of("email", settings=settings))


# --- where it connects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "192.168.1.1", "::1", "::ffff:10.0.0.1", "0.0.0.0"]
)
async def test_a_private_server_is_not_spoken_to_unless_the_operator_allows_it(simulator: MailSimulator, http: Http, host: str) -> None:
    settings = with_settings(host=host, port=str(simulator.smtp_port), security="starttls")
    [outcome] = await QUICK.send(http, channel_of("email", settings=settings), [mail()])
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (ErrorCode.INVALID_CREDENTIALS, False)
    assert "private network" in outcome.detail
    assert not simulator.connections


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a01:203", False),
        ("2002:a01:203::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    from tidings.providers.email.reach import is_public

    assert is_public(address) is public


async def test_a_password_never_goes_unencrypted_to_the_internet(http: Http) -> None:
    [outcome] = await QUICK.send(http, channel_of("email", settings=with_settings(security="none")), [mail()])
    assert (outcome.code, "never sent unencrypted" in outcome.detail) == (ErrorCode.INVALID_CREDENTIALS, True)


# --- encryption -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_encrypted_and_with_a_certificate_that_is_checked(tmp_path: Path, monkeypatch, http: Http, security: str) -> None:
    context, trusted = certificates.make(tmp_path)
    async with MailSimulator(security=security, certificate=context) as simulator:
        channel = channel_of("email", f"smtp://localhost:{simulator.smtp_port}", settings=with_settings(security=security))
        [refused] = await QUICK.send(http, channel, [mail(1)])
        assert (refused.code, "certificate is not right" in refused.detail) == (ErrorCode.INVALID_CREDENTIALS, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        [taken] = await QUICK.send(http, channel, [mail(2)])
        assert isinstance(taken, Accepted)
        assert "over TLS, signed in as" in await QUICK.check(http, channel)
    assert simulator.taken == {"asha2@example.com": 1}


async def test_another_hosts_certificate_is_not_believed(tmp_path: Path, monkeypatch, http: Http) -> None:
    context, trusted = certificates.make(tmp_path, host="mail.elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with MailSimulator(security="tls", certificate=context) as simulator:
        [outcome] = await send(simulator, http, mail(), settings=with_settings(security="tls"))
    assert (outcome.code, simulator.taken) == (ErrorCode.INVALID_CREDENTIALS, {})


async def test_without_starttls_nothing_is_said_in_the_clear(simulator: MailSimulator, http: Http) -> None:
    [outcome] = await send(simulator, http, mail(), settings=with_settings(security="starttls"))
    assert (outcome.code, "offers less" in outcome.detail) == (ErrorCode.INVALID_CREDENTIALS, True)
    assert not simulator.requests


# --- questions and secrets --------------------------------------------------------------------------------------------------


async def test_check_signs_in_and_asks_for_the_sender_but_sends_nothing(simulator: MailSimulator, http: Http) -> None:
    said = await QUICK.check(http, channel_of("email", simulator.smtp_url))
    assert said == f"Reached 127.0.0.1 without encryption, signed in as {USER}; it lets {FROM} send. Nothing was sent."
    assert not simulator.requests
    simulator.senders = set()
    with pytest.raises(ProviderError, match="not owned"):
        await QUICK.check(http, channel_of("email", simulator.smtp_url))
    simulator.faults.add(kind="wrong_credentials", numbers=[SIGN_IN])
    with pytest.raises(ProviderError, match="SMTP 535") as error:
        await QUICK.check(http, channel_of("email", simulator.smtp_url))
    assert error.value.code is ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError, match="no balance"):
        await QUICK.balance(http, channel_of("email"))


async def test_a_server_that_quotes_the_password_gives_none_away(http: Http) -> None:
    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            writer.write(b"250-simple\r\n250 AUTH PLAIN\r\n" if line.startswith(b"EHLO") else b"535 what is " + line)
        writer.close()

    server = await asyncio.start_server(chatty, "127.0.0.1", 0)
    async with server:
        channel = channel_of("email", f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        [outcome] = await QUICK.send(http, channel, [mail()])
        with pytest.raises(ProviderError) as error:
            await QUICK.check(http, channel)
    assert outcome.code is ErrorCode.INVALID_CREDENTIALS
    told = outcome.detail + error.value.detail
    assert "AUTH PLAIN •••" in told
    for secret in (PASSWORD, base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()):
        assert secret not in told
