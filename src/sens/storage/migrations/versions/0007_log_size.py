"""The log's size beside the database's: 0007_log_size.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(__file__)
