"""What an overview draws: 0003_charts.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(__file__)
