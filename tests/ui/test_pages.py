from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import escape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tools.vendor_ui import used_icons

from tests.ui.gallery import sample_frame
from tidings.errors import Forbidden, NotFound, Unauthenticated
from tidings.ui.assets import icon, mount_static, static
from tidings.ui.environment import build_environment
from tidings.ui.flash import flash
from tidings.ui.origin import verify_csrf, verify_same_origin
from tidings.ui.pages import go_to, render, render_text, safe_next
from tidings.ui.problems import problem_page

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    def missing(request: Request) -> Response:
        return problem_page(request, NotFound("There is no such contact in this workspace."), sample_frame())

    def crash(request: Request) -> Response:
        return problem_page(request, RuntimeError("password=hunter2"), sample_frame())

    def saved(_: Request) -> Response:
        response = RedirectResponse("/page", status_code=303)
        flash(response, "Saved <b>& done</b> – 日本語")
        return response

    app = Starlette(
        routes=[
            Route("/missing", missing),
            Route("/crash", crash),
            Route("/closed", lambda request: problem_page(request, Unauthenticated("Please sign in."))),
            Route("/saved", saved, methods=["POST"]),
            Route("/page", lambda request: render(request, "ui/layout.html", frame=sample_frame())),
            Route("/on", lambda request: go_to(request, "/page"), methods=["POST"]),
        ]
    )
    mount_static(app)
    with TestClient(app, base_url="http://tidings.test") as opened:
        yield opened


def test_a_flash_is_shown_once_and_escaped(client: TestClient) -> None:
    first = client.post("/saved").text
    assert str(escape("Saved <b>& done</b> – 日本語")) in first
    assert "Saved" not in client.get("/page").text


def test_a_forged_flash_is_ignored(client: TestClient) -> None:
    client.cookies.set("tidings_flash", "not-base64-%%")
    assert client.get("/page").status_code == 200


def test_htmx_gets_a_notice_at_the_top_and_not_a_page_in_a_table(client: TestClient) -> None:
    answer = client.get("/missing", headers=HTMX)
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "<html" not in answer.text
    assert "no such contact" in answer.text
    assert "<html" in client.get("/missing").text


def test_a_crash_shows_no_detail_of_itself(client: TestClient) -> None:
    answer = client.get("/crash")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text


def test_who_is_signed_out_is_led_to_the_login_and_back(client: TestClient) -> None:
    answer = client.get("/closed", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/closed")
    assert client.get("/closed", headers=HTMX).headers["HX-Redirect"].startswith("/login")


def test_after_a_form_htmx_is_sent_on_as_a_whole_page(client: TestClient) -> None:
    assert client.post("/on", follow_redirects=False).status_code == 303
    assert client.post("/on", headers=HTMX).headers["HX-Redirect"] == "/page"


def test_pages_forbid_inline_scripts_and_have_none(client: TestClient) -> None:
    answer = client.get("/page")
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


def test_static_files_are_kept_for_a_year_only_by_their_hash(client: TestClient) -> None:
    hashed = client.get(static("tidings.css"))
    assert "immutable" in hashed.headers["Cache-Control"]
    assert hashed.headers["Content-Encoding"] == "gzip"
    assert client.get("/static/tidings.css").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/../words.py").status_code == 404


def test_a_typo_in_a_template_is_an_error_and_not_an_empty_place(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ contakt }}")
    with pytest.raises(UndefinedError):
        render_text("odd/page.html", templates=build_environment({"odd": tmp_path}))


def test_every_icon_in_use_is_vendored() -> None:
    missing = [name for name in sorted(used_icons()) if not _has(name)]
    assert missing == [], "run `python tools/vendor_ui.py`"


def _has(name: str) -> bool:
    try:
        return bool(icon(name))
    except KeyError:
        return False


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://tidings.test", "Host": "tidings.test"}, True),
        ({"Origin": "http://evil.test", "Host": "tidings.test"}, False),
        ({"Origin": "null", "Host": "tidings.test"}, False),
        ({"Host": "tidings.test"}, True),
    ],
)
def test_forms_of_other_sites_are_refused(headers: dict[str, str], allowed: bool) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "POST", "headers": raw, "path": "/", "query_string": b""})
    if allowed:
        verify_same_origin(request)
    else:
        with pytest.raises(Forbidden):
            verify_same_origin(request)


@pytest.mark.parametrize("sent", [None, "", "other", "tokenx", "tökèn"])
def test_a_form_without_the_sessions_token_is_refused(sent: str | None) -> None:
    with pytest.raises(Forbidden):
        verify_csrf(sent, "token")
    verify_csrf("token", "token")


@pytest.mark.parametrize("address", [None, "", "//evil.test", "/\\evil.test", "https://evil.test", "javascript:alert(1)", "contacts"])
def test_a_login_never_leads_to_another_site(address: str | None) -> None:
    assert safe_next(address) == "/"
    assert safe_next("/contacts?search=a") == "/contacts?search=a"
