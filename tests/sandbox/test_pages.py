"""The sandbox phone as a browser asks for it."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.workspaces.pages import HTML, log_in, submit
from tidings.providers.sandbox.provider import FAILURES, LIMITED_ONCE, SENT_ONLY, UNCERTAIN
from tidings.sandbox.web import MISBEHAVING
from tidings.workspaces.rules import Role

PART = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial"}
NUMBER = "+254712345678"


@pytest.fixture
async def browser(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser, in a workspace with a sandbox channel."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    assert (await submit(client, "/channels/new/sandbox", name="Try-out")).status_code == 303
    return client


async def page(browser: httpx2.AsyncClient, path: str, status: int = 200, headers: dict[str, str] = HTML) -> str:
    answer = await browser.get(path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.text


def test_every_number_that_misbehaves_is_told() -> None:
    assert {ending for ending, _ in MISBEHAVING} == {*FAILURES, UNCERTAIN, LIMITED_ONCE, SENT_ONLY}


async def test_an_answer_is_a_message_like_any_that_comes_in(browser: httpx2.AsyncClient, workspace: Caller) -> None:
    await submit(browser, "/sandbox/answer", number="0712 345 678", text=" When do you open? ")
    assert "When do you open?" in await page(browser, "/sandbox")
    (message,) = (await browser.get("/api/v1/messages?direction=in", headers=workspace.headers)).json()["items"]
    assert (message["status"], message["text"]) == ("received", "When do you open?")


async def test_a_stop_opts_out_and_is_answered(browser: httpx2.AsyncClient, workspace: Caller) -> None:
    await submit(browser, "/sandbox/answer", number=NUMBER, text="STOP")
    (contact,) = (await browser.get("/api/v1/contacts", headers=workspace.headers)).json()["items"]
    assert contact["points"][0]["opt_out_source"] == "keyword"
    conversation = await page(browser, "/sandbox?number=%2B254712345678&part=conversation", headers=PART)
    assert conversation.startswith('<div class="conversation"')
    assert "unsubscribed" in conversation


async def test_what_is_no_number_or_no_text_is_refused(browser: httpx2.AsyncClient) -> None:
    assert (await submit(browser, "/sandbox/answer", number="12", text="Hello")).status_code == 422
    assert (await submit(browser, "/sandbox/answer", number=NUMBER, text=" ")).status_code == 422
    assert (await submit(browser, "/sandbox/message", number="12", text="Hello")).headers["location"] == "/sandbox"
    assert "Nothing was sent" in await page(browser, "/sandbox")
    assert (await browser.get("/sandbox?number=12", headers=HTML)).headers["location"] == "/sandbox"


async def test_other_channels_messages_are_not_on_the_phone(browser: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    await submit(browser, "/sandbox/message", number=NUMBER, text="By the sandbox")
    assert "By the sandbox" in await page(browser, "/sandbox")
    await app.state.database.pool.execute("UPDATE channels SET provider = 'twilio' WHERE workspace_id = $1", workspace.id)
    await submit(browser, "/channels/new/sandbox", name="Another")
    assert "By the sandbox" not in await page(browser, "/sandbox?number=%2B254712345678")


async def test_a_viewer_looks_but_does_not_write(browser: httpx2.AsyncClient, app: FastAPI, workspace: Caller) -> None:
    await submit(browser, "/sandbox/message", number=NUMBER, text="Hello")
    await app.state.database.pool.execute("UPDATE members SET role = $2 WHERE workspace_id = $1", workspace.id, Role.VIEWER)
    text = await page(browser, "/sandbox")
    assert "Hello" in text
    assert "/sandbox/answer" not in text
    for path in ("/sandbox/answer", "/sandbox/message"):
        assert (await submit(browser, path, number=NUMBER, text="x")).status_code == 403


async def test_another_workspace_has_another_phone(browser: httpx2.AsyncClient, other_workspace: Caller) -> None:
    await submit(browser, "/sandbox/message", number=NUMBER, text="Hello")
    browser.cookies.clear()
    await log_in(browser, other_workspace.owner_email)
    assert "Hello" not in await page(browser, "/sandbox?number=%2B254712345678")
    assert (await submit(browser, "/sandbox/answer", number=NUMBER, text="x")).status_code == 404
