"""One source: own its subject, connect to its broker, receive until told to stop.

own (lease in exclusive mode) → claim the subject → connect → receive → connection lost: connect again
                                                             → fenced or lease lost: own again
                                                             → stopping: stop reading, drain, disconnect
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from sens.domain.envelope import SHARED_STEP_US
from sens.domain.errors import Fatal, Retry, SensError
from sens.mqtt.errors import MalformedPacket, ProtocolViolation
from sens.mqtt.receiver import Connection, connect
from sens.mqtt_ingestion_worker.broker import connect_options
from sens.mqtt_ingestion_worker.grants import SESSION_LOST, shortfalls
from sens.mqtt_ingestion_worker.intake import Intake
from sens.mqtt_ingestion_worker.report import Report
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.sizes import Sizes, measure
from sens.mqtt_ingestion_worker.subject_log import Fenced, SubjectLog
from sens.mqtt_ingestion_worker.subscriptions import Applied, Subscriptions
from sens.mqtt_ingestion_worker.tasks import until_first_ends, wait
from sens.runtime import metrics
from sens.runtime.backoff import Backoff, pause
from sens.sources.models import Source
from sens.stream.connection import StreamConnection
from sens.stream.lease import Lease
from sens.stream.raw import RawStream
from sens.stream.status import StatusBoard

log: structlog.stdlib.BoundLogger = structlog.get_logger()

STATUS_EVERY_S = 2.0
EPOCH_EVERY_S = 10.0


class LeaseLost(Retry):
    """Another worker may own the source now."""


@dataclass(frozen=True, slots=True)
class Servers:
    """What all sources of a process share."""

    connection: StreamConnection
    stream: RawStream
    status: StatusBoard


def ordinal_of(source: Source, settings: IngestionSettings) -> int:
    """The number of this replica's session; 0 in exclusive mode.

    Raises:
        Fatal: a shared source, and the instance's name bears no number, or one that is too large: its receive
            times would be those of another replica.
    """
    if source.mode == "exclusive":
        return 0
    if settings.ordinal is None:
        raise Fatal(
            f"source {source.name} is shared by replicas that each need a number, and SENS_INSTANCE is "
            f"'{settings.instance}': let it end in -0, -1, …, another for each replica, as a StatefulSet names its pods"
        )
    if settings.ordinal >= SHARED_STEP_US:
        raise Fatal(
            f"this replica's number is {settings.ordinal} (SENS_INSTANCE is '{settings.instance}'), and source "
            f"{source.name} is shared by {SHARED_STEP_US} at most: run at most {SHARED_STEP_US}, numbered from 0"
        )
    return settings.ordinal


class SourceWorker:
    """Runs one source, for `Lifetime.supervise`.

    Args:
        backoff: between two connections to the broker; it starts again after a connection that lived longer than
            its cap.
    """

    def __init__(
        self,
        source: Source,
        servers: Servers,
        settings: IngestionSettings,
        stopping: asyncio.Event,
        backoff: Backoff | None = None,
    ) -> None:
        self.source = source
        self.servers = servers
        self.settings = settings
        self.stopping = stopping
        self.backoff = backoff or Backoff()
        self.ordinal = ordinal_of(source, settings)
        self.session = source.session(self.ordinal)
        self.report = Report(source, settings.instance)
        self._subscriptions = Subscriptions(servers.connection, source.name, self.session)
        # One for all runs: it remembers what was confirmed, should the log be restored to an older copy.
        member = self.ordinal if source.mode == "shared" else None
        self._log = SubjectLog(servers.stream, source.name, self.session, member)
        # One lease for all runs: a namesake on another machine is then told from an earlier life of ours.
        self._lease = Lease(servers.connection, key=source.name, owner=settings.instance, ttl_s=settings.lease_ttl_s)
        _begin_series(source)

    async def run(self) -> None:
        """Work until stopping.

        Raises:
            Retry: fenced, the lease lost, or a server away: to be run again.
        """
        async with self._owned() as lost:
            if lost is None:
                return
            if not await self._claimed():
                return
            sizes = self._sizes()
            intake = Intake(
                self._log,
                self.source.mqtt_version,
                sizes.max_envelope_bytes,
                self.source.redelivery_wait.total_seconds(),
            )
            self.report.received = lambda: intake.received_messages
            await until_first_ends(
                self._serve(intake, sizes),
                intake.pump(),
                intake.settle(self.settings.settle_every_s),
                self._watch_epoch(),
                _raise_when(lost, self.source.name),
            )

    async def _claimed(self) -> bool:
        """Claim the subject, unless stopping comes first."""
        try:
            await until_first_ends(self._log.claim(self.source.mqtt_version), wait(self.stopping))
        except SensError as error:
            self.report.change("away", str(error))
            raise
        return self._log.claimed

    async def _watch_epoch(self) -> None:
        """See whether the stream began a new life (made anew, or restored): running totals then start again.

        Raises:
            Fenced: it did; claim the subject again.
        """
        while True:
            await asyncio.sleep(EPOCH_EVERY_S)
            with suppress(Retry):
                if await self.servers.stream.refresh() == self._log.epoch:
                    continue
                break
        raise Fenced(f"the stream of {self._log.subject} began a new life")

    async def tell_status(self) -> None:
        """Publish the source's state every few seconds, until stopping."""
        while not await pause(STATUS_EVERY_S, self.stopping):
            with suppress(Retry):
                await self.servers.status.put(self.source.name, self._status_key(), self.report.as_dict())

    def _status_key(self) -> str:
        # A standby must not write over the owner's state.
        return f"{self.session}-standby-{self.settings.instance}" if self.report.state == "standby" else self.session

    def _sizes(self) -> Sizes:
        wanted = self.source.limits.max_message_bytes
        sizes = measure(wanted, self.settings.max_envelope_bytes, self.servers.connection.max_data_bytes)
        if sizes.max_packet_bytes < wanted:
            log.warning(
                "max_payload_lowers_max_message_bytes",
                source=self.source.name,
                limit_bytes=sizes.max_packet_bytes,
                max_message_bytes=wanted,
                advice="raise max_payload of the NATS server, or lower limits.max_message_bytes of the source",
            )
        return sizes

    @asynccontextmanager
    async def _owned(self) -> AsyncGenerator[asyncio.Event | None]:
        """Hold the source's lease in exclusive mode. Yields the event that tells its loss; None: stopping."""
        if self.source.mode == "shared":
            yield asyncio.Event()
            return
        self.report.change("standby")
        lease = self._lease
        if not await lease.acquire(self.stopping):
            yield None
            return
        metrics.OWNED.labels(self.source.name).set(1)
        try:
            yield lease.lost
        finally:
            metrics.OWNED.labels(self.source.name).set(0)
            await lease.release()

    async def _serve(self, intake: Intake, sizes: Sizes) -> None:
        """Connect, receive, and connect again, until stopping."""
        delays, connections = iter(self.backoff), 0
        while not self.stopping.is_set():
            await intake.expect_redeliveries()
            started = time.monotonic()
            try:
                async with self._connected(intake, sizes) as connection:
                    if connection is None:
                        return
                    metrics.RECONNECTS.labels(self.source.name).inc(connections > 0)
                    connections += 1
                    # A broker may send a long backlog before it answers a subscription.
                    await until_first_ends(self._subscribe(connection), wait(self.stopping), wait(intake.ended))
                    await self._receive(intake)
            except (Retry, Fatal) as error:
                # Also a refused password: it can be mended at the broker, and other sources go on.
                self.report.change("away", str(error))
                metrics.PROTOCOL_ERRORS.labels(self.source.name).inc(
                    isinstance(error, (MalformedPacket, ProtocolViolation))
                )
                log.warning("broker_away", source=self.source.name, error=str(error))
                if time.monotonic() - started > self.backoff.cap_s:
                    delays = iter(self.backoff)  # it was connected for a while: this is a new fault
                await pause(next(delays), self.stopping)

    @asynccontextmanager
    async def _connected(self, intake: Intake, sizes: Sizes) -> AsyncGenerator[Connection | None]:
        """A connection that the intake is attached to; None: stopping came before it was made."""
        await until_first_ends(self._attach(intake, sizes), wait(self.stopping))
        try:
            yield intake.connection
        finally:
            metrics.CONNECTED.labels(self.source.name).set(0)
            if intake.connection is not None:
                await intake.connection.disconnect()

    async def _attach(self, intake: Intake, sizes: Sizes) -> None:
        options = connect_options(self.source, self.ordinal, sizes)
        connection = await connect(self.source.host, self.source.port, options, intake)
        intake.attach(connection)

    async def _subscribe(self, connection: Connection) -> None:
        applied = await self._subscriptions.apply(connection, self.source.filters)
        metrics.CONNECTED.labels(self.source.name).set(1)
        self.report.change("connected")
        log.info("broker_connected", source=self.source.name, session_present=connection.session_present)
        self._tell_shortfalls(connection, applied)

    def _tell_shortfalls(self, connection: Connection, applied: Applied) -> None:
        warnings = list(shortfalls(self.source, connection.properties, applied.granted_qos))
        metrics.SHORTFALLS.labels(self.source.name).set(len(warnings))
        if applied.session_lost:
            metrics.SESSIONS_LOST.labels(self.source.name).inc()
            warnings.append(SESSION_LOST)
        self.report.warnings = warnings
        for warning in warnings:
            log.warning("broker_falls_short", source=self.source.name, warning=warning)

    async def _receive(self, intake: Intake) -> None:
        """Until stopping, then drain what came; or until the connection ends.

        Raises:
            SensError: why it ended.
        """
        await _first_set(self.stopping, intake.ended)
        if intake.ended_because is not None:
            raise intake.ended_because
        intake.stop_reading()
        await intake.drained()


def _begin_series(source: Source) -> None:
    """Show each series before there is anything to tell: one that begins with an event hides it from rates, and
    a source that was never connected must not look like one that is not there."""
    for metric in (
        metrics.CONNECTED,
        metrics.RECONNECTS,
        metrics.SHORTFALLS,
        metrics.SESSIONS_LOST,
        metrics.PROTOCOL_ERRORS,
        metrics.MESSAGES_RECEIVED,
        metrics.PUBLISH_RETRIES,
        metrics.STREAM_FULL,
        metrics.FENCED,
        metrics.OVERSIZE,
        *([metrics.OWNED] if source.mode == "exclusive" else []),
    ):
        metric.labels(source.name)


async def _raise_when(lost: asyncio.Event, source: str) -> None:
    await lost.wait()
    raise LeaseLost(f"the lease of source {source} was lost: another worker may own it now")


async def _first_set(*events: asyncio.Event) -> None:
    await until_first_ends(*(wait(event) for event in events))
