"""Readings one by one, for the formats that are decoded so: plain, SenML, line protocol."""

from collections.abc import Sequence
from typing import NamedTuple

from sens.decoders.assembly import Assembly, Value
from sens.decoders.options import DecoderOptions
from sens.decoders.shapes import KIND_OF, ShapeCache
from sens.domain.columns import Field

_KIND_KEY = {value_type: kind.value for value_type, kind in KIND_OF.items()}  # an int is hashed faster than a Kind


class Row(NamedTuple):
    """One reading: the attributes of `Field`, but that the value's type says the kind, and its time."""

    device: str | None
    metric: str
    unit: str
    value: Value
    time: int


class RowAssembly(Assembly):
    """Columns that are filled with the rows of one message after the other."""

    __slots__ = ("_shapes",)

    def __init__(self, options: DecoderOptions, shapes: ShapeCache) -> None:
        super().__init__(options)
        self._shapes = shapes

    def add(self, rows: Sequence[Row]) -> None:
        """The next message has these readings.

        Raises:
            Reject: the message holds none, too many, or one with a bad name; nothing was added.
        """
        key: tuple[object, ...] = tuple(
            part for device, metric, unit, value, _ in rows for part in (device, metric, unit, _KIND_KEY[type(value)])
        )
        shape = self._shapes.get(key) or self._shapes.put(
            key, tuple(Field(device, metric, unit, KIND_OF[type(value)]) for device, metric, unit, value, _ in rows)
        )
        self.append(shape, [row[3] for row in rows], [row[4] for row in rows])
