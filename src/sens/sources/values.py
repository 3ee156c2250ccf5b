"""The kinds of values that a configuration holds, each checked with words that say what to write."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StrictBool, ValidationInfo
from pydantic_core import PydanticCustomError

from sens.domain.names import CONTROL_CHARACTER, MAX_NAME_CHARS, SOURCE_NAME, unusable_name
from sens.domain.topics import InvalidTemplate, parse_template

WRONG_VALUE = "wrong_value"
"""Type of the pydantic errors raised here; their context holds `message` and `hint`."""

FOREVER = "forever"
FOLDER = "folder"
DAY = timedelta(days=1)

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_GROUP = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DURATION = re.compile(r"([0-9]{1,9})\s*(s|min|h|d|w|y)")
_UNIT_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_HOST = r"\[[0-9A-Fa-f:.]+\]|[^\s/:@?#\[\]]+"
_PORT = r"[0-9]{1,5}"
_BROKER = re.compile(rf"(?P<scheme>[A-Za-z0-9+.-]+)://(?P<host>{_HOST})(?::(?P<port>{_PORT}))?/?")
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_OTHER_SCHEMES = {"tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtt+ssl": "mqtts", "mqtt+tls": "mqtts"}
MAX_TOPIC_BYTES = 65_535


class Broker(NamedTuple):
    """Where a broker listens. `host` bears no brackets."""

    host: str
    port: int
    tls: bool


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """The error of a validator: what is wrong, and what to write instead."""
    return PydanticCustomError(WRONG_VALUE, "{message}", {"message": message, "hint": hint})


def parse_broker(url: str) -> Broker:
    """Take a broker's URL apart: mqtt://host[:1883] or mqtts://host[:8883].

    Raises:
        PydanticCustomError: any other URL. The message never repeats the URL: it may hold a password.
    """
    if "://" not in url:
        raise wrong("a broker without a scheme", "write mqtt://HOST:1883, or mqtts://HOST:8883 for TLS")
    if "@" in url:
        raise wrong("a user name in the broker's URL", "write username: and password: as keys of the source")
    found = _BROKER.fullmatch(url)
    if found is None:
        raise wrong("this is no URL of a broker", "write mqtt://HOST:PORT or mqtts://HOST:PORT, without a path")
    scheme, host = found["scheme"].lower(), found["host"].strip("[]").lower()
    if scheme in ("ws", "wss"):
        raise wrong("MQTT over WebSocket is not supported", "write mqtt:// or mqtts:// with the broker's TCP port")
    if scheme not in _DEFAULT_PORTS:
        better = _OTHER_SCHEMES.get(scheme)
        raise wrong(f"unknown scheme {scheme}://", f"write {better}://" if better else "write mqtt:// or mqtts://")
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not 1 <= port <= 65_535:
        raise wrong(f"there is no port {port}", "write one from 1 to 65535")
    return Broker(host, port, scheme == "mqtts")


def parse_duration(text: str) -> timedelta:
    """Read "90d", "12h", "30min", "45s", "2w" or "5y"; a year has 365 days.

    Raises:
        PydanticCustomError: anything else, or more than a timedelta can hold.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise wrong(f"'{text[:40]}' is no duration", "write for example 45s, 30min, 12h, 90d, 2w or 5y")
    seconds = int(found[1]) * _UNIT_SECONDS[found[2]]
    if seconds > 1000 * _UNIT_SECONDS["y"]:
        raise wrong("more than 1000 years", "write a shorter duration")
    return timedelta(seconds=seconds)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise wrong("a duration needs a unit", "write for example 45s, 30min, 12h, 90d, 2w or 5y")
    return parse_duration(value)


def _duration_or_forever(value: object) -> timedelta | None:
    return None if value == FOREVER else _duration(value)


def _name(text: str) -> str:
    if SOURCE_NAME.fullmatch(text):
        return text
    hint = "use a-z, 0-9 and -, begin with a letter or digit, at most 63 characters"
    raise wrong(f"'{text[:80]}' cannot be a name", hint)


def _broker_url(text: str) -> str:
    parse_broker(text)
    return text


def _template(text: str) -> str:
    if text.startswith("$share/"):
        raise wrong("a shared subscription in a topic", "write mode: shared and group: NAME at the source instead")
    if CONTROL_CHARACTER.search(text) or len(text.encode()) > MAX_TOPIC_BYTES:
        raise wrong("a control character, or more than 65535 bytes", "write for example sens/{device}/telemetry")
    try:
        template = parse_template(text)
    except InvalidTemplate as error:
        raise wrong(f"not a topic: {error}") from None
    names = [*(name for _, name in template.names), template.rest]
    for name in names:
        if name in ("device", "metric", None):
            continue
        raise wrong(f"{{{name}}} means nothing", "write {device}, {metric}, or + for a level without a meaning")
    return text


def _constant_name(text: str) -> str:
    if why := unusable_name(text):
        raise wrong(f"the name {why}", f"write a name of 1 to {MAX_NAME_CHARS} characters")
    return text


def _client_id(text: str) -> str:
    if _IDENTIFIER.fullmatch(text):
        return text
    raise wrong("not a client id", "use letters, digits and _ . : -, at most 128 characters")


def _group(text: str) -> str:
    if _GROUP.fullmatch(text):
        return text
    raise wrong("not a group", "use letters, digits and _ . -, at most 64 characters")


def _mqtt_version(value: object) -> int:
    # A bare 5 in YAML is a number, 3.1.1 is a text.
    versions = {"3.1.1": 4, "5": 5, "5.0": 5}
    if str(value) in versions:
        return versions[str(value)]
    raise wrong("an unknown MQTT version", "write 3.1.1 or 5")


def _qos(value: object) -> object:
    if type(value) is int and value in (0, 1, 2):
        return value
    raise wrong("an unknown QoS", "write 0, 1 or 2")


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    if not value or CONTROL_CHARACTER.search(value):
        raise wrong("this is no path of a file", "write for example /run/secrets/broker-password")
    context: dict[str, Path] = info.context or {}
    return context.get(FOLDER, Path()) / value


# ── what a JSON schema can say of them, so that the chart refuses it as well ─────────────────────
_NO_CONTROL_CHARACTER = r"[^\x00-\x1f\x7f-\x9f]"
_LEVEL = r"(\+|\{device\}|\{metric\}|[^+#{}/\x00-\x1f\x7f-\x9f]*)"
_LAST_LEVEL = rf"({_LEVEL}|#|\{{device\.\.\.\}}|\{{metric\.\.\.\}})"
_SHARED_OR_NAMED_TWICE = r"^\$share/|\{device.*\{device|\{metric.*\{metric"


def _written(pattern: str, **more: object) -> Any:
    return Field(json_schema_extra={"pattern": f"^({pattern})$", **more})  # pyright: ignore[reportArgumentType]


_DurationText = Annotated[str, _written(rf"\s*{_DURATION.pattern}\s*")]
_DurationTextOrForever = Annotated[str, _written(rf"{FOREVER}|\s*{_DURATION.pattern}\s*")]

Flag = StrictBool
Name = Annotated[str, AfterValidator(_name), _written(SOURCE_NAME.pattern)]
BrokerUrl = Annotated[str, AfterValidator(_broker_url), _written(rf"[Mm][Qq][Tt][Tt][Ss]?://({_HOST})(:{_PORT})?/?")]
TemplateText = Annotated[
    str,
    AfterValidator(_template),
    _written(rf"({_LEVEL}/)*{_LAST_LEVEL}", minLength=1, **{"not": {"pattern": _SHARED_OR_NAMED_TWICE}}),
]
ConstantName = Annotated[
    str, AfterValidator(_constant_name), _written(rf"{_NO_CONTROL_CHARACTER}+", maxLength=MAX_NAME_CHARS)
]
ClientId = Annotated[str, AfterValidator(_client_id), _written(_IDENTIFIER.pattern)]
Group = Annotated[str, AfterValidator(_group), _written(_GROUP.pattern)]
Whole = Annotated[int, Strict()]
Count = Annotated[int, Strict(), Field(ge=1)]
Qos = Annotated[Literal[0, 1, 2], BeforeValidator(_qos)]
MqttVersion = Annotated[Literal[4, 5], BeforeValidator(_mqtt_version, json_schema_input_type=Literal["3.1.1", "5"])]
Duration = Annotated[timedelta, BeforeValidator(_duration, json_schema_input_type=_DurationText)]
DurationOrForever = Annotated[
    timedelta | None, BeforeValidator(_duration_or_forever, json_schema_input_type=_DurationTextOrForever)
]
FilePath = Annotated[Path, BeforeValidator(_path, json_schema_input_type=str)]
"""A relative path is taken from the folder given as `FOLDER` in the validation context."""
