"""A mail server that takes submissions (RFC 5321, 6409, 3207, 4954), on aiosmtpd, with the faults that real ones have.

python -m tests.simulators.mail --port 0    serves the steering routes there; GET /_sim/smtp tells where the mail server itself is
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

USER = "duka@shop.example"
PASSWORD = "simulated-app-password"
FROM = "duka@shop.example"

# Recipients that refuse, with the reply to RCPT.
REFUSING = {
    "nobody@example.com": "550 5.1.1 The email account that you tried to reach does not exist",
    "old@example.com": "550 No such user here",
    "full@example.com": "552 5.2.2 The recipient's inbox is out of storage space",
    "off@example.com": "550 5.2.1 The account is disabled",
    "closed@example.com": "554 5.7.1 Relay access denied",
    "gray@example.com": "450 4.2.0 Greylisted, try again in 5 minutes",
    "fast@example.com": "450 4.7.28 Unusual rate of mail from your account",
    "signin@example.com": "530 5.7.0 Authentication required",
}
# Recipients whose mail is refused after it was read.
UNWANTED = {
    "spam@example.com": "554 5.7.1 Message rejected as spam",
    "plain@example.com": "550 Message content rejected",
    "later@example.com": "451 4.3.0 Temporary server error",
}
SIGN_IN = "sign-in"
"""Among the `numbers` of a fault: it meets the sign-in, which otherwise succeeds."""


class MailSimulator(Simulator):
    """One account. `security` is what its port speaks; with `sign_in` no mail is taken without it."""

    def __init__(
        self,
        port: int = 0,
        *,
        security: Literal["none", "starttls", "tls"] = "none",
        certificate: ssl.SSLContext | None = None,
        sign_in: bool = True,
        international: bool = True,
    ) -> None:
        super().__init__(port)
        self.security = security
        self.certificate = certificate
        self.sign_in = sign_in
        self.international = international

    def forget(self) -> None:
        super().forget()
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.greeting: str | None = None
        self.says: dict[str, str] = {}
        """By command (AUTH, MAIL, RCPT, DATA), the reply that everybody gets; that to DATA comes after the mail was read."""
        self.most_a_connection: int | None = None
        """After so many mails the server hangs up with 421, as many do."""
        self.connections = 0
        self.senders: set[str] | None = None
        """The addresses the account may send from; None lets any pass."""

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        loop = asyncio.get_running_loop()
        tls = self.certificate if self.security == "tls" else None
        self._smtp = await loop.create_server(self._protocol, "127.0.0.1", 0, ssl=tls)
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]
        self._protocols: list[MailProtocol] = []
        return self

    async def __aexit__(self, *_: object) -> None:
        self._smtp.close()
        for protocol in self._protocols:
            protocol.hang_up()
        await self._smtp.wait_closed()
        await super().__aexit__()

    def _protocol(self) -> SMTP:
        self.connections += 1
        protocol = MailProtocol(self)
        self._protocols.append(protocol)
        return protocol

    async def api(self, call: Call) -> Reply:
        return Reply(404, b"Only the steering is here.", "text/plain")

    async def _handle(self, call: Call) -> Reply:
        return reply({"url": self.smtp_url}) if call.path == "/_sim/smtp" else await super()._handle(call)

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        raise ValueError("a submission server tells nothing of a mail later")

    async def post_inbound(self, **fields: str) -> Posted:
        raise ValueError("a submission server brings no mail")

    # --- aiosmtpd's hooks ---------------------------------------------------------------------------------------------

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        spoiled = any(fault.meets(SIGN_IN) for fault in self.faults.all if SIGN_IN in (fault.numbers or []))
        if said := self.says.get("AUTH"):
            return AuthResult(success=False, handled=False, message=said)
        return AuthResult(success=right and not spoiled, handled=False)

    async def handle_MAIL(self, server: MailProtocol, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if said := self.says.get("MAIL"):
            return server.goes_by(said)
        if self.senders is not None and address not in self.senders:
            return "553 5.7.1 Sender address rejected: not owned by user"
        if self.most_a_connection is not None and server.taken >= self.most_a_connection:
            server.hang_up_after_reply()
            return "421 4.7.0 Too many messages in this connection"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(self, server: MailProtocol, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        entry = self.arrived(address, {"from": envelope.mail_from or ""})
        server.fault = fault = self.faults.next(address)
        if fault is not None:
            entry["fault"] = fault.kind
        if said := self.says.get("RCPT"):
            entry["outcome"] = said
            return server.goes_by(said)
        if address in REFUSING:
            entry["outcome"] = REFUSING[address]
            return REFUSING[address]
        match fault.kind if fault else "":
            case "rate_limited":
                server.hang_up_after_reply()
                return "421 4.7.0 Try again later, closing connection"
            case "no_balance":
                return "452 4.5.3 Your daily quota is used up"
            case "wrong_credentials":
                return "530 5.7.0 Authentication required"
            case "status":
                return f"{fault.code or 550} refused" if fault else ""
        server.entry = entry
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: MailProtocol, session: Session, envelope: Envelope) -> str:
        [to], fault = envelope.rcpt_tos, server.fault
        if said := self.says.get("DATA"):
            server.entry["outcome"] = said
            return server.goes_by(said)
        if to in UNWANTED:
            server.entry["outcome"] = UNWANTED[to]
            return UNWANTED[to]
        content = bytes(envelope.content or b"")
        if self.takes(fault):
            self.keep(to, content, server)
        return "250 2.0.0 OK queued" if fault is None else await self.play(server, fault)

    def keep(self, to: str, content: bytes, server: MailProtocol) -> None:
        mail = message_from_bytes(content, policy=policy.SMTP)
        assert isinstance(mail, EmailMessage)
        self.raw.append(content)
        self.mails.append(mail)
        server.taken += 1
        body = mail.get_body(("plain",))
        self.take(
            Taken(str(mail["Message-ID"]), to, str(mail["From"]), body.get_content().replace("\r\n", "\n") if body else ""), server.entry
        )

    async def play(self, server: MailProtocol, fault: Fault) -> str:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return "250 2.0.0 OK queued"
            case "server_error":
                return "451 4.3.0 Temporary server error"
            case "html" | "garbage" | "empty":
                return {"html": "<!doctype html>", "garbage": "\xff\xfe 25", "empty": ""}[fault.kind]
            case "truncated":
                server.write_and_hang_up(b"25")
                return "250 never sent"
            case _:
                await asyncio.sleep(fault.seconds if fault.kind == "hang" else 0)
                server.hang_up()
                return "250 never sent"


class MailProtocol(SMTP):
    """aiosmtpd's server that can also misbehave below SMTP."""

    def __init__(self, simulator: MailSimulator) -> None:
        starttls = simulator.security == "starttls"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # signing in without TLS is unwise, and here on purpose
            super().__init__(
                simulator,
                hostname="mail.simulated.example",
                ident="Simulated",
                enable_SMTPUTF8=simulator.international,
                tls_context=simulator.certificate if starttls else None,
                require_starttls=starttls,
                auth_required=simulator.sign_in,
                auth_require_tls=False,
                authenticator=simulator.authenticate,
                loop=asyncio.get_running_loop(),
            )
        self.simulator = simulator
        self.fault: Fault | None = None
        self.entry: dict[str, Any] = {}
        self.taken = 0
        self._leaving = False
        self._greeted = False

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            if self.simulator.greeting is not None:
                status, self._leaving = self.simulator.greeting, True
        if self.transport is None or self.transport.is_closing():
            return
        await super().push(status)
        if self._leaving:
            self.transport.close()

    def goes_by(self, said: str) -> str:
        """The reply, after which a server that says 421 hangs up."""
        if said.startswith("421"):
            self.hang_up_after_reply()
        return said

    def hang_up_after_reply(self) -> None:
        self._leaving = True

    def write_and_hang_up(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()


if __name__ == "__main__":
    run(MailSimulator, __doc__)
