"""What one replica does for all: rollups, retention, the ledger's tails, purging the raw stream.

Leadership is a session lock of the database: it ends with the connection, so it needs no clock.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog

from sens.domain.balance import Books, Tail, balances
from sens.runtime import metrics
from sens.runtime.backoff import pause
from sens.sources.models import Configuration
from sens.storage import ledger, retention, rollups
from sens.storage.connection import Connection
from sens.storage.leader import connect_maintenance, resign, try_lead
from sens.storage.partitions import ensure_partitions
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
PARTITIONS_AHEAD = timedelta(days=14)
BIG_TABLES = ("reading", "reading_text", "reading_10m")


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
            Retry: a server is away; to be run again.
        """
        url = self.settings.database_url.get_secret_value()
        connection = await asyncio.to_thread(connect_maintenance, url)
        try:
            while not self.stopping.is_set():
                leads = await asyncio.to_thread(try_lead, connection)
                metrics.LEADER.set(leads)
                if leads:
                    await self.replayer.open()
                    await self._lead(connection)
                await pause(self.settings.maintenance_every_s, self.stopping)
            await asyncio.to_thread(resign, connection)
        finally:
            metrics.LEADER.set(0)
            connection.close()
            await self.replayer.close()

    async def _lead(self, connection: Connection) -> None:
        await self._advance_rollups(connection)
        if time.monotonic() - self._audited_at >= AUDIT_EVERY_S:
            await self._audit(connection)
            self._audited_at = time.monotonic()
        house_is_due = time.monotonic() - self._housekept_at >= HOUSEKEEPING_EVERY_S
        if house_is_due or await is_filling(self.stream):
            await self._purge()
        if house_is_due:
            await self._keep_house(connection)
            self._housekept_at = time.monotonic()

    async def _advance_rollups(self, connection: Connection) -> None:
        lag = int(self.settings.rollup_lag_s * 1_000_000)
        while not self.stopping.is_set():
            progress = await asyncio.to_thread(rollups.advance, connection, now_us(), lag)
            for mark, at in (("write", progress.write_until), ("read", progress.read_until)):
                if at is not None:
                    metrics.ROLLUP_WATERMARK_AGE_SECONDS.labels(mark).set((now_us() - at) / 1e6)
            if not progress.more:
                return

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

    async def _renew_epoch_after_loss(self, books: Books, tails: list[Tail]) -> None:
        """Where the log went back (restored from an older copy), let running totals start anew: in the old
        epoch, new messages would in time hide what was lost."""
        for tail in tails:
            account = books.accounts.get(tail.key)
            if account is not None and account.highest_total > tail.total:
                log.error("log_went_back", source=tail.key.source, had=account.highest_total, has=tail.total)
                await self.stream.renew_epoch()
                return

    async def _purge(self) -> None:
        state = await self.consumer.state()
        older_than = now_us() - microseconds(self.configuration.raw_stream.replay_window)
        metrics.ENVELOPES_PURGED.inc(await purge(self.stream, state.ack_floor_stream_sequence, older_than))

    async def _keep_house(self, connection: Connection) -> None:
        now = now_us()
        window = microseconds(self.configuration.raw_stream.replay_window)
        first = await first_sequences(self.stream)
        while await asyncio.to_thread(ledger.fold_ledger, connection, now - window, first) == ledger.FOLDED_AT_ONCE:
            pass
        ahead = [now, now + microseconds(PARTITIONS_AHEAD)]
        for table in BIG_TABLES:
            await asyncio.to_thread(ensure_partitions, connection, table, ahead)
        await self._retain(connection, now)

    async def _retain(self, connection: Connection, now: int) -> None:
        keep = self.configuration.retention
        if keep.raw is not None:
            raw_before = now - microseconds(keep.raw)
            await _drop("raw", lambda: retention.drop_raw(connection, raw_before))
            if keep.rollup is not None:
                before = now - microseconds(keep.rollup)
                await _drop("rollup", lambda: retention.drop_rollups(connection, before, raw_before))


async def _drop(tier: str, drop: Callable[[], list[str]]) -> None:
    dropped = await asyncio.to_thread(drop)
    metrics.RETENTION_DROPPED.labels(tier).inc(len(dropped))
    if dropped:
        log.info("retention_dropped", tier=tier, partitions=dropped)
