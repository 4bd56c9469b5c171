"""Keys are changed without a channel losing its secrets."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from tests.channels import builders
from tidings.channels.service import rotate_credentials
from tidings.channels.vault import Vault, VaultError


async def test_every_channel_is_sealed_anew_and_the_old_key_is_needed_no_more(database, monkeypatch):
    monkeypatch.setattr("tidings.channels.rotation._PAGE", 2)
    old, new = Fernet.generate_key(), Fernet.generate_key()
    async with database.pool.acquire() as db:
        shop = await builders.workspace(db)
        for _ in range(5):
            await builders.channel(db, shop, vault=Vault([old]), credentials={"auth_token": "hush"})
        await builders.channel(db, await builders.workspace(db))  # the sandbox has no secrets
        assert await rotate_credentials(database, Vault([new, old])) == 6
        rows = await db.fetch("SELECT credentials FROM channels")
        audited = await db.fetchval("SELECT count(*) FROM audit_log WHERE action = 'channel.credentials_resealed'")
    assert sorted(len(Vault([new]).open(row["credentials"])) for row in rows) == [0, 1, 1, 1, 1, 1]
    assert audited == 6


async def test_a_missing_key_changes_nothing(database):
    async with database.pool.acquire() as db:
        shop = await builders.workspace(db)
        await builders.channel(db, shop, vault=builders.vault(), credentials={"auth_token": "hush"})
        before = await db.fetchval("SELECT credentials FROM channels")
        with pytest.raises(VaultError):
            await rotate_credentials(database, builders.vault())
        assert await db.fetchval("SELECT credentials FROM channels") == before
