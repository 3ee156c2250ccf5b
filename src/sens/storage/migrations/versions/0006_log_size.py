"""The log's size beside the database's: 0006_log_size.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql(__file__)
