"""A message from a person, as the platform words it, in our form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tidings.providers.base import Inbound, Location, MediaKind, ReceivedMedia

_MEDIA: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio", "document": "document", "sticker": "sticker"}
NOT_MESSAGES = frozenset({"reaction", "system", "revoke", "request_welcome"})
"""Types that nobody wrote: a reaction has no text of its own and opens no window, a system message is WhatsApp's note about a changed
number, a revoke takes back what we hold already, a welcome request comes before the person writes."""
_CONTACTS_SHOWN = 10


class Profile(msgspec.Struct):
    """What a person calls themself."""

    name: str | None = None
    username: str | None = None


class Contact(msgspec.Struct):
    """Somebody whom a call is about. Who shows no number has a business-scoped user id alone."""

    wa_id: str | None = None
    user_id: str | None = None
    profile: Profile | None = None


class Attachment(msgspec.Struct):
    """Media, known by an id."""

    id: str | None = None
    url: str | None = None
    mime_type: str | None = None
    caption: str | None = None
    filename: str | None = None


class Place(msgspec.Struct):
    """Degrees, as numbers."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class Text(msgspec.Struct):
    """Plain words."""

    body: str = ""


class Pressed(msgspec.Struct):
    """A quick reply of a template: `payload` is what we gave it."""

    text: str = ""
    payload: str | None = None


class Chosen(msgspec.Struct):
    """A reply button, or a line of a list."""

    id: str = ""
    title: str = ""


class FlowAnswer(msgspec.Struct):
    """A form that was filled in."""

    body: str = ""


class Interactive(msgspec.Struct):
    """What was pressed below an interactive message."""

    button_reply: Chosen | None = None
    list_reply: Chosen | None = None
    nfm_reply: FlowAnswer | None = None


class Context(msgspec.Struct):
    """The message that this one answers."""

    id: str | None = None


class Product(msgspec.Struct):
    """A line of an order."""

    product_retailer_id: str = ""
    quantity: int | str = 1


class Order(msgspec.Struct):
    """A basket of a catalogue's products."""

    text: str | None = None
    product_items: list[Product] = []


class Message(msgspec.Struct):
    """One message. Of the parts only the one named by `type` is there."""

    id: str
    type: str = ""
    from_: str | None = msgspec.field(name="from", default=None)
    from_user_id: str | None = None
    timestamp: str | int | None = None
    group_id: str | None = None
    text: Text | None = None
    image: Attachment | None = None
    video: Attachment | None = None
    audio: Attachment | None = None
    document: Attachment | None = None
    sticker: Attachment | None = None
    location: Place | None = None
    contacts: list[Any] = []
    button: Pressed | None = None
    interactive: Interactive | None = None
    order: Order | None = None
    context: Context | None = None
    edit: Any = None


class Edited(msgspec.Struct):
    """A message as it reads after its sender changed it."""

    original_message_id: str
    message: dict[str, Any]


def inbound_of(message: Message, contacts: Sequence[Contact], recipient: str | None, at: datetime | None) -> Inbound | None:
    """The message in our form; None for what no person wrote to this number, or what names nobody to answer to."""
    contact = _contact(message, contacts)
    sender = phone(message.from_) or phone(contact.wa_id) or message.from_user_id or contact.user_id
    if not (sender and message.id) or message.type in NOT_MESSAGES or message.group_id:
        return None
    reply_to = message.context.id if message.context else None
    said = message
    if message.type == "edit":
        said, reply_to = _edited(message)
    text, button = _text(said)
    profile = contact.profile or Profile()
    return Inbound(
        provider_message_id=message.id,
        sender=sender,
        recipient=recipient,
        text=text,
        at=at,
        media=_media(said),
        sender_name=profile.name or profile.username or "",
        location=_location(said.location),
        button=button,
        reply_to=reply_to,
    )


def phone(digits: str | None) -> str | None:
    """A number as WhatsApp writes it (digits alone, or with spaces and a plus) as E.164."""
    plain = re.sub(r"[\s()+-]", "", digits or "")
    return f"+{plain}" if re.fullmatch(r"[1-9]\d{6,14}", plain, re.ASCII) else None


def _contact(message: Message, contacts: Sequence[Contact]) -> Contact:
    """The sender's entry: by number, by user id, or the only one."""
    for contact in contacts:
        if (message.from_ and contact.wa_id == message.from_) or (message.from_user_id and contact.user_id == message.from_user_id):
            return contact
    return contacts[0] if len(contacts) == 1 else Contact()


def _edited(message: Message) -> tuple[Message, str | None]:
    try:
        edited = msgspec.convert(message.edit, Edited)
        return msgspec.convert({"id": message.id, **edited.message}, Message), edited.original_message_id
    except msgspec.ValidationError:
        return message, None


def _text(message: Message) -> tuple[str, str | None]:
    """The words and the value of a pressed button."""
    if message.text:
        return message.text.body, None
    if message.button:
        return message.button.text, message.button.payload or message.button.text
    if message.interactive:
        chosen = message.interactive.button_reply or message.interactive.list_reply
        if chosen:
            return chosen.title, chosen.id or chosen.title
        return message.interactive.nfm_reply.body if message.interactive.nfm_reply else "", None
    if message.contacts:
        return "\n".join(_contact_line(contact) for contact in message.contacts[:_CONTACTS_SHOWN]), None
    if message.order:
        lines = [f"{item.quantity} x {item.product_retailer_id}" for item in message.order.product_items]
        return "\n".join([line for line in (message.order.text or "", *lines) if line]), None
    attachment = _attachment(message)
    return (attachment[1].caption or "" if attachment else ""), None


def _contact_line(contact: Any) -> str:
    """`Jane Doe: +254711000123`."""
    card = contact if isinstance(contact, dict) else {}
    name = card.get("name")
    shown = str(name.get("formatted_name") or "") if isinstance(name, dict) else ""
    phones = card.get("phones")
    numbers = [str(each.get("phone") or "") for each in phones if isinstance(each, dict)] if isinstance(phones, list) else []
    return ": ".join(part for part in (shown, ", ".join(number for number in numbers if number)) if part)


def _attachment(message: Message) -> tuple[MediaKind, Attachment] | None:
    for name, kind in _MEDIA.items():
        attachment: Attachment | None = getattr(message, name)
        if attachment is not None:
            return kind, attachment
    return None


def _media(message: Message) -> tuple[ReceivedMedia, ...]:
    found = _attachment(message)
    if found is None or not (found[1].id or found[1].url):
        return ()
    kind, attachment = found
    return (
        ReceivedMedia(
            kind=kind,
            url=attachment.url or "",
            provider_id=attachment.id or "",
            content_type=(attachment.mime_type or "").partition(";")[0].strip(),
            file_name=attachment.filename or "",
        ),
    )


def _location(place: Place | None) -> Location | None:
    if place is None:
        return None
    return Location(latitude=place.latitude, longitude=place.longitude, name=place.name or "", address=place.address or "")
