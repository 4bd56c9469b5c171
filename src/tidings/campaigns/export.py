"""Writes a campaign's ledger as CSV or as a workbook, in memory that does not grow with it.

Pages are read each in its own short transaction, so a slow reader holds nothing open. Everybody stands in the file once, as they
stood when their page was read.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import xlsxwriter

from tidings.campaigns import ledger
from tidings.campaigns.ledger import Recipient
from tidings.core.ids import show_id
from tidings.ui.words import find_reason

if TYPE_CHECKING:
    from tidings.db.database import Database

HEADER = (
    "name", "address", "status", "reason", "meaning", "detail", "attempts", "possible_duplicate", "segments", "cost", "currency",
    "sent_at", "delivered_at", "read_at", "ended_at", "message", "contact", "provider_message_id",
)  # fmt: skip
PAGE = 2_000
SHEET_ROWS = 1_048_576
"""Rows of one sheet in Excel, the header among them."""
_CHUNK = 256 * 1024
_WORKBOOKS = asyncio.Semaphore(2)
"""Workbooks written at once: each takes a processor and room for temporary files."""
_PHONE = re.compile(r"\+\d+")


async def export_csv(database: Database, workspace_id: UUID, campaign_id: UUID) -> AsyncIterator[bytes]:
    """The ledger as CSV (RFC 4180) in UTF-8, with the mark at its beginning by which Excel knows it."""
    yield b"\xef\xbb\xbf" + _csv([HEADER])
    async for page in _pages(database, workspace_id, campaign_id):
        yield _csv(tuple(_guarded(value) for value in row) for row in page)


async def export_xlsx(database: Database, workspace_id: UUID, campaign_id: UUID) -> AsyncIterator[bytes]:
    """The ledger as a workbook, on as many sheets as it takes. It is written to a temporary file first, then handed out."""
    with tempfile.TemporaryDirectory(prefix="tidings-export-") as folder:
        path = Path(folder) / "ledger.xlsx"
        async with _WORKBOOKS:
            book = _Workbook(path, folder)
            async for page in _pages(database, workspace_id, campaign_id):
                await asyncio.to_thread(book.write, page)
            await asyncio.to_thread(book.close)
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk


async def _pages(database: Database, workspace_id: UUID, campaign_id: UUID) -> AsyncIterator[list[tuple[Any, ...]]]:
    after: UUID | None = None
    while True:
        async with database.workspace(workspace_id) as session:
            page = await ledger.list_recipients(session, workspace_id, campaign_id, after=after, limit=PAGE)
        if page:
            yield [row_of(one) for one in page]
        if len(page) < PAGE:
            return
        after = page[-1].id


def row_of(one: Recipient) -> tuple[Any, ...]:
    """One recipient as a row under HEADER."""
    reason = one.suppression or one.error_code or ""
    return (
        one.name, one.address, one.status, reason, find_reason(reason).meaning if reason else "", one.error_detail or "", one.attempt,
        "yes" if one.possible_duplicate else "", one.segments, _amount(one.cost_micros), one.cost_currency or "", _time(one.sent_at),
        _time(one.delivered_at), _time(one.read_at), _time(one.settled_at), show_id("msg", one.id),
        show_id("con", one.contact_id) if one.contact_id else "", one.provider_message_id or "",
    )  # fmt: skip


def _amount(micros: int | None) -> float | None:
    return None if micros is None else micros / 1_000_000


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()


def _guarded(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection).

    Phone numbers keep their plus: digits alone compute nothing.
    """
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} and not _PHONE.fullmatch(value):
        return f"'{value}"
    return value


class _Workbook:
    """Rows on their way into a workbook; a new sheet begins when one is full."""

    def __init__(self, path: Path, folder: str) -> None:
        # Without constant_memory a million rows would take gigabytes. Texts are written as they are: none becomes a formula or a link.
        self._book = xlsxwriter.Workbook(
            path,
            {
                "constant_memory": True, "tmpdir": folder, "use_zip64": True, "strings_to_formulas": False, "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )  # fmt: skip
        self._bold = self._book.add_format({"bold": True})
        self._sheets = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet("Ledger" if self._sheets == 1 else f"Ledger {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(HEADER) - 1, 20)
        self._sheet.write_row(0, 0, HEADER, self._bold)
        self._row = 1

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for row in rows:
            if self._row == SHEET_ROWS:
                self._begin_sheet()
            for column, value in _filled(row):
                if isinstance(value, str):
                    self._sheet.write_string(self._row, column, value[:32_767])  # the most a cell holds
                else:
                    self._sheet.write_number(self._row, column, value)
            self._row += 1

    def close(self) -> None:
        self._book.close()


def _filled(row: tuple[Any, ...]) -> Iterator[tuple[int, Any]]:
    return ((column, value) for column, value in enumerate(row) if value not in {None, ""})
