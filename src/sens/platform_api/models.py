"""What answers and bodies are made of, and how they come from the store's rows."""

import base64
from datetime import datetime
from typing import Annotated, Final

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


def _base64(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL takes no NUL in a text."""
ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
Label = Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE)]
"""A name that people give."""
TenantName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Moment = Annotated[datetime, BeforeValidator(_moment)]
"""From µs since 1970 UTC; RFC 3339 in the answer."""
Readable = Annotated[str, BeforeValidator(_readable)]
"""From bytes; those that are no UTF-8 are shown as \\xNN."""
Base64 = Annotated[str, BeforeValidator(_base64)]
"""From bytes."""
