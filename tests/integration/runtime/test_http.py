"""Clients that are slow or silent, on a real server: none of them keeps others out, or the process alive."""

import asyncio
import logging
import socket
from contextlib import suppress

import httpx
import pytest
from starlette.responses import Response

from sens.runtime import http_connection
from sens.runtime.http import serve

HOST = "127.0.0.1"
PATIENCE_S = 20.0


async def greet(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


class Endless:
    """An answer without end, and whether it has ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        async def pour() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
                await asyncio.sleep(0)

        pouring = asyncio.create_task(pour())
        while (await receive())["type"] != "http.disconnect":
            pass
        pouring.cancel()
        self.ended.set()


def ask_and_never_read(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((HOST, port))
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


async def test_idle_connections_keep_nobody_out():
    async with serve(greet, HOST, 0, port_variable="P", max_connections=4) as port:
        idle = [await asyncio.open_connection(HOST, port) for _ in range(20)]
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=PATIENCE_S) as client:
            assert (await client.get("/")).text == "hello"
        for _, writer in idle:
            writer.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a header"])
@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["first", "second"])
async def test_a_connection_without_a_whole_header_is_closed(
    monkeypatch: pytest.MonkeyPatch, before: bytes, begun: bytes
):
    monkeypatch.setattr(http_connection, "HEADER_TIMEOUT_S", 0.3)
    async with serve(greet, HOST, 0, port_variable="P") as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        if before:
            writer.write(before)
            assert b"200" in await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.write(begun)
        with suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()


async def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_connection, "STALL_TIMEOUT_S", 0.3)
    app = Endless()
    async with serve(app, HOST, 0, port_variable="P") as port:
        client = await asyncio.to_thread(ask_and_never_read, port)
        await asyncio.wait_for(app.ended.wait(), PATIENCE_S)
        client.close()


async def test_a_client_that_does_not_read_holds_up_no_end(caplog: pytest.LogCaptureFixture):
    app = Endless()
    with caplog.at_level(logging.ERROR):
        async with serve(app, HOST, 0, port_variable="P", shutdown_timeout_s=60) as port:
            client = await asyncio.to_thread(ask_and_never_read, port)
            await asyncio.sleep(0.5)  # until the buffers are full
        assert app.ended.is_set()
    assert not caplog.records
    client.close()


async def test_a_body_that_breaks_off_as_no_http_is_refused_and_the_application_told(caplog: pytest.LogCaptureFixture):
    told = asyncio.Event()

    async def read_all(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        told.set()

    async with serve(read_all, HOST, 0, port_variable="P", unreadable=lambda: Response("no", 400)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        writer.write(b"no size\r\n")
        assert b"400" in await asyncio.wait_for(reader.readline(), PATIENCE_S)
        await asyncio.wait_for(told.wait(), PATIENCE_S)
        writer.close()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_a_refused_client_that_never_closes_is_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_connection, "HEADER_TIMEOUT_S", 0.3)
    async with serve(greet, HOST, 0, port_variable="P", unreadable=lambda: Response("no", 400)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"\r\nno http\r\n\r\n")
        assert b"400" in await asyncio.wait_for(reader.readline(), PATIENCE_S)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_on(writer), PATIENCE_S)


async def send_on(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"more")
        await writer.drain()
        await asyncio.sleep(0.05)
