"""Channels as the engine opens, stops and mends them."""

from __future__ import annotations

from tests.channels import builders
from tidings.channels.rules import RetryPolicy
from tidings.channels.runtime import note_channel_works, open_channel, open_channel_of_hook, stop_channel
from tidings.core.ids import new_id
from tidings.settings import Settings

SETTINGS = Settings(public_url="https://tidings.example")


async def test_an_opened_channel_has_its_secrets_limits_and_policy(database):
    vault = builders.vault()
    async with database.pool.acquire() as db:
        shop = await builders.workspace(db, {"retry_minutes": [1, 2], "max_attempts": 5})
        made = await builders.channel(
            db, shop, vault=vault, provider="twilio", settings=builders.TWILIO, credentials=builders.TWILIO_SECRETS, sender="+15005550006",
            limits={"per_second": 40, "concurrency": 8},
        )  # fmt: skip
        opened = await open_channel(db, vault, SETTINGS, made.id)
        assert opened == await open_channel_of_hook(db, vault, SETTINGS, made.hook_token)
    assert opened.sendable
    assert opened.config.credentials == builders.TWILIO_SECRETS
    assert opened.config.settings == builders.TWILIO
    assert opened.config.hook_url == f"https://tidings.example/hooks/{made.hook_token}"
    assert (opened.limits.per_second, opened.limits.burst, opened.limits.concurrency) == (40, 1, 8)
    assert opened.retry == RetryPolicy(retry_minutes=(1, 2), max_attempts=5)
    assert builders.AUTH_TOKEN not in repr(opened)
    assert made.hook_token not in repr(opened)


async def test_no_pace_can_be_chosen_and_senseless_policies_are_the_default(database):
    async with database.pool.acquire() as db:
        shop = await builders.workspace(db, {"retry_minutes": [], "max_attempts": "many"})
        made = await builders.channel(db, shop, provider="twilio", limits={"per_second": None})
        opened = await open_channel(db, builders.vault(), SETTINGS, made.id)
    assert opened.limits.per_second is None
    assert opened.retry == RetryPolicy()


async def test_unknown_and_deleted_channels_are_none(database):
    async with database.pool.acquire() as db:
        made = await builders.channel(db, await builders.workspace(db))
        await db.execute("UPDATE channels SET deleted_at = now()")
        assert await open_channel(db, builders.vault(), SETTINGS, made.id) is None
        assert await open_channel(db, builders.vault(), SETTINGS, new_id()) is None


async def test_credentials_of_a_lost_key_hold_the_channel_but_do_not_stop_it(database):
    async with database.pool.acquire() as db:
        made = await builders.channel(db, await builders.workspace(db), vault=builders.vault(), credentials={"a": "b"})
        for _ in range(3):
            opened = await open_channel(db, builders.vault(), SETTINGS, made.id)
            assert not opened.sendable
            assert "Nothing is lost" in opened.reason
        assert await db.fetchval("SELECT stopped_at FROM channels") is None
        assert [row["kind"] for row in await db.fetch("SELECT kind FROM alerts")] == ["credentials_sealed"]


async def test_an_address_the_operator_does_not_allow_sends_nothing_anywhere(database):
    async with database.pool.acquire() as db:
        made = await builders.channel(db, await builders.workspace(db), provider="twilio", api_base_url="http://127.0.0.1:9")
        refused = await open_channel(db, builders.vault(), SETTINGS, made.id)
        allowed = await open_channel(db, builders.vault(), Settings(allowed_api_base_urls="http://127.0.0.1:9"), made.id)
    assert not refused.sendable
    assert allowed.sendable
    assert allowed.config.api_base_url == "http://127.0.0.1:9"


async def test_a_disabled_channel_is_not_sendable(database):
    async with database.pool.acquire() as db:
        made = await builders.channel(db, await builders.workspace(db))
        await db.execute("UPDATE channels SET enabled = false")
        assert (await open_channel(db, builders.vault(), SETTINGS, made.id)).reason == "The channel is disabled."


async def test_its_owner_is_told_once_and_again_only_after_it_worked(database):
    async with database.pool.acquire() as db:
        made = await builders.channel(db, await builders.workspace(db))

        async def alerts() -> int:
            return await db.fetchval("SELECT count(*) FROM alerts")

        async def restart() -> None:
            await db.execute("UPDATE channels SET stopped_at = NULL, stopped_code = NULL, stopped_detail = NULL")

        assert await stop_channel(db, made.id, "invalid_credentials", "wrong password")
        assert not await stop_channel(db, made.id, "invalid_credentials", "again")
        opened = await open_channel(db, builders.vault(), SETTINGS, made.id)
        assert (opened.sendable, opened.reason) == (False, "The channel is stopped: wrong password")
        await note_channel_works(db, made.id)  # a send that was still in the air
        await restart()
        await stop_channel(db, made.id, "invalid_credentials", "still wrong")
        assert await alerts() == 1
        await restart()
        await note_channel_works(db, made.id)
        assert await db.fetchval("SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0
        await stop_channel(db, made.id, "invalid_credentials", "wrong again")
        assert await alerts() == 2


async def test_last_used_is_written_at_most_once_a_minute(database):
    async with database.pool.acquire() as db:
        made = await builders.channel(db, await builders.workspace(db))
        await note_channel_works(db, made.id)
        first = await db.fetchval("SELECT last_used_at FROM channels")
        await note_channel_works(db, made.id)
        assert first is not None
        assert await db.fetchval("SELECT last_used_at FROM channels") == first
