"""Credentials and TLS as a source declares them, at a real broker."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import make_certificate, tls_listener
from integration.mqtt.recorder import Recorder, publish
from integration.mqtt_ingestion_worker.running import Line, declared, packets
from sens.mqtt.errors import CertificateRefused
from sens.mqtt.receiver import connect
from sens.mqtt_ingestion_worker.broker import connect_options
from sens.mqtt_ingestion_worker.sizes import Sizes
from sens.runtime.tls import trusting
from sens.sources.models import Source
from servers import Mosquitto, free_port

SIZES = Sizes(1 << 20, 1 << 19)
NAME = "broker.internal"
PASSWORD = b"\xff\xfe geheim"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mosquitto, Path]]:
    """A broker that speaks only TLS, whose certificate bears another name than its host, and its folder."""
    folder = Path(tmp_path_factory.mktemp("tls"))
    ca = make_certificate(folder, "ca", None)
    make_certificate(folder, "broker", ca, host=NAME)
    make_certificate(folder, "client", ca)
    port = free_port()
    broker = Mosquitto(folder, tls_listener(port, folder, "broker", client_certificates=True))
    broker.port = port
    broker.start()
    yield broker, folder
    broker.stop()


def tls_keys(folder: Path, *more: str) -> str:
    keys = {"ca": "ca.pem", "certificate": "client.pem", "key": "client.key"}
    return f"tls: {{{', '.join((*(f'{key}: {folder / file}' for key, file in keys.items()), *more))}}}"


async def test_the_declared_server_name_is_what_the_certificate_must_bear(tls: tuple[Mosquitto, Path]):
    broker, folder = tls
    for keys, right in ((tls_keys(folder, f"server_name: {NAME}"), True), (tls_keys(folder), False)):
        source = declared(broker.port, keys, scheme="mqtts")
        connecting = connect(source.host, source.port, connect_options(source, 0, SIZES), Recorder(5))
        if right:
            await (await connecting).disconnect()
        else:
            with pytest.raises(CertificateRefused, match="is not trusted"):
                await connecting


async def test_messages_come_over_tls_with_a_client_certificate(line: Line, tls: tuple[Mosquitto, Path]):
    broker, folder = tls
    source = declared(broker.port, tls_keys(folder, f"server_name: {NAME}"), scheme="mqtts")
    worker = await line.connected(source)
    context = trusting(folder / "ca.pem")
    context.check_hostname = False
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    messages = [(f"{source.name}/d", b"%d" % n, 1) for n in range(100)]
    await asyncio.to_thread(publish, broker.port, messages, tls=context)
    envelopes = await line.logged(worker, 100)
    assert [packet.payload for packet in packets(envelopes)] == [payload for _, payload, _ in messages]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that lets in the user plant, whose password is no UTF-8."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "plant", PASSWORD], check=True)
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\n")
    broker.start()
    yield broker
    broker.stop()


def with_password(broker: Mosquitto, password: bytes) -> Source:
    kept = broker.folder / "secret"
    kept.write_bytes(password + b"\n")
    return declared(broker.port, f"username: plant\npassword: {{file: {kept}}}")


async def test_a_password_is_sent_as_the_bytes_it_is_kept_as(guarded: Mosquitto, line: Line):
    await line.connected(with_password(guarded, PASSWORD))
    await line.stop()


async def test_a_wrong_password_stalls_no_other_source(guarded: Mosquitto, line: Line, mosquitto: Mosquitto):
    refused = line.start(with_password(guarded, b"\xffwrong"))
    await line.until(lambda: refused.report.state == "away")
    assert "not authorized" in refused.report.last_error
    source = declared(mosquitto.port)
    healthy = await line.connected(source)
    await asyncio.to_thread(publish, mosquitto.port, [(f"{source.name}/d", b"1", 1)])
    await line.logged(healthy, 1)
