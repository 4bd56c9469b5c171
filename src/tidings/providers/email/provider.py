"""E-mail over SMTP to the submission server of any mail service.

Specs: RFC 5321 (SMTP), RFC 6409 (submission), RFC 3207 (STARTTLS), RFC 4954 (sign-in), RFC 5322 (the mail), RFC 8058 (unsubscribing).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

from tidings.providers.base import (
    Balance,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    Field,
    HookAnswer,
    HookRequest,
    Limits,
    MediaRule,
    Outcome,
    Outgoing,
    ProviderError,
    SendFailed,
)
from tidings.providers.email.compose import BadMail, Mail, compose
from tidings.providers.email.reach import Trouble, server_of
from tidings.providers.email.session import Patience, Sender
from tidings.providers.email.unsubscribe import read_hook
from tidings.providers.http import Http, Request
from tidings.providers.outcomes import redact, redacted

FILE_BYTES = 10 * 1024 * 1024
"""Mail servers commonly take 20 to 25 MB, and a file grows by a third on its way."""
_ADDRESS = r"[^@\s<>,;\"]{1,64}@[^@\s<>,;\"]+\.[^@\s<>,;\"]+"

DESCRIPTION = Description(
    kind="email",
    label="Email",
    summary="E-mail through the SMTP server of your mail service, with an attachment and a link to unsubscribe.",
    fields=(
        Field(
            name="host",
            label="SMTP server",
            help="As your mail service names it.",
            pattern=r"[A-Za-z0-9.:-]{1,253}",
            example="smtp.example.com",
        ),
        Field(
            name="port",
            label="Port",
            help="587 with STARTTLS, 465 with TLS.",
            default="587",
            pattern=r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]",
            example="587",
        ),
        Field(
            name="security",
            label="Encryption",
            help="As your mail service names it. Without encryption no password is sent.",
            default="starttls",
            pattern="starttls|tls|none",
            example="starttls",
        ),
        Field(name="username", label="User name", help="Often the e-mail address. Empty where the server asks for none.", required=False),
        Field(
            name="password", label="Password", help="Of the mail account; many services want an app password.", secret=True, required=False
        ),
        Field(
            name="from_address",
            label="From address",
            help="One that your account may send from.",
            pattern=_ADDRESS,
            example="shop@example.com",
        ),
        Field(
            name="from_name", label="From name", help="What the recipient sees as the sender.", required=False, pattern=r"[^\r\n]{1,100}"
        ),
        Field(
            name="reply_to",
            label="Answers go to",
            help="Another address for answers.",
            required=False,
            pattern=_ADDRESS,
            example="asha@example.com",
        ),
        Field(
            name="subject",
            label="Usual subject",
            help="For messages that bring no subject of their own.",
            default="A message for you",
            pattern=r"[^\r\n]{1,200}",
        ),
        Field(
            name="unsubscribe_key",
            label="Unsubscribe key",
            help="Any long random text. With it each mail carries a one-click link to unsubscribe, as large mailbox services ask for.",
            secret=True,
            required=False,
            pattern=r".{16,200}",
            example="any 16 letters or more",
        ),
    ),
    capabilities=Capabilities(
        mediums=("email",),
        max_batch=10,
        signed_hooks=True,
        max_characters=100_000,
        media={
            "image": MediaRule(content_types=("image/jpeg", "image/png", "image/gif", "image/webp"), max_bytes=FILE_BYTES, by_url=False),
            "video": MediaRule(content_types=("video/mp4", "video/quicktime"), max_bytes=FILE_BYTES, by_url=False),
            "audio": MediaRule(content_types=("audio/mpeg", "audio/ogg", "audio/wav"), max_bytes=FILE_BYTES, by_url=False),
            "document": MediaRule(
                content_types=("application/pdf", "text/plain", "text/csv", "application/zip"), max_bytes=FILE_BYTES, by_url=False
            ),
        },
        buttons=10,
        replies=True,
        subject=True,
    ),
    # What a mail service takes differs widely (Gmail: 500 recipients a day), and it does not say. Slow, and few connections at once.
    limits=Limits(per_second=2.0, burst=10, concurrency=2),
    sender_label="",
    hook_help="Nothing to do: with an unsubscribe key each mail carries this address as its link to unsubscribe.",
)


class Email:
    """The provider. It holds nothing but its patience: each batch has a connection of its own."""

    description = DESCRIPTION

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:  # noqa: ARG002 - SMTP is no HTTP
        known: dict[int, Outcome] = {}
        mails: list[Mail] = []
        for at, message in enumerate(batch):
            composed = _compose(channel, message)
            if isinstance(composed, Mail):
                mails.append(composed)
            else:
                known[at] = composed
        sent = iter(await self._send(channel, mails))
        hidden, request = _with_spellings(channel), Request(url="")
        return [redacted(known.get(at) or next(sent), hidden, request) for at in range(len(batch))]

    async def _send(self, channel: ChannelConfig, mails: Sequence[Mail]) -> list[Outcome]:
        if not mails:
            return []
        try:
            server_of(channel)
            channel.settings["security"]
        except (KeyError, ValueError):
            return [_INCOMPLETE] * len(mails)
        return await Sender(channel, self._patience).send(mails)

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002
        raise ProviderError(ErrorCode.UNSUPPORTED, "A mail server has no balance.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:  # noqa: ARG002
        try:
            encrypted = await Sender(channel, self._patience).prove()
            server = server_of(channel)
        except Trouble as trouble:
            raise ProviderError(trouble.outcome.code, redact(trouble.outcome.detail, _with_spellings(channel))) from None
        except BadMail as bad:
            raise ProviderError(bad.code, bad.detail) from None
        except (KeyError, ValueError):
            raise ProviderError(ErrorCode.INTERNAL, _INCOMPLETE.detail) from None
        who = f"signed in as {channel.settings['username']}" if channel.settings.get("username") else "without signing in"
        how = "over TLS" if encrypted else "without encryption"
        return f"Reached {server.host} {how}, {who}; it lets {channel.settings['from_address']} send. Nothing was sent."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel, request)


_INCOMPLETE = SendFailed(code=ErrorCode.INTERNAL, detail="The channel's settings are not complete: save them again.")


def _compose(channel: ChannelConfig, message: Outgoing) -> Mail | SendFailed:
    try:
        return compose(channel, message)
    except BadMail as bad:
        return SendFailed(code=bad.code, detail=bad.detail)
    except (KeyError, ValueError):
        return _INCOMPLETE


def _with_spellings(channel: ChannelConfig) -> ChannelConfig:
    """The channel with its password as sign-in spells it on the wire, so that it is blotted out of what a server says."""
    user, password = channel.settings.get("username", ""), channel.credentials.get("password", "")
    if not password:
        return channel
    plain, alone = (base64.b64encode(text.encode()).decode() for text in (f"\0{user}\0{password}", password))
    return replace(channel, credentials={**channel.credentials, "sign_in_plain": plain, "sign_in_login": alone})
