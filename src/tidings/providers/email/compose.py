"""A message as an Internet mail (RFC 5322): pure functions.

The headers that no mail program may fold or encode are written by us, because Python's own folding makes an encoded word of an
address longer than a line.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from tidings.providers.base import ChannelConfig, ErrorCode, Media, Outgoing
from tidings.providers.email.unsubscribe import unsubscribe_url

_POLICY = SMTP.clone(cte_type="7bit")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]']")
_ID = re.compile(r"[^\s<>]{1,250}")


class BadMail(ValueError):
    """This message cannot be put as a mail."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail ready for the wire."""

    sender: str
    recipient: str
    id: str
    """Its Message-ID without the angle brackets; known before it is sent, and the same each time it is."""
    content: bytes = field(repr=False)
    """Lines end in CRLF; dots are not doubled yet."""
    international: bool
    """An address has letters beyond ASCII before its @: the server must know SMTPUTF8."""


def compose(channel: ChannelConfig, message: Outgoing) -> Mail:
    """The mail of a message. Raises `BadMail`, or KeyError when the channel's settings are not complete."""
    ours, theirs = parse(channel.settings["from_address"]), parse(message.to, ErrorCode.INVALID_ADDRESS)
    if any(button.kind == "reply" for button in message.buttons):
        raise BadMail(ErrorCode.UNSUPPORTED, "A mail's buttons can only open addresses.")
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(_line(channel.settings.get("from_name", "")), ours.username, ours.domain)
    mail["To"] = theirs
    mail["Subject"] = _line(message.subject or channel.settings.get("subject", ""))
    if reply_to := channel.settings.get("reply_to"):
        mail["Reply-To"] = parse(reply_to)
    mail.set_content(_plain(message))
    mail.add_alternative(_html(message), subtype="html")
    if message.media is not None and message.media.content is not None:
        _attach(mail, message.media, message.media.content)
    identity = f"{message.id}@{ours.domain}"
    head = [f"Message-ID: <{identity}>", f"Date: {formatdate()}"]
    if message.reply_to and message.reply_to.isascii() and _ID.fullmatch(message.reply_to):
        head += [f"In-Reply-To: <{message.reply_to}>", f"References: <{message.reply_to}>"]
    if link := unsubscribe_url(channel, message.to):
        head += [f"List-Unsubscribe: <{link}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    international = not (ours.username.isascii() and theirs.username.isascii())
    policy = _POLICY.clone(utf8=True) if international else _POLICY
    return Mail(
        sender=ours.addr_spec,
        recipient=theirs.addr_spec,
        id=identity,
        content="".join(f"{line}\r\n" for line in head).encode("ascii") + mail.as_bytes(policy=policy),
        international=international,
    )


def parse(address: str, otherwise: ErrorCode = ErrorCode.INVALID_CREDENTIALS) -> Address:
    """An address with its domain in ASCII. Raises `BadMail` for anything that could be more than one plain address.

    Of our own addresses a bad one is as wrong for every mail of the channel as a password would be.
    """
    local, _, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not (_LOCAL.fullmatch(local) and len(local.encode("utf-8", "replace")) <= 64 and _DOMAIN.fullmatch(domain)):
        raise BadMail(otherwise, f"“{_line(address)[:100]}” is no e-mail address.")
    return Address(username=local, domain=domain)


def _line(text: str) -> str:
    """Without line breaks and control letters: whatever a customer's name holds, it makes no header of its own."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def _links(message: Outgoing) -> list[tuple[str, str]]:
    links = [(button.label, button.value) for button in message.buttons]
    if message.media is not None and message.media.content is None:
        links.append((message.media.file_name or message.media.kind.capitalize(), message.media.url))
    return links


def _plain(message: Outgoing) -> str:
    text = message.text.encode("utf-8", "replace").decode()
    return "\n\n".join([text, *(f"{label}: {url}" for label, url in _links(message))]) + "\n"


def _html(message: Outgoing) -> str:
    text = message.text.encode("utf-8", "replace").decode().replace("\r\n", "\n")
    parts = [f"<p>{'<br>'.join(_line_html(line) for line in part.split(chr(10)))}</p>" for part in text.split("\n\n") if part.strip()]
    parts += [f'<p><a href="{html.escape(url)}">{html.escape(label)}</a></p>' for label, url in _links(message) if _LINK.fullmatch(url)]
    body = "\n".join(parts)
    return f'<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n{body}\n</body></html>\n'


def _line_html(line: str) -> str:
    """Escaped, with addresses made into links."""
    said, end = "", 0
    for found in _LINK.finditer(line):
        url = html.escape(found[0])
        said += f'{html.escape(line[end : found.start()])}<a href="{url}">{url}</a>'
        end = found.end()
    return said + html.escape(line[end:])


def _attach(mail: EmailMessage, media: Media, content: bytes) -> None:
    family, _, kind = media.content_type.partition(";")[0].strip().partition("/")
    if not re.fullmatch(r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+", f"{family}/{kind}") or family in {"multipart", "message"}:
        family, kind = "application", "octet-stream"
    name = _line(media.file_name).replace("/", "_").replace("\\", "_") or f"{media.kind}.{kind}"
    mail.add_attachment(content, maintype=family, subtype=kind, filename=name)
