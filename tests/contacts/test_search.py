"""The search finds what a look at every contact would find, page by page, each once."""

from __future__ import annotations

import unicodedata
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contacts.builders import make_contact, make_group, make_workspace
from tidings.contacts import search
from tidings.contacts.fragments import escape_like, read_fragment
from tidings.contacts.search import Filters, find_contacts
from tidings.core.ids import new_id
from tidings.db.database import Database

PEOPLE = {
    "Amina Hassan": "+254712345678",
    "Zoé Lefèvre": "+33612000001",
    "Mary Otieno": "+254700000001",
    "Otieno Mary-Ann": "+254700000002",
    "Sam O’Brien": "+12025550101",
    "ŁUKASZ Żak": "+48601000001",
    "李小龙": "+254733000111",
    "100% Discounts_Ltd": "+254722000222",
    "": "+254711711711",
    "İbrahim": "+905321234567",
}


class Site:
    """A workspace full of people, and searches in it."""

    def __init__(self, database: Database, workspace_id: UUID) -> None:
        self.database = database
        self.workspace_id = workspace_id

    async def find(self, text: str = "", *, page: int = 3, group: UUID | None = None, opted_out: bool | None = None) -> list[str]:
        """The names found, walking from page to page."""
        found: list[str] = []
        cursor = None
        while True:
            async with self.database.workspace(self.workspace_id) as session:
                filters = Filters(search=text, group_id=group, opted_out=opted_out)
                ids, cursor = await find_contacts(session, self.workspace_id, filters, region="KE", cursor=cursor, limit=page)
            names = await self.database.pool.fetch("SELECT id, name FROM contacts WHERE id = ANY ($1)", ids)
            by_id = {row["id"]: row["name"] for row in names}
            found += [by_id[one] for one in ids]
            if cursor is None:
                return found


@pytest.fixture
async def site(database: Database) -> Site:
    workspace_id = await make_workspace(database)
    for name, phone in PEOPLE.items():
        await make_contact(database.pool, workspace_id, name, phone)
    stranger = await make_workspace(database, name="Other")
    await make_contact(database.pool, stranger, "Amina Stranger", "+254712345678")
    return Site(database, workspace_id)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("amina", ["Amina Hassan"]),
        ("  HASSAN ", ["Amina Hassan"]),
        ("zoe lef", ["Zoé Lefèvre"]),
        ("ZOÉ", ["Zoé Lefèvre"]),
        ("lukasz", ["ŁUKASZ Żak"]),
        ("o'brien", ["Sam O’Brien"]),
        ("otieno", ["Otieno Mary-Ann", "Mary Otieno"]),  # the one that begins with it comes first
        ("mary otieno", ["Mary Otieno", "Otieno Mary-Ann"]),  # words in any order
        ("ma", ["Mary Otieno"]),  # two letters: only at the beginning
        ("李", ["李小龙"]),
        ("小龙", []),
        ("0712 345", ["Amina Hassan"]),
        ("+254 712", ["Amina Hassan"]),
        ("00254712345678", ["Amina Hassan"]),
        ("712345678", ["Amina Hassan"]),
        ("345678", ["Amina Hassan"]),
        ("(202) 555-01", ["Sam O’Brien"]),
        ("711", [""]),
        ("711711", [""]),
        ("+254", ["Mary Otieno", "Otieno Mary-Ann", "", "Amina Hassan", "100% Discounts_Ltd", "李小龙"]),
        ("100%", ["100% Discounts_Ltd"]),
        ("%", []),
        ("discounts_ltd", ["100% Discounts_Ltd"]),
        ("discounts-ltd", []),
        ("nobody", []),
        ("+", []),
        ("mary 0001", ["Mary Otieno"]),
    ],
)
async def test_a_fragment_finds(site: Site, text: str, names: list[str]) -> None:
    assert await site.find(text) == names


@pytest.mark.parametrize("text", ["", "   "])
async def test_no_fragment_lists_everybody_newest_first(site: Site, text: str) -> None:
    assert await site.find(text) == list(reversed(PEOPLE))


async def test_a_rare_fragment_is_found_by_its_letters_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_LOOKED_AT", 1)
    assert await site.find("345678") == ["Amina Hassan"]
    assert sorted(await site.find("tien")) == ["Mary Otieno", "Otieno Mary-Ann"]
    assert await site.find("zzz") == []


@pytest.mark.parametrize("small", [0, 100], ids=["a large group", "a small group"])
async def test_filters_narrow_a_search(site: Site, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(search, "_SMALL_GROUP", small)
    monkeypatch.setattr(search, "_LOOKED_AT", 1)
    pool = site.database.pool
    ids = {row["name"]: row["id"] for row in await pool.fetch("SELECT id, name FROM contacts WHERE workspace_id = $1", site.workspace_id)}
    group = await make_group(pool, site.workspace_id, "Some", ids["Mary Otieno"], ids["Amina Hassan"], ids["Zoé Lefèvre"])
    await pool.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'sms', '+254700000001', 'keyword')", site.workspace_id
    )
    assert await site.find(group=group, page=2) == ["Mary Otieno", "Zoé Lefèvre", "Amina Hassan"]
    assert await site.find("otieno", group=group) == ["Mary Otieno"]
    assert sorted(await site.find("+254", group=group, page=1)) == ["Amina Hassan", "Mary Otieno"]
    assert await site.find("345678", group=group) == ["Amina Hassan"]
    assert await site.find("otieno", group=group, opted_out=False) == []
    assert await site.find("otieno", opted_out=False) == ["Otieno Mary-Ann"]
    assert await site.find("0700", opted_out=False) == ["Otieno Mary-Ann"]
    assert await site.find("tieno", opted_out=False) == ["Otieno Mary-Ann"]
    assert await site.find("tieno", opted_out=True) == ["Mary Otieno"]
    assert await site.find(opted_out=True) == ["Mary Otieno"]
    assert await site.find(opted_out=True, group=group) == ["Mary Otieno"]
    assert len(await site.find(opted_out=False, page=2)) == len(PEOPLE) - 1


async def test_a_contact_with_two_numbers_that_begin_alike_is_shown_once(site: Site) -> None:
    await make_contact(site.database.pool, site.workspace_id, "Two", "+254799000001", "+254799000002")
    assert await site.find("+254799", page=1) == ["Two"]
    both = await make_contact(site.database.pool, site.workspace_id, "Both", "+254798000001")
    await site.database.pool.execute(
        "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, 'whatsapp', '+254798000001')",
        site.workspace_id, new_id(), both,
    )  # fmt: skip
    assert await site.find("0798", page=1) == ["Both"]


async def test_what_is_searched_follows_every_change(site: Site) -> None:
    pool = site.database.pool
    await pool.execute("UPDATE contacts SET name = 'Wanjikũ' WHERE name = 'Amina Hassan' AND workspace_id = $1", site.workspace_id)
    assert await site.find("wanjiku") == ["Wanjikũ"]
    assert await site.find("amina") == []
    await pool.execute("UPDATE contact_points SET address = '+254799999999' WHERE address = '+12025550101'")
    assert await site.find("+254799999999") == ["Sam O’Brien"]
    await pool.execute("DELETE FROM contact_points WHERE address = '+48601000001'")
    assert await site.find("48601") == []
    wrong = await pool.fetchval("SELECT count(*) FROM contacts WHERE search_text <> contact_search_text(workspace_id, id, name)")
    assert wrong == 0


async def test_the_token_search_shows_nothing_of_another_workspace_or_of_none(site: Site) -> None:
    query = "SELECT search_contacts('{amina}', '{%amina%}', '{}', NULL, NULL, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 10) AS id"
    async with site.database.pool.acquire() as connection, connection.transaction():
        assert await connection.fetch(query) == []
        await connection.execute("SELECT set_config('tidings.workspace_id', $1, true)", str(site.workspace_id))
        assert len(await connection.fetch(query)) == 1


WORDS = st.text(alphabet="abé 12'%_\\", min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(alphabet="abé 12'%_\\", max_size=8), min_size=1, max_size=8), text=WORDS)
async def test_it_agrees_with_a_look_at_every_name(site: Site, names: list[str], text: str) -> None:
    workspace_id = await make_workspace(site.database)
    for number, name in enumerate(names):
        await make_contact(site.database.pool, workspace_id, name, f"+4477009{number:05}")
    found = await Site(site.database, workspace_id).find(text, page=2)
    assert sorted(found) == sorted(name for number, name in enumerate(names) if _matches(name, f"+4477009{number:05}", text))


def _matches(name: str, phone: str, text: str) -> bool:
    """The rule in plain words, slowly."""
    fragment = read_fragment(_plain(text), "KE")
    if fragment is None:
        return True
    whole = f"{_plain(name)}\n{phone}"
    begins = bool(fragment.name_start) and whole.startswith(fragment.name_start)
    return begins or any(phone.startswith(one) for one in fragment.number_starts) or (
        bool(fragment.words) and all(word in whole for word in fragment.words)
    )  # fmt: skip


def _plain(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(one))


def test_a_search_cannot_smuggle_patterns_in() -> None:
    assert escape_like(r"50%_\x") == r"50\%\_\\x"


def test_a_number_is_read_as_people_of_the_country_write_it() -> None:
    def starts(text: str) -> tuple[str, ...]:
        fragment = read_fragment(text, "KE")
        assert fragment is not None
        return fragment.number_starts

    assert starts("0712") == ("+254712",)
    assert starts("712") == ("+712", "+254712")
    assert starts("+44 77") == ("+4477",)
    assert starts("0044") == ("+44",)
    assert starts("mary") == ()
