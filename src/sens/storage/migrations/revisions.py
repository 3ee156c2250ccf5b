"""What a revision is made of: SQL in the file beside it, run on the migration's own connection."""

from pathlib import Path
from typing import LiteralString, cast

from alembic import op

from sens.storage.connection import Connection


def connection() -> Connection:
    """The connection that the migration runs on, inside its transaction. Only while migrating."""
    return cast("Connection", op.get_bind().connection.driver_connection)


def run_sql(revision_file: str) -> None:
    """Run the .sql file that stands beside a revision's .py file; it may hold many statements."""
    text = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    # The text ships with the package, and nothing is put into it.
    connection().execute(cast("LiteralString", text))
