"""Accounts: users, sessions, audit, and what people say of devices and series: 0002_accounts.sql."""

from sens.storage.migrations.revisions import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(__file__)
