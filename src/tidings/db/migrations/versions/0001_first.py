"""The first schema."""

from tidings.db.migrations.scripts import run_scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_scripts(revision)
