"""The compose form as a browser posts it: what is kept, refused, previewed and asked before anything goes out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI

from tests.campaigns.browsing import PART, TEXT, compose, page, part
from tests.contacts.builders import make_contact, make_group
from tests.messages.site import Api
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit, token_of
from tidings.core.ids import show_id


@pytest.fixture
async def client(client: httpx2.AsyncClient, api: Api) -> httpx2.AsyncClient:
    """The owner's browser, in a workspace with a sandbox channel."""
    assert (await log_in(client, api.caller.owner_email)).status_code == 303
    return client


async def test_a_draft_is_saved_and_edited(client: httpx2.AsyncClient, api: Api) -> None:
    saved = await compose(client)
    assert saved.status_code == 303
    campaign = saved.headers["location"]
    shown = await page(client, campaign)
    assert "Draft" in shown
    form = await page(client, f"{campaign}/edit")
    assert 'name="version" value="1"' in form
    changed = await compose(client, f"{campaign}/edit", version="1", name="Better", validity="3600", delivery="at_least_once")
    assert changed.headers["location"] == campaign
    kept = await api.get(f"/campaigns/{campaign.rpartition('/')[2]}")
    assert (kept["name"], kept["valid_for_seconds"], kept["delivery"]) == ("Better", 3600, "at_least_once")


async def test_of_two_people_who_edit_the_second_is_told_and_keeps_what_was_typed(client: httpx2.AsyncClient) -> None:
    campaign = (await compose(client)).headers["location"]
    await compose(client, f"{campaign}/edit", version="1", name="Theirs")
    answer = await compose(client, f"{campaign}/edit", version="1", name="Mine")
    assert answer.status_code == 409
    assert "Somebody else has changed this campaign" in answer.text
    assert 'value="Mine"' in answer.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Give it a name"),
        ({"text": "  "}, "Write what the recipients are to read"),
        ({"text": "Hello {{ name"}, "not a valid template"),
        ({"audience": "chosen"}, "Choose at least one group or contact"),
        ({"when": "later", "scheduled_at": "", "act": "schedule"}, "Give a date and a time"),
        ({"when": "later", "scheduled_at": "2020-01-01T08:00", "act": "schedule"}, "past"),
    ],
)
async def test_a_form_that_is_wrong_comes_back_with_everything_typed(
    client: httpx2.AsyncClient, api: Api, fields: dict[str, str], sentence: str
) -> None:
    await api.make_contacts(1)
    filled = {"name": "Keep me", "validity": "86400", "confirmed": "1", **fields}
    answer = await compose(client, **filled)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert '<option value="86400" selected>' in answer.text
    if "name" not in fields:
        assert 'value="Keep me"' in answer.text
    assert (await api.get("/campaigns"))["items"] == []


async def test_a_time_is_read_on_the_workspaces_clock(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(2)
    local = (datetime.now(UTC) + timedelta(days=1, hours=3)).strftime("%Y-%m-%dT%H:%M")  # Nairobi is three hours ahead
    answer = await compose(client, act="schedule", when="later", scheduled_at=local, confirmed="2")
    assert answer.status_code == 303, answer.text
    (campaign,) = (await api.get("/campaigns"))["items"]
    assert campaign["status"] == "scheduled"
    assert campaign["scheduled_at"][:16] == (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")


async def test_nothing_is_sent_unless_the_right_number_was_confirmed(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(3)
    for confirmed in ("", "2", "four"):
        answer = await compose(client, act="send", confirmed=confirmed)
        assert answer.status_code == 409
        assert "3 recipients would get it now" in answer.text
    assert (await api.get("/campaigns"))["items"] == []
    assert (await compose(client, act="send", confirmed="3")).status_code == 303
    assert (await api.get("/campaigns"))["items"][0]["status"] == "launching"


async def test_the_last_question_says_to_exactly_how_many(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(4)
    await api.database.pool.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'sms', '+254710000000', 'keyword')", api.caller.id
    )
    asked = await part(client, "/campaigns/confirm-fragment")
    assert asked.status_code == 200
    assert "Send now to 3 recipients?" in asked.text
    assert 'name="confirmed" value="3"' in asked.text
    assert "1, not sent to" in asked.text


async def test_a_wrong_form_is_not_asked_about_but_shown_again(client: httpx2.AsyncClient) -> None:
    answer = await part(client, "/campaigns/confirm-fragment", name="")
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (422, "#compose")
    assert "Give it a name" in answer.text
    nobody = await part(client, "/campaigns/confirm-fragment")
    assert "Nobody in it can be reached" in nobody.text


async def test_the_preview_is_what_a_real_recipient_reads(client: httpx2.AsyncClient, api: Api) -> None:
    await make_contact(api.database.pool, api.caller.id, "Wanjiku Njoroge", "+254711111111")
    shown = (await part(client, "/campaigns/preview-fragment", text=TEXT + " “now” for 5€")).text
    assert "Hello Wanjiku “now”" in shown
    assert "as Wanjiku Njoroge reads it" in shown
    assert "UCS-2" in shown
    assert '<span class="char">“</span>' in shown
    plain = (await part(client, "/campaigns/preview-fragment", text="Only 5€")).text
    assert "GSM-7" in plain
    assert "as two characters" in plain


async def test_the_preview_survives_a_text_that_is_being_written(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(2)
    shown = await part(client, "/campaigns/preview-fragment", text="Hello {{ first_n")
    assert shown.status_code == 200
    assert "not a valid template" in shown.text
    assert 'id="to-send">2<' in shown.text


async def test_the_preview_names_those_whose_text_cannot_be_made(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contact("Ada", "+254711111111", town="Kisumu")
    await make_contact(api.database.pool, api.caller.id, "Grace", "+254722222222")
    shown = (await part(client, "/campaigns/preview-fragment", text="Shops in {{ town }}")).text
    assert "cannot be filled in for 1 recipient" in shown
    assert "<li>Grace</li>" in shown


async def test_groups_and_contacts_are_found_and_what_is_chosen_stays(client: httpx2.AsyncClient, api: Api) -> None:
    pool, workspace_id = api.database.pool, api.caller.id
    ada = await make_contact(pool, workspace_id, "Ada Lovelace", "+254711111111")
    chosen = show_id("grp", await make_group(pool, workspace_id, "Regulars", ada))
    await make_group(pool, workspace_id, "Wholesale")
    found = await page(client, f"/campaigns/pick-groups?group_search=whole&groups={chosen}", **PART)
    assert found.index("Regulars") < found.index("Wholesale")
    assert f'value="{chosen}" checked' in found
    people = await page(client, "/campaigns/pick-contacts?contact_search=0711111", **PART)
    assert "Ada Lovelace" in people
    assert f'value="{chosen}" checked' in await page(client, f"/campaigns/new?group={chosen}")


async def test_ids_of_others_and_nonsense_choose_nothing(client: httpx2.AsyncClient, other_api: Api, api: Api) -> None:
    theirs = show_id("grp", await make_group(api.database.pool, other_api.caller.id, "Secret group"))
    for group in (theirs, "grp_nonsense", "<script>"):
        assert "Secret group" not in await page(client, f"/campaigns/pick-groups?groups={group}", **PART)
        answer = await compose(client, audience="chosen", groups=group)
        assert answer.status_code == 422
    theirs = (await other_api.post("/campaigns", {"name": "Theirs", "text": "x", "audience": {"all": True}}))["id"]
    for path in ("", "/edit", "/events", "/ledger.csv"):
        await page(client, f"/campaigns/{theirs}{path}", 404)
    for act in ("pause", "cancel", "delete", "resume", "edit"):
        assert (await submit(client, f"/campaigns/{theirs}/{act}")).status_code == 404


async def test_a_copy_begins_as_the_first_one_was_but_for_its_time(client: httpx2.AsyncClient) -> None:
    campaign = (await compose(client, name="Original", validity="3600")).headers["location"].rpartition("/")[2]
    form = await page(client, f"/campaigns/new?like={campaign}")
    assert 'value="Original (copy)"' in form
    assert '<option value="3600" selected>' in form


async def test_the_form_and_its_preview_ask_a_bounded_number_of_questions(client: httpx2.AsyncClient, api: Api) -> None:
    pool, workspace_id = api.database.pool, api.caller.id
    people = [await make_contact(pool, workspace_id, f"Person {number}", f"+25471111111{number}") for number in range(10)]
    chosen = [show_id("grp", await make_group(pool, workspace_id, f"Group {number}", *people)) for number in range(5)]
    with counted() as form:
        await page(client, "/campaigns/new")
    assert len(form) <= 20, form
    token = await token_of(client)
    fields = {"csrf_token": token, "name": "Sale", "text": TEXT, "audience": "chosen", "groups": chosen}
    with counted() as preview:
        await client.post("/campaigns/preview-fragment", data=fields, headers=PART)
    assert len(preview) <= 12, preview


async def test_sending_too_often_is_refused_by_the_pages_too(client: httpx2.AsyncClient, api: Api, app: FastAPI) -> None:
    await api.make_contacts(1)
    app.state.settings = app.state.settings.model_copy(update={"send_requests_per_minute": 1})
    assert (await compose(client, act="send", confirmed="1")).status_code == 303
    refused = await compose(client, act="send", confirmed="1")
    assert refused.status_code == 429
    assert len((await api.get("/campaigns"))["items"]) == 1
    assert (await compose(client)).status_code == 303  # a draft sends nothing


async def test_absurd_fields_are_refused_and_never_a_fault_of_ours(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(1)
    huge = "9" * 5000
    answer = await compose(client, name="A\0B", text="C\0D", validity=huge, version=huge)
    assert answer.status_code == 303
    (kept,) = (await api.get("/campaigns"))["items"]
    assert (kept["name"], kept["text"], kept["valid_for_seconds"]) == ("AB", "CD", None)
    assert (await compose(client, act="send", confirmed=huge)).status_code == 409
    assert (await compose(client, act="schedule", when="later", scheduled_at="9999-12-31T23:59", confirmed="1")).status_code == 422
    assert (await part(client, "/campaigns/preview-fragment", sample=huge)).status_code == 200
    assert (await client.get("/campaigns?search=%00", headers=HTML)).status_code == 422
