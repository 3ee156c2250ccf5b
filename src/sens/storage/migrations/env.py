"""Alembic's entry point: all revisions that are missing, in one transaction, with time limits.

Called by `sens.storage.migrate`, which holds the migration lock and gives the connection.
"""

from alembic import context
from sqlalchemy import Connection, text

# A migration that waits for a lock makes every query behind it wait: better to fail and be run again.
LOCK_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 600

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=False)
with context.begin_transaction():
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))
    context.run_migrations()
