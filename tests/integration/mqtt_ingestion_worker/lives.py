"""Lives of one source's intake on real servers: each claims the subject, connects, and ends."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence

from sens.domain.envelope import unpack
from sens.mqtt.columns import walk
from sens.mqtt.receiver import Connection, ConnectOptions, connect
from sens.mqtt_ingestion_worker.intake import Intake
from sens.mqtt_ingestion_worker.subject_log import SubjectLog
from sens.stream.raw import RawStream

WAIT_S = 20.0
MAX_ENVELOPE_BYTES = 64 * 1024
REDELIVERY_WAIT_S = 30.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event of ours
            await asyncio.sleep(0.01)


class Life:
    """One life of the worker.

    Attributes:
        acknowledged: packet ids that the broker was told, or would have been.
    """

    def __init__(self, intake: Intake, source: str, port: int) -> None:
        self.intake = intake
        self.source = source
        self.port = port
        self.acknowledged: list[int] = []

    async def connect(self, *, lose_acknowledgements: bool = False) -> Connection:
        """A connection to the broker that has subscribed.

        Args:
            lose_acknowledgements: nor is a ping written that would settle them.
        """
        await self.intake.expect_redeliveries()
        options = ConnectOptions(client_id=f"sens-{self.source}", version=4)
        connection = await connect("127.0.0.1", self.port, options, self.intake)
        written = connection.acknowledge

        def acknowledge(qos1: Sequence[int], qos2: Sequence[int]) -> None:
            self.acknowledged += [*qos1, *qos2]
            if not lose_acknowledgements:
                written(qos1, qos2)

        connection.acknowledge = acknowledge
        if lose_acknowledgements:
            connection.ping = lambda: None
        self.intake.attach(connection)
        await connection.subscribe([(f"{self.source}/#", 1)])
        return connection

    async def logged(self, messages: int) -> None:
        """Wait until so many are on disk and acknowledged."""
        await until(lambda: self.intake.settlement.acknowledged >= messages)

    async def read(self, messages: int) -> None:
        """Wait until the broker has answered a ping after their acknowledgements."""
        await until(lambda: self.intake.settlement.read >= messages)


@contextlib.asynccontextmanager
async def life(
    stream: RawStream, source: str, port: int, redelivery_wait_s: float = REDELIVERY_WAIT_S
) -> AsyncGenerator[Life]:
    """Claims the subject, logs and settles until the block ends, which is the end of the process."""
    log = SubjectLog(stream, source, "exclusive")
    await log.claim(4)
    intake = Intake(log, 4, MAX_ENVELOPE_BYTES, redelivery_wait_s)
    tasks = [asyncio.create_task(intake.pump()), asyncio.create_task(intake.settle(0.02))]
    try:
        yield Life(intake, source, port)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if intake.connection is not None:
            await intake.connection.disconnect()


async def payloads(stream: RawStream, source: str) -> Counter[bytes]:
    """How often each payload is in the log."""
    envelopes = [unpack(stored.data) async for stored in stream.read(subjects=f"sens.raw.{source}.exclusive")]
    return Counter(packet.payload for envelope in envelopes for packet in walk(envelope.body, envelope.mqtt_version))
