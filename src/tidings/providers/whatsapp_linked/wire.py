"""Between our frames and the library's protocol buffers. Runs in the bridge, the only process that loads the library.

Field names are WhatsApp's own: https://github.com/tulir/whatsmeow/tree/main/proto/waE2E.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tidings.providers.whatsapp_linked.frames import Came, File, MessageKind, Place, Receipted, Send

_WRAPPERS = (
    "ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension", "documentWithCaptionMessage", "groupMentionedMessage",
)  # fmt: skip
_FILES: dict[str, MessageKind] = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
}
_RECEIPTS: dict[str, Literal["delivered", "read"]] = {"DELIVERED": "delivered", "READ": "read", "PLAYED": "read"}
_PEOPLE = "s.whatsapp.net"
_HIDDEN = "lid"
"""Where people live who show no number: https://faq.whatsapp.com usernames; whatsmeow calls the ids LIDs."""
_THUMBNAIL = 200
_MOST_PIXELS = 60_000_000


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of neonize that are used."""

    client: Any
    """The class of a client: neonize's `NewClient`, or what a test puts in its place."""
    events: Any
    """neonize's module of events."""
    messages: Any
    """WhatsApp's end-to-end messages as protocol buffers."""
    jid: Any
    media: Any
    device: Any


def jid_of(library: Library, address: str) -> Any:
    """The recipient as the library wants it. Raises ValueError for what is no address of WhatsApp's."""
    user, _, server = address.partition("@")
    if not server:
        user, server = user.removeprefix("+"), _PEOPLE
    if not (user.isascii() and user.isdigit()) or server not in {_PEOPLE, _HIDDEN}:
        raise ValueError(address)
    return library.jid(User=user, Server=server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)


def address_of(jid: Any, alternative: Any, number_of: Callable[[Any], Any]) -> str | None:
    """A person's address in our form; None for groups, lists and news channels. `number_of` asks the store for a hidden person's number."""
    for one in (jid, alternative):
        if one is not None and one.Server == _PEOPLE and one.User.isdigit():
            return f"+{one.User}"
    if jid.Server != _HIDDEN or not jid.User.isdigit():
        return None
    try:
        known = number_of(jid)
    except Exception:  # noqa: BLE001 - the library has many; a number that is not known is no error
        known = None
    if known is not None and known.Server == _PEOPLE and known.User.isdigit():
        return f"+{known.User}"
    return f"{jid.User}@{_HIDDEN}"


# --- out --------------------------------------------------------------------------------------------------------------


def outgoing(library: Library, client: Any, order: Send, to: Any) -> Any:
    """The message to send; its file is handed over to WhatsApp first. Raises what the library raises."""
    reply = _context(library, order.reply_to, to) if order.reply_to else None
    if order.kind == "text":
        if reply is None:
            return library.messages.Message(conversation=order.text)
        return library.messages.Message(extendedTextMessage=library.messages.ExtendedTextMessage(text=order.text, contextInfo=reply))
    kinds = library.media
    sort = {"image": kinds.MediaImage, "sticker": kinds.MediaImage, "video": kinds.MediaVideo, "audio": kinds.MediaAudio}
    held = client.upload(order.content, sort.get(order.kind, kinds.MediaDocument))
    file = {
        "URL": held.url, "directPath": held.DirectPath, "mediaKey": held.MediaKey, "fileEncSHA256": held.FileEncSHA256,
        "fileSHA256": held.FileSHA256, "fileLength": held.FileLength, "mimetype": order.content_type, "contextInfo": reply,
    }  # fmt: skip
    return _with_file(library.messages, order, file)


def _with_file(messages: Any, order: Send, file: dict[str, Any]) -> Any:
    match order.kind:
        case "image":
            thumbnail = _thumbnail(order.content)
            return messages.Message(imageMessage=messages.ImageMessage(**file, caption=order.text or None, JPEGThumbnail=thumbnail))
        case "video":
            return messages.Message(videoMessage=messages.VideoMessage(**file, caption=order.text or None))
        case "audio":
            return messages.Message(audioMessage=messages.AudioMessage(**file))
        case "sticker":
            return messages.Message(stickerMessage=messages.StickerMessage(**file))
        case _:
            name = order.file_name or None
            return messages.Message(
                documentMessage=messages.DocumentMessage(**file, caption=order.text or None, fileName=name, title=name),
            )


def _context(library: Library, message_id: str, to: Any) -> Any:
    # The quoted text is the phone's to show: it finds the message by its id.
    return library.messages.ContextInfo(
        stanzaID=message_id, participant=f"{to.User}@{to.Server}", quotedMessage=library.messages.Message(conversation="")
    )


def _thumbnail(content: bytes) -> bytes | None:
    """A small preview, which phones show before they load the picture; None where the picture cannot be read."""
    try:
        from PIL import Image  # noqa: PLC0415 - it comes with neonize, and is there in the bridge alone

        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            picture.draft("RGB", (_THUMBNAIL, _THUMBNAIL))
            small = picture.convert("RGB")
            small.thumbnail((_THUMBNAIL, _THUMBNAIL))
            out = io.BytesIO()
            small.save(out, format="jpeg", quality=60)
    except Exception:  # noqa: BLE001 - pictures are broken in many ways, and a message goes without a preview too
        return None
    return out.getvalue()


# --- in ---------------------------------------------------------------------------------------------------------------


def receipt_of(session: str, receipt: Any) -> Receipted | None:
    """Whether messages reached or were read by the person; None for what says nothing of that (our own devices, groups, retries)."""
    source = receipt.MessageSource
    if source.IsFromMe or source.IsGroup:
        return None
    word = receipt.DESCRIPTOR.fields_by_name["Type"].enum_type.values_by_number[receipt.Type].name
    status = _RECEIPTS.get(word)
    if status is None:
        return None
    return Receipted(
        session=session, message_ids=list(receipt.MessageIDs), status=status, word=word.lower(), at=_seconds(receipt.Timestamp)
    )


def came_of(session: str, event: Any, number_of: Callable[[Any], Any]) -> Came | None:
    """A person's message; None for groups, for what was written on the phone itself, and for what has nothing to read."""
    source = event.Info.MessageSource
    if source.IsFromMe or source.IsGroup:
        return None
    sender = address_of(source.Sender, source.SenderAlt, number_of)
    chat = source.Chat.Server
    if sender is None or chat not in {_PEOPLE, _HIDDEN}:
        return None
    message = _unwrapped(event.Message)
    read = _read(message)
    if read is None:
        return None
    text, button, place, file = read
    return Came(
        session=session, message_id=event.Info.ID, sender=sender, name=event.Info.Pushname, text=text, at=_seconds(event.Info.Timestamp),
        file=file, place=place, button=button, reply_to=_quoted(message),
    )  # fmt: skip


def _unwrapped(message: Any) -> Any:
    for _ in range(4):
        inner = next((name for name in _WRAPPERS if message.HasField(name)), None)
        if inner is None:
            break
        message = getattr(message, inner).message
    return message


def _read(message: Any) -> tuple[str, str | None, Place | None, File | None] | None:
    """Text, pressed button, place and file."""
    for name, kind in _FILES.items():
        if message.HasField(name):
            part = getattr(message, name)
            return getattr(part, "caption", ""), None, None, _file(message, name, kind)
    for name in ("locationMessage", "liveLocationMessage"):
        if message.HasField(name):
            return "", None, _place(getattr(message, name)), None
    button = _button(message)
    if button is not None:
        return *button, None, None
    text = message.conversation or message.extendedTextMessage.text
    if not text and message.HasField("contactMessage"):
        text = message.contactMessage.displayName
    return (text, None, None, None) if text else None


def _button(message: Any) -> tuple[str, str] | None:
    """The label and the value of a pressed button."""
    if message.HasField("buttonsResponseMessage"):
        pressed = message.buttonsResponseMessage
        return pressed.selectedDisplayText, pressed.selectedButtonID or pressed.selectedDisplayText
    if message.HasField("templateButtonReplyMessage"):
        pressed = message.templateButtonReplyMessage
        return pressed.selectedDisplayText, pressed.selectedID or pressed.selectedDisplayText
    if message.HasField("listResponseMessage"):
        chosen = message.listResponseMessage
        return chosen.title, chosen.singleSelectReply.selectedRowID or chosen.title
    if message.HasField("interactiveResponseMessage"):
        answered = message.interactiveResponseMessage
        return answered.body.text, answered.nativeFlowResponseMessage.name or answered.body.text
    return None


def _place(location: Any) -> Place:
    return Place(
        latitude=location.degreesLatitude,
        longitude=location.degreesLongitude,
        name=getattr(location, "name", ""),
        address=getattr(location, "address", ""),
    )


def _file(message: Any, name: str, kind: Any) -> File:
    part = getattr(message, name)
    # Only what fetches the file again: its place, its key and its hashes.
    slim = type(message)()
    kept = getattr(slim, name)
    for field in ("URL", "directPath", "mediaKey", "fileEncSHA256", "fileSHA256", "fileLength", "mimetype", "mediaKeyTimestamp"):
        setattr(kept, field, getattr(part, field))
    return File(
        kind=kind,
        reference=slim.SerializeToString(),
        content_type=part.mimetype.partition(";")[0].strip(),
        file_name=getattr(part, "fileName", ""),
        size=part.fileLength,
    )


def _quoted(message: Any) -> str | None:
    for _, part in message.ListFields():
        if hasattr(part, "contextInfo") and part.contextInfo.stanzaID:
            return str(part.contextInfo.stanzaID)
    return None


def _seconds(timestamp: int) -> float:
    """WhatsApp counts seconds and some versions of the library hand on milliseconds."""
    return timestamp / 1000 if timestamp > time.time() * 10 else float(timestamp)
