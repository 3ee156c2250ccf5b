"""Secrets come from where the configuration says, never appear in a text, and their absence is told in time."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sens.domain.columns import DecoderType
from sens.domain.errors import Fatal
from sens.sources import Configuration, Credentials, MissingSecret, examine, resolve_secrets

Read = Callable[[str], Configuration]
OneSource = Callable[..., str]


def test_a_source_without_a_password_has_none(read: Read, one_source: OneSource) -> None:
    assert resolve_secrets(read(one_source("username: u")).sources[0]) == Credentials("u", None)


def test_a_password_is_read_from_the_environment(read: Read, one_source: OneSource) -> None:
    [source] = read(one_source("username: u", "password: {env: PLANT_A}")).sources
    assert resolve_secrets(source, {"PLANT_A": "pass wörd\n"}) == Credentials("u", "pass wörd\n".encode())


@pytest.mark.parametrize(
    ("content", "password"),
    [(b"secret", b"secret"), (b"secret\n", b"secret"), (b"secret\r\n", b"secret"), (b"secret\n\n", b"secret\n"),
     (b"\xff\x00", b"\xff\x00"), (b"x" * 65_535 + b"\r\n", b"x" * 65_535)],
)  # fmt: skip
def test_a_password_is_read_from_a_file_without_its_line_end(
    tmp_path: Path, read: Read, one_source: OneSource, content: bytes, password: bytes
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert resolve_secrets(read(one_source(f"password: {{file: {file}}}")).sources[0]).password == password


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 65_536, b"x" * 100_000])
def test_an_unusable_secret_is_fatal_and_not_repeated(
    tmp_path: Path, read: Read, one_source: OneSource, content: bytes
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    [source] = read(one_source(f"password: {{file: {file}}}")).sources
    with pytest.raises(MissingSecret, match=r"password of source 'plant-a': the file .*: write the password") as raised:
        resolve_secrets(source)
    assert isinstance(raised.value, Fatal)
    assert "xx" not in str(raised.value)


def test_a_missing_secret_is_fatal_and_says_what_to_do(tmp_path: Path, read: Read, one_source: OneSource) -> None:
    [source] = read(one_source("password: {env: PLANT_A}")).sources
    with pytest.raises(MissingSecret, match="variable PLANT_A is not set: set it"):
        resolve_secrets(source, {})
    [source] = read(one_source(f"password: {{file: {tmp_path}/none}}")).sources
    with pytest.raises(MissingSecret, match=r"none cannot be read .No such file or directory.: mount"):
        resolve_secrets(source)


def test_credentials_do_not_show_their_password() -> None:
    assert "secret" not in f"{Credentials('u', b'secret')!r}{Credentials('u', b'secret')}"


def test_what_is_missing_here_is_a_warning_with_its_line_and_no_problem(
    tmp_path: Path, decoders: Mapping[str, DecoderType], one_source: OneSource
) -> None:
    (tmp_path / "there").touch()
    text = one_source(
        "password: {env: SENS_TEST_IS_NOT_SET}", "tls: {key: there, certificate: none, verify: false}",
        broker="mqtts://b",
    )  # fmt: skip
    examination = examine(text, name="sens.yaml", decoders=decoders, folder=tmp_path)
    assert examination.configuration is not None
    assert [(warning.line, warning.path) for warning in examination.warnings] == [
        (4, "sources[0].password"),
        (5, "sources[0].tls.certificate"),
        (5, "sources[0].tls.verify"),
    ]
