"""Conversations: what an address and a channel wrote to each other, and what is done with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.inbox.conftest import PERSON, Inbox
from tests.receipts.builders import message
from tidings.core.ids import new_id, show_id

OTHER = "+254712345679"


async def only(inbox: Inbox, **params: object) -> dict:
    (found,) = (await inbox.get("/conversations", **params))["items"]
    return found


async def addresses(inbox: Inbox, **params: object) -> list[str]:
    return [one["address"] for one in (await inbox.get("/conversations", **params))["items"]]


async def test_both_sides_and_campaigns_are_in_it_and_nothing_of_others(sandbox: Inbox, db) -> None:
    await message(db, sandbox.channel, address=PERSON, provider_message_id="before")
    await sandbox.says("Hello", "1", sender_name="Amina")
    await sandbox.call("POST", "/messages", {"to": PERSON, "text": "Hello Amina"}, 202)
    await sandbox.says("Thanks", "2")
    await sandbox.says("Not here", "3", sender=OTHER)
    await sandbox.call("POST", "/messages", {"to": OTHER, "text": "Nor here"}, 202)
    one = await only(sandbox, search="Amina")
    assert (one["address"], one["contact_name"], one["unread"], one["state"]) == (PERSON, "Amina", 2, "open")
    found = await sandbox.get(f"/conversations/{one['id']}")
    assert [each["text"] for each in found["messages"]["items"]] == ["Thanks", "Hello Amina", "Hello", "Hello"]
    assert found["conversation"] == one


async def test_its_messages_come_page_by_page(sandbox: Inbox) -> None:
    for n in range(5):
        await sandbox.says(str(n), str(n))
    one = await only(sandbox)
    texts, cursor = [], None
    while True:
        page = (await sandbox.get(f"/conversations/{one['id']}", limit=2, **({"cursor": cursor} if cursor else {})))["messages"]
        texts += [each["text"] for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert texts == ["4", "3", "2", "1", "0"]


async def test_the_latest_is_on_top_and_the_list_pages(sandbox: Inbox, db) -> None:
    for n in range(5):
        await sandbox.says("Hi", str(n), sender=f"+25471234560{n}")
    await sandbox.call("POST", "/messages", {"to": "+254712345601", "text": "First again"}, 202)
    first = await sandbox.get("/conversations", limit=3)
    second = await sandbox.get("/conversations", limit=3, cursor=first["next_cursor"])
    assert second["next_cursor"] is None
    assert [one["address"][-1] for one in first["items"] + second["items"]] == ["1", "4", "3", "2", "0"]
    assert (await sandbox.get("/conversations", 422, cursor="WyJ4Il0"))["code"] == "invalid"


async def test_filters(sandbox: Inbox, bot: Inbox) -> None:
    await sandbox.says("Hi", "1", sender_name="Amina")
    await bot.says("Hi", "2", sender="424242", sender_name="Juma")
    amina, juma = await only(sandbox, search="amina"), await only(sandbox, search="2424")
    await sandbox.call("PUT", f"/conversations/{amina['id']}/read")
    await sandbox.call("PUT", f"/conversations/{juma['id']}/closure")
    assert await addresses(sandbox, unread=True) == ["424242"]
    assert await addresses(sandbox, unread=False) == [PERSON]
    assert await addresses(sandbox, state="closed") == ["424242"]
    assert await addresses(sandbox, channel=sandbox.id) == [PERSON]
    assert await addresses(sandbox, contact=juma["contact"]) == ["424242"]
    assert await addresses(sandbox, search="nobody") == []
    assert await addresses(sandbox, search="%") == []


async def test_reading_up_to_a_message_leaves_what_came_later(sandbox: Inbox) -> None:
    await sandbox.says("one", "1")
    await sandbox.says("two", "2")
    one = await only(sandbox)
    _, first = (await sandbox.get(f"/conversations/{one['id']}"))["messages"]["items"]
    assert (await sandbox.call("PUT", f"/conversations/{one['id']}/read", {"up_to": first["id"]}))["unread"] == 1
    assert (await sandbox.call("PUT", f"/conversations/{one['id']}/read"))["unread"] == 0
    assert (await sandbox.call("PUT", f"/conversations/{one['id']}/read", {"up_to": first["id"]}))["unread"] == 0


async def test_a_closed_one_opens_again_by_hand_or_by_the_persons_next_message(sandbox: Inbox, db) -> None:
    await sandbox.says("one", "1")
    path = f"/conversations/{(await only(sandbox))['id']}/closure"
    assert (await sandbox.call("PUT", path))["state"] == "closed"
    assert (await sandbox.call("DELETE", path))["state"] == "open"
    await sandbox.call("PUT", path)
    await sandbox.call("POST", "/messages", {"to": PERSON, "text": "Bye"}, 202)
    assert (await only(sandbox))["state"] == "closed"
    await sandbox.says("two", "2")
    assert (await only(sandbox))["state"] == "open"
    actions = await db.fetch("SELECT action FROM audit_log WHERE object_kind = 'conversation' ORDER BY id")
    assert [row["action"] for row in actions] == ["conversation.closed", "conversation.reopened", "conversation.closed"]


async def test_it_is_given_to_members_only_and_to_nobody_once_they_leave(sandbox: Inbox, other_workspace, db) -> None:
    await sandbox.says("one", "1")
    path = f"/conversations/{(await only(sandbox))['id']}/assignee"
    owner = show_id("usr", sandbox.workspace.owner_id)
    assert (await sandbox.call("PUT", path, {"user": owner}))["assigned_to"] == owner
    assert await addresses(sandbox, assigned_to=owner) == [PERSON]
    await sandbox.call("PUT", path, {"user": show_id("usr", other_workspace.owner_id)}, 404)
    assert (await sandbox.call("DELETE", path))["assigned_to"] is None
    await sandbox.call("PUT", path, {"user": owner})
    await db.execute("DELETE FROM members WHERE workspace_id = $1", sandbox.workspace.id)
    assert (await only(sandbox))["assigned_to"] is None


async def test_what_a_deleted_contact_wrote_stays_in_it_when_the_person_writes_again(sandbox: Inbox) -> None:
    await sandbox.says("before", "1")
    one = await only(sandbox)
    await sandbox.call("DELETE", f"/contacts/{one['contact']}", status=204)
    await sandbox.says("after", "2")
    found = await sandbox.get(f"/conversations/{one['id']}")
    assert found["conversation"]["contact"] not in {one["contact"], None}
    assert [each["text"] for each in found["messages"]["items"]] == ["after", "before"]


async def test_one_of_another_workspace_is_not_there(sandbox: Inbox, other_workspace) -> None:
    await sandbox.says("one", "1")
    path = f"/api/v1/conversations/{(await only(sandbox))['id']}"
    assert (await sandbox.client.get(path, headers=other_workspace.headers)).status_code == 404
    assert (await sandbox.client.get("/api/v1/conversations", headers=other_workspace.headers)).json()["items"] == []
    await sandbox.get(f"/conversations/{show_id('cnv', new_id())}", 404)


# --- the window for free text -----------------------------------------------------------------------------------------


async def test_the_window_is_told_and_a_channel_without_one_is_always_open(number: Inbox, sandbox: Inbox) -> None:
    wrote = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    await number.says("Hi", "1", at=wrote)
    await sandbox.says("Hi", "2")
    whatsapp, sms = await only(number, channel=number.id), await only(sandbox, channel=sandbox.id)
    assert datetime.fromisoformat(whatsapp["window_until"]) == wrote + timedelta(hours=24)
    assert whatsapp["window_open"]
    assert (sms["window_until"], sms["window_open"]) == (None, True)


async def test_a_clock_that_runs_ahead_holds_no_window_open_and_a_late_webhook_opens_none(number: Inbox) -> None:
    now = datetime.now(UTC)
    await number.says("Hi", "1", at=now + timedelta(days=3))
    assert datetime.fromisoformat((await only(number))["window_until"]) < now + timedelta(hours=24, minutes=5)
    await number.says("late", "2", sender=OTHER, at=now - timedelta(hours=25))
    assert not (await only(number, search=OTHER))["window_open"]
    await number.says("later still", "3", sender=OTHER, at=now - timedelta(hours=1))
    await number.says("out of order", "4", sender=OTHER, at=now - timedelta(hours=30))
    assert (await only(number, search=OTHER))["window_open"]
