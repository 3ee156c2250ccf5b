"""What one replica does for all: rollups, retention, the ledger's tails, purging the raw stream.

Leadership is a session lock of the database: it ends with the connection, so it needs no clock.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from sens.domain.balance import Books, LedgerKey, Tail, balances
from sens.runtime import metrics
from sens.runtime.backoff import pause
from sens.sources.models import Configuration
from sens.storage import ledger, overview, retention, rollups
from sens.storage.connection import Connection
from sens.storage.errors import DatabaseBusy
from sens.storage.leader import connect_maintenance, resign, try_lead
from sens.storage.partitions import Dropped, make_partitions_ahead
from sens.stream.consumer import RawConsumer
from sens.stream.raw import RawStream
from sens.stream.tails import tails_of
from sens.telemetry_worker.clock import microseconds, now_us
from sens.telemetry_worker.purge import first_sequences, is_filling, purge
from sens.telemetry_worker.replaying import Replayer
from sens.telemetry_worker.settings import TelemetrySettings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

T = TypeVar("T")
AUDIT_EVERY_S = 15.0
HOUSEKEEPING_EVERY_S = 60.0
SUMS_AN_AUDIT = 50


class Maintenance:
    """Runs in every replica; works where it leads."""

    def __init__(
        self,
        settings: TelemetrySettings,
        configuration: Configuration,
        stream: RawStream,
        consumer: RawConsumer,
        replayer: Replayer,
        stopping: asyncio.Event,
    ) -> None:
        self.settings = settings
        self.configuration = configuration
        self.stream = stream
        self.consumer = consumer
        self.replayer = replayer
        self.stopping = stopping
        self._audited_at = float("-inf")
        self._housekept_at = float("-inf")

    async def run(self) -> None:
        """Lead or stand by, until stopping.

        Raises:
            Retry: a server is away, or the database is not migrated yet; to be run again.
        """
        url = self.settings.database_url.get_secret_value()
        connection = await asyncio.to_thread(connect_maintenance, url)
        try:
            while not self.stopping.is_set():
                leads = await asyncio.to_thread(try_lead, connection)
                metrics.LEADER.set(leads)
                more = False
                if leads:
                    await self.replayer.open()
                    more = await self._lead(connection)
                if not more:
                    await pause(self.settings.maintenance_every_s, self.stopping)
            await asyncio.to_thread(resign, connection)
        finally:
            metrics.LEADER.set(0)
            connection.close()
            await self.replayer.close()

    async def _lead(self, connection: Connection) -> bool:
        """One round of what is due. Returns whether rollups have more to do now."""
        house_is_due = time.monotonic() - self._housekept_at >= HOUSEKEEPING_EVERY_S
        # First: intake stops when the stream is full, and nothing below may keep it from being emptied.
        if house_is_due or await is_filling(self.stream):
            await self._purge()
        more = await _unless_busy("rollups", self._advance_rollups(connection)) or False
        if time.monotonic() - self._audited_at >= AUDIT_EVERY_S:
            await _unless_busy("audit", self._audit(connection))
            self._audited_at = time.monotonic()
        if house_is_due:
            await self._keep_house(connection)
            self._housekept_at = time.monotonic()
        return more

    async def _advance_rollups(self, connection: Connection) -> bool:
        lag = int(self.settings.rollup_lag_s * 1_000_000)
        progress = await asyncio.to_thread(rollups.advance, connection, now_us(), lag)
        for mark, at in (("write", progress.write_until), ("read", progress.read_until)):
            if at is not None:
                metrics.ROLLUP_WATERMARK_AGE_SECONDS.labels(mark).set((now_us() - at) / 1e6)
        return progress.more

    async def _audit(self, connection: Connection) -> None:
        """Lay the log beside the database. The order of reading is what makes it exact."""
        state = await self.consumer.state()
        metrics.PENDING_ENVELOPES.set(state.pending + state.ack_pending)
        books = await asyncio.to_thread(ledger.read_books, connection, state.ack_floor_stream_sequence)
        tails = tails_of(await self.stream.tails())
        for source, balance in balances(books, tails).items():
            metrics.LEDGER_BALANCED.labels(source).set(balance.balanced)
            metrics.MESSAGES_LOST.labels(source).set(balance.lost)
            if balance.lost:
                log.error("messages_lost", source=source, lost=balance.lost)
        await asyncio.to_thread(ledger.record_tails, connection, tails)
        await self._renew_epoch_after_loss(books, tails)
        for _ in range(SUMS_AN_AUDIT):
            summed = await asyncio.to_thread(ledger.sum_ledger, connection, state.ack_floor_stream_sequence)
            if summed < ledger.ROWS_AT_ONCE:
                break

    async def _renew_epoch_after_loss(self, books: Books, tails: list[Tail]) -> None:
        """Where the log went back (restored from an older copy), let running totals start anew: in the old
        epoch, new messages would in time hide what was lost, or what is stored of both would never fit.

        A subject that nothing was published on since keeps its tail of the former epoch: that is no new loss.
        """
        back = [tail for tail in tails if _known_total(books, tail.key) > tail.total]
        epoch = await self.stream.refresh() if back else b""
        if any(tail.key.epoch == epoch for tail in back):
            for tail in back:
                log.error("log_went_back", source=tail.key.source, had=_known_total(books, tail.key), has=tail.total)
            await self.stream.renew_epoch()

    async def _purge(self) -> None:
        state = await self.consumer.state()
        older_than = now_us() - microseconds(self.configuration.raw_stream.replay_window)
        metrics.ENVELOPES_PURGED.inc(await purge(self.stream, state.ack_floor_stream_sequence, older_than))

    async def _keep_house(self, connection: Connection) -> None:
        now = now_us()
        await _unless_busy("ledger", self._fold(connection))
        await _unless_busy("partitions", asyncio.to_thread(make_partitions_ahead, connection, now))
        await _unless_busy("retention", self._retain(connection, now))
        log_bytes = (await self.stream.state()).bytes
        await _unless_busy("charts", asyncio.to_thread(overview.keep_charts, connection, now, log_bytes))

    async def _fold(self, connection: Connection) -> None:
        first = await first_sequences(self.stream)
        while await asyncio.to_thread(ledger.fold_ledger, connection, first) == ledger.ROWS_AT_ONCE:
            pass

    async def _retain(self, connection: Connection, now: int) -> None:
        keep = self.configuration.retention
        if keep.raw is not None:
            raw_before = now - microseconds(keep.raw)
            await _drop("raw", lambda: retention.drop_raw(connection, raw_before))
            if keep.rollup is not None:
                before = now - microseconds(keep.rollup)
                await _drop("rollup", lambda: retention.drop_rollups(connection, before, raw_before))


def _known_total(books: Books, key: LedgerKey) -> int:
    """How far the database knows that the running total had come. The books were read before the log's tails: it has
    not stored more than they say, unless some of it went out of the log and others took their numbers."""
    account = books.accounts.get(key)
    return 0 if account is None else max(account.highest_total, account.messages.settled)


async def _unless_busy(chore: str, work: Awaitable[T]) -> T | None:
    """What a chore comes to; None: somebody was in its way, and it is done at the next time it is due.

    Nothing of it is half done, and leadership, which is the connection's, goes on.
    """
    try:
        return await work
    except DatabaseBusy as error:
        log.warning("maintenance_put_off", chore=chore, error=str(error))
        return None


async def _drop(tier: str, drop: Callable[[], Dropped]) -> None:
    dropped = await asyncio.to_thread(drop)
    metrics.RETENTION_DROPPED.labels(tier).inc(len(dropped.names))
    if dropped.names:
        log.info("retention_dropped", tier=tier, partitions=dropped.names)
    if dropped.left:
        log.warning("retention_put_off", tier=tier, partitions=dropped.left)
