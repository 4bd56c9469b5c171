"""Writes contacts as CSV, in memory that does not grow with them.

Pages are read each in its own short transaction, so a slow reader holds nothing open.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from tidings.contacts.models import Contact
from tidings.contacts.reading import list_contacts
from tidings.core.addresses import is_phone
from tidings.core.ids import show_id

if TYPE_CHECKING:
    from tidings.contacts.search import Filters
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

HEADER = ("name", "phone", "other_addresses", "opted_out", "language", "timezone", "attributes", "created_at", "contact")
PAGE = 1_000
_PHONE = re.compile(r"\+\d+")


async def export_contacts(database: Database, access: Access, filters: Filters) -> AsyncIterator[bytes]:
    """The contacts of a list as CSV (RFC 4180) in UTF-8, with the mark at its beginning by which Excel knows it."""
    yield b"\xef\xbb\xbf" + _csv([HEADER])
    cursor: str | None = None
    while True:
        async with database.workspace(access.workspace_id) as session:
            page, cursor = await list_contacts(session, access, filters, cursor=cursor, limit=PAGE)
        if page:
            yield _csv(row_of(one) for one in page)
        if cursor is None:
            return


def row_of(contact: Contact) -> tuple[str, ...]:
    """One contact as a row under HEADER."""
    phone = contact.phone or ""
    others = [point.address if is_phone(point.medium, point.address) else f"{point.medium}:{point.address}" for point in contact.points]
    return tuple(
        _guarded(value)
        for value in (
            contact.name, phone, "; ".join(dict.fromkeys(one for one in others if one != phone)),
            "; ".join(f"{point.medium}:{point.address}" for point in contact.points if point.opted_out_at), contact.locale or "",
            contact.timezone or "", msgspec.json.encode(contact.attributes).decode() if contact.attributes else "",
            contact.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"), show_id("con", contact.id),
        )
    )  # fmt: skip


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()


def _guarded(value: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection).

    Phone numbers keep their plus: digits alone compute nothing.
    """
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} and not _PHONE.fullmatch(value) else value
