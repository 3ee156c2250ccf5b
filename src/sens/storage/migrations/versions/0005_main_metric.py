"""Which metric of a device comes first: 0005_main_metric.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql(__file__)
