"""The pages of contacts, groups and imports as a browser asks for them."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.contacts.builders import make_contact
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit, token_of
from tidings.core.ids import show_id

PART = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial"}
SHEET = "Full name,Mobile,Town\nAmina Hassan,0712 345 678,Nairobi\nGrace Wanjiru,0722 000 33,Nakuru\nPeter Mwangi,0712345678,Thika\n"


@pytest.fixture
async def signed_in(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


async def page(browser: httpx2.AsyncClient, path: str, status: int = 200, headers: dict[str, str] = HTML) -> str:
    answer = await browser.get(path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.text


async def person(app: FastAPI, workspace: Caller, name: str, *addresses: str) -> str:
    """A contact's public id."""
    contact_id: UUID = await make_contact(app.state.database.pool, workspace.id, name, *addresses)
    return show_id("con", contact_id)


async def group(browser: httpx2.AsyncClient, name: str) -> str:
    """A group's public id."""
    answer = await submit(browser, "/groups/new", name=name, description="")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/groups/")


async def upload(
    browser: httpx2.AsyncClient, content: bytes = SHEET.encode(), filename: str = "people.csv", **fields: str
) -> httpx2.Response:
    data = {"csrf_token": await token_of(browser), "target": "none", **fields}
    return await browser.post("/imports/new", data=data, files={"file": (filename, content)}, headers=HTML)


# --- contacts --------------------------------------------------------------------------------------------------------------


async def test_an_empty_list_teaches_how_to_begin(signed_in: httpx2.AsyncClient) -> None:
    assert "Import a spreadsheet" in await page(signed_in, "/contacts")
    assert "No groups yet" in await page(signed_in, "/groups")
    assert "No imports yet" in await page(signed_in, "/imports")


async def test_typing_answers_with_the_list_alone(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    await person(app, workspace, "Amina Hassan", "+254712345678")
    await person(app, workspace, "Zainabu Juma", "+254733000111")
    part = await page(signed_in, "/contacts?search=zain", headers=PART)
    assert part.startswith('<div id="list">')
    assert "Zainabu" in part
    assert "Amina" not in part
    assert "Nobody fits" in await page(signed_in, "/contacts?search=nobody-at-all")


async def test_a_long_list_goes_on(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    for number in range(55):
        await person(app, workspace, f"Person {number}", f"+2547123400{number:02}")
    first = await page(signed_in, "/contacts")
    (more,) = set(re.findall(r'hx-get="(/contacts\?[^"]*cursor=[^"]+)"', first))
    rest = await page(signed_in, more.replace("&amp;", "&"), headers=PART)
    assert rest.count("<tr>") == 5
    assert "Load more" not in rest
    alone = await page(signed_in, more.replace("&amp;", "&"))  # opened in a tab of its own
    assert "</html>" in alone
    assert alone.count('name="selected"') == 5


async def test_a_contact_is_made_and_its_faults_told(signed_in: httpx2.AsyncClient) -> None:
    answer = await submit(signed_in, "/contacts/new", name="Amina", phone="12", key=["city", ""], value=["Nairobi", ""])
    assert answer.status_code == 422
    assert "The phone is too short" in answer.text
    assert 'value="Nairobi"' in answer.text
    missing = await submit(signed_in, "/contacts/new", name="Amina", phone="")
    assert "A contact needs a phone number or another address.<" in missing.text
    answer = await submit(signed_in, "/contacts/new", name="Amina", phone="0712 345 678", key=["city", ""], value=["Nairobi", ""])
    text = await page(signed_in, answer.headers["location"])
    assert "Africa/Nairobi" in text
    assert "<dt>city</dt><dd>Nairobi</dd>" in text
    again = await submit(signed_in, "/contacts/new", name="Amina again", phone="+254712345678")
    assert again.status_code == 409
    assert "has +254712345678 already" in again.text


@pytest.mark.parametrize(
    ("keys", "values", "sentence"),
    [(["9lives"], ["x"], "not a usable name"), ([""], ["x"], "a name"), (["a", "a"], ["1", "2"], "two attributes named")],
)
async def test_attributes_that_no_text_could_speak_of_are_refused(
    signed_in: httpx2.AsyncClient, keys: list[str], values: list[str], sentence: str
) -> None:
    answer = await submit(signed_in, "/contacts/new", name="Amina", phone="0712 345 678", key=keys, value=values)
    assert answer.status_code == 422
    assert sentence in answer.text


async def test_an_edit_keeps_numbers_numbers_and_takes_attributes_away(
    signed_in: httpx2.AsyncClient,
    app: FastAPI,
    workspace: Caller,
) -> None:
    made = await signed_in.post(
        "/api/v1/contacts", json={"name": "Amina", "phone": "0712345678", "attributes": {"balance": 12, "city": "Nairobi", "tags": ["a"]}},
        headers=workspace.headers,
    )  # fmt: skip
    address = f"/contacts/{made.json()['id']}"
    fields: dict[str, Any] = {"name": "Amina H", "phone": "+254712345678", "locale": "sw", "timezone": "Africa/Nairobi"}
    await submit(signed_in, f"{address}/edit", **fields, key=["balance", "tags"], value=["15.5", '["a"]'])
    after = (await signed_in.get(f"/api/v1{address}", headers=workspace.headers)).json()
    assert (after["name"], after["locale"], after["attributes"]) == ("Amina H", "sw", {"balance": 15.5, "tags": ["a"]})


async def test_one_address_is_opted_out_and_the_other_not(
    signed_in: httpx2.AsyncClient,
    app: FastAPI,
    workspace: Caller,
) -> None:
    address = f"/contacts/{await person(app, workspace, 'Amina', '+254712345678', '+254733000111')}"
    first, second = re.findall(rf"{address}/points/(pnt_\w+)/consent", await page(signed_in, address))
    await submit(signed_in, f"{address}/points/{first}/consent")
    points = {one["id"]: one for one in (await signed_in.get(f"/api/v1{address}", headers=workspace.headers)).json()["points"]}
    assert points[first]["opt_out_source"] == "dashboard"
    assert points[second]["opted_out_at"] is None
    await submit(signed_in, f"{address}/points/{first}/consent", may_write="true")
    assert (await signed_in.get(f"/api/v1{address}", headers=workspace.headers)).json()["opted_out"] is False


async def test_addresses_come_and_go_but_the_last_one_stays(
    signed_in: httpx2.AsyncClient,
    app: FastAPI,
    workspace: Caller,
) -> None:
    address = f"/contacts/{await person(app, workspace, 'Amina', '+254712345678')}"
    await submit(signed_in, f"{address}/points", medium="email", address="nonsense")
    assert "is not an e-mail address" in await page(signed_in, address)
    await submit(signed_in, f"{address}/points", medium="email", address="amina@example.com")
    phone, email = re.findall(rf"{address}/points/(pnt_\w+)/remove", await page(signed_in, address))
    await submit(signed_in, f"{address}/points/{phone}/remove")
    await submit(signed_in, f"{address}/points/{email}/remove")
    assert "only address" in await page(signed_in, address)


async def test_several_are_grouped_and_deleted_at_once(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    people = [await person(app, workspace, f"Person {number}", f"+25471234560{number}") for number in range(3)]
    market = await group(signed_in, "Market")
    assert (await submit(signed_in, "/contacts/bulk/add", group=market)).status_code == 422
    assert (await submit(signed_in, "/contacts/bulk/add", selected=people)).status_code == 422
    await submit(signed_in, "/contacts/bulk/add", selected=people[:2], group=market)
    assert "2 contacts joined" in await page(signed_in, "/contacts")
    await submit(signed_in, "/contacts/bulk/remove", selected=people[:1], group=market)
    text = await page(signed_in, f"/groups/{market}")
    assert "Person 1" in text
    assert "Person 0" not in text
    await submit(signed_in, "/contacts/bulk/delete", selected=people)
    assert "3 contacts deleted" in await page(signed_in, "/contacts")


async def test_the_list_comes_as_a_file_without_formulas(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    await person(app, workspace, "=HYPERLINK(1)", "+254712345678", "+254733000111")
    await person(app, workspace, "Zainabu", "+254733000222")
    answer = await signed_in.get("/contacts/export.csv", headers=HTML)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["Zainabu", "'=HYPERLINK(1)"]
    assert (rows[1]["phone"], rows[1]["other_addresses"]) == ("+254712345678", "+254733000111")
    only = await signed_in.get("/contacts/export.csv?search=zai", headers=HTML)
    assert only.text.count("\r\n") == 2


async def test_a_page_of_contacts_takes_few_queries(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    for number in range(20):
        await person(app, workspace, f"Person {number}", f"+2547123456{number:02}")
    with counted() as asked:
        await page(signed_in, "/contacts")
    assert len(asked) <= 12, asked


# --- groups ----------------------------------------------------------------------------------------------------------------


async def test_a_group_is_renamed_found_and_deleted(signed_in: httpx2.AsyncClient) -> None:
    market = await group(signed_in, "Market")
    await group(signed_in, "Staff")
    taken = await submit(signed_in, f"/groups/{market}/edit", name="staff", description="")
    assert taken.status_code == 409
    assert "named “staff” already" in taken.text
    assert (await submit(signed_in, "/groups/new", name=" ", description="")).status_code == 422
    await submit(signed_in, f"/groups/{market}/edit", name="Market day", description="Those of Kisumu")
    assert "Those of Kisumu" in await page(signed_in, "/groups?search=market")
    await submit(signed_in, f"/groups/{market}/delete")
    await page(signed_in, f"/groups/{market}", 404)


async def test_candidates_know_who_is_in_the_group_already(
    signed_in: httpx2.AsyncClient,
    app: FastAPI,
    workspace: Caller,
) -> None:
    inside, outside = [
        await person(app, workspace, name, number) for name, number in (("Amina", "+254712345678"), ("Amos", "+254733000111"))
    ]
    market = await group(signed_in, "Market")
    await submit(signed_in, f"/groups/{market}/add", selected=[inside])
    part = await page(signed_in, f"/groups/{market}/candidates?search=am", headers=PART)
    assert re.search(rf'value="{inside}" disabled', part)
    assert re.search(rf'value="{outside}">', part)


# --- imports ---------------------------------------------------------------------------------------------------------------


async def test_an_upload_is_judged_mended_and_confirmed(signed_in: httpx2.AsyncClient) -> None:
    address = (await upload(signed_in, target="new", group_name="Market day")).headers["location"]
    text = await page(signed_in, address)
    assert "go to the group “Market day” (new)" in text
    assert "Import 1 contact" in text
    assert "The same number is in row 2." in text
    token = await token_of(signed_in, address)
    part = await signed_in.post(f"{address}/rows/3", data={"csrf_token": token, "name": "Grace", "phone": "0722 000 333"}, headers=PART)
    assert "corrected" in part.text
    assert "Import 2 contacts" in part.text
    await submit(signed_in, f"{address}/confirm")
    text = await page(signed_in, address)
    assert "Done: 2 new contacts." in text
    assert "Write to them" in text
    await submit(signed_in, f"{address}/confirm")
    assert "2 contacts" in await page(signed_in, "/contacts")


async def test_columns_are_read_again_as_somebody_says(signed_in: httpx2.AsyncClient) -> None:
    address = (await upload(signed_in)).headers["location"]
    roles = {"role_A": "attribute", "key_A": "full_name", "role_B": "phone", "role_C": "name", "header": "true"}
    await submit(signed_in, f"{address}/reading", **roles)
    text = await page(signed_in, address)
    assert "read again" in text
    assert '<div class="cell-text cell-name">Nairobi</div>' in text
    await submit(signed_in, f"{address}/reading", role_A="phone", role_B="phone")
    assert "cannot both be the phone" in await page(signed_in, address)
    await submit(signed_in, f"{address}/reading", role_A="name")
    assert "One column has to be the phone number" in await page(signed_in, address)


@pytest.mark.parametrize(
    ("content", "filename", "fields", "sentence"),
    [
        (b"%PDF-1.7 nothing", "a.xlsx", {}, "This is a PDF document"),
        (b"", "a.csv", {}, "The file is empty."),
        (SHEET.encode(), "a.csv", {"target": "group"}, "Choose a group"),
        (SHEET.encode(), "a.csv", {"target": "new"}, "Give the new group a name."),
        (SHEET.encode(), "", {}, "Choose a file first."),
    ],
)
async def test_what_cannot_be_read_is_refused_and_leaves_nothing(
    signed_in: httpx2.AsyncClient, content: bytes, filename: str, fields: dict[str, str], sentence: str
) -> None:
    answer = await upload(signed_in, content, filename, **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "No imports yet" in await page(signed_in, "/imports")


async def test_a_cancelled_import_saves_nothing(signed_in: httpx2.AsyncClient) -> None:
    address = (await upload(signed_in)).headers["location"]
    assert (await submit(signed_in, f"{address}/cancel")).headers["location"] == "/imports"
    assert "No contacts yet" in await page(signed_in, "/contacts")
    assert (await submit(signed_in, f"{address}/confirm")).status_code == 409


async def test_the_example_can_be_imported_as_it_is(signed_in: httpx2.AsyncClient) -> None:
    sheet = await signed_in.get("/imports/example.xlsx", headers=HTML)
    address = (await upload(signed_in, sheet.content, "example.xlsx")).headers["location"]
    assert "Import 3 contacts" in await page(signed_in, address)


async def test_what_belongs_to_somebody_else_is_unknown(
    signed_in: httpx2.AsyncClient,
    app: FastAPI,
    workspace: Caller,
    other_workspace: Caller,
) -> None:
    contact = await person(app, workspace, "Amina", "+254712345678")
    market = await group(signed_in, "Market")
    imported = (await upload(signed_in)).headers["location"]
    signed_in.cookies.clear()
    await log_in(signed_in, other_workspace.owner_email)
    for path in (
        f"/contacts/{contact}",
        f"/contacts/{contact}/edit",
        f"/groups/{market}",
        f"/groups/{market}/edit",
        imported,
        f"{imported}/rows/2",
    ):
        await page(signed_in, path, 404)
    posts = [
        f"/contacts/{contact}/delete", f"/contacts/{contact}/edit", f"/contacts/{contact}/points", f"/groups/{market}/delete",
        f"/groups/{market}/edit", f"{imported}/confirm", f"{imported}/cancel", f"{imported}/rows/2",
    ]  # fmt: skip
    for path in posts:
        assert (await submit(signed_in, path, name="x", phone="1", medium="sms", address="0712345678")).status_code == 404, path
    assert (await submit(signed_in, "/contacts/bulk/delete", selected=[contact])).status_code == 404


async def test_a_contacts_messages_are_one_click_away(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    amina = await person(app, workspace, "Amina", "+254712345678")
    await person(app, workspace, "Juma", "+254733000111")
    await submit(signed_in, "/channels/new/sandbox", name="Try-out")
    for number in ("+254712345678", "+254733000111"):
        sent = await signed_in.post("/api/v1/messages", json={"to": number, "text": f"To {number}"}, headers=workspace.headers)
        assert sent.status_code in {201, 202}, sent.text
    assert f'href="/messages?contact={amina}"' in await page(signed_in, f"/contacts/{amina}")
    text = await page(signed_in, f"/messages?contact={amina}")
    assert "To +254712345678" in text
    assert "To +254733000111" not in text


async def test_a_viewer_looks_but_changes_nothing(signed_in: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    contact = await person(app, workspace, "Amina", "+254712345678")
    market = await group(signed_in, "Market")
    imported = (await upload(signed_in)).headers["location"]
    await app.state.database.pool.execute("UPDATE members SET role = 'viewer' WHERE workspace_id = $1", workspace.id)
    for path in ("/contacts", f"/contacts/{contact}", "/groups", f"/groups/{market}", "/imports", imported):
        text = await page(signed_in, path)
        assert not re.search(r'<form method="post" action="/(contacts|groups|imports)', text), path
        assert not re.search(r"/(contacts|groups|imports)/new", text), path
    for path in ("/contacts/new", "/groups/new", "/imports/new", f"/contacts/{contact}/edit"):
        await page(signed_in, path, 403)
    for path in (f"/contacts/{contact}/delete", f"/groups/{market}/delete", f"{imported}/confirm", "/contacts/bulk/delete"):
        assert (await submit(signed_in, path, selected=[contact])).status_code == 403, path
