"""The settings' pages do what the API does, with forms."""

from __future__ import annotations

import re

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import PASSWORD, Caller
from tests.workspaces.pages import HTML, log_in, submit
from tidings.core.ids import show_id


@pytest.fixture
async def client(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


def invitation_link(page: str) -> str:
    found = re.search(r"http://testserver(/join/[\w-]+)", page)
    assert found
    return found.group(1)


async def test_an_invited_person_joins_with_a_password_of_their_own(app: FastAPI, client: httpx2.AsyncClient) -> None:
    page = await submit(client, "/settings/members/invitations", email="Grace@Acme.example", role="agent")
    link = invitation_link(page.text)
    assert link not in (await client.get("/settings/members", headers=HTML)).text
    client.cookies.clear()
    assert "grace@acme.example" in (await client.get(link, headers=HTML)).text
    short = await client.post(link, data={"name": "Grace", "password": "short"}, headers=HTML)
    assert short.status_code == 422
    joined = await client.post(link, data={"name": "Grace", "password": "long enough, this"}, headers=HTML)
    assert (joined.status_code, joined.headers["location"]) == (303, "/")
    assert "grace@acme.example" in (await client.get("/profile", headers=HTML)).text
    assert (
        await app.state.database.pool.fetchval("SELECT role FROM members m JOIN users u ON u.id = m.user_id WHERE u.name = 'Grace'")
        == "agent"
    )
    assert (await client.get(link, headers=HTML)).status_code == 404


async def test_somebody_with_an_account_joins_only_as_themselves(
    client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller
) -> None:
    page = await submit(client, "/settings/members/invitations", email=other_workspace.owner_email, role="viewer")
    link = invitation_link(page.text)
    assert "Log out first" in (await client.get(link, headers=HTML)).text
    assert (await submit(client, link)).status_code == 403
    client.cookies.clear()
    assert "Log in to join" in (await client.get(link, headers=HTML)).text
    assert (await client.post(link, data={"name": "x", "password": "a new password for them"}, headers=HTML)).status_code == 303
    assert (await log_in(client, other_workspace.owner_email)).status_code == 303
    assert (await submit(client, link)).headers["location"] == "/"
    assert 'value="Acme"' in (await client.get("/settings/workspace", headers=HTML)).text


async def test_a_person_is_added_changed_and_removed(client: httpx2.AsyncClient, workspace: Caller) -> None:
    person = {"name": "Grace", "email": "grace@acme.example", "password": "a first password", "role": "viewer"}
    refused = await submit(client, "/settings/members", **{**person, "password": "short"})
    assert (refused.status_code, '"short"' in refused.text) == (422, False)
    assert "data-open" in refused.text
    assert (await submit(client, "/settings/members", **person)).status_code == 303
    members = (await client.get("/api/v1/members", headers=workspace.headers)).json()["items"]
    grace = next(one["user_id"] for one in members if one["name"] == "Grace")
    assert (await submit(client, f"/settings/members/{grace}/role", role="admin")).status_code == 303
    assert (await submit(client, f"/settings/members/{grace}/role", role="emperor")).status_code == 422
    assert (await submit(client, f"/settings/members/{grace}/remove")).status_code == 303
    me = show_id("usr", workspace.owner_id)
    assert (await submit(client, f"/settings/members/{me}/remove")).status_code == 409
    assert len((await client.get("/api/v1/members", headers=workspace.headers)).json()["items"]) == 1


async def test_a_key_is_shown_once(client: httpx2.AsyncClient) -> None:
    none = await submit(client, "/settings/api-keys", name="Shop")
    assert none.status_code == 422
    page = await submit(client, "/settings/api-keys", name="Shop", scopes=["workspace:read", "contacts:read"])
    secret = re.search(r"tdk_[\w-]{40}", page.text)
    assert secret
    assert secret.group() not in (await client.get("/settings/api-keys", headers=HTML)).text
    assert (await client.get("/api/v1/workspace", headers={"Authorization": f"Bearer {secret.group()}"})).status_code == 200
    revoke = re.findall(r"/settings/api-keys/key_\w+/revoke", page.text)[0]
    assert (await submit(client, revoke)).status_code == 303
    assert (await client.get("/api/v1/workspace", headers={"Authorization": f"Bearer {secret.group()}"})).status_code == 401


async def test_the_workspace_is_changed(client: httpx2.AsyncClient, workspace: Caller) -> None:
    form = {
        "name": "Acme 2",
        "timezone": "Europe/Paris",
        "default_region": "FR",
        "default_locale": "fr",
        "retry_minutes": "1, 2.5",
        "max_attempts": "4",
    }
    for wrong in ({"retry_minutes": "soon"}, {"retry_minutes": "1,99999"}, {"max_attempts": "0"}, {"timezone": "Nowhere"}, {"name": ""}):
        answer = await submit(client, "/settings/workspace", **{**form, **wrong})
        assert (answer.status_code, "invalid-feedback" in answer.text) == (422, True), wrong
    assert (await submit(client, "/settings/workspace", **form)).status_code == 303
    shown = (await client.get("/api/v1/workspace", headers=workspace.headers)).json()
    assert (shown["name"], shown["settings"]) == ("Acme 2", {"retry_minutes": [1, 2.5], "max_attempts": 4})


async def test_a_new_password_needs_the_old_and_ends_all_other_logins(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    tokens = (await client.post("/api/v1/auth/token", json={"email": workspace.owner_email, "password": PASSWORD})).json()
    here = client.cookies["tidings_session"]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://testserver") as elsewhere:
        await log_in(elsewhere, workspace.owner_email)
        wrong = await submit(client, "/profile/password", current="not it", password="another long one")
        assert (wrong.status_code, "Is not your password" in wrong.text) == (422, True)
        changed = await submit(client, "/profile/password", current=PASSWORD, password="another long one")
        assert changed.status_code == 303
        assert (await elsewhere.get("/profile", headers=HTML)).status_code == 303
    assert client.cookies["tidings_session"] == here
    assert (await client.get("/profile", headers=HTML)).status_code == 200
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.get("/api/v1/workspace", headers=bearer)).status_code == 401
    assert (await client.post("/api/v1/auth/token", json={"email": workspace.owner_email, "password": PASSWORD})).status_code == 401


async def test_the_audit_log_shows_changes_and_goes_on(client: httpx2.AsyncClient, workspace: Caller) -> None:
    for number in range(55):
        await client.patch("/api/v1/workspace", json={"name": f"Name <{number}>"}, headers=workspace.headers)
    page = (await client.get("/settings/audit-log?kind=workspace", headers=HTML)).text
    assert "Name &lt;54&gt;" in page
    assert "Name &lt;3&gt;" not in page
    more = re.search(r'hx-get="(/settings/audit-log\?[^"]*cursor[^"]*)"', page)
    assert more
    rows = await client.get(more.group(1).replace("&amp;", "&"), headers={**HTML, "HX-Request": "true", "HX-Request-Type": "partial"})
    assert "Name &lt;3&gt;" in rows.text
    assert "<html" not in rows.text
    assert "Nothing here" in (await client.get("/settings/audit-log?search=nobody", headers=HTML)).text
    assert (await client.get("/settings/audit-log?search=%00", headers=HTML)).status_code == 422


async def test_the_reference_needs_no_other_server(client: httpx2.AsyncClient) -> None:
    page = await client.get("/docs", headers=HTML)
    assert page.status_code == 200
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page.text) == []
    assert "unsafe" not in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("max_attempts", "many", "Must be a whole number from 1 to 20."),
        ("retry_minutes", "soon", "Must be up to ten numbers of minutes with commas between them, each at most 1440 (a day)."),
        ("name", "x" * 2000, "Must have between 1 and 200 characters."),
    ],
)
async def test_a_setting_that_cannot_be_is_told_at_its_own_field(client: httpx2.AsyncClient, field: str, value: str, sentence: str) -> None:
    settings = {
        "name": "Acme", "timezone": "UTC", "default_region": "US", "default_locale": "en", "retry_minutes": "5, 10", "max_attempts": "3",
    }  # fmt: skip
    answer = await submit(client, "/settings/workspace", **{**settings, field: value})
    assert answer.status_code == 422
    assert re.findall(r'id="error-(\w+)">([^<]+)<', answer.text) == [(field, sentence)]
    assert f'value="{value}"' in answer.text


async def test_a_role_not_chosen_is_told_in_the_form_that_was_sent(client: httpx2.AsyncClient) -> None:
    answer = await submit(client, "/settings/members/invitations", email="grace@acme.example", role="emperor")
    assert (answer.status_code, answer.text.count("Must be chosen.")) == (422, 1)


async def test_no_two_fields_of_a_page_share_an_id(client: httpx2.AsyncClient) -> None:
    for path in ("/settings/members", "/settings/api-keys", "/profile", "/contacts/new", "/campaigns/new", "/sandbox"):
        ids = re.findall(r'\bid="([^"]+)"', (await client.get(path, headers=HTML)).text)
        assert sorted(ids) == sorted(set(ids)), path


async def test_the_audit_log_names_things_by_the_ids_that_people_know(client: httpx2.AsyncClient, workspace: Caller) -> None:
    group = (await client.post("/api/v1/groups", json={"name": "Staff"}, headers=workspace.headers)).json()["id"]
    draft = {"name": "Sale", "text": "Hello", "audience": {"groups": [group]}}
    channel = {"name": "Phone", "provider": "sandbox"}
    assert (await client.post("/api/v1/channels", json=channel, headers=workspace.headers)).status_code == 201
    assert (await client.post("/api/v1/campaigns", json=draft, headers=workspace.headers)).status_code == 201
    told = (await client.get("/settings/audit-log?kind=campaign", headers=HTML)).text
    assert group in told
    assert "chn_" in told
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-7", told)


async def test_an_error_before_the_door_keeps_the_persons_menu(client: httpx2.AsyncClient) -> None:
    lost = await client.get("/nowhere", headers=HTML)
    assert (lost.status_code, 'href="/campaigns"' in lost.text) == (404, True)
    large = await client.post("/imports/new", content=b"x" * 6_000_000, headers={**HTML, "Content-Type": "multipart/form-data; boundary=x"})
    assert (large.status_code, 'href="/campaigns"' in large.text) == (413, True)
    assert "larger than 5.1 MB" in large.text
    client.cookies.clear()
    stranger = await client.get("/nowhere", headers=HTML)
    assert (stranger.status_code, 'href="/campaigns"' in stranger.text) == (404, False)
