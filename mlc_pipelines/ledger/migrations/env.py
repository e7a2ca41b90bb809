"""Alembic's door to the ledger; it works on the connection it is handed."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="mlc_schema_version", render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
