from typing import Literal

import pytest
from pydantic import Field, SecretStr

from sens.domain.errors import Fatal
from sens.runtime.settings import Settings, describe, load, unknown_variables


class Sample(Settings):
    """Settings of a sample."""

    api_key: SecretStr = Field(description="A key.", examples=["KEY"], min_length=8)
    workers: int = Field(default=2, ge=1, le=64, description="How many.")
    mode: Literal["fast", "safe"] = Field(default="safe", description="How.")
    limits: list[int] = Field(default=[1], description="Limits.")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENS_API_KEY", "long-enough")


def failure(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Fatal) as caught:
        load(Sample)
    return str(caught.value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENS_OPS_PORT", "0")
    monkeypatch.setenv("SENS_DATABASE_URL", "postgresql://u:p@db/sens")
    settings = load(Sample)
    assert settings.ops_port == 0
    assert settings.database_url.get_secret_value() == "postgresql://u:p@db/sens"
    assert "u:p" not in repr(settings)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENS_OPS_PORT", "")
    assert load(Sample).ops_port == 9090


@pytest.mark.parametrize(
    ("name", "value", "allowed", "example"),
    [
        ("SENS_OPS_PORT", "ninety", "a whole number from 0 to 65535", "SENS_OPS_PORT=9090"),
        ("SENS_OPS_PORT", "70000", "a whole number from 0 to 65535", "SENS_OPS_PORT=9090"),
        ("SENS_DRAIN_TIMEOUT_S", "0", "a number above 0", "SENS_DRAIN_TIMEOUT_S=25.0"),
        ("SENS_LOG_FORMAT", "xml", "one of auto, json, console", "SENS_LOG_FORMAT=auto"),
        ("SENS_RAW_STREAM", "a.b", "a text that matches ^[A-Za-z0-9_-]{1,64}$", "SENS_RAW_STREAM=SENS_RAW"),
        ("SENS_MODE", "slow", "one of fast, safe", "SENS_MODE=safe"),
    ],
)
def test_an_error_names_variable_value_what_is_allowed_and_what_to_write(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str, example: str
) -> None:
    text = failure(monkeypatch, **{name: value})
    assert text == f"{name}: '{value}' is not allowed: must be {allowed}; write for example {example}"


def test_a_secret_s_value_is_not_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    text = failure(monkeypatch, SENS_API_KEY="hunter2")
    assert text.startswith("SENS_API_KEY: the value (not shown")
    assert "hunter2" not in text


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENS_API_KEY")
    assert failure(monkeypatch) == "SENS_API_KEY is not set: write for example SENS_API_KEY=KEY"


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = failure(monkeypatch, SENS_WORKERS="65", SENS_OPS_PORT="-1")
    assert [line.split(":")[0] for line in text.splitlines()] == ["SENS_OPS_PORT", "SENS_WORKERS"]


def test_a_list_that_is_no_json_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "limits" in failure(monkeypatch, SENS_LIMITS="[1")


def test_the_chain_of_the_error_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENS_API_KEY", "hunter2")
    with pytest.raises(Fatal) as caught:
        load(Sample)
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value.__context__)


def test_unknown_variables_are_told_with_the_closest_name() -> None:
    environ = {"SENS_OPSPORT": "1", "SENS_ZZZZZZZZZZ": "1", "SENS_OPS_PORT": "1", "SENS_GIT_SHA": "a", "HOME": "/"}
    assert unknown_variables(Sample, environ) == {"SENS_OPSPORT": "SENS_OPS_PORT", "SENS_ZZZZZZZZZZ": None}


@pytest.mark.parametrize(
    ("instance", "ordinal"), [("telemetry-worker-0", 0), ("tw-12", 12), ("laptop", None), ("worker-7f9c-x2", None)]
)
def test_the_ordinal_is_the_number_at_the_end_of_a_pod_s_name(
    monkeypatch: pytest.MonkeyPatch, instance: str, ordinal: int | None
) -> None:
    monkeypatch.setenv("SENS_INSTANCE", instance)
    assert load(Sample).ordinal == ordinal


@pytest.mark.parametrize("instance", ["worker a", "werk-ä-0", "a..b", ".a", "w*-0"])
def test_an_instance_that_cannot_be_a_part_of_a_key_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, instance: str
) -> None:
    monkeypatch.setenv("SENS_INSTANCE", instance)
    with pytest.raises(Fatal, match=r"SENS_INSTANCE: .* is not allowed.*SENS_INSTANCE=telemetry-worker-0"):
        load(Settings)


def test_every_setting_has_a_description_or_its_class_cannot_be_made() -> None:
    assert all(row.description for row in describe(Sample))
    with pytest.raises(TypeError, match="nameless"):

        class _Bare(Settings):  # pyright: ignore[reportUnusedClass]  # making it is what fails
            nameless: int = 1


def test_the_rows_for_the_docs_tell_type_and_default() -> None:
    rows = {row.variable: row for row in describe(Sample)}
    assert rows["SENS_WORKERS"].type == "a whole number from 1 to 64"
    assert rows["SENS_WORKERS"].default == "2"
    assert rows["SENS_API_KEY"].default == "(required)"
    assert rows["SENS_INSTANCE"].default == "the host's name"
    assert rows["SENS_NATS_URL"].default == "nats://127.0.0.1:4222"
