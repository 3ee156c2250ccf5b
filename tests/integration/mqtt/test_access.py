"""Credentials, access rules and TLS: what is refused is told with what to do, and sorted by whether to retry."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from certificates import make_certificate, tls_listener
from integration.mqtt.recorder import client_id, open_connection, publish
from sens.domain.errors import Fatal, Retry
from sens.mqtt.errors import BrokerUnavailable, CertificateRefused, ConnectRefused
from sens.runtime.tls import trusting
from servers import Mosquitto, Nats, free_port

VERSIONS = pytest.mark.parametrize("version", [4, 5])
PASSWORD = "geheim-ü"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker that asks for a password, and whose rules allow one user some topics."""
    folder = Path(tmp_path_factory.mktemp("guarded"))
    passwords, rules = folder / "passwords", folder / "rules"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "plant", PASSWORD], check=True)
    rules.write_text("user plant\ntopic readwrite allowed/#\n")
    broker = Mosquitto(folder, f"allow_anonymous false\npassword_file {passwords}\nacl_file {rules}\n")
    broker.start()
    yield broker
    broker.stop()


@VERSIONS
async def test_the_right_password_is_let_in(guarded: Mosquitto, version: int) -> None:
    recorder, connection = await open_connection(guarded.port, version, username="plant", password=PASSWORD.encode())
    assert recorder.calls == ["connected"]
    assert await connection.subscribe([("allowed/#", 1)]) == [1]
    await connection.disconnect()


@VERSIONS
@pytest.mark.parametrize("given", [{"username": "plant", "password": b"wrong"}, {"username": "nobody"}, {}])
async def test_wrong_credentials_are_fatal_and_never_shown(
    guarded: Mosquitto, version: int, given: dict[str, str | bytes]
) -> None:
    with pytest.raises(ConnectRefused, match=r"not authorized|bad user name or password") as refused:
        await open_connection(guarded.port, version, **given)
    assert isinstance(refused.value, Fatal)
    assert "correct the" in str(refused.value)
    assert "wrong" not in str(refused.value)


class Tls(NamedTuple):
    broker: Mosquitto
    ca: Path
    certificate: Path
    key: Path
    stranger_certificate: Path
    stranger_key: Path


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    """A broker that speaks TLS only and asks for client certificates of its own CA."""
    folder = Path(tmp_path_factory.mktemp("tls"))
    ca = make_certificate(folder, "ca", None)
    stranger_ca = make_certificate(folder, "stranger-ca", None)
    make_certificate(folder, "broker", ca)
    make_certificate(folder, "client", ca)
    make_certificate(folder, "stranger", stranger_ca)
    port = free_port()
    broker = Mosquitto(folder, tls_listener(port, folder, "broker", client_certificates=True))
    broker.port = port
    broker.start()
    yield Tls(
        broker, *(folder / name for name in ("ca.pem", "client.pem", "client.key", "stranger.pem", "stranger.key"))
    )
    broker.stop()


def context(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    made = trusting(ca)
    if certificate and key:
        made.load_cert_chain(certificate, key)
    return made


@VERSIONS
async def test_own_ca_and_client_certificate_are_accepted_and_messages_flow(tls: Tls, version: int) -> None:
    topic, own = f"tls/{client_id()}", context(tls.ca, tls.certificate, tls.key)
    recorder, connection = await open_connection(tls.broker.port, version, tls=own, max_packet_bytes=4 << 20)
    recorder.acknowledge_with(connection)
    await connection.subscribe([(topic, 1)])
    payloads = [b"%d" % n for n in range(1000)] + [b"x" * (3 << 20), b"last"]
    messages = [(topic, payload, 1) for payload in payloads]
    await asyncio.to_thread(publish, tls.broker.port, messages, tls=own)
    await recorder.until(lambda: recorder.messages == len(payloads))
    assert [p.payload for p in recorder.packets] == payloads
    connection.ping()
    await recorder.until(lambda: "settled" in recorder.calls)
    connection.pause_reading()
    await connection.disconnect()
    assert recorder.errors == [None]


async def test_a_broker_whose_certificate_is_not_trusted_is_fatal(tls: Tls) -> None:
    with pytest.raises(CertificateRefused, match=r"is not trusted .* set the CA that signed it") as refused:
        await open_connection(tls.broker.port, 5, tls=context(None))
    assert isinstance(refused.value, Fatal)


@pytest.mark.parametrize("known", [True, False])
@VERSIONS
async def test_a_client_certificate_that_is_missing_or_not_trusted_is_fatal(
    tls: Tls, known: bool, version: int
) -> None:
    own = context(tls.ca) if not known else context(tls.ca, tls.stranger_certificate, tls.stranger_key)
    with pytest.raises(CertificateRefused, match="does not accept our certificate") as refused:
        await open_connection(tls.broker.port, version, tls=own)
    assert isinstance(refused.value, Fatal)


async def test_an_expired_certificate_is_fatal_and_named(tmp_path: Path) -> None:
    ca = make_certificate(tmp_path, "ca", None)
    make_certificate(tmp_path, "broker", ca, days=-1)
    port = free_port()
    broker = Mosquitto(tmp_path, tls_listener(port, tmp_path, "broker", client_certificates=False))
    broker.port = port
    broker.start()
    with pytest.raises(CertificateRefused, match="certificate has expired"):
        await open_connection(port, 5, tls=context(tmp_path / "ca.pem"))
    broker.stop()


@VERSIONS
async def test_tls_to_a_plain_port_is_tried_again(mosquitto: Mosquitto, version: int) -> None:
    with pytest.raises(BrokerUnavailable) as refused:
        await open_connection(mosquitto.port, version, tls=context(None))
    assert isinstance(refused.value, Retry)


@VERSIONS
async def test_no_tls_to_a_tls_port_is_tried_again(tls: Tls, version: int) -> None:
    with pytest.raises(BrokerUnavailable):
        await open_connection(tls.broker.port, version)


async def test_a_broker_that_does_not_know_version_5_is_fatal_with_what_to_set(nats_server: Nats) -> None:
    assert nats_server.mqtt_port is not None
    with pytest.raises(ConnectRefused, match=r"unacceptable protocol version.*version to what the broker speaks"):
        await open_connection(nats_server.mqtt_port, 5)
