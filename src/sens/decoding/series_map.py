"""(route, shape) → series ids, looked up once a message and gathered in columns."""

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from sens.decoding.routes import Route
from sens.domain.columns import Int32, Int64, Rejection, Shape
from sens.domain.reasons import Reason
from sens.storage.series import SeriesKey

MAX_ENTRIES = 200_000
"""Routes times shapes that are remembered; at the limit all are forgotten and looked up again."""
MAX_PARTS = 4_000_000
"""The same for what they hold, in units of a series id (4 bytes)."""
PARTS_PER_FIELD = 25
"""A field of a shape takes some 100 bytes."""
MAX_KEYS = 100_000
"""Series whose id is remembered by name, for shapes that name known series in another order."""

Resolve = Callable[[Sequence[SeriesKey]], Sequence[int | Rejection]]
"""Series ids of keys, made where they are new, or why there is to be no such series."""


class SeriesMap:
    """Remembers the series ids of each combination of route and shape.

    Entry e has its ids at `ids[start[e] : start[e] + width[e]]`; a refused entry has none.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._answers: dict[SeriesKey, int | Rejection] = {}
        self._forget()

    def _forget(self) -> None:
        self._entries: dict[tuple[Route, Shape], int] = {}
        self._shapes = set[Shape]()
        self._parts = 0
        self._refused: dict[int, Rejection] = {}
        self._ids = np.empty(0, np.int32)
        self._starts = np.empty(0, np.int64)
        self._widths = np.empty(0, np.int64)

    def entries(self, routes: Sequence[Route], shapes: Sequence[Shape]) -> Int64:
        """int64[N]: the entry of each message's route and shape."""
        if len(self._entries) > MAX_ENTRIES or self._parts > MAX_PARTS:
            self._forget()
        found = list(map(self._entries.get, zip(routes, shapes, strict=True)))
        if None in found:
            keys = list(zip(routes, shapes, strict=True))
            self._learn([key for key, entry in zip(keys, found, strict=True) if entry is None])
            found = list(map(self._entries.get, keys))
        return np.array(found, np.int64)

    def _learn(self, keys: Sequence[tuple[Route, Shape]]) -> None:
        new = list(dict.fromkeys(keys))
        wanted = [series_keys(route, shape) for route, shape in new]
        flat = [key for some in wanted if not isinstance(some, Rejection) for key in some]
        answers = iter(self._answer(flat))
        ids, starts, widths = list[int](), list[int](), list[int]()
        for key, some in zip(new, wanted, strict=True):
            entry = len(self._entries)
            self._entries[key] = entry
            answer = [some] if isinstance(some, Rejection) else [next(answers) for _ in some]
            starts.append(len(self._ids) + len(ids))
            refused = next((each for each in answer if isinstance(each, Rejection)), None)
            if refused is not None:
                self._refused[entry] = refused
                widths.append(0)
                continue
            widths.append(len(answer))
            ids += [each for each in answer if not isinstance(each, Rejection)]
        self._count_parts([shape for _, shape in new], len(ids))
        self._ids = np.concatenate([self._ids, np.array(ids, np.int32)])
        self._starts = np.concatenate([self._starts, np.array(starts, np.int64)])
        self._widths = np.concatenate([self._widths, np.array(widths, np.int64)])

    def _answer(self, keys: Sequence[SeriesKey]) -> list[int | Rejection]:
        """As `Resolve`, asking only for what is not remembered: known fields in a new order cost no query."""
        found = {key: answer for key in keys if (answer := self._answers.get(key)) is not None}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            asked = dict(zip(missing, self._resolve(missing), strict=True))
            found |= asked
            if len(self._answers) + len(asked) > MAX_KEYS:
                self._answers.clear()
            self._answers.update(islice(asked.items(), MAX_KEYS))
        return [found[key] for key in keys]

    def _count_parts(self, shapes: Sequence[Shape], ids: int) -> None:
        new = set(shapes) - self._shapes
        self._shapes |= new
        self._parts += ids + PARTS_PER_FIELD * sum(len(shape.fields) for shape in new)

    def refused(self, entries: Int64) -> dict[int, Rejection]:
        """Message index → why, for messages whose device or series is refused."""
        if not self._refused:
            return {}
        bad = np.flatnonzero(np.isin(entries, np.fromiter(self._refused, np.int64)))
        return {int(at): self._refused[int(entries[at])] for at in bad}

    def gather(self, entries: Int64) -> tuple[Int32, Int64]:
        """Series ids of all readings (int32[R]), and readings per message (int64[N])."""
        widths = self._widths[entries]
        ends = np.cumsum(widths)
        offsets = self._starts[entries] - (ends - widths)
        readings = int(ends[-1]) if ends.size else 0
        return self._ids[np.repeat(offsets, widths) + np.arange(readings)], widths


def series_keys(route: Route, shape: Shape) -> list[SeriesKey] | Rejection:
    """The series of a message's readings: what the payload does not name, the topic does."""
    keys = list[SeriesKey]()
    for field in shape.fields:
        device = field.device or route.device
        metric = ".".join(name for name in (route.metric, field.metric) if name)
        if not device:
            return Rejection(Reason.MISSING_FIELD, "neither the topic nor the payload names the device")
        if not metric:
            return Rejection(Reason.MISSING_FIELD, "neither the topic nor the payload names the metric")
        keys.append(SeriesKey(route.source_id, device, metric, field.unit, field.kind))
    return keys
