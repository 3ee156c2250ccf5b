"""Hears what the telemetry workers send, once for all clients, and gives it out in windows."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from sens.domain.columns import Kind
from sens.domain.errors import Retry, SensError
from sens.platform_api.live.epoch import Epoch
from sens.platform_api.live.log import LiveReading
from sens.platform_api.names import SeriesNames
from sens.runtime import metrics
from sens.runtime.exits import message_of
from sens.storage.read_devices import Series
from sens.stream.connection import StreamConnection
from sens.stream.live import LiveUpdate, live_subject, subscribe_live

log: structlog.stdlib.BoundLogger = structlog.get_logger()

WINDOW_S: Final = 0.25
"""Readings after a quiet time are given out at once, what comes within this time after them together."""
LOOK_S: Final = 0.25
"""How often a connection to NATS without updates is looked at."""


class Shown(msgspec.Struct):
    """A reading as a client gets it."""

    series_id: int
    source: str
    device: str
    metric: str
    unit: str
    time_us: int
    value: float | bool | str


_encode = msgspec.json.Encoder().encode


class LiveHub:
    """One subscription for the process.

    Attributes:
        epoch: whose readings are given out now.
        streams, max_streams: live streams that are open, and the most that may be.
    """

    def __init__(self, stream: StreamConnection, names: SeriesNames, *, max_streams: int = 1000) -> None:
        self._stream = stream
        self._names = names
        self._came: dict[int, tuple[int, float | str]] = {}
        self._arrived = asyncio.Event()
        self.epoch = Epoch()
        self.streams = 0
        self.max_streams = max_streams

    async def run(self, stopping: asyncio.Event) -> None:
        """Hear and give out until the process is to end; then have all streams end."""
        if self.epoch.ended:
            self.epoch = Epoch()
        async with subscribe_live(self._stream, live_subject("*"), self._take), asyncio.TaskGroup() as tasks:
            giving = tasks.create_task(self._give_out(), name="live windows")
            try:
                await stopping.wait()
            finally:
                self.epoch.end()
            giving.cancel()

    def _take(self, update: LiveUpdate) -> None:
        for id_, time_us, value in zip(update.series, update.time, update.value, strict=False):
            self._keep(id_, time_us, value)
        self._arrived.set()

    def _keep(self, id_: int, time_us: int, value: float | str) -> None:
        """For the next window, unless it has a newer one of the series."""
        known = self._came.get(id_)
        if known is None or known[0] <= time_us:
            self._came[id_] = (time_us, value)

    async def _give_out(self) -> None:
        heard_by = self._connection
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._arrived.wait()
            if heard_by != self._connection:
                heard_by = self._connection
                self._begin_anew()
            if self._arrived.is_set():
                await self._give_window()
                await asyncio.sleep(WINDOW_S)

    @property
    def _connection(self) -> tuple[bool, int]:
        """What changes when updates may have been missed."""
        return self._stream.connected, self._stream.reconnects

    def _begin_anew(self) -> None:
        ended, self.epoch = self.epoch, Epoch()
        ended.end()
        log.info("live_epoch_ended", streams=self.streams, nats="connected" if self._stream.connected else "away")

    async def _give_window(self) -> None:
        came, self._came = self._came, {}
        self._arrived.clear()
        try:
            series = await self._names.find(came)
        except Retry as error:
            log.warning("live_names_missing", error=message_of(error))
            for id_, (time_us, value) in came.items():  # with the next window
                self._keep(id_, time_us, value)
            self._arrived.set()
            return
        except SensError as error:
            log.warning("live_readings_dropped", readings=len(came), error=message_of(error))
            self._begin_anew()
            return
        window = _window(self.epoch.number, came, series)
        if window:
            metrics.LIVE_READINGS.inc(len(window))
            self.epoch.add(window)


def _window(
    number: int, came: Mapping[int, tuple[int, float | str]], series: Mapping[int, Series]
) -> list[LiveReading]:
    """Readings numbered from `number` on; without those whose series is not there any more."""
    known = ((found, *reading) for id_, reading in came.items() if (found := series.get(id_)) is not None)
    return [
        LiveReading(at, time_us, found, _shown(found, time_us, value))
        for at, (found, time_us, value) in enumerate(known, number + 1)
    ]


def _shown(series: Series, time_us: int, value: float | str) -> bytes:
    """JSON. Workers send booleans as they are stored: the series knows that 1 means true."""
    typed = bool(value) if series.kind == Kind.BOOLEAN else value
    return _encode(Shown(series.id, series.source, series.device, series.metric, series.unit, time_us, typed))
