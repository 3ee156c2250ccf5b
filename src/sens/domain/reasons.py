"""Why a message was not stored: stable codes, declared once; the docs are generated from here."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a message is in quarantine. The value is stored and shown: never rename one."""

    text: str

    def __new__(cls, code: str, text: str) -> "Reason":
        member = str.__new__(cls, code)
        member._value_ = code
        member.text = text
        return member

    INVALID_ENVELOPE = "invalid_envelope", "The stream held bytes that are no envelope of ours."
    OVERSIZE = "oversize", "The message is larger than the limit; only its first bytes were kept."
    NO_ROUTE = "no_route", "No topic of the source's configuration matches the message's topic."
    INVALID_TOPIC = "invalid_topic", "The topic is not UTF-8, or gives an empty or unusable device or metric name."
    EMPTY_PAYLOAD = "empty_payload", "The message has no payload."
    TOO_LONG = "too_long", "The payload, or a text or name in it, is longer than the decoder's limit."
    TOO_DEEP = "too_deep", "The payload is nested deeper than the decoder's limit."
    TOO_MANY_READINGS = "too_many_readings", "The message holds more readings than the decoder's limit."
    INVALID_NAME = "invalid_name", "A name in the payload is blank, or holds a character that no name may have."
    INVALID_SYNTAX = "invalid_syntax", "The payload is not well-formed for the declared decoder."
    INVALID_SHAPE = (
        "invalid_shape",
        "The payload is well-formed, but not of a form that the decoder can turn into readings.",
    )
    NO_READINGS = "no_readings", "The payload is well-formed but holds no reading."
    MISSING_FIELD = "missing_field", "A field that the configuration declares is missing."
    INVALID_VALUE = "invalid_value", "A value cannot be stored as the reading it is declared to be."
    NOT_FINITE = "not_finite", "A number is NaN, infinite, or too large for a 64-bit float."
    NUL_IN_TEXT = "nul_in_text", "A text holds a NUL character, which PostgreSQL cannot store."
    INVALID_TIME = "invalid_time", "The declared time cannot be read as a time."
    TIME_TOO_OLD = "time_too_old", "The reading's time lies before the accepted window."
    TIME_TOO_NEW = "time_too_new", "The reading's time lies after the accepted window."
    OLDER_THAN_RETENTION = "older_than_retention", "The reading is older than raw readings are kept."
    TOO_MANY_SERIES = "too_many_series", "The device has reached its limit of series."
    TOO_MANY_DEVICES = "too_many_devices", "The source has reached its limit of devices."
    REFUSED_BY_DATABASE = "refused_by_database", "PostgreSQL refused the message's readings as data."
    CONFLICT = "conflict", "Another value is already stored for the same series and instant."


class IgnoreReason(StrEnum):
    """Which declared rule made a message count as ignored."""

    DECLARED = "declared"  # its topic is declared with `ignore: true`
    RETAINED = "retained"  # a retained message without a time of its own: old news
