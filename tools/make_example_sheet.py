"""Writes examples/contacts.xlsx: a thousand contacts with the mess of real sheets, the same bytes every time.

    python tools/make_example_sheet.py [PATH]

The numbers are valid, as the import asks, and look like examples: round ones of Kenya, Uganda and France, and the range that the United
States keep for films and books (555-01xx). Some of the round ones may well be somebody's: send to them only through the sandbox.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

import xlsxwriter

CONTACTS = 1000
KENYAN_FIRST = [
    "Amina",
    "Achieng",
    "Baraka",
    "Chebet",
    "Esther",
    "Faith",
    "Grace",
    "Hassan",
    "Imani",
    "Juma",
    "Kamau",
    "Lilian",
    "Mercy",
    "Njeri",
    "Otieno",
    "Purity",
    "Ruth",
    "Salim",
    "Wanjiru",
    "Zawadi",
]
KENYAN_LAST = [
    "Hassan",
    "Kariuki",
    "Kimani",
    "Kiprotich",
    "Maina",
    "Mutua",
    "Mwangi",
    "Njoroge",
    "Nyambura",
    "Ochieng",
    "Odhiambo",
    "Omondi",
    "Onyango",
    "Rotich",
    "Wafula",
    "Wambui",
]
UGANDAN = ["Nakato Okello", "Mugisha Kato", "Namukasa Ssebunya", "Achen Opio", "Byaruhanga Moses", "Nalwoga Sarah"]
FRENCH = ["Zoé Lefèvre", "François Garnier", "Chloé D’Almeida", "Jérôme Béranger", "Anaïs Noël", "Maëlle L'Hôte"]
AMERICAN = ["Sam O'Brien", "José Núñez", "Mary-Jane Watson", "Björn Åkesson", "Kim Nguyễn", "D'Angelo Russell"]
ODD = [
    "💐 Rose Florist",
    "Mama Mboga 🥬",
    "  Peter   Kamau ",
    "MARY WANJIKU",
    "Dr. Amina Hassan (clinic)",
    "'Tunde Bakare",
    "",
    "Łucja Żak",
    "李小龙",
    "محمد علي",
]
BAD = [
    "n/a", "0712", "ask Grace", "07120000000000", "+999 123 456 789", "0712 000 001 / 0722 000 002", "-", "2.54712E+11", "0000000000",
    "amina@example.com", "12345", "+254 12", "call after 5", "TBC",
]  # fmt: skip


def kenyan(n: int, style: int) -> object:
    """One of many ways in which people write +2547xx 000 xxx."""
    prefix = ("700", "711", "722", "733")[n // 250 % 4]
    digits = f"{prefix}{n % 250:06d}"
    local = f"0{digits}"
    return [
        local,
        int(f"254{digits}"),  # a number stored as a number
        int(digits),  # that lost its leading zero
        f"{local[:4]} {local[4:7]} {local[7:]}",
        f"+254 {digits[:3]} {digits[3:6]} {digits[6:]}",
        f"{local[:4]}-{local[4:7]}-{local[7:]}",
        f"+254{digits}",
        f"254{digits}",
        f"'{local}",
        f"({local[:4]}) {local[4:]}",
        f" {local}\u00a0",
        f"00254{digits}",
    ][style]


def rows() -> list[tuple[object, object, object, object]]:
    """Name, phone, town, language: 1,000 rows, of which some dozen are empty besides."""
    chance = random.Random(2026)  # noqa: S311  (the same sheet every time)
    made: list[tuple[object, object, object, object]] = []
    towns = ["Nairobi", "Mombasa", "Kisumu", "Nakuru", "Eldoret", "Thika"]
    serial = 0
    while len(made) < CONTACTS:
        place = len(made)
        if place % 29 == 28:
            made.append((_name(chance), BAD[place // 29 % len(BAD)], chance.choice(towns), ""))
        elif place % 23 == 22:
            twin = made[chance.randrange(place)]
            made.append((str(twin[0]).upper(), twin[1], twin[2], twin[3]))
        elif place % 17 == 16:
            made.append(_foreign(place, chance))
        elif place % 31 == 30:
            made.append((_name(chance), _for_the_sandbox(place // 31), chance.choice(towns), "en"))
        else:
            name: object = ODD[place // 41 % len(ODD)] if place % 41 == 40 else _name(chance)
            made.append(
                (
                    name,
                    kenyan(serial, chance.choices(range(12), weights=[30, 12, 10, 12, 10, 5, 6, 5, 3, 3, 2, 2])[0]),
                    chance.choice(towns),
                    chance.choice(["sw", "en", ""]),
                )
            )
            serial += 1
    return made


def write(path: Path) -> None:
    """Write the sheet."""
    book = xlsxwriter.Workbook(path)
    book.set_properties({"title": "Contacts", "author": "Tidings", "created": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)})
    sheet = book.add_worksheet("Contacts")
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 24)
    sheet.write_row(0, 0, ["Name", "Phone", "Town", "Language"], bold)
    line = 1
    for place, row in enumerate(rows()):
        if place % 97 == 96:
            line += 1  # somebody left a line empty
        for column, value in enumerate(row):
            if isinstance(value, int):
                sheet.write_number(line, column, value)
            elif value:
                sheet.write_string(line, column, str(value))
        line += 1
    book.close()


def _name(chance: random.Random) -> str:
    return f"{chance.choice(KENYAN_FIRST)} {chance.choice(KENYAN_LAST)}"


def _for_the_sandbox(n: int) -> str:
    """A number with which the sandbox (providers/sandbox/provider.py) misbehaves in a way of its own, so that a demo shows every outcome."""
    ending = "123459"[n % 6]  # no such number, unreachable, opted out, no answer, too fast once, never delivered
    return f"07{'012456'[n // 6]}5 550 00{ending}"


def _foreign(place: int, chance: random.Random) -> tuple[object, object, object, object]:
    number = place // 17 % 100
    match place // 17 % 3:
        case 0:
            return chance.choice(UGANDAN), f"+256 772 000 {number:03d}", "Kampala", "en"
        case 1:
            return chance.choice(FRENCH), f"+33 6 12 00 00 {number:02d}", "Lyon", "fr"
        case _:
            return chance.choice(AMERICAN), f"+1 (202) 555-01{number:02d}", "Washington", "en"


if __name__ == "__main__":
    default = Path(__file__).parent.parent / "examples" / "contacts.xlsx"
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
