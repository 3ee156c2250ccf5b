"""`plain`: the payload is one number, boolean or text; the topic names device and metric."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from sens.decoders.assembly import Value, concatenate, to_float
from sens.decoders.options import DecoderOptions, Texts, UnitName, show
from sens.decoders.rows import Row, RowAssembly
from sens.decoders.shapes import ShapeCache
from sens.decoders.values import FALSE_WORDS, TRUE_WORDS, KindName, boolean_words, parse_number
from sens.domain.columns import NO_TIME, Decoded, Int64, Kind, Rejection, Shape
from sens.domain.columns import Field as ReadingField
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

_PAYLOADS_PER_PART = 512  # only the part that holds something else than numbers is decoded one by one


class PlainOptions(DecoderOptions):
    """Options of `plain`: a payload that is one number, boolean or text in UTF-8.

    White space around the value does not count. Device and metric come from the topic; the time is the receive time.
    """

    kind: KindName = Field(
        "auto",
        description="What the payload is. `auto`: a number if it reads as one, else a boolean if it is one of the "
        "words, else a text. What cannot be read as the declared kind is quarantined as invalid_value.",
    )
    unit: UnitName = Field("", description="Unit, best in UCUM: `Cel`, `%`, `kW.h`.")
    scale: float = Field(1.0, allow_inf_nan=False, description="A number is stored as value × scale + offset.")
    offset: float = Field(0.0, allow_inf_nan=False, description="Added to a number after scaling.")
    true_words: Texts = Field(TRUE_WORDS, description="Texts that mean true, in any case.")
    false_words: Texts = Field(FALSE_WORDS, validate_default=True, description="Texts that mean false, in any case.")

    @field_validator("false_words")
    @classmethod
    def _not_true_as_well(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        true = {word.lower() for word in info.data.get("true_words", ())}
        for word in words:
            if word.lower() in true:
                raise ValueError(f"'{word}' is among true_words and false_words: declare both, and no word twice")
        return words

    @property
    def names_metric(self) -> bool:
        """Payloads name none: the topic, or `metric_name`, must."""
        return False


class PlainDecoder:
    """Decodes payloads of one value."""

    def __init__(self, options: PlainOptions) -> None:
        self._options = options
        self._words = boolean_words(options.true_words, options.false_words)
        self._shapes = ShapeCache(options)
        self._number = Shape((ReadingField(None, "", options.unit, Kind.NUMBER),))

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        """See `sens.domain.columns.Decoder`. The payloads bear no time: `received_at` is not looked at."""
        del received_at
        parts = range(0, len(payloads), _PAYLOADS_PER_PART)
        return concatenate([self._decode_part(payloads[at : at + _PAYLOADS_PER_PART]) for at in parts])

    def _decode_part(self, payloads: Sequence[bytes]) -> Decoded:
        numbers = self._numbers(payloads) if self._options.kind in ("auto", "number") else None
        return numbers or self._one_by_one(payloads)

    def _numbers(self, payloads: Sequence[bytes]) -> Decoded | None:
        """The columns when every payload is a finite number; else None."""
        if max(map(len, payloads)) > self._options.max_payload_bytes or b"_" in b"".join(payloads):
            return None  # float() takes 1_000 for a number
        try:
            values = np.array(list(map(float, payloads)), np.float64)
        except ValueError:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            values = values * self._options.scale + self._options.offset
        return Decoded([self._number] * len(payloads), values) if np.isfinite(values).all() else None

    def _one_by_one(self, payloads: Sequence[bytes]) -> Decoded:
        assembly = RowAssembly(self._options, self._shapes)
        for payload in payloads:
            try:
                assembly.add([Row(None, "", self._options.unit, self._value(payload), NO_TIME)])
            except Reject as error:
                assembly.reject(Rejection(error.reason, error.detail))
        return assembly.finish()

    def _value(self, payload: bytes) -> Value:
        self._options.check_payload(payload)
        try:
            text = payload.decode().strip()
        except UnicodeDecodeError as error:
            raise Reject(Reason.INVALID_SYNTAX, f"not UTF-8 at byte {error.start}") from error
        if not text:
            raise Reject(Reason.EMPTY_PAYLOAD, "white space only")
        kind = self._options.kind
        number = parse_number(text, "the payload") if kind in ("auto", "number") else None
        if number is not None:
            return to_float(number) * self._options.scale + self._options.offset
        word = self._words.get(text.lower()) if kind in ("auto", "boolean") else None
        if word is not None:
            return word
        if kind in ("auto", "text"):
            return text
        raise Reject(Reason.INVALID_VALUE, f"{show(text)} is no {kind}")
