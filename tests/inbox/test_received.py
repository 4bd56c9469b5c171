"""What people send, whatever the provider: one shape, one contact, one message."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from tests.inbox.conftest import CHAT, PERSON, Inbox
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.core.ids import new_id, show_id
from tidings.messages import media as media_room
from tidings.providers.base import Location, ReceivedMedia


async def only(inbox: Inbox) -> dict:
    (item,) = (await inbox.get("/messages", direction="in"))["items"]
    assert item.items() <= (await inbox.get(f"/messages/{item['id']}")).items()
    return item


async def test_all_parts_of_a_message_have_one_shape(sandbox: Inbox) -> None:
    await sandbox.says(
        "Look", media=(ReceivedMedia(kind="image", url="https://x.example/secret-token/a.jpg", content_type="image/jpeg", size=12),),
        location=Location(latitude=-1.28, longitude=36.82, name="Nairobi"), button="yes", sender_name="Amina",
    )  # fmt: skip
    shown = await only(sandbox)
    assert shown["content"] == {
        "text": "Look",
        "media": [
            {
                "index": 0, "kind": "image", "content_type": "image/jpeg", "file_name": "", "size": 12,
                "url": f"/api/v1/messages/{shown['id']}/media/0",
            }
        ],
        "location": {"latitude": -1.28, "longitude": 36.82, "name": "Nairobi", "address": ""},
        "button": "yes",
        "reply_to": None,
        "sender_name": "Amina",
    }  # fmt: skip
    assert "secret-token" not in str(shown), "a provider's address may hold its credentials"


async def test_what_we_send_has_no_content(sandbox: Inbox) -> None:
    sent = await sandbox.call("POST", "/messages", {"to": PERSON, "text": "Hello"}, 202)
    assert sent["content"] is None


async def test_an_answer_names_the_message_it_answers_even_if_that_learns_its_id_later(sandbox: Inbox, db) -> None:
    sent = await sandbox.call("POST", "/messages", {"to": PERSON, "text": "Hello"}, 202)
    await sandbox.says("Yes", reply_to="p1")
    assert (await only(sandbox))["content"]["reply_to"] is None
    await db.execute("UPDATE messages SET provider_message_id = 'p1' WHERE direction = 'out'")
    assert (await only(sandbox))["content"]["reply_to"] == sent["id"]


async def test_a_nameless_contact_takes_the_senders_name_and_a_named_one_keeps_its_own(sandbox: Inbox, db) -> None:
    await sandbox.says("one", "1")
    assert await db.fetchval("SELECT name FROM contacts") == ""
    await sandbox.says("two", "2", sender_name="Amina")
    assert await db.fetchval("SELECT name FROM contacts") == "Amina"
    await sandbox.says("three", "3", sender_name="Somebody else " * 40)
    assert await db.fetchval("SELECT name FROM contacts") == "Amina"


async def test_a_whatsapp_user_without_a_number_is_a_contact_like_any_other(number: Inbox) -> None:
    await number.says("Hi", sender="KE.1349abc", sender_name="Juma")
    shown = await only(number)
    assert (shown["from"], shown["medium"]) == ("KE.1349abc", "whatsapp")
    (contact,) = (await number.get("/contacts"))["items"]
    assert (contact["name"], contact["points"][0]["address"]) == ("Juma", "KE.1349abc")


async def test_the_same_message_told_by_many_calls_at_once_is_one(sandbox: Inbox) -> None:
    await asyncio.gather(*(sandbox.says("Hi", "7") for _ in range(4)))
    await only(sandbox)
    (conversation,) = (await sandbox.get("/conversations"))["items"]
    assert conversation["unread"] == 1


async def test_strangers_who_write_in_any_order_at_once_do_not_lock_one_another_out(sandbox: Inbox) -> None:
    people = [f"+2547123456{n:02}" for n in range(20)]

    async def crowd(order: list[str], offset: int) -> None:
        from tidings.providers.base import Inbound

        await sandbox.take(
            [Inbound(provider_message_id=f"c{offset}-{one}", sender=one, recipient=None, text="Hi") for one in order]
        )  # fmt: skip

    await asyncio.gather(*(crowd(people[::step], index) for index, step in enumerate([1, -1, 1, -1])))
    found = (await sandbox.get("/conversations", limit=100))["items"]
    assert [one["unread"] for one in found] == [4] * 20


# --- files ------------------------------------------------------------------------------------------------------------


async def test_a_file_comes_through_the_provider_as_a_download_that_no_browser_opens(bot: Inbox, telegram: TelegramSimulator) -> None:
    await bot.says(sender=str(CHAT), media=(await stored(telegram, b"JPEG", "image/jpeg"),))
    url = (await only(bot))["content"]["media"][0]["url"]
    answer = await bot.client.get(url, headers=bot.workspace.headers)
    assert (answer.status_code, answer.content) == (200, b"JPEG")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "image/png\r\nset-cookie: a=b", ""])
async def test_a_type_that_could_do_harm_is_told_as_plain_bytes(bot: Inbox, telegram: TelegramSimulator, content_type: str) -> None:
    await bot.says(sender=str(CHAT), media=(await stored(telegram, b"<script>", content_type, '../../a"b\r\n.html'),))
    answer = await bot.client.get((await only(bot))["content"]["media"][0]["url"], headers=bot.workspace.headers)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''_.._a%22b_.html"


async def test_a_file_that_is_too_large_is_refused(bot: Inbox, telegram: TelegramSimulator) -> None:
    limit = bot.app.state.settings.media_limit_bytes
    await bot.says(sender=str(CHAT), media=(ReceivedMedia(kind="video", provider_id="x", size=limit + 1),))
    url = (await only(bot))["content"]["media"][0]["url"]
    assert (await bot.get(url.removeprefix("/api/v1"), 409))["code"] == "too_large"


async def test_an_address_inside_our_own_network_is_not_asked(sandbox: Inbox, db) -> None:
    await db.execute("UPDATE channels SET provider = 'twilio'")
    await sandbox.says(media=(ReceivedMedia(kind="image", url="http://127.0.0.1:1/latest/meta-data"),))
    url = (await only(sandbox))["content"]["media"][0]["url"]
    assert (await sandbox.get(url.removeprefix("/api/v1"), 503))["code"] == "unavailable"


async def test_a_file_is_its_workspaces_alone_and_one_that_is_not_there_is_404(sandbox: Inbox, other_workspace) -> None:
    await sandbox.says(media=(ReceivedMedia(kind="image", provider_id="sample", content_type="image/png"),))
    url = (await only(sandbox))["content"]["media"][0]["url"]
    assert (await sandbox.client.get(url, headers=sandbox.workspace.headers)).content.startswith(b"\x89PNG")
    assert (await sandbox.client.get(url, headers=other_workspace.headers)).status_code == 404
    await sandbox.get(url.removeprefix("/api/v1").replace("/0", "/1"), 404)
    await sandbox.get(f"/messages/{show_id('msg', new_id())}/media/0", 404)


async def test_files_on_their_way_are_bounded_and_places_come_back(sandbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    await sandbox.says(media=(ReceivedMedia(kind="image", provider_id="sample"),))
    url = (await only(sandbox))["content"]["media"][0]["url"]

    async def fetch() -> httpx2.Response:
        return await sandbox.client.get(url, headers=sandbox.workspace.headers)

    assert [one.status_code for one in await asyncio.gather(*(fetch() for _ in range(3 * media_room.AT_ONCE)))] == [200] * 12
    await sandbox.get(url.removeprefix("/api/v1").replace("/0", "/9"), 404)
    monkeypatch.setattr(media_room, "WAIT_SECONDS", 0.05)
    for _ in range(media_room.AT_ONCE):
        await sandbox.app.state.media_places.take()
    answer = await fetch()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "6")


async def stored(telegram: TelegramSimulator, content: bytes, content_type: str, file_name: str = "") -> ReceivedMedia:
    """A file that the bot may fetch."""
    file_id = telegram.bot(BOT_TOKEN).store(content).id
    return ReceivedMedia(kind="image", provider_id=file_id, content_type=content_type, file_name=file_name)
