"""SMTP's reply codes and enhanced status codes, each over a real SMTP conversation: our word for it, and what follows.

Sources: RFC 5321 4.2.3 and 4.3.2, RFC 7504, RFC 4954 (reply codes); RFC 3463 and iana.org/assignments/smtp-enhanced-status-codes (enhanced);
Google's, Microsoft's and Amazon's own lists, as named in tidings/providers/email/errors.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.providers.channels import channel_of
from tests.providers.consequences import consequence
from tests.simulators.mail import MailSimulator
from tidings.providers.base import Outcome, Outgoing
from tidings.providers.email.errors import ENHANCED, OF_THE_RECIPIENT, SUBJECTS, TOO_FAST
from tidings.providers.email.provider import Email
from tidings.providers.email.session import Patience
from tidings.providers.http import Http

QUICK = Email(Patience(connect=0.5, reply=0.5, taken=0.5, batch=20))


@pytest.fixture
async def simulator() -> AsyncIterator[MailSimulator]:
    async with MailSimulator() as running:
        yield running


async def send(simulator: MailSimulator, http: Http) -> Outcome:
    mail = Outgoing(id="msg_00000000000000000000000007", to="asha@example.com", text="Habari")
    [outcome] = await QUICK.send(http, channel_of("email", simulator.smtp_url), [mail])
    assert not simulator.taken
    return outcome


# What the recipient's side says, to RCPT as well as after the mail.
EVERYWHERE = [
    ("550 5.1.0 Other address status", "invalid_address", "final"),
    ("550 5.1.1 Bad destination mailbox address", "invalid_address", "final"),
    ("550 5.1.2 Bad destination system address", "invalid_address", "final"),
    ("553 5.1.3 Bad destination mailbox address syntax", "invalid_address", "final"),
    ("550 5.1.4 Destination mailbox address ambiguous", "invalid_address", "final"),
    ("551 5.1.6 Destination mailbox has moved, no forwarding address", "invalid_address", "final"),
    ("553 5.1.7 Bad sender's mailbox address syntax", "invalid_credentials", "stops"),
    ("550 5.1.8 Bad sender's system address", "invalid_credentials", "stops"),
    ("556 5.1.10 Recipient address has null MX", "invalid_address", "final"),
    ("550 5.1.90 You've reached your daily limit for message recipients", "rate_limited", "waits 3600"),
    ("550 5.2.0 Other or undefined mailbox status", "unreachable", "final"),
    ("550 5.2.1 Mailbox disabled, not accepting messages", "unreachable", "final"),
    ("552 5.2.2 Mailbox full", "unreachable", "final"),
    ("552 5.2.3 Message length exceeds administrative limit", "rejected_content", "final"),
    ("550 5.2.4 Mailing list expansion problem", "unreachable", "final"),
    ("550 5.3.0 Other or undefined mail system status", "unreachable", "final"),
    ("552 5.3.1 Mail system full", "unreachable", "final"),
    ("554 5.3.2 System not accepting network messages", "unreachable", "final"),
    ("554 5.3.3 System not capable of selected features", "unreachable", "final"),
    ("552 5.3.4 Message too big for system", "rejected_content", "final"),
    ("554 5.3.5 System incorrectly configured", "unreachable", "final"),
    ("554 5.4.0 Other or undefined network or routing status", "unreachable", "final"),
    ("550 5.4.1 No answer from host", "unreachable", "final"),
    ("550 5.4.2 Bad connection", "unreachable", "final"),
    ("550 5.4.3 Directory server failure", "unreachable", "final"),
    ("550 5.4.4 Unable to route", "unreachable", "final"),
    ("550 5.4.5 Daily user sending limit exceeded", "rate_limited", "waits 3600"),
    ("554 5.4.6 Routing loop detected", "unreachable", "final"),
    ("554 5.4.7 Delivery time expired", "unreachable", "final"),
    ("554 5.6.0 Other or undefined media error", "rejected_content", "final"),
    ("554 5.6.1 Media not supported", "rejected_content", "final"),
    ("554 5.6.2 Conversion required and prohibited", "rejected_content", "final"),
    ("554 5.6.3 Conversion required but not supported", "rejected_content", "final"),
    ("554 5.6.5 Conversion failed", "rejected_content", "final"),
    ("554 5.6.6 Message content not available", "rejected_content", "final"),
    ("553 5.6.7 Non-ASCII addresses not permitted for that sender/recipient", "unsupported", "final"),
    ("554 5.6.9 UTF-8 header message cannot be transferred", "unsupported", "final"),
    ("550 5.7.1 Delivery not authorized, message refused", "blocked", "final"),
    ("550 5.7.2 Mailing list expansion prohibited", "blocked", "final"),
    ("550 5.7.3 Security conversion required but not possible", "blocked", "final"),
    ("504 5.7.4 Security features not supported", "unsupported", "final"),
    ("550 5.7.5 Cryptographic failure", "blocked", "final"),
    ("550 5.7.6 Cryptographic algorithm not supported", "blocked", "final"),
    ("550 5.7.7 Message integrity failure", "blocked", "final"),
    ("554 5.7.8 Authentication credentials invalid", "invalid_credentials", "stops"),
    ("534 5.7.9 Authentication mechanism is too weak", "invalid_credentials", "stops"),
    ("523 5.7.10 Encryption needed", "invalid_credentials", "stops"),
    ("538 5.7.11 Encryption required for requested authentication mechanism", "invalid_credentials", "stops"),
    ("550 5.7.12 A password transition is needed", "invalid_credentials", "stops"),
    ("525 5.7.13 User account disabled", "invalid_credentials", "stops"),
    ("535 5.7.14 Trust relationship required", "invalid_credentials", "stops"),
    ("550 5.7.15 Priority level is too low", "blocked", "final"),
    ("552 5.7.16 Message is too big for the specified priority", "blocked", "final"),
    ("550 5.7.17 Mailbox owner has changed", "invalid_address", "final"),
    ("550 5.7.18 Domain owner has changed", "invalid_address", "final"),
    ("550 5.7.19 RRVS test cannot be completed", "blocked", "final"),
    ("550 5.7.20 No passing DKIM signature found", "rejected_content", "final"),
    ("550 5.7.21 No acceptable DKIM signature found", "rejected_content", "final"),
    ("550 5.7.22 No valid author-matched DKIM signature found", "rejected_content", "final"),
    ("550 5.7.23 SPF validation failed", "blocked", "final"),
    ("550 5.7.24 SPF validation error", "blocked", "final"),
    ("550 5.7.25 Reverse DNS validation failed", "blocked", "final"),
    ("550 5.7.26 Multiple authentication checks failed", "blocked", "final"),
    ("550 5.7.27 Sender address has null MX", "invalid_credentials", "stops"),
    ("550 5.7.28 Mail flood detected", "blocked", "final"),
    ("550 5.7.29 ARC validation failure", "blocked", "final"),
    ("550 5.7.30 REQUIRETLS support required", "blocked", "final"),
    ("530 5.7.57 Client not authenticated to send mail", "invalid_credentials", "stops"),
    ("550 5.7.60 Client does not have permissions to send as this sender", "invalid_credentials", "stops"),
    ("550 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "invalid_credentials", "stops"),
    ("550 5.7.705 Access denied, tenant has exceeded threshold", "invalid_credentials", "stops"),
    ("550 5.7.708 Access denied, traffic not accepted from this IP", "invalid_credentials", "stops"),
    ("530 Authentication required", "invalid_credentials", "stops"),
    ("554 Message rejected: Email address is not verified. The following identities failed the check", "invalid_credentials", "stops"),
    ("554 Message rejected: Sending paused for this account.", "invalid_credentials", "stops"),
    # temporary
    ("421 Service not available, closing transmission channel", "provider_unavailable", "again"),
    ("421 4.3.0 Temporary system problem", "provider_unavailable", "again"),
    ("421 4.4.5 Server busy", "rate_limited", "waits 60"),
    ("421 4.7.0 Try again later, closing connection", "rate_limited", "waits 60"),
    ("450 4.7.28 Unusual rate of mail", "rate_limited", "waits 60"),
    ("421 4.7.32 Your email has been rate limited", "rate_limited", "waits 60"),
    ("454 Throttling failure: Maximum sending rate exceeded.", "rate_limited", "waits 60"),
    ("454 Throttling failure: Daily message quota exceeded.", "rate_limited", "waits 60"),
    ("450 Requested mail action not taken: mailbox unavailable", "provider_unavailable", "again"),
    ("450 4.1.1 Unverified address", "unreachable", "again"),
    ("450 4.1.2 Domain not found", "unreachable", "again"),
    ("450 4.2.0 Greylisted, try again in 5 minutes", "provider_unavailable", "again"),
    ("450 4.2.1 The user you are trying to contact is receiving mail too quickly", "unreachable", "again"),
    ("452 4.2.2 The recipient's inbox is out of storage space", "unreachable", "again"),
    ("452 4.2.3 Message length exceeds administrative limit", "unreachable", "again"),
    ("451 Requested action aborted: local error in processing", "provider_unavailable", "again"),
    ("451 4.7.1 Greylisted", "provider_unavailable", "again"),
    ("452 4.3.1 Insufficient system storage", "provider_unavailable", "again"),
    ("452 4.5.3 Too many recipients", "provider_unavailable", "again"),
    ("455 Server unable to accommodate parameters", "provider_unavailable", "again"),
    ("499 4.9.9 Something of 2030", "provider_unavailable", "again"),
]


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize(("reply", "ours", "follows"), EVERYWHERE, ids=[row[0][:40] for row in EVERYWHERE])
async def test_what_is_said_of_a_recipient_or_a_mail(
    simulator: MailSimulator, http: Http, command: str, reply: str, ours: str, follows: str
) -> None:
    simulator.says[command] = reply
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert reply.partition(" ")[2] in outcome.detail


def test_no_code_stands_in_our_tables_without_a_row_here() -> None:
    codes = {row[0].split(" ")[1] for row in EVERYWHERE}
    assert ENHANCED.keys() | TOO_FAST | OF_THE_RECIPIENT <= codes
    assert SUBJECTS.keys() <= {code.rpartition(".")[0] for code in codes}


# The same reply, or one without an enhanced code, means something else to each command.
BY_COMMAND = [
    ("RCPT", "500 Syntax error, command unrecognized", "internal", "final"),
    ("RCPT", "501 Syntax error in parameters or arguments", "invalid_address", "final"),
    ("RCPT", "502 Command not implemented", "internal", "final"),
    ("RCPT", "503 Bad sequence of commands", "internal", "final"),
    ("RCPT", "504 Command parameter not implemented", "internal", "final"),
    ("RCPT", "521 Host does not accept mail", "invalid_address", "final"),
    ("RCPT", "550 No such user here", "invalid_address", "final"),
    ("RCPT", "551 User not local", "invalid_address", "final"),
    ("RCPT", "552 Exceeded storage allocation", "unreachable", "final"),
    ("RCPT", "553 Mailbox name not allowed", "invalid_address", "final"),
    ("RCPT", "554 Transaction failed", "blocked", "final"),
    ("RCPT", "555 MAIL FROM/RCPT TO parameters not recognized or not implemented", "unsupported", "final"),
    ("RCPT", "556 Domain does not accept mail", "invalid_address", "final"),
    ("RCPT", "550 5.0.0 Something is wrong", "invalid_address", "final"),
    ("RCPT", "501 5.5.2 Syntax error", "invalid_address", "final"),
    ("RCPT", "550 5.7.0 Mail relay denied", "blocked", "final"),
    ("RCPT", "599 Something of 2030", "unreachable", "final"),
    ("DATA", "500 Line too long", "internal", "final"),
    ("DATA", "503 Bad sequence of commands", "internal", "final"),
    ("DATA", "550 Message content rejected", "rejected_content", "final"),
    ("DATA", "552 Exceeded storage allocation", "rejected_content", "final"),
    ("DATA", "554 Transaction failed", "rejected_content", "final"),
    ("DATA", "552 5.7.0 Blocked because its content presents a potential security issue", "rejected_content", "final"),
    ("DATA", "599 Something of 2030", "rejected_content", "final"),
    # Whatever is said of the sender is said to every mail alike, but for this mail's size and letters, and the pace.
    ("MAIL", "501 Syntax error in parameters or arguments", "invalid_credentials", "stops"),
    ("MAIL", "503 5.5.1 Authentication required", "invalid_credentials", "stops"),
    ("MAIL", "530 5.7.0 Must issue a STARTTLS command first", "invalid_credentials", "stops"),
    ("MAIL", "550 5.7.60 Client does not have permissions to send as this sender", "invalid_credentials", "stops"),
    ("MAIL", "553 5.7.1 Sender address rejected: not owned by user", "invalid_credentials", "stops"),
    ("MAIL", "555 MAIL FROM/RCPT TO parameters not recognized or not implemented", "invalid_credentials", "stops"),
    ("MAIL", "552 5.3.4 Message size exceeds fixed limit", "rejected_content", "final"),
    ("MAIL", "552 Exceeded storage allocation", "rejected_content", "final"),
    ("MAIL", "553 5.6.7 Non-ASCII addresses not permitted for that sender/recipient", "unsupported", "final"),
    ("MAIL", "550 5.4.5 Daily user sending limit exceeded", "rate_limited", "waits 3600"),
    ("MAIL", "454 Throttling failure: Maximum sending rate exceeded.", "rate_limited", "waits 60"),
    ("MAIL", "450 4.2.1 Peak SMTP relay limit exceeded for this customer", "provider_unavailable", "again"),
    ("MAIL", "451 4.3.0 Local error in processing", "provider_unavailable", "again"),
    ("MAIL", "452 Insufficient system storage", "provider_unavailable", "again"),
    ("AUTH", "432 4.7.12 A password transition is needed", "invalid_credentials", "stops"),
    ("AUTH", "454 4.7.0 Temporary authentication failure", "provider_unavailable", "again"),
    ("AUTH", "500 5.5.6 Authentication exchange line is too long", "invalid_credentials", "stops"),
    ("AUTH", "501 5.5.2 Cannot decode response", "invalid_credentials", "stops"),
    ("AUTH", "504 5.5.4 Unrecognized authentication type", "invalid_credentials", "stops"),
    ("AUTH", "530 5.7.0 Authentication required", "invalid_credentials", "stops"),
    ("AUTH", "534 5.7.9 Application-specific password required", "invalid_credentials", "stops"),
    ("AUTH", "535 5.7.8 Authentication credentials invalid", "invalid_credentials", "stops"),
    ("AUTH", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "invalid_credentials", "stops"),
    ("AUTH", "538 5.7.11 Encryption required for requested authentication mechanism", "invalid_credentials", "stops"),
]


@pytest.mark.parametrize(
    ("command", "reply", "ours", "follows"), BY_COMMAND, ids=[f"{command}-{reply[:40]}" for command, reply, *_ in BY_COMMAND]
)
async def test_what_a_reply_means_to_a_command(
    simulator: MailSimulator, http: Http, command: str, reply: str, ours: str, follows: str
) -> None:
    simulator.says[command] = reply
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


@pytest.mark.parametrize(
    ("greeting", "ours", "follows"),
    [
        ("421 Service not available", "provider_unavailable", "again"),
        ("421 4.7.0 Too many connections from your host", "rate_limited", "waits 60"),
        ("421 Too many concurrent SMTP connections", "rate_limited", "waits 60"),
        ("450 4.3.2 Please try again later", "provider_unavailable", "again"),
        ("521 This host never accepts mail", "invalid_credentials", "stops"),
        ("554 No SMTP service here", "provider_unavailable", "again"),
    ],
)
async def test_what_a_greeting_means(simulator: MailSimulator, http: Http, greeting: str, ours: str, follows: str) -> None:
    simulator.greeting = greeting
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
