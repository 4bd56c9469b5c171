"""What a file is, by its content: names and content types lie."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Final, Literal

from tidings.contacts.imports.reading.problems import BadFileError

Format = Literal["xlsx", "xls", "xlsb", "ods", "csv"]

UNPACKED_LIMIT: Final = 400 * 1024 * 1024
"""Bytes that a zipped spreadsheet may unpack to: a sheet of 200,000 rows and 20 columns has about 150 MB."""
_PARTS_LIMIT: Final = 10_000
_OPENABLE: Final = "Open it in a spreadsheet program and save it as .xlsx or .csv."
_LOCKED: Final = "The file is protected by a password. Save it without one and upload it again."
_STRANGERS: Final = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def find_format(path: Path) -> Format:
    """The format of a file. Raises BadFileError for what is no spreadsheet, or is not safe to unpack."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise BadFileError("The file is empty.")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path)
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound(path)
    for mark, what in _STRANGERS:
        if start.startswith(mark):
            raise BadFileError(f"This is {what}, not a spreadsheet. {_OPENABLE}")
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<workbook")):
        raise BadFileError(f"This is a web page or XML under a spreadsheet's name. {_OPENABLE}")
    return "csv"


def _compound(path: Path) -> Format:
    """Old Office files, and new ones with a password, are folders of named streams."""
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise BadFileError(_LOCKED)
    if "WordDocument".encode("utf-16-le") in content:
        raise BadFileError(f"This is a Word document, not a spreadsheet. {_OPENABLE}")
    return "xls"


def _zipped(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = _checked_names(archive)
            found = _kind(archive, names)
            if found is None:
                raise BadFileError(f"This is a zip archive without a spreadsheet in it. {_OPENABLE}")
            _unpack_once(archive)
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise BadFileError(
            "The file is damaged or was not uploaded whole: its parts cannot be unpacked. Save it anew and upload it again."
        ) from error
    except RuntimeError as error:  # what zipfile raises for a password
        raise BadFileError(_LOCKED) from error


def _checked_names(archive: zipfile.ZipFile) -> set[str]:
    parts = archive.infolist()
    if len(parts) > _PARTS_LIMIT or sum(part.file_size for part in parts) > UNPACKED_LIMIT:
        raise BadFileError(
            f"The file unpacks to more than {UNPACKED_LIMIT // 2**20} MB, far more than a list of contacts needs. "
            "Copy the names and numbers into a new sheet and upload that."
        )
    return {part.filename for part in parts}


def _kind(archive: zipfile.ZipFile, names: set[str]) -> Format | None:
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "xl/workbook.xml" in names or any(name.startswith("xl/worksheets/") for name in names):
        return "xlsx"
    if "content.xml" in names and "mimetype" in names and b"spreadsheet" in archive.read("mimetype")[:100]:
        return "ods"
    if "word/document.xml" in names:
        raise BadFileError(f"This is a Word document, not a spreadsheet. {_OPENABLE}")
    if "ppt/presentation.xml" in names:
        raise BadFileError(f"This is a presentation, not a spreadsheet. {_OPENABLE}")
    return None


def _unpack_once(archive: zipfile.ZipFile) -> None:
    """Unpack everything into nothing: sizes that lie and damaged parts show here, before a parser that trusts them."""
    for part in archive.infolist():
        with archive.open(part) as content:
            while content.read(1 << 20):
                pass
