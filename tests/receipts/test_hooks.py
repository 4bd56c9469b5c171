"""Calls of providers: proved, written, then answered."""

from __future__ import annotations

import asyncio

import pytest
from twilio.request_validator import RequestValidator

from tests.channels import builders as channels
from tests.receipts import builders
from tests.receipts.conftest import PERSON
from tidings.core.ids import show_id
from tidings.errors import Unavailable
from tidings.receipts import hooks as hooks_module


async def kept(db) -> int:
    return await db.fetchval("SELECT (SELECT count(*) FROM receipts) + (SELECT count(*) FROM messages WHERE direction = 'in')")


async def test_a_signed_receipt_is_written_before_it_is_answered(hook, db):
    sent = await builders.message(db, hook.channel)
    assert await hook.status("delivered") == 200
    assert await builders.status(db, sent) == "delivered"


async def test_our_own_id_in_the_address_finds_the_message_before_its_provider_id_is_known(hook, db):
    sending = await builders.message(db, hook.channel, status="sending", provider_message_id=None)
    assert await hook.status("delivered", "SM77", of=show_id("msg", sending)) == 200
    row = await builders.row(db, sending)
    assert (row["status"], row["provider_message_id"]) == ("delivered", "SM77")


@pytest.mark.parametrize("change", ["signature", "body", "address", "none"])
async def test_a_wrong_signature_is_refused_and_nothing_is_written(hook, db, change, client):
    sent = await builders.message(db, hook.channel)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    match change:
        case "signature":
            assert await hook.call(form, token="0" * 32) == 403
        case "body":
            other = {"MessageSid": "SM1", "MessageStatus": "failed"}
            signature = RequestValidator(hook.token).compute_signature(f"https://tidings.example{hook.path}", other)
            assert (await client.post(hook.path, data=form, headers={"X-Twilio-Signature": signature})).status_code == 403
        case "address":
            elsewhere = await channels.channel(db, hook.channel.workspace_id, vault=None, provider="twilio")
            assert await hook.call(form, path=f"/hooks/{elsewhere.hook_token}") == 403
        case _:
            assert (await client.post(hook.path, data=form)).status_code == 403
    assert await builders.status(db, sent) == "sent"
    assert await kept(db) == 0


async def test_an_unknown_hook_is_404_and_a_senseless_call_400(hook, db):
    assert await hook.call({"MessageSid": "SM1", "MessageStatus": "delivered"}, path="/hooks/nobody") == 404
    assert await hook.call({"MessageSid": "SM1", "MessageStatus": "delivered"}, path="/hooks/" + "x" * 500) == 404
    assert await hook.call({"MessageSid": "SM1", "MessageStatus": "delivered"}, path="/hooks/%00") == 404
    assert await hook.call({"Hello": "world"}) == 400
    assert await kept(db) == 0


async def test_a_body_without_end_is_refused(hook, client, db):
    assert (await client.post(hook.path, content=b"x" * (hooks_module.MOST_BYTES + 1))).status_code == 413
    assert await kept(db) == 0


async def test_a_hundred_calls_at_once_are_all_written_in_few_transactions(hook, db):
    sent = [await builders.message(db, hook.channel, provider_message_id=f"SM{n}") for n in range(100)]
    before = await db.fetchval("SELECT pg_current_xact_id()::text::bigint")
    assert set(await asyncio.gather(*(hook.status("delivered", f"SM{n}") for n in range(100)))) == {200}
    assert {await builders.status(db, one) for one in sent} == {"delivered"}
    assert await db.fetchval("SELECT pg_current_xact_id()::text::bigint") - before < 30


async def test_the_same_call_twice_and_out_of_order_ends_right(hook, db):
    sent = await builders.message(db, hook.channel)
    assert [await hook.status(word) for word in ("delivered", "sent", "delivered", "queued", "failed")] == [200] * 5
    assert await builders.status(db, sent) == "delivered"
    assert await kept(db) == 5


async def test_new_credentials_count_at_once(hook, db, app):
    assert await hook.status("delivered") == 200
    await db.execute("UPDATE channels SET credentials = $1", app.state.vault.seal({"auth_token": "changed-token"}))
    await asyncio.sleep(0.6)
    hook.token = "changed-token"
    assert await hook.status("delivered") == 200


async def test_a_deleted_channel_takes_nothing_more(hook, db):
    await db.execute("UPDATE channels SET deleted_at = now()")
    assert await hook.status("delivered") == 404


async def test_a_channel_whose_key_is_lost_asks_to_be_called_again(hook, db):
    await db.execute("UPDATE channels SET credentials = $1", channels.vault().seal({"auth_token": "x"}))
    assert await hook.status("delivered") == 503
    assert await kept(db) == 0


async def test_a_stopped_or_disabled_channel_still_hears(hook, db):
    sent = await builders.message(db, hook.channel)
    await db.execute("UPDATE channels SET enabled = false, stopped_code = 'x', stopped_at = now()")
    assert await hook.status("delivered") == 200
    assert await builders.status(db, sent) == "delivered"


async def test_what_cannot_be_written_is_not_answered_with_200(hook, db, owner):
    await owner.execute("ALTER TABLE receipts ADD CONSTRAINT never CHECK (provider_message_id <> 'SMbad')")
    sent = await builders.message(db, hook.channel)
    bad, good = await asyncio.gather(hook.status("delivered", "SMbad"), hook.status("delivered"))
    assert (bad, good) == (503, 200), "one that cannot be written does not take the others with it"
    assert await builders.status(db, sent) == "delivered"
    assert await kept(db) == 1


async def test_a_commit_that_fails_is_not_answered_with_200(hook, db, owner):
    await owner.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; "
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON receipts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    assert await hook.status("delivered") == 503
    assert await kept(db) == 0


async def test_more_than_can_wait_is_turned_away(hook, app, monkeypatch):
    monkeypatch.setattr("tidings.receipts.writer.MOST_WAITING", 0)
    assert await hook.status("delivered") == 503
    with pytest.raises(Unavailable):
        await app.state.receipt_writer.take([])


async def test_an_answer_from_twilio_is_answered_in_its_form(hook):
    await hook.inbound("Hello")
    assert hook.answers == ['<?xml version="1.0" encoding="UTF-8"?><Response/>']


async def test_africas_talking_calls_are_proved_by_their_address_alone(app, client, workspace, db):
    at = await channels.channel(db, workspace.id, provider="africastalking", vault=app.state.vault, settings={"username": "sandbox"})
    sent = await builders.message(db, at, provider_message_id="ATXid_1")
    answer = await client.post(f"/hooks/{at.hook_token}", data={"id": "ATXid_1", "status": "Success", "phoneNumber": PERSON})
    assert answer.status_code == 200
    assert await builders.status(db, sent) == "delivered"
    assert (await client.post(f"/hooks/{at.hook_token}", data={"senderId": "SHOP", "phoneNumber": PERSON})).status_code == 200
    assert await db.fetchval("SELECT source FROM opt_outs WHERE address = $1", PERSON) == "provider"


async def test_unmatched_receipts_are_shown(hook, client, workspace, other_workspace):
    await hook.status("delivered", "SMstranger")
    for caller, expected in ((workspace, ["SMstranger"]), (other_workspace, [])):
        page = (await client.get("/api/v1/receipts?unmatched=true", headers=caller.headers)).json()
        assert [one["provider_message_id"] for one in page["items"]] == expected
