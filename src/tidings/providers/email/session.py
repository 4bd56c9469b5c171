"""A batch of mails over one SMTP connection, and for each an honest word on what became of it.

Up to the dot that ends a mail nothing is sent; from there to the server's answer nobody knows. So each step of the
conversation is taken by itself, and a broken connection means what the step before it left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.errors import SMTPTimeoutError

from tidings.providers.base import Accepted, ChannelConfig, ErrorCode, Outcome, SendFailed, SendUncertain
from tidings.providers.email.compose import Mail, parse
from tidings.providers.email.errors import Stage, refused
from tidings.providers.email.reach import Server, Trouble, connected_socket, server_of

GOES_AWAY = 421  # the one reply after which the server hangs up
GO_ON = 354


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait."""

    connect: float = 10.0
    reply: float = 20.0
    taken: float = 60.0
    """For the answer to a whole mail: servers look for viruses and the like before it."""
    batch: float = 90.0
    """After so long no further mail of a batch is begun."""


class _Lost(Exception):
    """The connection ended before the mail at hand was sent: it certainly was not."""

    def __init__(self, outcome: SendFailed) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


class Sender:
    """Sends one batch."""

    def __init__(self, channel: ChannelConfig, patience: Patience) -> None:
        self._channel = channel
        self._patience = patience

    async def send(self, mails: Sequence[Mail]) -> list[Outcome]:
        """One outcome for each mail, in order."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience.batch
        outcomes: list[Outcome] = []
        while len(outcomes) < len(mails):
            before = len(outcomes)
            try:
                await self._by_one_connection(mails, outcomes, lambda: loop.time() > until)
            except Trouble as trouble:
                return outcomes + [trouble.outcome] * (len(mails) - len(outcomes))
            except _Lost as lost:
                # A server may hang up after so many mails: those that are left go by another connection. One that hangs up
                # on the very first is not asked again.
                if len(outcomes) == before:
                    return outcomes + [lost.outcome] * (len(mails) - len(outcomes))
        return outcomes

    async def prove(self) -> bool:
        """Sign in and name the sender, and send nothing. Whether it was over TLS. Raises `Trouble`."""
        client = await self._open()
        try:
            await client.mail(parse(self._channel.settings["from_address"]).addr_spec)
            await client.rset()
            return client.get_transport_info("sslcontext") is not None
        except SMTPResponseException as error:
            raise Trouble(refused(Stage.SENDER, error.code, error.message)) from None
        except (SMTPException, OSError) as error:
            raise Trouble(_broken(error)) from None
        finally:
            await _leave(client)

    async def _by_one_connection(self, mails: Sequence[Mail], outcomes: list[Outcome], late: Callable[[], bool]) -> None:
        client = await self._open()
        try:
            while len(outcomes) < len(mails):
                if late():
                    outcomes += [_TOO_SLOW] * (len(mails) - len(outcomes))
                else:
                    outcomes.append(await self._send_one(client, mails[len(outcomes)]))
                    if not client.is_connected:
                        return
        finally:
            await _leave(client)

    async def _send_one(self, client: SMTP, mail: Mail) -> Outcome:
        """The outcome of one mail. Raises `_Lost` when the connection ended before it was sent."""
        if mail.international and not client.supports_extension("smtputf8"):
            detail = "The mail server does not know addresses with letters beyond ASCII (SMTPUTF8)."
            return SendFailed(code=ErrorCode.UNSUPPORTED, detail=detail)
        stage = Stage.SENDER
        try:
            encoding = "utf-8" if mail.international else "ascii"
            await client.mail(mail.sender, options=["SMTPUTF8"] if mail.international else [], encoding=encoding)
            stage = Stage.RECIPIENT
            await client.rcpt(mail.recipient, encoding=encoding)
            stage = Stage.CONTENT
            await _go_on(client)
            return await self._content(client, mail)
        except SMTPResponseException as error:
            outcome = refused(stage, error.code, error.message)
            if error.code == GOES_AWAY:
                raise _Lost(outcome) from None
            await self._begin_anew(client)
            return outcome
        except (SMTPException, OSError) as error:
            raise _Lost(_broken(error)) from None

    async def _content(self, client: SMTP, mail: Mail) -> Outcome:
        protocol = client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("the connection is gone")
        content = mail.content if mail.content.endswith(b"\r\n") else mail.content + b"\r\n"
        protocol.write((b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
        try:
            reply = await protocol.read_response(timeout=self._patience.taken)
        except (SMTPException, OSError) as error:
            client.close()
            timed_out = isinstance(error, SMTPTimeoutError)
            why = "no answer came in time" if timed_out else "the connection broke before an answer came"
            code = ErrorCode.TIMEOUT if timed_out else ErrorCode.PROVIDER_UNAVAILABLE
            return SendUncertain(detail=f"The whole mail had left, and {why}: it is not known whether the server took it.", code=code)
        if 200 <= reply.code < 300:
            return Accepted(provider_message_id=mail.id)
        if reply.code == GOES_AWAY:
            client.close()
        return refused(Stage.CONTENT, reply.code, reply.message)

    async def _begin_anew(self, client: SMTP) -> None:
        with contextlib.suppress(SMTPException, OSError):
            await client.rset()
            return
        client.close()

    # --- the connection -----------------------------------------------------------------------------------------------

    async def _open(self) -> SMTP:
        """A connection that is encrypted and signed in as the channel says. Raises `Trouble`."""
        server, security = server_of(self._channel), self._channel.settings["security"]
        user, password = self._channel.settings.get("username", ""), self._channel.credentials.get("password", "")
        if user and security == "none" and not server.trusted:
            detail = "A password is never sent unencrypted: choose starttls or tls."
            raise Trouble(SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=detail))
        client = await self._connected(server, security)
        try:
            await client.ehlo()
            if security == "starttls":
                await client.starttls(server_hostname=server.host)
                await client.ehlo()
            if user:
                await client.login(user, password)
        except BaseException as error:
            client.close()
            if isinstance(error, SMTPException | OSError):
                raise Trouble(_not_let_in(error)) from None
            raise
        return client

    async def _connected(self, server: Server, security: str) -> SMTP:
        name = parse(self._channel.settings["from_address"]).domain  # a name of ours for EHLO; this machine's own is nobody's business
        sock = await connected_socket(server, self._patience.connect)
        client = SMTP(
            hostname=server.host,
            sock=sock,
            use_tls=security == "tls",
            start_tls=False,
            local_hostname=name,
            timeout=self._patience.reply,
            tls_context=await asyncio.to_thread(ssl.create_default_context),
        )
        try:
            await client.connect(timeout=self._patience.connect)
        except BaseException as error:
            sock.close()
            if isinstance(error, SMTPException | OSError):
                raise Trouble(_not_let_in(error, Stage.GREETING)) from None
            raise
        return client


_TOO_SLOW = SendFailed(
    code=ErrorCode.RATE_LIMITED,
    detail="The mail server was too slow for the whole batch; this mail was not begun.",
    retryable=True,
    retry_after=1.0,
)


async def _go_on(client: SMTP) -> None:
    """Announce the content; from here on the next thing said is the mail itself."""
    reply = await client.execute_command(b"DATA")
    if reply.code != GO_ON:
        raise SMTPResponseException(reply.code, reply.message)


def _not_let_in(error: SMTPException | OSError, stage: Stage = Stage.SIGN_IN) -> SendFailed:
    if _bad_certificate(error):
        detail = "The mail server's certificate is not right for this host name, so nothing was said to it."
        return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=detail)
    if isinstance(error, SMTPResponseException):
        early = stage is Stage.SIGN_IN and not isinstance(error, SMTPAuthenticationError)
        return refused(Stage.GREETING if early else stage, error.code, error.message)
    if isinstance(error, SMTPServerDisconnected | OSError | SMTPTimeoutError):
        return _broken(error)
    # STARTTLS or sign-in is not offered there: as wrong for every message as a password would be.
    return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=f"The mail server offers less than this channel asks for: {error}")


def _bad_certificate(error: BaseException | None) -> bool:
    for _ in range(6):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error is not None
        error = error.__cause__ or error.__context__
    return False


def _broken(error: SMTPException | OSError) -> SendFailed:
    why = "no answer came in time" if isinstance(error, SMTPTimeoutError | TimeoutError) else "the connection broke"
    return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=f"Nothing was sent: {why}.", retryable=True)


async def _leave(client: SMTP) -> None:
    if client.is_connected:
        with contextlib.suppress(SMTPException, OSError):
            await client.quit(timeout=2)
    client.close()
