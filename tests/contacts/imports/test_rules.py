"""Cells, columns and verdicts: whatever a sheet holds, a row ends in a contact or in a sentence, never in an exception."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contacts.builders import make_workspace
from tidings.contacts.imports.reading.cells import cell_text, clean_text
from tidings.contacts.imports.reading.columns import Mapping, letter, looks_like_phone, read_columns
from tidings.contacts.imports.reading.problems import BadFileError
from tidings.contacts.imports.reading.verdicts import judge, read_row
from tidings.contacts.imports.service import Limits, Reading, Upload, list_rows, start_import
from tidings.db.database import Database
from tidings.workspaces.access import system_access

CELL = st.text(max_size=30)
PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)  # control characters are what tells a binary file


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (712345678.0, "712345678"), (254712345678, "254712345678"), (2.547123456e11, "254712345600"), (7.5, "7.5"), (True, "TRUE"),
        (datetime(2026, 1, 2), "2026-01-02"), (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"), (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"), ("  a\n\tb\x00c\u00a0", "a b c"), ("", ""), (float("inf"), "inf"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_a_cell_reads_as_its_sheet_shows_it(value: object, text: str) -> None:
    assert cell_text(value) == text


@given(st.text(max_size=2000))
def test_a_cell_is_one_line_that_a_database_takes(text: str) -> None:
    cleaned = clean_text(text)
    assert "\0" not in cleaned
    assert "\n" not in cleaned
    assert "\t" not in cleaned
    assert len(cleaned) <= 1000
    cleaned.encode()
    assert clean_text(cleaned) == cleaned


@given(st.integers(0, 99))
def test_a_column_is_found_by_its_letter(index: int) -> None:
    rows = [(1, ["x"] * 100)]
    assert read_columns(rows, Mapping(phone=letter(index), name="A"), header=False).phone == index


@given(st.lists(st.lists(CELL, max_size=6), max_size=8), st.sampled_from([None, True, False]))
def test_any_sheet_is_understood_and_every_row_judged(sheet: list[list[str]], header: bool | None) -> None:
    rows = [(number, [clean_text(cell) for cell in cells]) for number, cells in enumerate(sheet, 1)]
    columns = read_columns(rows, None, header)
    assert columns.phone not in columns.name
    for number, cells in rows:
        if number <= columns.header_rows:
            assert header or not any(looks_like_phone(cell) for cell in cells), "no contact is taken for a header"
            continue
        row = read_row(cells, columns, "KE")
        assert (row.address is None) != (row.error is None)
        assert row.error is None or row.error.endswith((".", "!", "?"))


@given(CELL, st.text(alphabet="0123456789+- ().", max_size=20), CELL, CELL)
def test_a_row_ends_in_an_address_or_a_reason(name: str, phone: str, locale: str, timezone: str) -> None:
    row = judge(clean_text(name), clean_text(phone), "KE", locale=clean_text(locale), timezone=clean_text(timezone))
    assert (row.address is None) != (row.error is None)
    if row.address:
        assert row.address.startswith("+")
        assert row.address[1:].isdigit()


@given(st.text(alphabet="ABCXYZ abc0", min_size=1, max_size=5))
def test_a_mapping_finds_a_column_or_says_which_there_are(column: str) -> None:
    rows = [(1, ["Name", "Phone", "abc"]), (2, ["Ann", "0712000001", "x"])]
    try:
        said = letter(read_columns(rows, Mapping(phone=column), header=None).phone)
    except BadFileError as error:
        said = str(error)
    assert said in {"A", "B", "C"} or "B (Phone)" in said
    assert (said in {"A", "B", "C"}) == (column.strip().upper() in {"A", "B", "C", "ABC"})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PRINTABLE.filter(lambda text: bool(clean_text(text))), min_size=1, max_size=8))
async def test_every_name_comes_through_whole(database: Database, names: list[str]) -> None:
    """Through CSV, the reader's process, COPY and back: quotes, backslashes, emoji, right-to-left and all."""
    access = system_access(await make_workspace(database), "test")
    text = io.StringIO()
    csv.writer(text).writerows([name, f"+2547120{number:05}"] for number, name in enumerate(names))
    content = text.getvalue().encode("utf-8", errors="replace")
    async with database.workspace(access.workspace_id) as session:
        reading = Reading(header=False, mapping=Mapping(name="A", phone="B"))
        found = await start_import(
            session, access, Upload(filename="x.csv", content=content), reading, Limits(upload_bytes=10**6, rows=100)
        )
        rows = await list_rows(session, access, found.id)
    expected = [clean_text(name.encode("utf-8", errors="replace").decode()) for name in names]
    assert [row.name for row in rows] == expected
