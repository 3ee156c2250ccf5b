"""What answers and bodies are made of, and how they come from the store's rows."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sens.storage.times import timestamp


class Model(BaseModel):
    """Base of what the API answers and takes: closed, so that docs and code cannot drift apart.

    `Device.model_validate(row)` takes what it needs from a row of the store, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class Page(Model):
    """A part of a list."""

    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.", examples=[None])


def _moment(value: object) -> object:
    return timestamp(value) if isinstance(value, int) else value


def _readable(value: object) -> object:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""From µs since 1970 UTC; RFC 3339 in the answer."""
Readable = Annotated[str, BeforeValidator(_readable)]
"""From bytes; those that are no UTF-8 are shown as \\xNN."""
