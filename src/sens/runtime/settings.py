"""Settings of a process: environment variables `SENS_*`, checked at start, explained in the docs.

Each deployable subclasses `Settings` in its own package and adds its fields. Everything about the data
(sources, topics, limits, retention) is in the configuration file instead.
"""

import difflib
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, get_args

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from sens.domain.errors import Fatal
from sens.runtime import version
from sens.runtime.logs import LogFormat, LogLevel

PREFIX = "SENS_"
READ_ELSEWHERE = version.VARIABLES | {
    "SENS_API_KEY",
    "SENS_REQUIRE_ALL",
    "SENS_SOAK",
    "SENS_TEST_DATABASE_URL",
    "SENS_URL",
}
"""Variables with the prefix that are no process's settings: what tells the build, what the command line and what tests
read."""

S = TypeVar("S", bound="Settings")
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """What every process has."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    config: Path = Field(
        default=Path("sens.yaml"), description="The configuration file: sources, topics, limits, retention."
    )
    database_url: SecretStr = Field(
        default=SecretStr("postgresql://sens@127.0.0.1:5432/sens"),
        description="PostgreSQL, as a URL or as key=value pairs. May hold a password.",
        examples=["postgresql://sens:PASSWORD@db.example.org:5432/sens"],
        min_length=1,
    )
    nats_url: SecretStr = Field(
        default=SecretStr("nats://127.0.0.1:4222"),
        description="NATS with JetStream; several servers of one cluster separated by commas. May hold credentials.",
        examples=["nats://sens:PASSWORD@nats.example.org:4222"],
        min_length=1,
    )
    nats_user: str | None = Field(
        default=None,
        min_length=1,
        description="User at NATS, where the URL names none.",
        examples=["sens"],
    )
    nats_password: SecretStr | None = Field(
        default=None, description="Its password, where it should not stand in the URL."
    )
    nats_credentials: Path | None = Field(
        default=None,
        description="NATS credentials file (`.creds`, with a JWT and a seed); left out: what the URL holds.",
        examples=["/run/secrets/sens.creds"],
    )
    nats_ca: Path | None = Field(
        default=None,
        description="PEM file of the authorities to trust at a tls:// URL of NATS; left out: the operating system's.",
        examples=["/run/secrets/nats-ca.pem"],
    )
    nats_replicas: int | None = Field(
        default=None,
        ge=1,
        le=5,
        description="Copies that a cluster of NATS servers keeps of the log, the leases and the states: 3, or 5, if "
        "the loss of one server shall stop nothing; left out: as they are, and 1 where they are made.",
        examples=[3],
    )
    raw_stream: str = Field(
        default="SENS_RAW", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="JetStream stream of envelopes."
    )
    log_format: LogFormat = Field(
        default="auto", description="Form of the logs; auto: console at a terminal, json elsewhere."
    )
    log_level: LogLevel = Field(default="info", description="Least severe level that is logged.")
    ops_host: str = Field(
        default="127.0.0.1", description="Address of the ops port (probes and metrics); 0.0.0.0 for all."
    )
    ops_port: Port = Field(default=9090, description="Its TCP port; 0 takes a free one and logs it.")
    drain_timeout_s: Seconds = Field(
        default=25.0, description="Longest time to finish what is under way after SIGTERM."
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",  # it becomes a part of keys in NATS
        max_length=253,
        description="Name of this replica, another for each; a number at its end (`-0`, `-1`, …) is its ordinal. An "
        "ingestion worker with shared sources needs one: let a StatefulSet name its pods.",
        examples=["telemetry-worker-0"],
        json_schema_extra={"default": "the host's name"},
    )

    @property
    def ordinal(self) -> int | None:
        """The replica's number in its StatefulSet, from 0; None if `instance` bears none."""
        found = re.search(r"-(\d+)$", self.instance)
        return int(found[1]) if found else None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        bare = [name for name, field in cls.model_fields.items() if not field.description]
        if bare:
            raise TypeError(f"{cls.__name__}: give a description to {', '.join(bare)}")


class Row(NamedTuple):
    """A setting, for the docs."""

    variable: str
    type: str
    default: str
    description: str


def load(cls: type[S]) -> S:
    """Read the settings from the environment.

    Raises:
        Fatal: some are wrong; a line for each tells the variable, its value unless it is a secret,
            what is allowed, and what to write.
    """
    try:
        return cls()
    except ValidationError as error:
        problems = [_explain(cls, problem) for problem in error.errors(include_url=False)]
    except ValueError as error:  # a list or mapping that is not JSON
        problems = [str(error)]
    raise Fatal("\n".join(problems))


def unknown_variables(cls: type[Settings], environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables with our prefix that nobody reads, each with the closest known name, if one is close."""
    known = {variable(name) for name in cls.model_fields}
    strange = {name for name in map(str.upper, environ) if name.startswith(PREFIX)} - known - READ_ELSEWHERE
    return {name: next(iter(difflib.get_close_matches(name, known, 1)), None) for name in sorted(strange)}


def describe(cls: type[Settings]) -> list[Row]:
    """A row for each setting of the class, in the order of their declaration."""
    schemas = _schemas(cls)
    return [
        Row(variable(name), _allowed(schemas[name]), _default(field, schemas[name]), field.description or "")
        for name, field in cls.model_fields.items()
    ]


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


def _explain(cls: type[Settings], problem: Mapping[str, Any]) -> str:
    location = problem["loc"]
    if not location:
        return str(problem["msg"])
    name = str(location[0])
    field, schema = cls.model_fields[name], _schemas(cls)[name]
    setting = variable(name)
    advice = f"write for example {setting}={_example(field, schema)}"
    if problem["type"] == "missing":
        return f"{setting} is not set: {advice}"
    shown = "the value (not shown, it may hold a secret)" if _is_secret(field) else repr(problem["input"])
    allowed = problem["ctx"]["error"] if problem["type"] == "value_error" else f"must be {_allowed(schema)}"
    return f"{setting}: {shown} is not allowed: {allowed}; {advice}"


def _schemas(cls: type[Settings]) -> dict[str, dict[str, Any]]:
    return cls.model_json_schema()["properties"]


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _allowed(schema: Mapping[str, Any]) -> str:
    """The values that a JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(_allowed(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema:
        return "one of " + ", ".join(str(each) for each in schema["enum"])
    if "pattern" in schema:
        return f"a text that matches {schema['pattern']}"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a JSON list",
        "object": "a JSON object",
    }
    text = "a path" if schema.get("format") == "path" else words.get(schema.get("type", ""), "a text, not empty")
    return text + "".join(f" {word} {schema[key]}" for key, word in _LIMITS.items() if key in schema)


_LIMITS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
}


def _default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    if field.is_required():
        return "(required)"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else schema.get("default")
    return "" if value is None else str(value)


def _example(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    examples: list[Any] = schema.get("examples") or [_default(field, schema)]
    return str(examples[0])
