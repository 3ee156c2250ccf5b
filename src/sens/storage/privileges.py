"""What each role may do with each table and function: declared here, granted by `sens migrate` (`sens.storage.roles`).

A role gets what its statements in `sql/` need, by column where it changes only some. Every table and function of the
schema has a row: a test looks for it.
"""

from enum import StrEnum
from typing import LiteralString, NamedTuple


class Role(StrEnum):
    """A part that a database role plays; the role's own name is the operator's choice."""

    OWNER = "owner"
    """Owns the schema; migrates it, and grants to the others."""
    WRITER = "writer"
    """telemetry-worker: stores, maintains."""
    READER = "reader"
    """platform-api: reads, and writes accounts, annotations and marks."""
    BACKUP = "backup"
    """Reads everything, changes nothing."""
    MONITOR = "monitor"
    """A metrics exporter: sees the server's activity, and no table."""


class Table(NamedTuple):
    """What is granted on a table, as GRANT takes it; empty: nothing."""

    writer: LiteralString
    reader: LiteralString


TABLES = {
    "alembic_version": Table("SELECT", "SELECT"),
    "storage": Table("SELECT", "SELECT"),
    "tenant": Table("SELECT, INSERT", "SELECT, INSERT"),
    "source": Table("SELECT, INSERT", "SELECT, INSERT"),
    "device": Table("SELECT, INSERT", "SELECT, UPDATE (label, note, expected_interval_s, main_metric, archived_at)"),
    "series": Table("SELECT, INSERT", "SELECT, UPDATE (display_name, unit_shown, precision)"),
    "reading": Table("SELECT, INSERT, UPDATE (value)", "SELECT"),
    "reading_text": Table("SELECT, INSERT, UPDATE (value)", "SELECT"),
    "reading_10m": Table("SELECT, INSERT, UPDATE", "SELECT"),
    "series_latest": Table("SELECT, INSERT, UPDATE", "SELECT"),
    "late_mark": Table("SELECT, INSERT, DELETE", "SELECT"),
    "rollup_mark": Table("SELECT, UPDATE", "SELECT"),
    "ledger": Table("SELECT, INSERT, UPDATE, DELETE", "SELECT"),
    "ledger_total": Table("SELECT, INSERT, UPDATE", "SELECT"),
    "ledger_tail": Table("SELECT, INSERT, UPDATE", "SELECT"),
    "intake_10m": Table("SELECT, INSERT, UPDATE, DELETE", "SELECT"),
    "database_size": Table("SELECT, INSERT, UPDATE, DELETE", "SELECT"),
    "quarantine": Table("SELECT, INSERT, UPDATE (state, changed_at), DELETE", "SELECT, UPDATE (state, changed_at)"),
    "quarantine_overflow": Table("SELECT, INSERT, UPDATE", "SELECT"),
    "api_key": Table("", "SELECT, INSERT, UPDATE"),
    "user_account": Table("", "SELECT, INSERT, UPDATE, DELETE"),
    "user_session": Table("", "SELECT, INSERT, UPDATE (seen_at), DELETE"),
    "login_token": Table("", "SELECT, INSERT, DELETE"),
    "audit": Table("", "SELECT, INSERT"),
}

FUNCTIONS: dict[str, frozenset[Role]] = {
    "summable": frozenset({Role.WRITER, Role.READER}),
    "is_overdue": frozenset({Role.READER}),
    "make_partition": frozenset({Role.WRITER}),
    "drop_partition": frozenset({Role.WRITER}),
    "drop_chunks_before": frozenset({Role.WRITER}),
    "partition_days": frozenset(),
    "partition_name": frozenset(),
    "has_partition": frozenset(),
}
"""Who may call each function."""
