"""What the database can do to a caller, sorted as in `sens.domain.errors`; psycopg's errors end here.

Retry
├── DatabaseAway    no connection, or it broke: connect anew, then the same call
└── DatabaseBusy    deadlock, lock or statement timeout, out of space or connections: the same call
Reject
└── DataRefused     the values themselves: bisect, quarantine
Fatal
├── SchemaMismatch  a table or column is not there: run `sens migrate`
└── DatabaseDenied  wrong password, role, permission or server version
"""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from sens.domain.errors import Fatal, Reject, Retry, SensError
from sens.domain.reasons import Reason


class DatabaseAway(Retry):
    """The server does not answer, or the connection broke. What was in flight may have committed or not."""


class DatabaseBusy(Retry):
    """The server answered that it cannot do this now; the transaction is rolled back."""


class PartitionMissing(Retry):
    """A row's partition is not there; the transaction is rolled back."""


class DataRefused(Reject):
    """The server refused the values as data (SQLSTATE classes 22, 23 and 54); the transaction is rolled back."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.REFUSED_BY_DATABASE, detail)


class SchemaMismatch(Fatal):
    """The database's schema is not the one this build needs."""


class DatabaseDenied(Fatal):
    """The server refuses this role, password, database or statement."""


# 22 data exception, 23 integrity constraint, 54 program limit
_DATA = ("22", "23", "54")
_CHECK_VIOLATION = "23514"
# 40 transaction rollback, 53 insufficient resources, 55P03 lock timeout, 55006 object in use, 57014 statement timeout
_BUSY = ("40", "53", "55P03", "55006", "57014")
# 08 connection, 57P shutdown, 58 the server's disk, 25006 a standby that is not promoted yet, 25P0x timed out idle
_AWAY = ("08", "57P", "58", "25006", "25P03", "25P04")
_SCHEMA = ("3F000", "42P01", "42703", "42704", "42883")


def translate(error: psycopg.Error) -> SensError:
    """The error of ours that says what to do about psycopg's `error`."""
    text = _text(error)
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return _without_state(text)
        return DatabaseDenied(f"the driver refused the statement: {text}")
    if state == _CHECK_VIOLATION and error.diag.constraint_name is None:
        # "no partition of relation … found for row" bears the SQLSTATE of a violated CHECK, but no constraint.
        return PartitionMissing(f"{text}; try again")
    if state.startswith(_DATA):
        return DataRefused(f"{text} (SQLSTATE {state})")
    if state.startswith(_BUSY):
        return DatabaseBusy(f"{text} (SQLSTATE {state}); try again")
    if state.startswith(_AWAY):
        return DatabaseAway(f"{text} (SQLSTATE {state}); try again")
    if state.startswith(_SCHEMA):
        return SchemaMismatch(f"{text} (SQLSTATE {state}); run `sens migrate`")
    return DatabaseDenied(f"{text} (SQLSTATE {state})")


# What a server says before it gives SQLSTATEs to libpq: only the text tells these apart.
_NEVER_LETS_IN = ("password", "authentication", "pg_hba.conf", "does not exist", "no permission", "certificate")


def _without_state(text: str) -> SensError:
    if any(part in text for part in _NEVER_LETS_IN) and "Connection refused" not in text:
        return DatabaseDenied(f"{text}; check the database URL, role and password")
    return DatabaseAway(f"{text}; try again")


def _text(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__


@contextmanager
def translated() -> Generator[None]:
    """Raise psycopg's errors from within as ours."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error
