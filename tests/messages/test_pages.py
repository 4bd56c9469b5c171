"""The pages of messages: found, told, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.contacts.builders import make_contact
from tests.messages.site import Api, until
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit
from tidings.workspaces.rules import Role

PART = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
async def client(client: httpx2.AsyncClient, api: Api) -> httpx2.AsyncClient:
    """The owner's browser, in a workspace with a sandbox channel."""
    assert (await log_in(client, api.caller.owner_email)).status_code == 303
    return client


async def page(client: httpx2.AsyncClient, path: str, status: int = 200, **headers: str) -> str:
    answer = await client.get(path, headers={**HTML, **headers})
    assert answer.status_code == status, answer.text
    return answer.text


async def send(api: Api, to: str, text: str = "Your code is 1234", **more: str) -> str:
    return str((await api.post("/messages", {"to": to, "text": text, **more}))["id"])


async def test_an_empty_list_teaches_what_a_message_tells(client: httpx2.AsyncClient) -> None:
    assert "No messages yet" in await page(client, "/messages")


async def test_messages_are_found_by_number_reference_state_and_channel(client: httpx2.AsyncClient, api: Api) -> None:
    await make_contact(api.database.pool, api.caller.id, "Wanjiku Njoroge", "+254711111111")
    await send(api, "+254711111111", reference="order-7")
    await send(api, "+254722222222", "Something else")
    everything = await page(client, "/messages")
    assert "Wanjiku Njoroge" in everything
    assert "+254 722 222222" in everything
    for query in ("search=0711+111+111", "search=%2B254711111111", "search=order-7"):
        found = await page(client, f"/messages?{query}", **PART)
        assert "Wanjiku" in found
        assert "Something else" not in found
    assert "No message matches" in await page(client, "/messages?search=order-8")
    assert "No message matches" in await page(client, "/messages?status=failed")
    assert "Something else" in await page(client, f"/messages?channel={api.channel}&direction=out&status=queued")


async def test_the_list_goes_on_and_asks_no_oftener_for_more_rows(client: httpx2.AsyncClient, api: Api) -> None:
    await send(api, "+254711111111")
    with counted() as alone:
        await page(client, "/messages")
    for number in range(31):
        await send(api, f"+2547222222{number:02}", f"Number {number}")
    with counted() as many:
        first = await page(client, "/messages")
    assert len(many) == len(alone) <= 8
    assert "Load more" in first
    address = first.split('hx-get="/messages?')[1].split('"')[0].replace("&amp;", "&")
    rest = await page(client, f"/messages?{address}", **PART)
    assert "<html" not in rest
    assert "Your code is 1234" in rest


@pytest.mark.usefixtures("worker")
async def test_a_message_tells_why_it_did_not_arrive(client: httpx2.AsyncClient, api: Api) -> None:
    message = await send(api, "+254715550001")

    async def has_failed() -> bool:
        return (await api.get(f"/messages/{message}"))["status"] == "failed"

    await until(has_failed)
    with counted() as seen:
        shown = await page(client, f"/messages/{message}")
    assert len(seen) <= 13, seen
    for word in ("Invalid address", "Attempt 1", "The provider refused it", "Failed for good", "Your code is 1234", "no contact has this"):
        assert word in shown
    assert "every 3s" not in shown


async def test_a_message_that_waits_can_be_cancelled_once(client: httpx2.AsyncClient, api: Api) -> None:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    message = await send(api, "+254711111111", send_at=at)
    shown = await page(client, f"/messages/{message}")
    assert "Waits for its time" in shown
    assert "every 3s" in shown
    assert (await submit(client, f"/messages/{message}/cancel")).headers["location"] == f"/messages/{message}"
    assert "Cancelled by a person before it left" in await page(client, f"/messages/{message}")
    await submit(client, f"/messages/{message}/cancel")
    assert "only one that is scheduled or queued can be cancelled" in await page(client, f"/messages/{message}")


async def test_messages_of_others_are_not_there(client: httpx2.AsyncClient, api: Api, other_api: Api) -> None:
    theirs = await send(other_api, "+254711111111", "Secret")
    assert "Secret" not in await page(client, "/messages?search=0711111111")
    await page(client, f"/messages/{theirs}", 404)
    assert (await submit(client, f"/messages/{theirs}/cancel")).status_code == 404
    await page(client, "/messages/msg_nonsense", 404)


async def test_a_viewer_sees_no_button_to_cancel(client: httpx2.AsyncClient, api: Api) -> None:
    message = await send(api, "+254711111111")
    await api.database.pool.execute("UPDATE members SET role = $2 WHERE workspace_id = $1", api.caller.id, Role.VIEWER)
    assert "/cancel" not in await page(client, f"/messages/{message}")
    assert (await submit(client, f"/messages/{message}/cancel")).status_code == 403
