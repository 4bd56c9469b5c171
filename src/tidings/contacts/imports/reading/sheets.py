"""The rows of any format we read, as lists of text, with the number that the spreadsheet shows beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import python_calamine as calamine

from tidings.contacts.imports.reading.cells import cell_text, clean_text
from tidings.contacts.imports.reading.csvtext import read_csv
from tidings.contacts.imports.reading.formats import Format
from tidings.contacts.imports.reading.problems import BadFileError

COLUMNS: Final = 100
"""Columns that are looked at, from A on."""

Row = tuple[int, list[str]]


def read_rows(path: Path, file_format: Format) -> Iterator[Row]:
    """The rows of the first sheet with anything in it; rows without any text are left out."""
    found = False
    for row in _csv_rows(path) if file_format == "csv" else _sheet_rows(path):
        if any(row[1]):
            found = True
            yield row
    if not found:
        raise BadFileError("There are no rows in the file.")


def _csv_rows(path: Path) -> Iterator[Row]:
    for number, cells in enumerate(read_csv(path), 1):
        yield number, [clean_text(cell) for cell in cells[:COLUMNS]]


def _sheet_rows(path: Path) -> Iterator[Row]:
    try:
        with calamine.load_workbook(path) as workbook:
            sheet = _first_sheet(workbook)
            if sheet is None or sheet.start is None:
                return
            left = [""] * min(sheet.start[1], COLUMNS)  # iter_rows begins at row 1, but at the first column in use
            for number, cells in enumerate(sheet.iter_rows(), 1):
                yield number, left + [cell_text(cell) for cell in cells[: COLUMNS - len(left)]]
    except calamine.PasswordError as error:
        raise BadFileError("The file is protected by a password. Save it without one and upload it again.") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise BadFileError(
            "The file looks like a spreadsheet but is damaged. Open it in a spreadsheet program, save it as .xlsx and upload that."
        ) from error


def _first_sheet(workbook: calamine.CalamineWorkbook) -> calamine.CalamineSheet | None:
    sheets = [one for one in workbook.sheets_metadata if one.typ == calamine.SheetTypeEnum.WorkSheet]
    visible = [one for one in sheets if one.visible == calamine.SheetVisibleEnum.Visible]
    for one in visible or sheets:
        sheet = workbook.get_sheet_by_name(one.name)
        if sheet.start is not None:
            return sheet
    return None
