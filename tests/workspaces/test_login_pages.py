"""The dashboard's door: cookies, tokens of forms, the way to the login and back."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import PASSWORD, Caller, make_caller
from tests.workspaces.pages import HTML, log_in, submit, token_of
from tidings.settings import Settings


async def test_who_is_not_signed_in_is_led_to_the_login_and_back(client: httpx2.AsyncClient, workspace: Caller) -> None:
    asked = await client.get("/settings/members", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/settings/members")
    form = await client.get(asked.headers["location"], headers=HTML)
    assert 'name="next" value="/settings/members"' in form.text
    answer = await client.post("/login", data={"email": workspace.owner_email, "password": PASSWORD, "next": "/settings/members"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/members")
    assert (await client.get("/settings/members", headers=HTML)).status_code == 200


async def test_the_way_back_keeps_search_and_filters(client: httpx2.AsyncClient, workspace: Caller) -> None:
    asked = await client.get("/messages?status=failed&search=+254", headers=HTML)
    assert asked.headers["location"] == "/login?next=/messages%3Fstatus%3Dfailed%26search%3D%2B254"
    form = await client.get(asked.headers["location"], headers=HTML)
    assert 'name="next" value="/messages?status=failed&amp;search=+254"' in form.text


async def test_htmx_is_sent_to_the_login_as_a_whole_and_back_to_the_page_around_it(client: httpx2.AsyncClient, workspace: Caller) -> None:
    around = {"HX-Request": "true", "HX-Current-URL": "http://testserver/imports/new?group=x"}
    answer = await client.get("/imports?part=work", headers=around)
    assert answer.headers["hx-redirect"] == "/login?next=/imports/new%3Fgroup%3Dx"


async def test_a_form_sent_after_the_login_ended_says_that_it_was_not_carried_out(client: httpx2.AsyncClient, workspace: Caller) -> None:
    answer = await client.post("/groups/new", data={"name": "Staff"}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "that was not carried out" in (await client.get("/login", headers=HTML)).text


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""])
async def test_the_login_leads_to_our_own_pages_only(client: httpx2.AsyncClient, workspace: Caller, elsewhere: str) -> None:
    answer = await client.post("/login", data={"email": workspace.owner_email, "password": PASSWORD, "next": elsewhere})
    assert answer.headers["location"] == "/"


async def test_a_wrong_password_shows_the_form_again(client: httpx2.AsyncClient, workspace: Caller) -> None:
    answer = await log_in(client, workspace.owner_email, "not this one")
    assert answer.status_code == 422
    assert "password is wrong" in answer.text
    assert "not this one" not in answer.text
    assert "tidings_session" not in client.cookies


async def test_the_cookie_is_out_of_reach_of_scripts_and_kept_as_a_hash(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller
) -> None:
    answer = await log_in(client, workspace.owner_email)
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))
    kept = await app.state.database.pool.fetchval("SELECT s::text FROM login_sessions s")
    assert client.cookies["tidings_session"] not in kept


class TestOverHttps:
    """With TIDINGS_SECURE_COOKIES."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"secure_cookies": True})

    async def test_the_cookie_never_travels_in_the_clear(self, client: httpx2.AsyncClient, workspace: Caller) -> None:
        cookie = (await log_in(client, workspace.owner_email)).headers["set-cookie"]
        assert cookie.startswith("__Host-tidings=")
        assert "Secure" in cookie
        assert "Domain" not in cookie

    async def test_browsers_are_told_to_stay_on_https(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get("/login", headers=HTML)).headers["strict-transport-security"] == "max-age=31536000"


async def test_a_form_without_its_token_changes_nothing(client: httpx2.AsyncClient, workspace: Caller) -> None:
    await log_in(client, workspace.owner_email)
    token = await token_of(client)
    body = {"name": "Hijacked", "timezone": "UTC", "default_region": "KE", "default_locale": "en"}
    for fields in (body, {**body, "csrf_token": "wrong"}, {**body, "csrf_token": ""}):
        assert (await client.post("/settings/workspace", data=fields, headers=HTML)).status_code == 403
    crossed = await client.post("/settings/workspace", data={**body, "csrf_token": token}, headers={**HTML, "Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    shown = await client.get("/api/v1/workspace", headers=workspace.headers)
    assert shown.json()["name"] == "Acme"
    by_header = await client.post("/settings/workspace", data=body, headers={**HTML, "X-CSRF-Token": token})
    assert by_header.status_code == 303


async def test_another_sites_login_form_is_refused(client: httpx2.AsyncClient, workspace: Caller) -> None:
    body = {"email": workspace.owner_email, "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert (await client.post("/login", data=body, headers={**HTML, **headers})).status_code == 403


async def test_logging_out_ends_the_login_at_the_server(client: httpx2.AsyncClient, workspace: Caller) -> None:
    await log_in(client, workspace.owner_email)
    stolen = client.cookies["tidings_session"]
    assert (await submit(client, "/logout")).headers["location"] == "/login"
    client.cookies.set("tidings_session", stolen)
    assert (await client.get("/profile", headers=HTML)).status_code == 303


async def test_a_login_that_is_used_lives_on_and_an_idle_one_ends(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    pool = app.state.database.pool
    await log_in(client, workspace.owner_email)
    await pool.execute("UPDATE login_sessions SET last_seen_at = now() - interval '6 days', expires_at = now() + interval '1 day'")
    assert (await client.get("/profile", headers=HTML)).status_code == 200
    assert await pool.fetchval("SELECT expires_at > now() + interval '6 days 23 hours' FROM login_sessions")
    await pool.execute("UPDATE login_sessions SET created_at = now() - interval '89 days', last_seen_at = now() - interval '1 day'")
    assert (await client.get("/profile", headers=HTML)).status_code == 200
    assert await pool.fetchval("SELECT expires_at < now() + interval '25 hours' FROM login_sessions")
    await pool.execute("UPDATE login_sessions SET expires_at = now()")
    assert (await client.get("/profile", headers=HTML)).status_code == 303


async def test_the_api_takes_no_cookies(client: httpx2.AsyncClient, workspace: Caller) -> None:
    await log_in(client, workspace.owner_email)
    assert (await client.get("/api/v1/workspace")).status_code == 401


async def test_a_member_goes_from_workspace_to_workspace_but_not_to_others(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller
) -> None:
    second = await make_caller(app.state.database, "Second", "second@acme.example")
    await app.state.database.pool.execute("INSERT INTO members VALUES ($1, $2, 'viewer')", second.id, workspace.owner_id)
    await log_in(client, workspace.owner_email)
    assert (await submit(client, "/session/workspace", workspace_id=second.public_id)).status_code == 303
    shown = await client.get("/settings/workspace", headers=HTML)
    assert 'value="Second"' in shown.text
    assert (await client.get("/settings/members", headers=HTML)).status_code == 403
    for foreign in (other_workspace.public_id, "wrk_nonsense", ""):
        assert (await submit(client, "/session/workspace", workspace_id=foreign)).status_code == 404


async def test_what_one_may_not_see_is_a_403_inside_the_menu(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    await app.state.database.pool.execute("UPDATE members SET role = 'viewer'")
    await log_in(client, workspace.owner_email)
    answer = await client.get("/settings/api-keys", headers=HTML)
    assert answer.status_code == 403
    assert "side-menu" in answer.text
    assert "/settings/api-keys" not in answer.text.split("<main")[0]


async def test_a_member_of_nothing_is_told_so(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    await app.state.database.pool.execute("DELETE FROM members")
    await log_in(client, workspace.owner_email)
    answer = await client.get("/profile", headers=HTML)
    assert answer.status_code == 403
    assert "not a member of any workspace" in answer.text


FOUNDING = {
    "name": "Ada",
    "email": "ada@example.com",
    "password": "correct horse battery",
    "workspace": "Acme",
    "timezone": "Africa/Nairobi",
    "default_region": "KE",
}
LOCAL = {**HTML, "Host": "localhost:8710"}


async def test_the_first_start_makes_the_owner_once(app: FastAPI, client: httpx2.AsyncClient) -> None:
    assert (await client.get("/login", headers=LOCAL)).headers["location"] == "/setup"
    assert "Setup code" not in (await client.get("/setup", headers=LOCAL)).text
    answer = await client.post("/setup", data=FOUNDING, headers=LOCAL)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    kept = await app.state.database.pool.fetchrow(
        "SELECT u.email, u.is_operator, m.role, w.name FROM users u JOIN members m ON m.user_id = u.id JOIN workspaces w ON w.id = m.workspace_id"
    )
    assert tuple(kept) == ("ada@example.com", True, "owner", "Acme")
    assert (await client.get("/setup", headers=LOCAL)).headers["location"] == "/login"
    again = await client.post("/setup", data={**FOUNDING, "email": "eve@example.com"}, headers=LOCAL)
    assert again.status_code == 409
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM users") == 1


async def test_of_many_who_found_at_once_one_becomes_the_owner(app: FastAPI, client: httpx2.AsyncClient) -> None:
    posts = (client.post("/setup", data={**FOUNDING, "email": f"p{n}@example.com"}, headers=LOCAL) for n in range(4))
    answers = await asyncio.gather(*posts)
    assert sorted(one.status_code for one in answers) == [303, 409, 409, 409]
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM users") == 1
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM workspaces") == 1


@pytest.mark.parametrize(
    "reached",
    [{"Host": "tidings.example.com"}, {"Host": "localhost", "X-Forwarded-For": "203.0.113.9"}, {"Host": "rebound.example"}],
)
async def test_from_anywhere_else_the_first_start_needs_the_code_in_the_log(
    app: FastAPI, client: httpx2.AsyncClient, reached: dict[str, str]
) -> None:
    headers = {**HTML, **reached}
    assert "Setup code" in (await client.get("/setup", headers=headers)).text
    for code in ("", "0" * 24):
        refused = await client.post("/setup", data={**FOUNDING, "code": code}, headers=headers)
        assert refused.status_code == 403
        assert "not the setup code" in refused.text
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM users") == 0
    assert (await client.post("/setup", data={**FOUNDING, "code": app.state.setup_code}, headers=headers)).status_code == 303


async def test_the_first_form_says_all_that_is_wrong_at_once(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/setup", data={"email": "ada", "password": "short"}, headers=LOCAL)
    assert answer.status_code == 422
    assert answer.text.count("invalid-feedback") == 3


async def test_a_link_that_is_a_secret_is_not_logged(app: FastAPI, client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    await app.state.database.pool.close()
    answer = await client.get("/join/this-is-a-secret", headers=HTML)
    assert answer.status_code in {500, 503, 404}
    await client.get("/login", headers=HTML)
    said = "".join(capsys.readouterr())
    assert "/login" in said
    assert "this-is-a-secret" not in said
