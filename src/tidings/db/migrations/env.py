"""Alembic's entry: it is handed an open connection by `db.migrate` and never makes one itself."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
