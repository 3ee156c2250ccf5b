"""When a device is silent and a value stale: 0004_silence.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(__file__)
