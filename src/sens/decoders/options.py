"""Options that all decoders share. The reference in the docs is generated from the descriptions."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints

from sens.domain.columns import Field as ReadingField
from sens.domain.errors import Reject
from sens.domain.names import MAX_NAME_CHARS, unusable_name
from sens.domain.reasons import Reason


def _declared_name(name: str) -> str:
    if name and (why := unusable_name(name, len(name))):
        raise ValueError(f"the name {why}")
    return name


FieldPath = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
MetricName = Annotated[FieldPath, AfterValidator(_declared_name)]
Texts = Annotated[tuple[str, ...], Strict(False)]
"""Written as a list."""
UnitName = Annotated[str, StringConstraints(max_length=MAX_NAME_CHARS), AfterValidator(_declared_name)]


class Options(BaseModel):
    """Base of every options model: closed, so that a misspelt option is an error; strict, so that "2" is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DecoderOptions(Options):
    """The limits that every decoder has. What passes one of them is quarantined."""

    max_payload_bytes: int = Field(
        262_144, ge=1, le=268_435_455, description="Longest payload in bytes; a longer one is quarantined as too_long."
    )
    max_readings: int = Field(
        10_000, ge=1, le=1_000_000, description="Most readings in one message; more: too_many_readings."
    )
    max_text_chars: int = Field(
        4_096, ge=1, le=1_000_000, description="Longest text value in characters; a longer one: too_long."
    )
    max_name_chars: int = Field(
        255, ge=1, le=1_000, description="Longest device, metric or unit name in characters; a longer one: too_long."
    )

    def check_payload(self, payload: bytes) -> None:
        """Refuse a payload that is empty or too long.

        Raises:
            Reject: EMPTY_PAYLOAD, TOO_LONG.
        """
        if not payload:
            raise Reject(Reason.EMPTY_PAYLOAD, "0 bytes")
        if len(payload) > self.max_payload_bytes:
            raise Reject(Reason.TOO_LONG, f"{len(payload)} bytes; max_payload_bytes is {self.max_payload_bytes}")

    def check_text(self, text: str, place: str) -> None:
        """Refuse a text value that is too long or that PostgreSQL cannot store.

        Raises:
            Reject: TOO_LONG, NUL_IN_TEXT.
        """
        if len(text) > self.max_text_chars:
            detail = f"{show_place(place)}: {len(text)} characters; max_text_chars is {self.max_text_chars}"
            raise Reject(Reason.TOO_LONG, detail)
        if "\0" in text:
            raise Reject(Reason.NUL_IN_TEXT, f"{show_place(place)}, character {text.index(chr(0))}")

    def check_name(self, name: str) -> None:
        """Refuse a name that breaks the rules of all names or is too long; "" names nothing.

        Raises:
            Reject: TOO_LONG, INVALID_NAME.
        """
        why = unusable_name(name, self.max_name_chars) if name else None
        if why is None:
            return
        if len(name) > self.max_name_chars:
            detail = f"the name {show(name)}: {len(name)} characters; max_name_chars is {self.max_name_chars}"
            raise Reject(Reason.TOO_LONG, detail)
        raise Reject(Reason.INVALID_NAME, f"the name {show(name)} {why}")

    def check_fields(self, fields: tuple[ReadingField, ...]) -> None:
        """Refuse a message that has no reading, too many, or one with a bad name.

        Raises:
            Reject: NO_READINGS, TOO_MANY_READINGS, TOO_LONG, INVALID_NAME.
        """
        if not fields:
            raise Reject(Reason.NO_READINGS, "nothing in the payload is a reading under the declared options")
        if len(fields) > self.max_readings:
            raise Reject(Reason.TOO_MANY_READINGS, f"{len(fields)} readings; max_readings is {self.max_readings}")
        for field in fields:
            self.check_name(field.metric)
            self.check_name(field.unit)
            if field.device is not None:
                self.check_name(field.device)


def show_place(name: str) -> str:
    """Where in a payload a value stands, fit for a detail; a value without a name is the payload."""
    return show(name) if name else "the payload"


def show(value: object, limit: int = 80) -> str:
    """A value from a payload, fit for a detail: as JSON writes it, on one line, ASCII, cut."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str | bytes) and len(value) > limit:
        return f"{value[:limit]!a}…"
    if isinstance(value, str | bytes | int | float):
        return ascii(value)
    name = type(value).__name__
    return {"dict": "an object", "list": "an array"}.get(name, name)
