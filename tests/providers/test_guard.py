"""Addresses that people type in lead to the public internet or nowhere: real sockets, real names, and what a resolver could be made to say."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyreqwest.exceptions import ConnectError

from tests.simulators.wire import Call, Reply, Server
from tidings.providers.guard import MOST_KEPT, Guard, is_public
from tidings.providers.http import Http, NoAnswer, NotSent, Request, _builder
from tidings.settings import Settings


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",  # the metadata of most clouds
        "100.100.100.200",  # Alibaba's
        "192.0.0.192",  # Oracle's
        "168.63.129.16",  # Azure's
        "192.0.0.9",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:db8::1",
        "2001::1",
        "3fff::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",  # Amazon's
        "ff02::1",
        "100::1",
    ],
)
def test_an_address_that_only_this_machine_or_network_knows_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2606:4700::1111"])
def test_an_address_of_the_public_internet_is(text: str) -> None:
    assert is_public(ip_address(text))


# --- on real sockets ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def inside():
    """A service that only this machine can see; it counts who came."""
    calls: list[Call] = []

    async def handler(call: Call) -> Reply:
        calls.append(call)
        return Reply(200, b'{"secret": 1}')

    async with Server(handler) as server:
        server.calls = calls  # type: ignore[attr-defined]
        yield server


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
        "127.0.0.1.",
    ],
)
async def test_a_service_of_this_machine_is_not_reached_however_its_address_is_written(inside: Server, host: str) -> None:
    async with Http(connect_seconds=1, total_seconds=1) as http:
        with pytest.raises(NotSent, match="private or special network") as refused:
            await http.ask(Request(url=f"http://{host}:{inside.port}/", guarded=True))
    assert not refused.value.retryable
    assert not inside.calls


@pytest.mark.parametrize(
    "url", ["ftp://8.8.8.8/", "file:///etc/passwd", "http://", "no address", "http://user:word@8.8.8.8/", "http://u@8.8.8.8/"]
)
async def test_only_plain_web_addresses_are_called(url: str) -> None:
    async with Http(connect_seconds=1, total_seconds=1) as http:
        with pytest.raises(NotSent) as refused:
            await http.ask(Request(url=url, guarded=True))
        with pytest.raises(NotSent):
            await http.vet(url)
    assert not refused.value.retryable


async def test_what_the_operator_allows_is_reached(inside: Server) -> None:
    settings = Settings(allowed_api_base_urls=f"https://other.example, {inside.url}")
    async with Http(connect_seconds=1, total_seconds=1, may_reach=settings.may_override_base_url) as http:
        await http.vet(f"{inside.url}/send")
        assert (await http.ask(Request(url=f"{inside.url}/send?x=1", guarded=True))).status == 200
        for other in (
            f"http://127.0.0.1:{inside.port + 1}/",
            f"http://localhost:{inside.port}/",
            f"http://127.0.0.1:{inside.port}@other.example/",
        ):
            with pytest.raises(NotSent):
                await http.vet(other)
    assert len(inside.calls) == 1


async def test_a_part_of_a_service_may_be_allowed_and_no_more(inside: Server) -> None:
    settings = Settings(allowed_api_base_urls=f"{inside.url}/sms")
    async with Http(connect_seconds=1, total_seconds=1, may_reach=settings.may_override_base_url) as http:
        await http.vet(f"{inside.url}/sms/send")
        for other in ("/smsx", "/sms/../admin", "/sms/%2e%2e/admin", "/"):
            with pytest.raises(NotSent):
                await http.vet(inside.url + other)


async def test_other_requests_are_as_they_were(inside: Server) -> None:
    async with Http(connect_seconds=1, total_seconds=1) as http:
        assert (await http.ask(Request(url=inside.url))).status == 200


async def test_a_name_that_nobody_knows_is_to_try_again() -> None:
    async with Http(connect_seconds=2, total_seconds=2) as http:
        with pytest.raises(NotSent, match="cannot be resolved") as refused:
            await http.ask(Request(url="https://no-such-host.invalid/", guarded=True))
    assert refused.value.retryable


# --- names that change their mind -------------------------------------------------------------------------------------------


def answers(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[str]:
    """Have the system's resolver say these addresses, one round after another; gives the names it was asked for."""
    asked: list[str] = []
    left = list(rounds)

    async def getaddrinfo(host, port, **_):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in (left.pop(0) if left else [])]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


def guard() -> Guard:
    return Guard(lambda: _builder(1, 1, 1, 10), lambda _: False, 1)


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    async with Http(connect_seconds=1, total_seconds=1) as http:
        with pytest.raises(NotSent, match="private"):
            await http.vet("https://two.example/")


async def test_a_name_without_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, [])
    async with Http(connect_seconds=1, total_seconds=1) as http:
        with pytest.raises(NotSent):
            await http.vet("https://none.example/")


async def test_a_name_is_asked_once_and_the_connection_goes_where_it_was_checked(inside: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer is public (and no one is there), the second would lead inside: the second is never asked for."""
    asked = answers(monkeypatch, ["192.88.99.1"], ["127.0.0.1"])
    async with Http(connect_seconds=0.3, total_seconds=0.5) as http:
        for _ in range(2):
            with pytest.raises((NotSent, NoAnswer)):
                await http.ask(Request(url=f"http://rebinding.example:{inside.port}/", guarded=True))
    assert asked == ["rebinding.example"]
    assert not inside.calls


@pytest.mark.parametrize("host", ["nowhere.example", "a_b.example", "xn--bcher-kva.example", "nowhere.example.", "localhost"])
async def test_a_pinned_client_reaches_its_address_alone(inside: Server, host: str) -> None:
    """The names do not exist (or mean something else): that the right server answers shows that they are not asked again."""
    here, elsewhere = ip_address("127.0.0.1"), ip_address("127.0.0.2")
    pinned = guard()
    reached = await pinned.client(host, here).get(f"http://{host}:{inside.port}/").build().send()
    assert reached.status == 200
    assert pinned.client(host, here) is pinned.client(host, here)
    with pytest.raises(ConnectError):
        await pinned.client(host, elsewhere).get(f"http://{host}:{inside.port}/").build().send()
    assert len(inside.calls) == 1
    assert inside.calls[0].headers["host"] == f"{host}:{inside.port}"
    await pinned.close()


async def test_no_more_than_so_many_clients_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, *[["8.8.8.8"]] * (MOST_KEPT + 5))
    kept = guard()
    for number in range(MOST_KEPT + 5):
        found = await kept.check(f"https://h{number}.example/")
        assert found is not None
        kept.client(found[0], found[1][0])
    assert (len(kept._clients), len(kept._known)) == (MOST_KEPT, MOST_KEPT)
    assert (f"h{MOST_KEPT + 4}.example", ip_address("8.8.8.8")) in kept._clients
    await kept.close()


async def test_a_request_outlives_its_client_being_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(_: Call) -> Reply:
        await asyncio.sleep(0.2)
        return Reply(200, b"done")

    async with Server(slow) as server:
        kept = guard()
        request = kept.client("slow.example", ip_address("127.0.0.1")).get(f"http://slow.example:{server.port}/").build()
        sending = asyncio.ensure_future(request.send())
        await asyncio.sleep(0.05)
        kept._clients.clear()
        assert (await sending).status == 200


# --- https ------------------------------------------------------------------------------------------------------------------


def certificate(name: str) -> tuple[bytes, bytes]:
    """A certificate for this name alone, signed by its own key, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem), key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


async def test_a_pinned_client_still_checks_the_certificate_by_name(tmp_path: Path) -> None:
    public, private = certificate("gateway.example")
    (tmp_path / "both.pem").write_bytes(private + public)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "both.pem")
    asked: list[str] = []
    tls.sni_callback = lambda _, name, __: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    kept = Guard(lambda: _builder(1, 1, 1, 10).add_root_certificate_pem(public), lambda _: False, 1)
    here = ip_address("127.0.0.1")
    async with server:
        assert (await kept.client("gateway.example", here).get(f"https://gateway.example:{port}/").build().send()).status == 200
        with pytest.raises(ConnectError):
            await kept.client("other.example", here).get(f"https://other.example:{port}/").build().send()
    assert asked == ["gateway.example", "other.example"]
    await kept.close()
