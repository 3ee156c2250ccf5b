"""The process keeps what its OpenAPI document says, whatever it is asked."""

import asyncio
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    positive_data_acceptance,
)

from api import KEYS, ApiProcess, make_seeded
from databases import Templates
from sens.platform_api.app import openapi_document
from sens.stream.connection import StreamConnection, connect
from sens.stream.consumer import RawConsumer
from sens.stream.link import Message
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.replay import REPLAY_SUBJECT, ReplayReply
from servers import Nats

# A cursor, a time or a zone is a text of which only some can be read, and names may be taken: both are answered 4xx.
NOT_OURS = [positive_data_acceptance]

# Live streams have no end; they have tests of their own.
schema: Any = schemathesis.openapi.from_dict(openapi_document()).exclude(path="/api/v1/live")


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory, templates: Templates, nats_server: Nats) -> Iterator[str]:
    """Where the process serves, on a database with something of everything."""
    with templates.copy(make_seeded) as url:
        process = ApiProcess(Path(tmp_path_factory.mktemp("api")), url, nats_server.url)
        process.key_file.write_text(KEYS["admin"])
        process.start()
        with telemetry_worker(nats_server.url):
            yield f"http://127.0.0.1:{process.port}"
        process.kill()


@contextmanager
def telemetry_worker(nats_url: str) -> Generator[None]:
    """Within the block replays are answered, and the log takes in imports, as with a telemetry worker."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def answer(message: Message, stream: StreamConnection) -> None:
        await stream.publish(message.reply, msgspec.json.encode(ReplayReply(envelopes=1, messages=2, stored=3)))

    async def store(consumer: RawConsumer) -> None:
        while True:
            await consumer.ack(await consumer.pull(100, 1 << 20, 1.0))

    async def listen() -> StreamConnection:
        stream = await connect(nats_url, name="test worker", stopping=asyncio.Event())
        raw = await RawStream.ensure(stream, RawStreamSettings(64 * 1024 * 1024))
        tasks.append(loop.create_task(store(await RawConsumer.bind(stream, raw))))
        await stream.subscribe(REPLAY_SUBJECT, lambda message: tasks.append(loop.create_task(answer(message, stream))))
        return stream

    tasks: list[asyncio.Task[None]] = []
    stream = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    yield
    loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
    asyncio.run_coroutine_threadsafe(stream.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_answer_is_as_documented_and_none_is_an_error_of_ours(case: Any, base_url: str):
    headers = {"Authorization": f"Bearer {KEYS['admin']}"}
    case.call_and_validate(base_url=base_url, headers=headers, excluded_checks=NOT_OURS)
