"""The revision that commands ask for is the one that the migrations reach."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from tidings.db.database import Database
from tidings.db.migrate import _config
from tidings.db.revision import NEEDED, pending_revision


def test_the_needed_revision_is_the_newest() -> None:
    assert ScriptDirectory.from_config(_config(None)).get_current_head() == NEEDED


async def test_a_migrated_database_lacks_nothing(database: Database) -> None:
    assert await pending_revision(database.url) is None
    await database.pool.execute("SET ROLE NONE; UPDATE alembic_version SET version_num = 'older'; SET ROLE tidings_engine")
    assert await pending_revision(database.url) == NEEDED
