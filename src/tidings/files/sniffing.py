"""Tells what a file is by its bytes. A closed list: what is not in it is refused, whatever it calls itself.

Names and declared types are never believed; an ending only tells apart kinds of plain text, which are all harmless. Nothing that a browser
or a phone would run is in the list: no SVG, no HTML, no programs, no office files with macros.
"""

from __future__ import annotations

import zipfile
from codecs import getincrementaldecoder
from typing import BinaryIO

from tidings.errors import FieldError, Invalid

_HEAD = 4096
_CHUNK = 256 * 1024
_MOST_NAMES = 20_000
"""Entries of an archive that are looked at."""
_ENDS = (
    (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"), (b"#!AMR", "audio/amr"), (b"ID3", "audio/mpeg"),
    *((bytes((0xFF, second)), "audio/aac") for second in (0xF0, 0xF1, 0xF8, 0xF9)),
    *((bytes((0xFF, second)), "audio/mpeg") for second in (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)),
)  # fmt: skip
"""What a file begins with. Specs: ISO 10918-1, PNG 3rd edition, GIF89a, ISO 32000, RFC 4867, ID3v2.4, ISO 13818-7 (ADTS), ISO 11172-3."""
_BRANDS = {
    "qt  ": "video/quicktime", "M4A ": "audio/mp4", "M4B ": "audio/mp4", "M4V ": "video/mp4", "MSNV": "video/mp4", "dash": "video/mp4",
    "isom": "video/mp4", "avc1": "video/mp4", "mmp4": "video/mp4", "mp41": "video/mp4", "mp42": "video/mp4",
    **{f"iso{number}": "video/mp4" for number in range(2, 10)},
}  # fmt: skip
"""Of ISO base media files (ISO 14496-12)."""
_OFFICE = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OLD_OFFICE = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
_PROGRAMS = ("META-INF/MANIFEST.MF", "AndroidManifest.xml", "classes.dex")
_TEXTS = {".csv": "text/csv", ".vcf": "text/vcard", ".ics": "text/calendar"}


def sniff(file: BinaryIO, name: str) -> str:
    """The content type. Raises Invalid for what may not be kept."""
    file.seek(0)
    head = file.read(_HEAD)
    found = _by_beginning(head) or _zipped(file, head) or _old_office(file, head) or _text(file, head, name)
    if found is None:
        raise refused("It is none of the kinds of files that may go with a message, whatever its name says: pictures (JPEG, PNG, GIF, WebP), "
                      "videos (MP4, WebM, QuickTime, 3GP), sounds (MP3, AAC, M4A, Ogg, AMR, WAV), PDF, office files without macros, ZIP, plain text, CSV, vCard and calendar files.")  # fmt: skip
    return found


def refused(detail: str) -> Invalid:
    """The error for a file that is not taken."""
    return Invalid(f"This file is not taken. {detail} Nothing was kept.", errors=(FieldError("file", detail),), code="file_refused")


def _by_beginning(head: bytes) -> str | None:
    for beginning, content_type in _ENDS:
        if head.startswith(beginning):
            return content_type
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12].decode("latin-1")
        return "video/3gpp" if brand.startswith(("3gp", "3g2")) else _BRANDS.get(brand)
    if head[:4] == b"\x1a\x45\xdf\xa3":  # EBML: WebM, or Matroska, which nobody takes
        return "video/webm" if b"webm" in head[:64] else None
    if head[:4] == b"OggS":
        return None if b"theora" in head[:128] else "audio/ogg"
    return None


def _zipped(file: BinaryIO, head: bytes) -> str | None:
    if head[:4] != b"PK\x03\x04":
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            names = {one.filename for one in archive.infolist()[:_MOST_NAMES]}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
        return None
    if any(name.endswith("vbaProject.bin") for name in names):
        raise refused("It is an office file with macros, which run on the recipient's machine.")
    if not names.isdisjoint(_PROGRAMS):
        raise refused("It is a program in the form of an archive.")
    return next((content_type for part, content_type in _OFFICE.items() if part in names), "application/zip")


def _old_office(file: BinaryIO, head: bytes) -> str | None:
    """Before 2007. Installers (.msi) are files of the same form, so the streams inside are looked at. Specs: [MS-CFB] 2.2, 2.6."""
    if head[:8] != b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return None
    sector = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    file.seek((int.from_bytes(head[48:52], "little") + 1) * sector)
    directory = file.read(16 * 1024)
    if "_VBA_PROJECT".encode("utf-16-le") in directory:
        raise refused("It is an office file with macros, which run on the recipient's machine.")
    return next((content_type for name, content_type in _OLD_OFFICE.items() if name.encode("utf-16-le") in directory), None)


def _text(file: BinaryIO, head: bytes, name: str) -> str | None:
    """Plain text in UTF-8. Markup is text too, and a browser would run it."""
    beginning = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if beginning.startswith(b"<") or any(tag in beginning for tag in (b"<svg", b"<html", b"<script", b"<!doctype")):
        return None
    decoder = getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while piece := file.read(_CHUNK):
            if not _is_plain(decoder.decode(piece)):
                return None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return next((content_type for end, content_type in _TEXTS.items() if name.lower().endswith(end)), "text/plain")


def _is_plain(text: str) -> bool:
    return text.isprintable() or not any((one < " " and one not in "\t\n\r\f") or one == "\x7f" for one in text)
