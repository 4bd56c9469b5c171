"""The parts of Meta's answers that we keep."""

from __future__ import annotations

import msgspec

from tidings.providers.whatsapp_business.templates import Listed


class TakenMessage(msgspec.Struct):
    """The message that was taken."""

    id: str = ""


class Taken(msgspec.Struct):
    """The answer to a send."""

    messages: list[TakenMessage] = []


class Uploaded(msgspec.Struct):
    """The answer to an upload."""

    id: str = ""


class Number(msgspec.Struct):
    """The business number's own record."""

    id: str
    display_phone_number: str = ""
    verified_name: str = ""
    quality_rating: str = ""
    code_verification_status: str = ""
    status: str = ""


class Apps(msgspec.Struct):
    """The apps that get an account's webhooks."""

    data: list[dict[str, object]]


class Cursors(msgspec.Struct):
    """Where a page ends."""

    after: str = ""


class Paging(msgspec.Struct):
    """Whether more pages follow. Its `next` is an address with the token in it, which we do not call: `after` says as much."""

    cursors: Cursors = msgspec.field(default_factory=Cursors)
    next: str = ""


class TemplatePage(msgspec.Struct):
    """A page of templates."""

    data: list[Listed]
    paging: Paging = msgspec.field(default_factory=Paging)


class StoredMedia(msgspec.Struct):
    """Where a file can be fetched for five minutes."""

    url: str
    file_size: int | str | None = None


TAKEN = msgspec.json.Decoder(Taken)
UPLOADED = msgspec.json.Decoder(Uploaded)
NUMBER = msgspec.json.Decoder(Number)
APPS = msgspec.json.Decoder(Apps)
TEMPLATE_PAGE = msgspec.json.Decoder(TemplatePage)
STORED_MEDIA = msgspec.json.Decoder(StoredMedia)
