"""What telemetry workers may do as a role that owns no table: 0006_roles.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql(__file__)
