"""A value of a payload turned into the kind of reading that the options declare."""

import re
from collections.abc import Callable
from typing import Literal

from sens.decoders.assembly import Value, to_float
from sens.decoders.options import show, show_place
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

KindName = Literal["auto", "number", "boolean", "text"]
Converter = Callable[[Value], Value]

# What float() takes, without its underscores, "nan" and "inf". No digit can belong to two of the parts, or a long run
# of digits with anything behind it would be cut in every possible way.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("nan", "inf", "infinity"))
TRUE_WORDS = ("true", "on", "1")
FALSE_WORDS = ("false", "off", "0")


def parse_number(text: str, place: str) -> float | None:
    """The decimal number that the text at `place` is, or None. One that is too large is infinite.

    Raises:
        Reject: NOT_FINITE, the text is nan or an infinity.
    """
    if _NUMBER.fullmatch(text):
        return float(text)
    if len(text) <= 9 and text.lower() in _NOT_FINITE:
        raise Reject(Reason.NOT_FINITE, f"{place}: {show(text)} is not finite")
    return None


def boolean_words(true: tuple[str, ...] = TRUE_WORDS, false: tuple[str, ...] = FALSE_WORDS) -> dict[str, bool]:
    """Lower-case word → what it means."""
    return {word.lower(): False for word in false} | {word.lower(): True for word in true}


def converter(kind: KindName, scale: float, offset: float, place: str) -> Converter | None:
    """A function to the declared kind, or None where the value stays as it is.

    Numbers become `value * scale + offset`. `number` takes also booleans and texts that are numbers;
    `boolean` also 0, 1 and the usual words; `text` everything.

    Raises (the function returned):
        Reject: INVALID_VALUE, NOT_FINITE.
    """
    words = boolean_words()

    def scaled(value: float) -> float:
        return to_float(value) * scale + offset

    def auto(value: Value) -> Value:
        return value if isinstance(value, str | bool) else scaled(value)

    def number(value: Value) -> Value:
        parsed = parse_number(value.strip(), show_place(place)) if isinstance(value, str) else value
        if parsed is None:
            raise Reject(Reason.INVALID_VALUE, f"{show_place(place)}: {show(value)} is not a number")
        return scaled(parsed)

    def boolean(value: Value) -> Value:
        if isinstance(value, str):
            parsed = words.get(value.strip().lower())
        else:
            parsed = bool(value) if value in (0, 1) else None
        if parsed is None:
            raise Reject(Reason.INVALID_VALUE, f"{show_place(place)}: {show(value)} is neither true nor false")
        return parsed

    def text(value: Value) -> Value:
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else repr(value)

    if kind == "auto" and (scale, offset) == (1.0, 0.0):
        return None
    return {"auto": auto, "number": number, "boolean": boolean, "text": text}[kind]
