"""Secrets, read when a worker starts: from where the configuration says that they are kept."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from sens.domain.errors import Fatal
from sens.sources.models import Configuration, SecretReference, Source
from sens.sources.problems import Finding

MAX_SECRET_BYTES = 65_535
"""Longest password that MQTT can carry."""


class MissingSecret(Fatal):
    """A secret that the configuration refers to is not there, or cannot be used."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows to its broker. The password is in no log: `repr` leaves it out."""

    username: str | None
    password: bytes | None = field(repr=False)


def resolve_secrets(source: Source, environment: Mapping[str, str] | None = None) -> Credentials:
    """Read a source's credentials.

    Args:
        source: says where they are kept.
        environment: variables; default: those of the process.

    Raises:
        MissingSecret: a variable or file is missing, empty or too long.
    """
    if source.password is None:
        return Credentials(source.username, None)
    try:
        return Credentials(source.username, _read(source.password, environment))
    except MissingSecret as error:
        raise MissingSecret(f"password of source '{source.name}': {error}") from None


def _read(reference: SecretReference, environment: Mapping[str, str] | None) -> bytes:
    if reference.file is not None:
        secret, where = _read_file(reference.file), f"file {reference.file}"
    else:
        name = reference.env or ""
        value = (os.environ if environment is None else environment).get(name)
        if value is None:
            raise MissingSecret(f"the environment variable {name} is not set: set it where the worker starts")
        secret, where = os.fsencode(value), f"environment variable {name}"
    if not 0 < len(secret) <= MAX_SECRET_BYTES:
        state = "is empty" if not secret else f"holds more than {MAX_SECRET_BYTES} bytes"
        raise MissingSecret(f"the {where} {state}: write the password into it")
    return secret


def _read_file(path: FilePath) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 3)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise MissingSecret(f"the file {path} cannot be read ({why}): mount the secret there") from None
    return data.removesuffix(b"\n").removesuffix(b"\r")


def missing_files(configuration: Configuration) -> Iterator[Finding]:
    """Warnings: what the configuration refers to and is not there for whoever checks it."""
    for index, source in enumerate(configuration.sources):
        path = ("sources", index)
        try:
            resolve_secrets(source)
        except MissingSecret as error:
            yield Finding((*path, "password"), str(error))
        for key in ("ca", "certificate", "key"):
            file: FilePath | None = getattr(source.tls, key, None)
            if file is not None and not file.is_file():
                yield Finding((*path, "tls", key), f"the file {file} is not there", "a worker needs it at its start")
        if source.tls and not source.tls.verify:
            yield Finding((*path, "tls", "verify"), "the broker's certificate is not checked", "only for a test")
