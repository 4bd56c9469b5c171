"""Spreadsheets made for the import tests, good and bad."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import openpyxl
import xlsxwriter

Rows = Sequence[Sequence[Any]]


def xlsx(rows: Rows) -> bytes:
    """An .xlsx with these rows."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for line, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, column, value)
            elif value is not None:
                sheet.write(line, column, value)
    book.close()
    return out.getvalue()


def edited(change: Callable[[Any], None]) -> bytes:
    """An .xlsx made by openpyxl, for what xlsxwriter does not write."""
    book = openpyxl.Workbook()
    change(book.active)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv(text: str, encoding: str = "utf-8") -> bytes:
    return text.encode(encoding)


def ods(rows: Rows) -> bytes:
    """A minimal OpenDocument sheet (OASIS ODF 1.2)."""
    lines = "".join(
        "<table:table-row>"
        + "".join(f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row)
        + "</table:table-row>"
        for row in rows
    )
    content = (
        '<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="S">{lines}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content, "META-INF/manifest.xml": manifest})


def xls(rows: Rows, *, stream_name: str = "Workbook") -> bytes:
    """A minimal BIFF8 workbook ([MS-XLS]) in a compound file ([MS-CFB]): what Excel wrote until 2007."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def beginning(of: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, of, 0x0DBB, 0x07CC, 0, 0x0600))

    def cell(line: int, column: int, value: Any) -> bytes:
        place = struct.pack("<HHH", line, column, 0)
        if isinstance(value, str):
            text = value.encode("utf-16-le")
            return record(0x0204, place + struct.pack("<HB", len(text) // 2, 1) + text)
        return record(0x0203, place + struct.pack("<d", value))

    cells = b"".join(cell(line, column, value) for line, row in enumerate(rows) for column, value in enumerate(row))
    sheet = beginning(0x0010) + cells + record(0x000A, b"")
    offset = len(beginning(0x0005)) + len(record(0x0085, bytes(9))) + 4
    head = beginning(0x0005) + record(0x0085, struct.pack("<IBBBB", offset, 0, 0, 1, 0) + b"S") + record(0x000A, b"")
    stream = (head + sheet).ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    chain = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    table = struct.pack("<128I", *chain, *([0xFFFFFFFF] * (128 - len(chain))))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = name.encode("utf-16-le")
        links = struct.pack("<HBBIII", len(text) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)

    folder = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(stream_name, 2, 0xFFFFFFFF, 2, len(stream)) + bytes(256)
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    )
    return header + struct.pack("<109I", 0, *([0xFFFFFFFF] * 108)) + table + folder + stream.ljust(sectors * 512, b"\0")


def zipped(parts: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def bomb(*, megabytes: int) -> bytes:
    """A sheet of some kilobytes that unpacks to very many bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(megabytes):
                part.write(b" " * 1_048_576)
    return out.getvalue()


def lying_bomb() -> bytes:
    """A sheet whose directory says that it unpacks to a hundred bytes."""
    honest = bytearray(bomb(megabytes=30))
    size = (30 * 1_048_576).to_bytes(4, "little")
    for place in range(len(honest) - 4):
        if honest[place : place + 4] == size:
            honest[place : place + 4] = (100).to_bytes(4, "little")
    return bytes(honest)


def stray_cell() -> bytes:
    """A small list, and one cell in the last corner of the sheet."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Ann", "0712000001"])
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    return out.getvalue()


def merged(sheet: Any) -> None:
    sheet.append(["Our customers", None])
    sheet.merge_cells("A1:B1")
    sheet.append(["Name", "Phone"])
    sheet.append(["Ann", "0712000001"])
    sheet.append(["Bob", "0712000002"])
    sheet.append([None, "0712000003"])
    sheet.merge_cells("A4:A5")


def formulas(sheet: Any) -> None:
    sheet.append(["Name", "Phone"])
    sheet.append(['=CONCATENATE("A","nn")', '="0712000001"'])  # openpyxl stores no result beside them
    sheet.append(["Bob", "0712000002"])


def dates(sheet: Any) -> None:
    sheet.append(["Ann", datetime(2020, 1, 2)])
    sheet.append(["Bob", "0712000002"])
