"""Own authorities and credentials files, at a nats-server that asks for them."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nkeys
import pytest
from structlog.testing import capture_logs

from certificates import make_certificate
from command_line import Sens
from sens.runtime.settings import Settings
from sens.stream.access import address_of, connect_by
from sens.stream.connection import FIRST_DELAY_S, StreamConnection
from sens.stream.errors import StreamAway, StreamRefused
from sens.stream.raw import RawStream, RawStreamSettings
from servers import Nats

ANYTHING: dict[str, Any] = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
JETSTREAM: dict[str, Any] = {"disk_storage": -1, "streams": -1, "consumer": -1}
NO_JETSTREAM: dict[str, Any] = {}


class Guarded(Nats):
    """A server that speaks TLS, and takes users of one operator only.

    Attributes:
        ca, credentials: files for its clients.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ca, self.credentials = folder / "ca.pem", folder / "sens.creds"
        make_certificate(folder, "nats", make_certificate(folder, "ca", None))
        operator, system, account, user = (key(prefix) for prefix in (b"O", b"A", b"A", b"U"))
        self.operator = token(operator, operator, "operator", {})
        self.system = public(system)
        limits = {**ANYTHING, "wildcards": True}
        self.accounts = {
            self.system: token(operator, system, "account", {"limits": NO_JETSTREAM | limits}),
            public(account): token(operator, account, "account", {"limits": JETSTREAM | limits}),
        }
        jwt, seed = token(account, user, "user", ANYTHING), (user.seed or b"").decode()
        self.credentials.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )

    def command(self) -> list[str]:
        command = super().command()
        with self.config.open("a") as config:
            config.write(
                f'tls {{ cert_file: "{self.folder / "nats.pem"}", key_file: "{self.folder / "nats.key"}" }}\n'
                f"operator: {self.operator}\nsystem_account: {self.system}\nresolver: MEMORY\n"
                f"resolver_preload: {{ {', '.join(f'{name}: {jwt}' for name, jwt in self.accounts.items())} }}\n"
            )
        return command


def key(prefix: bytes) -> nkeys.KeyPair:
    kinds = {b"O": nkeys.PREFIX_BYTE_OPERATOR, b"A": nkeys.PREFIX_BYTE_ACCOUNT, b"U": nkeys.PREFIX_BYTE_USER}
    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), kinds[prefix]))


def public(pair: nkeys.KeyPair) -> str:
    return bytes(pair.public_key).decode()


def token(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, kind: str, claims: dict[str, Any]) -> str:
    """A JWT as `nsc` makes them."""
    content = {"iss": public(issuer), "sub": public(subject), "iat": 1_700_000_000, "jti": kind, "name": kind}
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, content | {"nats": {**claims, "type": kind, "version": 2}}]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(issuer.sign(signed.encode()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = Guarded(Path(tmp_path_factory.mktemp("guarded")))
    server.start()
    yield server
    server.stop()


def settings(server: Guarded, **more: Path) -> Settings:
    return Settings.model_validate({"nats_url": f"tls://127.0.0.1:{server.port}", **more})


async def test_the_credentials_file_and_the_own_authority_let_us_in(guarded: Guarded):
    given = settings(guarded, nats_credentials=guarded.credentials, nats_ca=guarded.ca)
    connection = await connect_by(given, name="test", stopping=asyncio.Event())
    stream = await RawStream.ensure(connection, RawStreamSettings(16 * 1024 * 1024))
    assert await stream.publish("sens.raw.s.exclusive", b"x", expect_last=0) == 1
    await connection.close()


async def test_without_credentials_we_are_refused(guarded: Guarded):
    with pytest.raises(StreamRefused, match="refuses the user, password or credentials"):
        await connect_by(settings(guarded, nats_ca=guarded.ca), name="test", stopping=asyncio.Event())


async def test_a_server_of_an_unknown_authority_is_not_trusted(guarded: Guarded, until):
    stopping = asyncio.Event()
    connection = StreamConnection(address_of(settings(guarded, nats_credentials=guarded.credentials)), "test")
    with capture_logs() as lines:
        opening = asyncio.create_task(connection.open(stopping))
        await until(lambda: "certificate verify failed" in connection.last_error)
        await asyncio.sleep(3 * FIRST_DELAY_S)
        stopping.set()
        with pytest.raises(StreamAway, match="stopped before"):
            await opening
    (line,) = (line for line in lines if line["event"] == "nats_away")
    assert "certificate verify failed" in line["error"]


@pytest.mark.parametrize("deployable", ["mqtt-ingestion-worker", "telemetry-worker", "platform-api"])
@pytest.mark.parametrize("variable", ["SENS_NATS_CREDENTIALS", "SENS_NATS_CA"])
def test_every_deployable_reads_both_files_and_names_one_that_is_missing(
    tmp_path: Path, deployable: str, variable: str
):
    (tmp_path / "sens.yaml").write_text(
        "sources: [{name: s, broker: 'mqtt://b', topics: [{topic: 'a/{device}', decoder: json}]}]\n"
    )
    missing = tmp_path / "missing"
    given: Any = {variable: f"{missing}", "SENS_OPS_PORT": "0", "SENS_API_PORT": "0"}
    ended = Sens(tmp_path)(deployable, **given)
    assert ended.returncode == 3
    assert f"{missing}" in (ended.stderr + ended.stdout).decode()


class Closed(Nats):
    """A server that asks for one user and password."""

    PASSWORD = 'p@ss/word: "1"'

    def command(self) -> list[str]:
        command = super().command()
        with self.config.open("a") as config:
            config.write(f"authorization {{ user: sens, password: {json.dumps(self.PASSWORD)} }}\n")
        return command


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Closed]:
    server = Closed(tmp_path / "closed")
    server.start()
    yield server
    server.stop()


async def test_user_and_password_beside_the_url_let_us_in_whatever_they_hold(closed: Closed):
    given = Settings.model_validate({"nats_url": closed.url, "nats_user": "sens", "nats_password": Closed.PASSWORD})
    connection = await connect_by(given, name="test", stopping=asyncio.Event())
    assert connection.connected
    await connection.close()


async def test_a_wrong_password_beside_the_url_is_refused(closed: Closed):
    given = Settings.model_validate({"nats_url": closed.url, "nats_user": "sens", "nats_password": "wrong"})
    with pytest.raises(StreamRefused, match="refuses the user, password or credentials"):
        await connect_by(given, name="test", stopping=asyncio.Event())


def test_who_stands_in_the_url_goes_before(closed: Closed):
    url = f"nats://me:mine@127.0.0.1:{closed.port}"
    given = Settings.model_validate({"nats_url": url, "nats_user": "sens", "nats_password": "x"})
    address = address_of(given)
    assert (address.user, address.password) == ("me", "mine")
