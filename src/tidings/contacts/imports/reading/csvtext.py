"""Comma-separated text as it really comes: any of three encodings, any of four separators."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tidings.contacts.imports.reading.problems import BadFileError

_SEPARATORS: Final = ",;\t|"
_SAMPLE: Final = 64 * 1024
_LINES: Final = 50


def read_csv(path: Path) -> Iterator[list[str]]:
    """The rows of a text file. Raises BadFileError for what is no text."""
    content = path.read_bytes()
    encoding = _encoding(content)
    with io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="", errors="replace") as text:
        sample = text.read(_SAMPLE)
        if _is_binary(sample):
            raise BadFileError("This is neither a spreadsheet nor readable text. Save it as .xlsx or .csv and upload it again.")
        text.seek(0)
        declared = _declared_separator(sample)
        if declared:
            text.readline()
            yield []  # Excel's `sep=;` is a line of the file, and rows are counted as the file has them
        csv.field_size_limit(1 << 20)
        try:
            yield from csv.reader(text, delimiter=declared or _separator(sample), skipinitialspace=True)
        except csv.Error as error:
            raise BadFileError(
                "A cell of the file never ends: most likely a quotation mark is missing. Save the file anew as .csv or .xlsx."
            ) from error


def _encoding(content: bytes) -> str:
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return encoding
    start = content[:_SAMPLE]
    if len(start) >= 4:
        # UTF-16 without its mark: every other byte of plain letters and digits is zero.
        for zeros, encoding in ((start[1::2], "utf-16-le"), (start[0::2], "utf-16-be")):
            if zeros.count(0) > len(zeros) * 0.6:
                return encoding
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _is_binary(sample: str) -> bool:
    strange = sum(1 for character in sample if (character < " " and character not in "\t\r\n\f") or character == "\ufffd")
    return strange > len(sample) * 0.02 + 2


def _declared_separator(sample: str) -> str | None:
    first = sample.split("\n", 1)[0].strip().strip('"')
    return first[4] if len(first) == 5 and first.lower().startswith("sep=") else None


def _separator(sample: str) -> str:
    """The sign that cuts most lines into the same number of cells, two or more."""
    lines = sample.splitlines()[:_LINES]
    best, best_score = ",", 0
    for separator in _SEPARATORS:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=separator) if len(row) > 1)
        score = widths.most_common(1)[0][1] if widths else 0
        if score > best_score:
            best, best_score = separator, score
    return best
