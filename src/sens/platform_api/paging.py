"""Lists in pages: `limit` and an opaque `cursor`."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query

from sens.platform_api.problems import invalid

MAX_PAGE = 1000
T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most entries of the page.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=1024,
        description="`next_cursor` of the page before; the first page has none.",
        examples=["WyJib2lsZXItMSIsN10"],
    ),
]
NameFilter = Annotated[str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
SourceFilter = Annotated[NameFilter, Query(examples=["plant-a"])]
DeviceNameFilter = Annotated[NameFilter, Query(examples=["boiler-1"])]
MetricFilter = Annotated[NameFilter, Query(examples=["temperature"])]
RowId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
# PostgreSQL takes no NUL in a text.
NamePart = Annotated[str, msgspec.Meta(max_length=255, pattern=r"\A[^\x00]*\Z")]
BigRowId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


def cut(rows: Sequence[T], limit: int, key: Callable[[T], object]) -> tuple[Sequence[T], str | None]:
    """The page and its `next_cursor`, from `limit + 1` rows that were asked for."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(key(rows[limit - 1]))


def cursor_of(key: object) -> str:
    """The cursor of what comes after the entry with the key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def parse_cursor(cursor: str | None, type_: Any, place: str = "query.cursor") -> Any:
    """What `cursor_of` put into the cursor; None for the first page.

    Raises:
        ProblemError: it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise invalid(place, "this is no cursor of this list: take next_cursor as it was given") from error
