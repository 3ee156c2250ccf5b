"""The connection that comes back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sens.runtime.catalogue import Section
from sens.stream.connection import NoResponders, StreamConnection, connect
from sens.stream.errors import PayloadTooLarge, StreamAway, StreamRefused
from sens.stream.link import Address, Message
from servers import Nats

PATIENCE_S = 30.0
"""For what would otherwise never end, on a busy machine as well."""


def reconnects() -> float:
    """As the process's metrics tell."""
    return Section.PROCESS.registry.get_sample_value("sens_process_nats_reconnects_total") or 0


async def echo(connection: StreamConnection, subject: str) -> None:
    async def answer(reply: str, data: bytes) -> None:
        await connection.publish(reply, data)

    tasks: list[asyncio.Task[None]] = []

    def deliver(message: Message) -> None:
        tasks.append(asyncio.create_task(answer(message.reply, message.data)))

    await connection.subscribe(subject, deliver)


async def test_waits_for_a_server_that_starts_later(tmp_path: Path):
    server = Nats(tmp_path / "nats")
    connecting = asyncio.create_task(connect(server.url, name="test", stopping=asyncio.Event()))
    await asyncio.sleep(0.5)
    assert not connecting.done()
    server.start()
    connection = await asyncio.wait_for(connecting, PATIENCE_S)
    assert connection.connected
    assert connection.max_payload == server.max_payload
    await connection.close()
    assert not connection.connected
    server.kill()


async def test_before_the_first_answer_an_error_says_that_there_was_none():
    connection = StreamConnection(Address.parse("nats://127.0.0.1:1"), "test")
    with pytest.raises(StreamAway, match="it has not answered yet"):
        await connection.publish("a", b"")


async def test_stopping_ends_the_wait_for_a_server(tmp_path: Path):
    stopping = asyncio.Event()
    connecting = asyncio.create_task(connect(Nats(tmp_path).url, name="test", stopping=stopping))
    await asyncio.sleep(0.2)
    stopping.set()
    with pytest.raises(StreamAway, match="stopped before"):
        await asyncio.wait_for(connecting, PATIENCE_S)


async def test_comes_back_after_kill_with_its_subscriptions(own_nats: Nats, connect_to, until):
    connection = await connect_to(own_nats)
    before = reconnects()
    await echo(connection, "echo")
    assert (await connection.request("echo", b"one")).data == b"one"
    own_nats.kill()
    await until(lambda: not connection.connected)
    with pytest.raises(StreamAway, match="no connection"):
        await connection.request("echo", b"two")
    own_nats.start()
    await until(lambda: connection.connected)
    assert (await connection.request("echo", b"three")).data == b"three"
    assert (connection.reconnects, reconnects() - before) == (1, 1)


async def test_a_waiting_request_fails_as_soon_as_the_connection_is_lost(own_nats: Nats, connect_to):
    connection = await connect_to(own_nats)
    await connection.subscribe("silent", lambda message: None)
    waiting = asyncio.create_task(connection.request("silent", timeout_s=600))
    await asyncio.sleep(0.1)
    own_nats.kill()
    with pytest.raises(StreamAway, match="lost"):
        await asyncio.wait_for(waiting, PATIENCE_S)  # long before its own time is over


async def test_a_request_without_an_answer_ends_after_its_timeout(connection: StreamConnection):
    await connection.subscribe("silent", lambda message: None)
    with pytest.raises(StreamAway, match=r"did not answer to silent in 0\.2 s"):
        await connection.request("silent", timeout_s=0.2)


async def test_a_request_that_nobody_listens_to_fails_at_once(connection: StreamConnection):
    with pytest.raises(NoResponders):
        await connection.request("nobody.home", timeout_s=30)


async def test_a_payload_above_the_servers_limit_is_rejected_and_the_connection_lives(connection: StreamConnection):
    with pytest.raises(PayloadTooLarge):
        await connection.request("anything", bytes(connection.max_payload))
    await echo(connection, "echo")
    largest = bytes(connection.max_data_bytes)
    assert (await connection.request("echo", largest, headers={"A": "b"})).data == largest
    assert connection.reconnects == 0


async def test_several_urls_are_servers_of_one_cluster(own_nats: Nats, tmp_path: Path):
    absent = Nats(tmp_path / "absent")
    connection = await asyncio.wait_for(
        connect(f"{absent.url},{own_nats.url}", name="test", stopping=asyncio.Event()), PATIENCE_S
    )
    assert connection.connected
    await connection.close()


@pytest.mark.parametrize("url", ["http://localhost:4222", "localhost", "nats://", "nats://host:notaport", ""])
async def test_a_url_that_is_none_is_refused_with_an_example(url: str):
    with pytest.raises(StreamRefused, match="nats://host:4222"):
        await connect(url, name="test", stopping=asyncio.Event())


async def test_wrong_credentials_are_refused_and_never_shown(tmp_path: Path):
    server = Nats(tmp_path / "nats", mqtt=True)
    server.start()
    url = server.url.replace("nats://", "nats://platform:S3cr%40t@")
    with pytest.raises(StreamRefused) as refused:
        await asyncio.wait_for(connect(url, name="test", stopping=asyncio.Event()), PATIENCE_S)
    assert "S3cr" not in str(refused.value)
    url = server.url.replace("nats://", "nats://platform:platf%6frm@")
    connection = await asyncio.wait_for(connect(url, name="test", stopping=asyncio.Event()), PATIENCE_S)
    assert connection.connected
    await connection.close()
    server.kill()


@asynccontextmanager
async def pretender(*lines: bytes) -> AsyncGenerator[str]:
    """Something that accepts connections as a NATS server does, says these lines, and waits."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(line + b"\r\n" for line in lines)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_server_that_is_too_old_is_refused_with_the_version_it_needs():
    info = b'INFO {"version":"2.10.29","max_payload":1048576,"headers":true}'
    async with pretender(info, b"PONG") as url:
        with pytest.raises(StreamRefused, match=r"2\.10: update it to 2\.11"):
            await asyncio.wait_for(connect(url, name="test", stopping=asyncio.Event()), PATIENCE_S)


@pytest.mark.parametrize("line", [b"HTTP/1.1 400 Bad Request", b"INFO {", b"INFO " + bytes(200_000)])
async def test_whatever_answers_otherwise_is_tried_again(line: bytes):
    stopping = asyncio.Event()
    async with pretender(line) as url:
        connecting = asyncio.create_task(connect(url, name="test", stopping=stopping))
        await asyncio.sleep(0.5)
        assert not connecting.done()
        stopping.set()
        with pytest.raises(StreamAway):
            await asyncio.wait_for(connecting, PATIENCE_S)
