"""What comes in: Telegram's updates, the same by webhook and by polling. Pure.

Specs: https://core.telegram.org/bots/api#update. Edited messages are not asked for: the first version was read and perhaps answered.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from tidings.providers.base import Callback, Inbound, Linked, Location, MediaKind, ProviderOptOut, ReceivedMedia

ALLOWED = ("message", "callback_query", "my_chat_member")
"""The kinds of updates that we ask for."""
GONE = frozenset({"kicked", "left"})  # the bot itself: blocked by a person, or put out of a group
_START = re.compile(r"/start(?:@\w+)?\s+([A-Za-z0-9_-]{1,64})")
_COMMAND = re.compile(r"(/\w+)@(\w+)")


class User(msgspec.Struct):
    """A person, or a bot."""

    id: int
    first_name: str = ""
    last_name: str = ""


class Chat(msgspec.Struct):
    """A talk with one person, a group or a channel."""

    id: int
    type: str = ""


class Upload(msgspec.Struct):
    """A file of any kind."""

    file_id: str
    file_size: int | None = None
    mime_type: str = ""
    file_name: str = ""
    width: int = 0
    height: int = 0
    is_animated: bool = False
    is_video: bool = False


class Place(msgspec.Struct):
    """Degrees."""

    latitude: float
    longitude: float


class Venue(msgspec.Struct):
    """A place with a name."""

    location: Place
    title: str = ""
    address: str = ""


class Contact(msgspec.Struct):
    """Somebody's card, handed on."""

    phone_number: str
    first_name: str = ""
    last_name: str = ""


class Dice(msgspec.Struct):
    """An emoji that shows a random value."""

    emoji: str = ""


class Poll(msgspec.Struct):
    """A question with choices."""

    question: str = ""


class Answered(msgspec.Struct):
    """The message that another one answers."""

    message_id: int


class Pressable(msgspec.Struct):
    """A button as it stands below a message."""

    text: str = ""
    callback_data: str | None = None


class Keyboard(msgspec.Struct):
    """Buttons in rows."""

    inline_keyboard: list[list[Pressable]] = []


class Message(msgspec.Struct):
    """The parts of a message that we know."""

    message_id: int
    chat: Chat
    date: int = 0
    sender: User | None = msgspec.field(default=None, name="from")
    text: str = ""
    caption: str = ""
    photo: list[Upload] = []
    video: Upload | None = None
    animation: Upload | None = None
    video_note: Upload | None = None
    audio: Upload | None = None
    voice: Upload | None = None
    document: Upload | None = None
    sticker: Upload | None = None
    location: Place | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    dice: Dice | None = None
    poll: Poll | None = None
    reply_to_message: Answered | None = None
    reply_markup: Keyboard | None = None


class Press(msgspec.Struct):
    """A press on a button of ours."""

    id: str
    sender: User = msgspec.field(name="from")
    message: Message | None = None
    data: str | None = None


class Member(msgspec.Struct):
    """Whether the bot is in a chat."""

    status: str = ""


class Membership(msgspec.Struct):
    """A change of it."""

    chat: Chat
    new_chat_member: Member


class Update(msgspec.Struct):
    """One thing that happened. At most one of the rest is there."""

    update_id: int
    message: Message | None = None
    callback_query: Press | None = None
    my_chat_member: Membership | None = None


def plain_json(body: bytes) -> Any:
    """JSON as plain values, None where it is none. More patient than msgspec: half an emoji is no reason to lose a page of updates."""
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def read_update(told: Any) -> Update | None:
    """An update from plain values; None for one of a shape that nobody has heard of yet."""
    try:
        return msgspec.convert(told, Update, strict=False)
    except msgspec.ValidationError:
        return None


def callbacks(update: Update, recipient: str | None) -> list[Callback]:
    """What an update means; nothing for what does not concern us."""
    if update.message is not None:
        return _message(update.message, recipient)
    if update.callback_query is not None:
        return [_press(update.callback_query, recipient)]
    if update.my_chat_member is not None and update.my_chat_member.new_chat_member.status in GONE:
        return [ProviderOptOut(address=str(update.my_chat_member.chat.id))]
    return []


def _message(message: Message, recipient: str | None) -> list[Callback]:
    text = _text(message)
    if start := _START.fullmatch(text):
        return [Linked(code=start[1], address=str(message.chat.id), name=_name(message.sender))]
    media, location = tuple(_media(message)), _location(message)
    if not (text or media or location):  # somebody joined, a photo of the group was changed, …
        return []
    return [
        Inbound(
            provider_message_id=_id(message.chat, message.message_id),
            sender=str(message.chat.id),
            recipient=recipient,
            text=text,
            at=_at(message.date),
            media=media,
            sender_name=_name(message.sender),
            location=location,
            reply_to=_id(message.chat, message.reply_to_message.message_id) if message.reply_to_message else None,
        )
    ]


def _press(press: Press, recipient: str | None) -> Inbound:
    message = press.message
    chat = message.chat if message else Chat(id=press.sender.id)
    return Inbound(
        provider_message_id=f"press:{press.id}",  # the message's own number would be the same for a second press
        sender=str(chat.id),
        recipient=recipient,
        text=_label(press),
        sender_name=_name(press.sender),
        button=press.data,
        reply_to=_id(chat, message.message_id) if message else None,
    )


def _label(press: Press) -> str:
    rows = press.message.reply_markup.inline_keyboard if press.message and press.message.reply_markup else []
    return next((button.text for row in rows for button in row if button.callback_data == press.data), press.data or "")


def _text(message: Message) -> str:
    text = message.text or message.caption
    if message.contact is not None:
        name = f"{message.contact.first_name} {message.contact.last_name}".strip()
        text = f"{name}, {message.contact.phone_number}" if name else message.contact.phone_number
    elif message.dice is not None:
        text = message.dice.emoji
    elif message.poll is not None:
        text = message.poll.question
    # In groups a command names the bot it is for: "/stop@shop_bot" is a STOP as well.
    command = _COMMAND.fullmatch(text.strip())
    return command[1] if command else text


def _media(message: Message) -> list[ReceivedMedia]:
    if message.photo:  # the same picture in several sizes
        return [_received("image", max(message.photo, key=lambda size: (size.width * size.height, size.file_size or 0)), "image/jpeg")]
    kinds: tuple[tuple[MediaKind, Upload | None, str], ...] = (
        ("video", message.video, "video/mp4"),
        ("video", message.animation, "video/mp4"),  # before the document: an animation comes as both
        ("video", message.video_note, "video/mp4"),
        ("audio", message.audio, "audio/mpeg"),
        ("audio", message.voice, "audio/ogg"),
        ("sticker", message.sticker, _sticker_type(message.sticker)),
        ("document", message.document, "application/octet-stream"),
    )
    return next(([_received(kind, upload, usual)] for kind, upload, usual in kinds if upload is not None), [])


def _received(kind: MediaKind, upload: Upload, usual: str) -> ReceivedMedia:
    return ReceivedMedia(
        kind=kind,
        provider_id=upload.file_id,
        content_type=upload.mime_type or usual,
        file_name=upload.file_name,
        size=upload.file_size,
    )


def _sticker_type(sticker: Upload | None) -> Literal["image/webp", "video/webm", "application/x-tgsticker"]:
    if sticker is not None and sticker.is_video:
        return "video/webm"
    return "application/x-tgsticker" if sticker is not None and sticker.is_animated else "image/webp"


def _location(message: Message) -> Location | None:
    if message.venue is not None:
        place = message.venue.location
        return Location(latitude=place.latitude, longitude=place.longitude, name=message.venue.title, address=message.venue.address)
    return Location(latitude=message.location.latitude, longitude=message.location.longitude) if message.location else None


def _id(chat: Chat, message_id: int) -> str:
    return f"{chat.id}:{message_id}"


def _name(user: User | None) -> str:
    return f"{user.first_name} {user.last_name}".strip() if user else ""


def _at(date: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(date, UTC) if date > 0 else None
    except (OverflowError, ValueError, OSError):
        return None
