"""What a message carries besides its text: as the ledger keeps it, whether a channel can carry it, and as a provider is handed it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from tidings.providers.base import Button, Capabilities, Media, MediaKind, Outgoing, TemplateButtonKind, TemplateUse


class MediaPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file: at an address where the provider can fetch it, or uploaded to us."""

    kind: MediaKind | None = None
    """None: an uploaded file's own, until that is looked up."""
    content_type: str = ""
    url: str = ""
    file_name: str = ""
    id: str = ""
    """Of an uploaded file, as the outside sees it (`med_…`); instead of an address."""
    size: int = 0
    """Bytes of an uploaded file."""
    sha256: str = ""
    """By which the storage knows its bytes: what was checked is what is sent."""


class ButtonPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something the recipient can press."""

    label: str
    kind: Literal["reply", "url"] = "reply"
    value: str = ""


class TemplatePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A template of the provider's, filled in."""

    name: str
    language: str
    body: dict[str, str] = {}
    header_text: str | None = None
    header_media: MediaPart | None = None
    buttons: tuple[str, ...] = ()
    button_kinds: tuple[TemplateButtonKind, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything besides the text. A message that has nothing of it has no Content at all, and pays nothing for it."""

    media: MediaPart | None = None
    buttons: tuple[ButtonPart, ...] = ()
    template: TemplatePart | None = None
    subject: str = ""
    reply_to: str | None = None
    """The provider's id of the message that this one answers."""

    @property
    def speaks(self) -> bool:
        """Whether a message with this needs no text."""
        return self.media is not None or self.template is not None


_DECODER = msgspec.json.Decoder(Content)


def read_content(kept: str) -> Content:
    """From the ledger's JSON."""
    return _DECODER.decode(kept)


def content_json(content: Content | None) -> str | None:
    """As the ledger keeps it."""
    return None if content is None else msgspec.json.encode(content).decode()


def rendered(content: Content, fill: Callable[[str], str]) -> Content:
    """With the recipient's values in the subject, the template's parameters and the buttons' values."""
    template = content.template
    if template is not None:
        template = msgspec.structs.replace(
            template,
            body={name: fill(value) for name, value in template.body.items()},
            header_text=None if template.header_text is None else fill(template.header_text),
            buttons=tuple(fill(one) for one in template.buttons),
        )
    return msgspec.structs.replace(
        content,
        subject=fill(content.subject),
        buttons=tuple(msgspec.structs.replace(one, value=fill(one.value)) for one in content.buttons),
        template=template,
    )


def sources(content: Content) -> Iterator[str]:
    """Every text of it that may hold variables."""
    yield content.subject
    yield from (one.value for one in content.buttons)
    if content.template is not None:
        yield from content.template.body.values()
        yield content.template.header_text or ""
        yield from content.template.buttons


def uploads(content: Content) -> Iterator[MediaPart]:
    """Every uploaded file of it."""
    header = content.template.header_media if content.template is not None else None
    yield from (part for part in (content.media, header) if part is not None and part.id)


def needs_link(part: MediaPart, can: Capabilities) -> bool:
    """Whether the provider has to fetch an uploaded file from us, because it takes none with the message."""
    rule = can.media.get(part.kind) if part.kind is not None else None
    return rule is None or not rule.by_upload


def fitted(content: Content, text: str, can: Capabilities) -> Content:
    """What of it goes by a channel with these capabilities: where it has no templates of its own, the text takes the template's place."""
    if content.template is None or can.templates or not text.strip():
        return content
    return msgspec.structs.replace(content, template=None)


def misfit(content: Content, text: str, can: Capabilities, *, links: bool = True) -> str | None:
    """Why a channel with these capabilities cannot carry it, in words that follow the channel's name; None when it can.

    `links` says whether a provider can fetch uploaded files from this installation.
    """
    if content.template is not None and not can.templates:
        return "has no templates of its own"
    if content.subject and not can.subject:
        return "carries no subject"
    if content.reply_to is not None and not can.replies:
        return "cannot answer a given message"
    if len(content.buttons) > can.buttons:
        return f"carries at most {can.buttons} buttons" if can.buttons else "carries no buttons"
    header = content.template.header_media if content.template is not None else None
    if header is not None and header.id and (reason := _file_misfit(header, can, links=links)) is not None:
        return reason
    return None if content.media is None else _media_misfit(content.media, text, can, links=links)


def _file_misfit(part: MediaPart, can: Capabilities, *, links: bool) -> str | None:
    """Why the file itself cannot be carried. Of a header's kinds not all have a rule: those go as an address."""
    rule = can.media.get(part.kind) if part.kind is not None else None
    if rule is not None and rule.content_types and part.content_type not in rule.content_types:
        return f"carries {part.kind} files as {', '.join(rule.content_types)}, not as {part.content_type}"
    if rule is not None and part.size > rule.max_bytes:
        return f"carries {part.kind} files of at most {_size(rule.max_bytes)}; this one has {_size(part.size)}"
    if part.id and not links and needs_link(part, can):
        return (
            "takes files by their address only, and this installation has none that is public: its operator has to set TIDINGS_PUBLIC_URL"
        )
    return None


def _size(size: int) -> str:
    return f"{size / 1_048_576:.1f} MB" if size >= 104_858 else f"{size / 1024:.0f} KB"


def _media_misfit(media: MediaPart, text: str, can: Capabilities, *, links: bool) -> str | None:
    rule = can.media.get(media.kind) if media.kind is not None else None
    if rule is None:
        return f"carries no files of the kind {media.kind}; it carries {', '.join(can.media) or 'text alone'}"
    if (reason := _file_misfit(media, can, links=links)) is not None:
        return reason
    if media.url and not rule.by_url:
        return f"cannot fetch {media.kind} files from an address: upload the file instead"
    longest = can.max_caption if can.max_caption is not None else can.max_characters
    if longest is not None and len(text) > longest:
        return f"carries at most {longest} characters with a file"
    return None


def outgoing(message_id: str, to: str, text: str, content: Content) -> Outgoing:
    """As a provider is handed it."""
    template = content.template
    return Outgoing(
        id=message_id,
        to=to,
        text=text,
        subject=content.subject,
        media=_media(content.media),
        buttons=tuple(Button(label=one.label, kind=one.kind, value=one.value) for one in content.buttons),
        template=None
        if template is None
        else TemplateUse(
            name=template.name,
            language=template.language,
            body=template.body,
            header_text=template.header_text,
            header_media=_media(template.header_media),
            buttons=template.buttons,
            button_kinds=template.button_kinds,
        ),
        reply_to=content.reply_to,
    )


def _media(part: MediaPart | None) -> Media | None:
    """Of an uploaded file neither its bytes nor an address: they are added right before the request (delivery/files.py)."""
    if part is None:
        return None
    return Media(kind=part.kind or "document", content_type=part.content_type, file_name=part.file_name, url=part.url)
