"""What people write: kept once, with their contact, and obeyed when it is STOP, START or HELP."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.channels import builders as channels
from tests.receipts.conftest import PERSON
from tidings.core.ids import read_id
from tidings.delivery import queries
from tidings.receipts.service import receive_inbound
from tidings.workspaces.access import system_access


async def received(db) -> list[str]:
    return [row["text"] for row in await db.fetch("SELECT text FROM messages WHERE direction = 'in' ORDER BY id")]


async def answers(db) -> list[str]:
    return [row["text"] for row in await db.fetch("SELECT text FROM messages WHERE direction = 'out' ORDER BY id")]


async def opted_out(db) -> list[tuple[str, str]]:
    return [tuple(row) for row in await db.fetch("SELECT address, source FROM opt_outs")]


async def test_a_message_from_a_stranger_makes_a_contact(hook, db):
    assert await hook.inbound("Habari", media="") == 200
    row = await db.fetchrow(
        "SELECT m.status, m.medium, m.address, m.text, m.settled_at IS NOT NULL AS settled, c.timezone, p.address AS point "
        "FROM messages m JOIN contacts c ON c.id = m.contact_id JOIN contact_points p ON p.contact_id = c.id"
    )
    assert tuple(row) == ("received", "sms", PERSON, "Habari", True, "Africa/Nairobi", PERSON)


async def test_a_known_person_stays_one_contact(hook, db):
    await hook.inbound("one")
    await hook.inbound("two")
    assert await received(db) == ["one", "two"]
    assert await db.fetchval("SELECT count(*) FROM contacts") == 1


async def test_the_same_message_twice_is_one(hook, db):
    assert await asyncio.gather(*(hook.inbound("Hello", "SM5") for _ in range(5))) == [200] * 5
    assert await hook.inbound("Hello", "SM5") == 200
    assert await received(db) == ["Hello"]


async def test_the_same_id_at_another_channel_is_another_message(hook, db, app):
    await hook.inbound("Hello", "SM5")
    hook.channel = await channels.channel(
        db,
        hook.channel.workspace_id,
        vault=app.state.vault,
        provider="twilio",
        settings=channels.TWILIO,
        credentials=channels.TWILIO_SECRETS,
    )
    await hook.inbound("Hello", "SM5")
    assert await received(db) == ["Hello", "Hello"]


async def test_pictures_are_kept_as_addresses(hook, db):
    await hook.inbound("", NumMedia="1", MediaUrl0="https://api.twilio.com/one.jpg", MediaContentType0="image/jpeg")
    kept = json.loads(await db.fetchval("SELECT variables->>'media' FROM messages"))
    assert kept == [{"kind": "image", "url": "https://api.twilio.com/one.jpg", "content_type": "image/jpeg"}]


@pytest.mark.parametrize(
    ("word", "answer"), [("STOP", "You are unsubscribed"), (" arrêt. ", "Vous êtes désabonné"), ("BASTA", "La tua iscrizione")]
)
async def test_a_stop_opts_out_and_is_answered_once_in_its_language(hook, db, word, answer):
    await hook.inbound(word)
    await hook.inbound(word)
    assert await opted_out(db) == [(PERSON, "keyword")]
    (text,) = await answers(db)
    assert text.startswith(answer)
    row = await db.fetchrow(
        "SELECT status, priority, is_confirmation, expires_at - created_at < interval '2 hours' AS brief FROM messages WHERE direction = 'out'"
    )
    assert tuple(row) == ("queued", 0, True, True)


async def test_the_answer_to_a_stop_leaves_and_nothing_else_does(hook, db):
    await hook.inbound("STOP")
    await db.execute(
        "INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status) VALUES ($1, new_id(), $2, 'sms', $3, 'Offer', 'queued')",
        hook.channel.workspace_id, hook.channel.id, PERSON,
    )  # fmt: skip
    async with db.transaction():
        claimed, _ = await queries.claim(db, hook.channel.id, hook.channel.workspace_id, 10)
    assert [one.text[:20] for one in claimed] == ["You are unsubscribed"]
    assert await db.fetchval("SELECT suppression FROM messages WHERE text = 'Offer'") == "opted_out"


async def test_start_lifts_the_opt_out_and_is_answered_once(hook, db):
    await hook.inbound("START")
    assert await answers(db) == [], "nobody was opted out: it may just mean yes"
    await hook.inbound("STOP")
    await hook.inbound("START")
    await hook.inbound("START")
    assert await opted_out(db) == []
    assert [text[:20] for text in await answers(db)] == ["You are unsubscribed", "You will get message"]


async def test_help_is_answered_but_no_machine_can_keep_asking(hook, db):
    for _ in range(3):
        await hook.inbound("HELP")
    assert [text[:10] for text in await answers(db)] == ["Reply STOP"]
    assert await opted_out(db) == []


async def test_a_text_that_only_holds_the_word_is_no_keyword(hook, db):
    await hook.inbound("please stop by tomorrow")
    assert await opted_out(db) == []
    assert await answers(db) == []


async def test_what_twilio_has_answered_itself_gets_no_second_answer(hook, db):
    await hook.inbound("STOP", OptOutType="STOP")
    assert await opted_out(db) == [(PERSON, "provider")]
    await hook.inbound("START", OptOutType="START")
    assert await opted_out(db) == []
    await hook.inbound("HELP", OptOutType="HELP")
    assert await answers(db) == []
    assert len(await received(db)) == 3


async def test_a_stop_to_a_disabled_channel_holds_though_it_cannot_be_answered(hook, db):
    await db.execute("UPDATE channels SET enabled = false")
    assert await hook.inbound("STOP") == 200
    assert await opted_out(db) == [(PERSON, "keyword")]
    assert await answers(db) == []


async def test_a_stop_from_a_sender_that_is_no_number_holds(hook, db):
    assert await hook.inbound("STOP", sender="MPESA") == 200
    assert await opted_out(db) == [("MPESA", "keyword")]


async def test_odd_texts_do_no_harm(hook, db):
    assert await hook.inbound("nul \0 and " + "é" * 30_000, sender="+999 \0 odd" + "x" * 500) == 200
    (text,) = await received(db)
    assert "\0" not in text
    assert len(text) <= 20_000


async def test_the_virtual_phone_answers_as_a_person_would(app, db, workspace):
    sandbox = await channels.channel(db, workspace.id, is_default=True)
    access = system_access(workspace.id, "phone")
    async with app.state.database.workspace(workspace.id) as session:
        first = await receive_inbound(session, app.state.database, access, sandbox.id, PERSON, "Hello")
        second = await receive_inbound(session, app.state.database, access, sandbox.id, PERSON, "STOP")
    assert first != second
    assert await received(db) == ["Hello", "STOP"]
    assert await opted_out(db) == [(PERSON, "keyword")]
    assert len(await answers(db)) == 1


async def test_an_answer_to_the_sandbox_hook_is_kept(app, client, db, workspace):
    sandbox = await channels.channel(db, workspace.id)
    body = {"id": "one", "from": PERSON, "text": "Hi"}
    assert (await client.post(f"/hooks/{sandbox.hook_token}", json=body)).status_code == 200
    assert await received(db) == ["Hi"]
    assert (await client.post(f"/hooks/{sandbox.hook_token}", content=b"not json")).status_code == 400


async def test_the_answer_wakes_the_channel(hook, db):
    await hook.inbound("STOP")
    assert await db.fetchval("SELECT count(*) FROM pgqueuer WHERE dedupe_key = $1", f"drain:{hook.channel.id}") == 1


async def test_conversations_count_as_received(hook, db, client, workspace):
    await hook.inbound("Hello")
    shown = (await client.get("/api/v1/channels", headers=workspace.headers)).json()["items"]
    assert [one["last_24_hours"]["received"] for one in shown if read_id("chn", one["id"]) == hook.channel.id] == [1]
