"""Replacing stored values by those of a replay, for whoever asks for it."""

import numpy as np
from psycopg import sql

from sens.storage.arrays import times
from sens.storage.connection import Connection
from sens.storage.queries import load
from sens.storage.readings import NUMBERS, Fate, Mask, Rows, Stored, Table
from sens.storage.times import time_bounds

_SQL = load("replay")


def overwrite_conflicts(connection: Connection, table: Table, rows: Rows, stored: Stored) -> Mask:
    """Give every instant in conflict the value that came last in the batch, in the caller's transaction.

    Also where it is a series' latest value.

    Returns:
        bool[n]: the rows that were conflicts.
    """
    conflict = stored.fate == Fate.CONFLICT
    if not conflict.any():
        return conflict
    last = rows.where(_last_of_instants(rows, conflict))
    numbers = table == NUMBERS
    oldest, newest = time_bounds(last.time)
    parameters = {
        "oldest": oldest,
        "newest": newest,
        "series": last.series,
        "time": times(last.time),
        "value": last.value if numbers else last.value.tolist(),
    }
    names = {
        "table": sql.Identifier(table.name),
        "type": sql.SQL("float8" if numbers else "text"),
        "column": sql.Identifier("value" if numbers else "text"),
    }
    for query in ("overwrite", "overwrite_latest"):
        connection.execute(sql.SQL(_SQL[query]).format(**names), parameters, prepare=False)
    return conflict


def _last_of_instants(rows: Rows, chosen: Mask) -> Mask:
    """The last row of each instant that has a chosen row."""
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows.series[1:] != rows.series[:-1]) | (rows.time[1:] != rows.time[:-1])
    instant = np.cumsum(first)
    wanted = np.unique(instant[chosen])
    last = np.zeros(len(rows), np.bool_)
    last[np.searchsorted(instant, wanted, side="right") - 1] = True
    return last
