"""Rows of a file as readings, as the API takes them: each as JSON, in the file's order, the same each time."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from sens.cli.importing.cells import Refused, Times, Values
from sens.cli.importing.mapping import FileMapping, Place
from sens.cli.importing.tables import Chunk, Table
from sens.domain.names import SOURCE_NAME
from sens.domain.reasons import Reason

_encode = msgspec.json.Encoder().encode
_Values = Sequence[tuple[Any, str | None]]


class Readings:
    """Makes readings of rows.

    Args:
        own_source: of the import; under it stand rows that name none that can be.

    Attributes:
        left_out: cells without a value, of which no reading was made, since `of_all` was called.
    """

    def __init__(self, table: Table, mapping: FileMapping, times: Times, values: Values, own_source: str) -> None:
        self.table = table
        self.mapping = mapping
        self.left_out = 0
        self._times = times
        self._values = values
        self._own_source = own_source

    def of_all(self) -> Iterator[list[bytes]]:
        """All readings of the file, a chunk of rows at a time."""
        self.left_out = 0
        for chunk in self.table.chunks():
            yield [self._ragged(chunk)] if chunk.ragged else list(self._of_rows(chunk))

    def _of_rows(self, chunk: Chunk) -> Iterator[bytes]:
        mapping, number_is = self.mapping, self.table.row_word
        names = [self._names(chunk, place) for place in (mapping.source, mapping.device, mapping.unit)]
        rows = zip(chunk.numbers, self._read_times(chunk), *names, strict=True)
        metrics, unusable = self._metrics(chunk), _unusable(names[0])
        for at, (number, time, source, device, unit) in enumerate(rows):
            why = time if isinstance(time, Refused) else unusable.get(source)
            if why is not None:
                yield self._refused(why, number, [str(column[at]) for column in chunk.columns])
                continue
            for named, values in metrics:
                value, kind = values[at]
                if value is None:
                    self.left_out += 1
                    continue
                reading = {"source": source, "device": device, "metric": named[at], "time": time, "value": value}
                yield _encode(reading | {"unit": unit, "kind": kind, number_is: number})

    def _metrics(self, chunk: Chunk) -> list[tuple[Sequence[str], _Values]]:
        """The metric of each row and its values; of a wide file, of each of its columns."""
        wide = self.mapping.metrics
        if wide:
            rows = len(chunk.numbers)
            return [([metric] * rows, self._values.read(chunk.columns[at])) for at, metric in wide.items()]
        return [(self._names(chunk, self.mapping.metric), self._read_values(chunk))]

    def _read_values(self, chunk: Chunk) -> _Values:
        cells, kinds = self._cells(chunk, self.mapping.value), None
        if self.mapping.kind is not None:
            kinds = self._names(chunk, self.mapping.kind)
        if self.mapping.text is not None:
            texts = self._cells(chunk, self.mapping.text)
            if kinds is None:
                kinds = ["text" if text else "" for text in texts]
            cells = [text if kind == "text" else cell for cell, text, kind in zip(cells, texts, kinds, strict=True)]
        return self._values.read(cells, kinds)

    def _read_times(self, chunk: Chunk) -> Sequence[int | Refused]:
        column, cells = self.mapping.time.column, self._cells(chunk, self.mapping.time)
        if column in self.table.local_times:
            return self._times.read_local(cells)
        return self._times.read_utc(cells) if column in self.table.utc_times else self._times.read(cells)

    def _names(self, chunk: Chunk, place: Place) -> Sequence[str]:
        cells = self._cells(chunk, place)
        return cells if not self.table.typed else ["" if cell is None else str(cell) for cell in cells]

    @staticmethod
    def _cells(chunk: Chunk, place: Place) -> Sequence[Any]:
        return [place.constant] * len(chunk.numbers) if place.column is None else chunk.columns[place.column]

    def _ragged(self, chunk: Chunk) -> bytes:
        detail = f"{len(chunk.ragged)} cells, where the header names {len(self.table.columns)} columns"
        return self._refused(Refused(Reason.INVALID_SHAPE, detail), chunk.numbers[0], chunk.ragged)

    def _refused(self, why: Refused, number: int, cells: Sequence[str]) -> bytes:
        refusal = {"reason": why.reason.value, "detail": why.detail}
        return _encode({"source": self._own_source, "refused": refusal, self.table.row_word: number, "cells": cells})


def _unusable(sources: Sequence[str]) -> dict[str, Refused]:
    """Those that cannot be the name of a source."""
    detail = "source {!a}: write a-z, 0-9 and -, or give --devices-of =NAME"
    wrong = [name for name in set(sources) if not SOURCE_NAME.fullmatch(name)]
    return {name: Refused(Reason.INVALID_VALUE, detail.format(name[:80])) for name in wrong}
