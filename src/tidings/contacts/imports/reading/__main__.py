"""The reader's own process: a request on standard input, rows for PostgreSQL's COPY on standard output, a report on standard error."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tidings.contacts.imports.reading.columns import LOOKED_AT, Columns, letter, read_columns
from tidings.contacts.imports.reading.formats import find_format
from tidings.contacts.imports.reading.problems import BadFileError
from tidings.contacts.imports.reading.sheets import Row, read_rows
from tidings.contacts.imports.reading.verdicts import ReadRow, read_row
from tidings.contacts.imports.reading.wire import Report, Request, SheetColumn

_CHUNK_ROWS: Final = 500
_SAMPLES: Final = 3
_SAMPLE_LENGTH: Final = 60


def main() -> int:
    """Read one file; 0 when all of it was written, 2 when it is not usable, with the reason in the report."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    _limit_ourselves(request)
    try:
        report = _read(request, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BadFileError as error:
        report = Report(error=str(error))
    except MemoryError:
        report = Report(error=TOO_MUCH)
    sys.stderr.buffer.write(msgspec.json.encode(report))
    return 2 if report.error else 0


TOO_MUCH: Final = (
    "The sheet needs too much memory, most likely because a cell far to the right or at the bottom is in use. "
    "Copy the names and numbers into a new sheet and upload that."
)


def _limit_ourselves(request: Request) -> None:
    """Have the system end this process when a file makes it grow or run beyond reason. Windows has no such limits."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (request.memory_bytes, request.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_seconds, request.cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(request: Request, out: BinaryIO) -> Report:
    path = Path(request.path)
    file_format = find_format(path)
    rows = read_rows(path, file_format)
    top = list(itertools.islice(rows, LOOKED_AT))
    columns = read_columns(top, request.mapping, request.header)
    count = 0
    contacts = (row for row in itertools.chain(top, rows) if row[0] > columns.header_rows)
    for chunk in _chunks(contacts):
        count += len(chunk)
        if count > request.row_limit:
            raise BadFileError(f"The file has more than {request.row_limit:,} rows. Split it and upload the parts one after the other.")
        out.write("".join(_copy_line(number, read_row(cells, columns, request.region)) for number, cells in chunk).encode())
    if not count:
        raise BadFileError("There is a header in the file, but no rows below it.")
    return Report(format=file_format, header_rows=columns.header_rows, mapping=_mapping(columns), columns=_columns(columns, top))


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, _CHUNK_ROWS)):
        yield chunk


def _copy_line(number: int, row: ReadRow) -> str:
    """One row in the text format of COPY: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-TEXT."""
    attributes = msgspec.json.encode(row.attributes).decode() if row.attributes else "{}"
    values = (row.name, row.raw_phone, row.address, row.locale, row.timezone, attributes, row.error)
    return f"{number}\t" + "\t".join("\\N" if value is None else value.replace("\\", "\\\\") for value in values) + "\n"


def _mapping(columns: Columns) -> dict[str, object]:
    """How the file was read, by letters."""
    found: dict[str, object] = {"name": [letter(index) for index in columns.name], "phone": letter(columns.phone)}
    for key, index in (("locale", columns.locale), ("timezone", columns.timezone)):
        if index is not None:
            found[key] = letter(index)
    if columns.attributes:
        found["attributes"] = {key: letter(index) for key, index in columns.attributes}
    return found


def _columns(columns: Columns, top: list[Row]) -> list[SheetColumn]:
    contacts = [cells for number, cells in top if number > columns.header_rows]
    width = max((len(cells) for _, cells in top), default=0)
    return [
        SheetColumn(
            letter=letter(index),
            header=columns.headers[index][:_SAMPLE_LENGTH] if index < len(columns.headers) else "",
            samples=list(
                itertools.islice((cells[index][:_SAMPLE_LENGTH] for cells in contacts if index < len(cells) and cells[index]), _SAMPLES)
            ),
        )
        for index in range(width)
    ]


if __name__ == "__main__":
    sys.exit(main())
