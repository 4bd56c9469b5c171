"""What the reader makes of files, good, odd and hostile: rows with verdicts, or a sentence that says what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contacts.imports import files
from tidings.contacts.imports.reading.wire import Report

PAIR = [["Ann", "0712000001"], ["Bob", "0712000002"]]
ANN, BOB = ("Ann", "+254712000001"), ("Bob", "+254712000002")


def read(
    content: bytes, folder: Path, *, mapping: dict[str, Any] | None = None, header: bool | None = None, row_limit: int = 1000
) -> tuple[Report, list[list[str]]]:
    """Run the reader's process on a file, as the server does."""
    path = folder / "upload"
    path.write_bytes(content)
    request = {
        "path": str(path), "region": "KE", "mapping": mapping, "header": header, "row_limit": row_limit,
        "memory_bytes": 1024**3, "cpu_seconds": 30,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tidings.contacts.imports.reading"], input=msgspec.json.encode(request), capture_output=True, check=False
    )
    assert done.returncode in {0, 2}, done.stderr.decode()[-2000:]
    return msgspec.json.decode(done.stderr, type=Report), [line.split("\t") for line in done.stdout.decode().splitlines()]


def contacts(rows: list[list[str]]) -> list[tuple[str, str]]:
    return [(row[1], row[3]) for row in rows]


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (files.xlsx(PAIR), "xlsx"),
        (files.xls([["Name", "Phone"], ["Ann", "0712000001"], ["Bob", 712000002.0]]), "xls"),
        (files.ods(PAIR), "ods"),
        (files.csv("Ann,0712000001\nBob,0712000002\n"), "csv"),
        (files.csv("Ann;0712000001\r\nBob;0712000002\r\n"), "csv"),
        (files.csv("Ann\t0712000001\nBob\t0712000002\n", "utf-16"), "csv"),
        (files.csv("Ann;0712000001\nBob;0712000002\n", "utf-16-le"), "csv"),
        (files.csv("sep=;\nAnn;0712000001\nBob;0712000002\n"), "csv"),
        (files.csv("\ufeffAnn,0712000001\nBob,0712000002\n"), "csv"),
        (files.csv('"Ann","0712000001"\n"Bob","0712000002"'), "csv"),
        (files.csv("Name,Phone\n\n\nAnn,0712000001\n,,,\nBob,0712000002\n"), "csv"),
        (files.csv("0712000001,Ann\n0712000002,Bob\n"), "csv"),
        (files.edited(lambda sheet: [sheet.append(row) for row in [["List of 2026"], [], ["Names", "Phone number"], *PAIR]]), "xlsx"),
        (files.edited(lambda sheet: [sheet.append(row) for row in [["Name", "Phone"], ["Full name", "Mobile no."], *PAIR]]), "xlsx"),
        (files.edited(lambda sheet: [sheet.append([None, None, *row]) for row in PAIR]), "xlsx"),
        (files.xlsx([["Town", "Mobile", "Full name"], ["X", 712000001.0, "Ann"], ["Y", "'0712 000 002", "Bob"]]), "xlsx"),
        (files.xlsx([["Phone", "First name", "Last name"], ["0712000001", "Ann", ""], ["0712000002", "", "Bob"]]), "xlsx"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_same_two_contacts_are_found_in_every_kind_of_sheet(content: bytes, format_: str, tmp_path: Path) -> None:
    report, rows = read(content, tmp_path)
    assert report.error == ""
    assert report.format == format_
    assert contacts(rows) == [ANN, BOB]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"   \n\n  ", "is empty"),
        (b"\n,,,\n , ,\n", "no rows"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "picture"),
        (b"<html><table><tr><td>Ann</td></tr></table></html>", "web page"),
        (b"\x00\x01\x02\x03\x04" * 500, "neither a spreadsheet nor readable text"),
        (files.xlsx(PAIR)[:2000], "damaged"),
        (files.xlsx(PAIR)[:-30], "damaged"),
        (b"PK\x03\x04" + b"junk" * 100, "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, "damaged"),
        (files.xls(PAIR, stream_name="EncryptedPackage"), "password"),
        (files.xls(PAIR, stream_name="WordDocument"), "Word document"),
        (files.zipped({"a.txt": "hello"}), "zip archive"),
        (files.zipped({"word/document.xml": "<w/>"}), "Word document"),
        (files.zipped({"xl/workbook.xml": "<not xml", "xl/worksheets/sheet1.xml": "<x>"}), "damaged"),
        (files.bomb(megabytes=450), "unpacks to more than"),
        (files.lying_bomb(), "damaged"),
        (files.csv("Name,Phone\n"), "no rows below"),
        (files.csv("".join(f"A,07120{number:05}\n" for number in range(1001))), "more than 1,000 rows"),
        (files.csv('Ann,"0712000001\n' + "x" * 2_000_000), "quotation mark"),
    ],
)
def test_what_is_no_list_of_contacts_is_told_in_a_sentence(content: bytes, says: str, tmp_path: Path) -> None:
    report, _ = read(content, tmp_path)
    assert says in report.error
    assert "Traceback" not in report.error
    assert report.error.endswith(".")


def test_merged_cells_give_what_their_first_cell_holds(tmp_path: Path) -> None:
    report, rows = read(files.edited(files.merged), tmp_path)
    assert report.header_rows == 2
    assert contacts(rows) == [ANN, BOB, ("", "+254712000003")]
    assert [row[0] for row in rows] == ["3", "4", "5"], "rows are told by the number that the spreadsheet shows"


def test_a_formula_without_a_result_is_a_missing_number_not_a_guess(tmp_path: Path) -> None:
    _, rows = read(files.edited(files.formulas), tmp_path)
    assert contacts(rows) == [BOB]


def test_a_date_is_no_number_although_its_digits_might_be(tmp_path: Path) -> None:
    _, rows = read(files.edited(files.dates), tmp_path)
    assert contacts(rows) == [("Ann", "\\N"), BOB]
    assert rows[0][-1] == "The number is a date."


def test_further_columns_become_attributes_language_and_timezone(tmp_path: Path) -> None:
    sheet = files.xlsx(
        [
            ["Name", "Phone", "Town", "Lang", "Zone"],
            ["Ann", "0712000001", 'New "York"\\', "pt_BR", "Europe/Paris"],
            ["Bob", "0712000002", "", "??", ""],
        ]
    )
    mapping = {"name": "A", "phone": "phone", "attributes": {"town": "TOWN"}, "locale": "Lang", "timezone": "e"}
    report, rows = read(sheet, tmp_path, mapping=mapping)
    assert report.mapping == {"name": ["A"], "phone": "B", "attributes": {"town": "C"}, "locale": "D", "timezone": "E"}
    assert rows[0][4:6] == ["pt-BR", "Europe/Paris"]
    assert msgspec.json.decode(rows[0][6].replace("\\\\", "\\")) == {"town": 'New "York"\\'}
    assert rows[1][3] == "\\N"
    assert "language" in rows[1][-1]


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    report, _ = read(files.xlsx([["Name", "Phone"], *PAIR]), tmp_path, mapping={"phone": "Mobil"})
    assert "“Mobil”" in report.error
    assert "B (Phone)" in report.error


def test_a_header_can_be_denied_and_demanded(tmp_path: Path) -> None:
    sheet = files.xlsx([["Name", "Phone"], *PAIR])
    _, rows = read(sheet, tmp_path, header=False)
    assert len(rows) == 3
    _, rows = read(files.xlsx(PAIR), tmp_path, header=True)
    assert contacts(rows) == [BOB]


def test_a_first_row_with_a_bad_number_is_not_taken_for_a_header(tmp_path: Path) -> None:
    report, rows = read(files.xlsx([["Grace", "n/a"], *PAIR]), tmp_path)
    assert report.header_rows == 0
    assert contacts(rows) == [("Grace", "\\N"), ANN, BOB]


def test_a_hidden_sheet_is_not_read(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        hidden = sheet.parent.create_sheet("old", 0)
        hidden.append(["Old", "0712000009"])
        hidden.sheet_state = "hidden"
        sheet.append(PAIR[0])

    _, rows = read(files.edited(change), tmp_path)
    assert contacts(rows) == [ANN]


def test_names_keep_their_letters_and_lose_what_cannot_be_seen(tmp_path: Path) -> None:
    _, rows = read(files.csv('Zoé\u200b O’Brien 💐,0712000001\n"Two\nlines",0712000002\nJosé,0712000003\n'), tmp_path)
    assert [row[1] for row in rows] == ["Zoé\u200b O’Brien 💐", "Two lines", "José"]
    _, rows = read(files.csv("José,0712000003\n", "latin-1"), tmp_path)
    assert rows[0][1] == "José"
