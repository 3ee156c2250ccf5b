"""Sources run by their workers on real servers, and what the log holds of them."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable

from sens.decoders.registry import DECODERS
from sens.domain.envelope import Envelope, EnvelopeKind, unpack
from sens.mqtt.columns import Publish, walk
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import Servers, SourceWorker
from sens.runtime.backoff import Backoff
from sens.runtime.lifetime import Lifetime
from sens.sources.models import Source
from sens.sources.parsing import parse
from sens.stream.connection import connect
from sens.stream.errors import StreamAway
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.status import StatusBoard
from servers import Nats

WAIT_S = 20.0


def declared(port: int, more: str = "", *, topic: str = "{device}", scheme: str = "mqtt") -> Source:
    """A source of its own name at the broker on that port, reading `<name>/{device}`; `more` are lines of YAML."""
    name = f"s{secrets.token_hex(4)}"
    lines = [f"- name: {name}", f"  broker: {scheme}://127.0.0.1:{port}", *(f"  {line}" for line in more.splitlines())]
    lines += ["  topics:", f"    - {{topic: '{name}/{topic}', decoder: json}}"]
    text = "sources:\n" + "".join(f"  {line}\n" for line in lines)
    return parse(text, name="test", decoders=DECODERS).sources[0]


class Line:
    """The servers that workers of one test share.

    Attributes:
        tasks: one for each source that was started.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.lifetime = Lifetime("test", backoff=Backoff(first_s=0.05, cap_s=0.1))
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, source: Source, **settings: object) -> SourceWorker:
        """Run the source as the deployable does, until the test ends."""
        given = IngestionSettings.model_validate({"instance": "worker-0", "lease_ttl_s": 2.0, **settings})
        worker = SourceWorker(source, self.servers, given, self.lifetime.stopping)
        self.tasks.append(self.lifetime.supervise(f"source {source.name}", worker.run))
        return worker

    async def connected(self, source: Source, **settings: object) -> SourceWorker:
        """Start the source and wait until it has subscribed."""
        worker = self.start(source, **settings)
        await self.until(lambda: worker.report.state == "connected")
        return worker

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                for task in self.tasks:
                    assert not task.done(), "the worker has ended"
                await asyncio.sleep(0.01)

    async def envelopes(self, worker: SourceWorker) -> list[Envelope]:
        """What the log holds of a worker's session, claims left out."""
        subject = f"sens.raw.{worker.source.name}.{worker.session}"
        every = [unpack(stored.data) async for stored in self.servers.stream.read(subjects=subject)]
        return [envelope for envelope in every if envelope.messages]

    async def logged(self, worker: SourceWorker, messages: int) -> list[Envelope]:
        """Wait until so many messages of the session are in the log; returns its envelopes."""
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(StreamAway):  # a server that the test killed may be on its way back
                    envelopes = await self.envelopes(worker)
                    if sum(envelope.messages for envelope in envelopes) >= messages:
                        return envelopes
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Drain and end all sources."""
        self.lifetime.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def packets(envelopes: list[Envelope]) -> list[Publish]:
    """The PUBLISH packets of raw envelopes, in order."""
    return [
        packet
        for envelope in envelopes
        if envelope.kind is EnvelopeKind.RAW
        for packet in walk(envelope.body, envelope.mqtt_version)
    ]


@contextlib.asynccontextmanager
async def line_on(server: Nats) -> AsyncGenerator[Line]:
    connection = await connect(server.url, name="test", stopping=asyncio.Event())
    stream = await RawStream.ensure(connection, RawStreamSettings(64 * 1024 * 1024))
    line = Line(Servers(connection, stream, StatusBoard(connection)))
    try:
        yield line
    finally:
        await line.stop()
        await connection.close()
