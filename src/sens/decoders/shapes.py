"""Shapes, interned, with a bound."""

from collections.abc import Iterable

from sens.decoders.caches import BoundedCache
from sens.decoders.options import DecoderOptions
from sens.domain.columns import Field, Kind, Shape

KIND_OF: dict[type, Kind] = {int: Kind.NUMBER, float: Kind.NUMBER, bool: Kind.BOOLEAN, str: Kind.TEXT}
"""The type of a decoded value says what kind of reading it is."""

_BYTES_PER_FIELD = 300


class ShapeCache:
    """Interns shapes, with a bound (see `BoundedCache`); a shape with a bad name or no field is refused."""

    __slots__ = ("_cache", "_options", "get")

    def __init__(self, options: DecoderOptions) -> None:
        self._options = options
        self._cache: BoundedCache[tuple[object, ...], Shape] = BoundedCache()
        self.get = self._cache.get

    def put(self, key: tuple[object, ...], fields: tuple[Field, ...]) -> Shape:
        """Make and keep the shape of these fields.

        Raises:
            Reject: see `DecoderOptions.check_fields`.
        """
        self._options.check_fields(fields)
        return self._cache.put(key, Shape(fields), fields_size_bytes(fields))


def fields_size_bytes(fields: Iterable[Field]) -> int:
    """About what a cache entry for these fields takes."""
    return sum(_BYTES_PER_FIELD + len(field.metric) + len(field.device or "") for field in fields)
