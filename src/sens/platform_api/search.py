"""What devices and series are searched by, besides their exact names."""

import time
from datetime import datetime
from typing import Annotated

from fastapi import Query

from sens.platform_api.paging import NameFilter
from sens.platform_api.times import parse_moment
from sens.storage.times import timestamp

Words = Annotated[NameFilter, Query(examples=["cellar pump"])]
"""Words, parted by blanks; what is searched has each of them somewhere, in small letters or capitals."""
SeenSince = Annotated[
    str | None, Query(max_length=40, description="Only those with a reading of then or later.", examples=["now-1h"])
]
UnseenSince = Annotated[str | None, Query(max_length=40, description="Only those without one.", examples=["now-1d"])]


def words_of(text: str | None) -> list[str]:
    """The words of `Words`."""
    return (text or "").split()


def moment_of(text: str | None, place: str) -> datetime | None:
    """The moment of `SeenSince` or `UnseenSince`.

    Raises:
        ProblemError: it is none; `place` says where it was given.
    """
    return None if text is None else timestamp(parse_moment(text, place, time.time_ns() // 1000))
