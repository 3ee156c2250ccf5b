"""Decoded columns while they are being filled, message by message."""

import math
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from sens.decoders.options import DecoderOptions, show_place
from sens.decoders.rejecting import reading_counts, reject
from sens.domain.columns import NO_TIME, NOTHING, Decoded, Field, Float64, Rejection, Shape
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

Value = float | bool | str


class Assembly:
    """The columns of a batch. Each message ends as one call of `append` or `reject`.

    Attributes:
        shapes, values, times, rejections: as in `Decoded`, growing; texts stand among the values, and
            `times` stays empty in a decoder that finds none.
    """

    __slots__ = ("_options", "rejections", "shapes", "times", "values")

    def __init__(self, options: DecoderOptions) -> None:
        self._options = options
        self.shapes: list[Shape] = []
        self.values: list[Value] = []
        self.times: list[int] = []
        self.rejections: dict[int, Rejection] = {}

    def reject(self, rejection: Rejection) -> None:
        """The next message is rejected."""
        self.rejections[len(self.shapes)] = rejection
        self.shapes.append(NOTHING)

    def append(self, shape: Shape, values: Sequence[Value], times: Sequence[int] = ()) -> None:
        """The next message has these readings, n of each; no times in a decoder that finds none."""
        self.shapes.append(shape)
        self.values += values
        self.times += times

    def finish(self) -> Decoded:
        """The columns, without the messages that hold a number or a text which cannot be stored."""
        texts = dict[int, str]()
        if str in set(map(type, self.values)):
            texts = {at: value for at, value in enumerate(self.values) if isinstance(value, str)}
        numbers = cast("list[float]", self.values)
        if texts:
            numbers = [0.0 if isinstance(value, str) else value for value in self.values]
        times = np.array(self.times, np.int64) if self.times else None
        if times is not None and (times == NO_TIME).all():
            times = None
        decoded = Decoded(self.shapes, float_column(numbers), times, texts, self.rejections)
        return reject_not_finite(self._reject_texts(decoded))

    def _reject_texts(self, decoded: Decoded) -> Decoded:
        texts = decoded.texts
        if not texts:
            return decoded
        longest = max(map(len, texts.values()))
        if longest <= self._options.max_text_chars and not any("\0" in text for text in texts.values()):
            return decoded
        rejections: dict[int, Rejection] = {}
        for message, field, at in _places(decoded, list(texts)):
            try:
                self._options.check_text(texts[at], field.metric)
            except Reject as error:
                rejections.setdefault(message, Rejection(error.reason, error.detail))
        return reject(decoded, rejections)


def _places(decoded: Decoded, readings: Sequence[int]) -> Iterator[tuple[int, Field, int]]:
    """The message and field of each of these readings, and the reading itself."""
    counts = reading_counts(decoded.shapes)
    ends = np.cumsum(counts)
    messages: list[int] = np.searchsorted(ends, readings, side="right").tolist()
    for at, message in zip(readings, messages, strict=True):
        yield message, decoded.shapes[message].fields[at - int(ends[message] - counts[message])], at


def float_column(values: Sequence[float]) -> Float64:
    """float64[R]; an integer that is too large for it becomes infinite."""
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return np.array([to_float(value) for value in values], np.float64)


def to_float(value: float) -> float:
    """A 64-bit float; infinite where the integer is too large for it."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def reject_not_finite(decoded: Decoded) -> Decoded:
    """Reject each message that holds a number which is not finite."""
    finite = np.isfinite(decoded.values)
    if finite.all():
        return decoded
    rejections: dict[int, Rejection] = {}
    for message, field, _ in _places(decoded, np.flatnonzero(~finite).tolist()):
        rejections.setdefault(
            message, Rejection(Reason.NOT_FINITE, f"{show_place(field.metric)} is not a finite number")
        )
    return reject(decoded, rejections)


def concatenate(parts: Sequence[Decoded]) -> Decoded:
    """One batch of several, in order."""
    if len(parts) == 1:
        return parts[0]
    shapes, texts, rejections, readings = list[Shape](), dict[int, str](), dict[int, Rejection](), 0
    for part in parts:
        rejections |= {len(shapes) + message: why for message, why in part.rejections.items()}
        texts |= {readings + at: text for at, text in part.texts.items()}
        shapes += part.shapes
        readings += part.values.size
    values = np.concatenate([part.values for part in parts]) if parts else np.empty(0)
    times = None
    if any(part.times is not None for part in parts):
        empty = [np.full(part.values.size, NO_TIME, np.int64) if part.times is None else part.times for part in parts]
        times = np.concatenate(empty)
    return Decoded(shapes, values, times, texts, rejections)
