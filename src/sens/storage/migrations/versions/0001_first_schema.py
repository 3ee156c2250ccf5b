"""The first schema: 0001_first_schema.sql, then the big tables cut by time."""

from sens.storage.kinds import cut_by_time, detect_kind
from sens.storage.migrations.revisions import connection, run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(__file__)
    cut_by_time(connection(), detect_kind(connection()))
