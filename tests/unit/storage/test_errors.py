"""psycopg's errors become ours, sorted by what the caller does next."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import lookup

from sens.domain.errors import Fatal, Reject, Retry
from sens.domain.reasons import Reason
from sens.storage.connection import connect, connection_parameters
from sens.storage.errors import (
    DatabaseAway,
    DatabaseBusy,
    DatabaseDenied,
    DataRefused,
    PartitionMissing,
    SchemaMismatch,
    translate,
    translated,
)


@pytest.mark.parametrize(
    ("sqlstate", "kind", "base"),
    [
        ("40P01", DatabaseBusy, Retry),
        ("40001", DatabaseBusy, Retry),
        ("55P03", DatabaseBusy, Retry),
        ("57014", DatabaseBusy, Retry),
        ("53300", DatabaseBusy, Retry),
        ("57P01", DatabaseAway, Retry),
        ("57P03", DatabaseAway, Retry),
        ("08006", DatabaseAway, Retry),
        ("25006", DatabaseAway, Retry),
        ("25P03", DatabaseAway, Retry),
        ("22P02", DataRefused, Reject),
        ("22021", DataRefused, Reject),
        ("23502", DataRefused, Reject),
        ("54000", DataRefused, Reject),
        ("42P01", SchemaMismatch, Fatal),
        ("42703", SchemaMismatch, Fatal),
        ("28P01", DatabaseDenied, Fatal),
        ("3D000", DatabaseDenied, Fatal),
        ("42501", DatabaseDenied, Fatal),
    ],
)
def test_an_sqlstate_tells_what_to_do(sqlstate: str, kind: type, base: type) -> None:
    error = translate(lookup(sqlstate)("text of the server"))
    assert type(error) is kind
    assert isinstance(error, base)
    assert "text of the server" in str(error)


def test_a_missing_partition_is_no_fault_of_the_data() -> None:
    assert isinstance(translate(lookup("23514")("no partition of relation found for row")), PartitionMissing)


def test_refused_data_bears_its_reason() -> None:
    with pytest.raises(DataRefused) as caught, translated():
        raise lookup("22003")("out of range")
    assert caught.value.reason is Reason.REFUSED_BY_DATABASE


def test_a_broken_connection_is_away_and_a_wrong_password_is_denied() -> None:
    assert isinstance(translate(psycopg.OperationalError("server closed the connection unexpectedly")), DatabaseAway)
    denied = translate(psycopg.OperationalError('FATAL:  password authentication failed for user "x"'))
    assert isinstance(denied, DatabaseDenied)


def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(DatabaseAway):
        connect("postgresql://sens:hush@127.0.0.1:1/sens", application_name="test")


def test_an_unreadable_url_is_denied_without_showing_it() -> None:
    with pytest.raises(DatabaseDenied) as caught:
        connect("postgresql://sens:hush@[::1/sens", application_name="test")
    assert "hush" not in str(caught.value)


def test_what_the_url_sets_wins_and_limits_are_added_to_its_options() -> None:
    url = "postgresql://u@h/d?connect_timeout=9&options=-c%20work_mem%3D8MB"
    given = conninfo_to_dict(connection_parameters(url, application_name="sens x"))
    assert given["connect_timeout"] == "9"
    assert given["application_name"] == "sens x"
    assert "statement_timeout=60000" in str(given["options"])
    assert str(given["options"]).endswith("-c work_mem=8MB")
