"""Which live readings a client wants. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sens.storage.read_devices import Series

_Anchor = tuple[str, int | str | None]


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """Readings that fit everything given. None: whichever; names are exact; of ids any one has to fit."""

    source: str | None = None
    device: str | None = None
    metric: str | None = None
    series_ids: frozenset[int] | None = None
    device_ids: frozenset[int] | None = None
    tenant_id: int | None = None

    def fits(self, series: Series) -> bool:
        return (
            self.tenant_id in (None, series.tenant_id)
            and self.source in (None, series.source)
            and self.device in (None, series.device)
            and self.metric in (None, series.metric)
            and (self.series_ids is None or series.id in self.series_ids)
            and (self.device_ids is None or series.device_id in self.device_ids)
        )


class Filtered(Protocol):
    """What has a filter."""

    @property
    def which(self) -> LiveFilter: ...


F = TypeVar("F", bound=Filtered)


class FilterIndex(Generic[F]):
    """Finds what wants a series, however many want others: each is kept under one thing that its filter demands."""

    def __init__(self) -> None:
        self._anchored: dict[_Anchor, dict[F, None]] = {}

    def add(self, item: F) -> None:
        for anchor in _anchors(item.which):
            self._anchored.setdefault(anchor, {})[item] = None

    def remove(self, item: F) -> None:
        for anchor in _anchors(item.which):
            del self._anchored[anchor][item]
            if not self._anchored[anchor]:
                del self._anchored[anchor]

    def wanting(self, series: Series) -> Iterator[F]:
        """Those whose filter fits the series."""
        for anchor in _anchors_of(series):
            for item in self._anchored.get(anchor, ()):
                if item.which.fits(series):
                    yield item


def _anchors(which: LiveFilter) -> Iterable[_Anchor]:
    """Of what the filter demands, that which the fewest series have."""
    if which.series_ids is not None:
        return [("series", id_) for id_ in which.series_ids]
    if which.device_ids is not None:
        return [("device id", id_) for id_ in which.device_ids]
    for kind, name in (("device", which.device), ("metric", which.metric), ("source", which.source)):
        if name is not None:
            return [(kind, name)]
    return [("tenant", which.tenant_id)]


def _anchors_of(series: Series) -> tuple[_Anchor, ...]:
    return (
        ("series", series.id),
        ("device id", series.device_id),
        ("device", series.device),
        ("metric", series.metric),
        ("source", series.source),
        ("tenant", series.tenant_id),
        ("tenant", None),
    )
