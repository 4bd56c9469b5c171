"""Small real files, and some that only pretend."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib


def png(width: int = 8, height: int = 8, *, colour: tuple[int, int, int] = (32, 107, 196)) -> bytes:
    """A picture that every program opens."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return made.getvalue()


def compound(*streams: str) -> bytes:
    """An office file of before 2007, as far as it is looked at."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(22) + struct.pack("<H", 9) + bytes(16) + struct.pack("<I", 0)
    return header.ljust(512, b"\0") + b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in streams)


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(200) + b"\xff\xd9"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EXE = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + bytes(400) + b"This program cannot be run in DOS mode."
TYPES = {
    "image/jpeg": JPEG, "image/png": png(), "image/gif": b"GIF89a" + bytes(50), "image/webp": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40),
    "video/mp4": MP4, "video/quicktime": b"\0\0\0\x14ftypqt  " + bytes(40), "video/3gpp": b"\0\0\0\x14ftyp3gp5" + bytes(40),
    "video/webm": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + bytes(40),
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0" + bytes(40), "audio/aac": b"\xff\xf1\x50\x80" + bytes(40), "audio/amr": b"#!AMR\n" + bytes(40),
    "audio/ogg": b"OggS\0\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(40), "audio/mp4": b"\0\0\0\x14ftypM4A " + bytes(40),
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "application/pdf": PDF, "text/plain": "Habari, Zoë\n".encode(),
    "application/zip": zipped("a.txt"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": zipped("[Content_Types].xml", "word/document.xml"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": zipped("[Content_Types].xml", "ppt/presentation.xml"),
    "application/msword": compound("Root Entry", "WordDocument"), "application/vnd.ms-excel": compound("Root Entry", "Workbook"),
    "application/vnd.ms-powerpoint": compound("Root Entry", "PowerPoint Document"),
}  # fmt: skip
"""One of each kind that is taken."""
REFUSED = {
    "a program named as a picture": ("photo.jpg", EXE), "an SVG": ("logo.svg", SVG), "an SVG named as a text": ("logo.txt", SVG),
    "a page": ("page.csv", b"\xef\xbb\xbf \n<!DOCTYPE html><html><script>alert(1)</script>"), "nothing at all": ("empty.png", b""),
    "a script in a text": ("a.txt", b"hello\n<script>alert(1)</script>"), "bytes": ("noise.txt", bytes(range(256))),
    "a text that is not UTF-8": ("a.txt", "Zoë".encode("latin-1")), "a HEIC picture": ("a.heic", b"\0\0\0\x14ftypheic" + bytes(40)),
    "an installer": ("setup.doc", compound("Root Entry", "MsiTables")), "a broken archive": ("a.docx", b"PK\x03\x04" + bytes(40)),
    "a document with macros": ("a.docx", zipped("word/document.xml", "word/vbaProject.bin")), "an app": ("a.zip", zipped("AndroidManifest.xml")),
    "a video nobody plays": ("a.webm", b"\x1a\x45\xdf\xa3\x93B\x82\x88matroska" + bytes(40)), "a shell script": ("run.bin", b"\0\x01#!/bin/sh"),
}  # fmt: skip
"""Name and bytes of what is not."""
