"""Take what a broker holds for a member of a shared source that will not come back, and end its session.

A broker such as mosquitto does not give a stopped member's share to the others: it goes on to queue it.
So: take the session over, unsubscribe (nothing new is queued), log and acknowledge what comes until
nothing does any more, then end the session. Whatever breaks in between, it can be done again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from sens.domain.errors import Fatal
from sens.mqtt.errors import SessionTakenOver
from sens.mqtt.receiver import ConnectOptions, connect
from sens.mqtt_ingestion_worker.broker import connect_options
from sens.mqtt_ingestion_worker.intake import Intake
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.sizes import measure
from sens.mqtt_ingestion_worker.source import STATUS_EVERY_S, Servers
from sens.mqtt_ingestion_worker.subject_log import Fenced, SubjectLog
from sens.mqtt_ingestion_worker.subscriptions import Subscriptions
from sens.mqtt_ingestion_worker.tasks import until_first_ends
from sens.sources.models import Source

SILENT_AFTER_S = 3 * STATUS_EVERY_S
"""A member that runs has told its state by then."""

POLL_S = 0.1


class MemberRuns(Fatal):
    """The member is not stopped; taking its session would only throw it out for a moment."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What was done.

    Attributes:
        session: name of the member's session in the log.
        session_present: whether the broker still had it.
        messages: how many it gave out and are in the log now.
    """

    session: str
    session_present: bool
    messages: int


class Drain:
    """One member of a shared source, to be drained once.

    Args:
        quiet_s: how long nothing must come until all is taken.
        tell: called now and then with the number of messages so far.
    """

    def __init__(
        self,
        source: Source,
        ordinal: int,
        servers: Servers,
        settings: IngestionSettings,
        *,
        quiet_s: float,
        tell: Callable[[int], None],
    ) -> None:
        if source.mode != "shared":
            raise Fatal(f"source {source.name} is exclusive: it has one session, which the next worker takes over")
        self._source = source
        self._servers = servers
        self._settings = settings
        self._quiet_s = quiet_s
        self._tell = tell
        self._session = source.session(ordinal)
        self._log = SubjectLog(servers.stream, source.name, self._session, ordinal)
        self._subscriptions = Subscriptions(servers.connection, source.name, self._session)
        sizes = measure(source.limits.max_message_bytes, settings.max_envelope_bytes, servers.connection.max_data_bytes)
        self._options = connect_options(source, ordinal, sizes)
        self._session_present = False

    async def run(self) -> Drained:
        """Drain the member.

        Raises:
            MemberRuns: it is not stopped.
            Retry: broker or NATS failed meanwhile: run it again, nothing is lost or doubled.
            Fatal: the broker refuses us.
        """
        await self._refuse_a_running_member()
        await self._log.claim(self._source.mqtt_version)
        before = self._log.tail.total
        intake = self._intake()
        try:
            await until_first_ends(self._take(intake), intake.pump(), intake.settle(self._settings.settle_every_s))
        except (Fenced, SessionTakenOver) as error:
            raise self._runs(str(error)) from error
        await self._end_session()
        return Drained(self._session, self._session_present, self._log.tail.total - before)

    def _intake(self) -> Intake:
        source = self._source
        wait_s = source.redelivery_wait.total_seconds()
        return Intake(self._log, source.mqtt_version, self._options.max_piece_bytes, wait_s)

    async def _refuse_a_running_member(self) -> None:
        """It tells its state every few seconds: see whether it does so once more."""
        while (age_s := await self._silent_for_s()) is not None and age_s < SILENT_AFTER_S:
            await asyncio.sleep(STATUS_EVERY_S / 2)
            again_s = await self._silent_for_s()
            if again_s is not None and again_s < age_s:
                raise self._runs("it has just told its state")

    async def _silent_for_s(self) -> float | None:
        board = await self._servers.status.read()
        ages = [each.age_s for each in board if (each.source, each.session) == (self._source.name, self._session)]
        return ages[0] if ages else None

    def _runs(self, why: str) -> MemberRuns:
        return MemberRuns(f"{self._session} of source {self._source.name} still runs ({why}): stop it, then drain it")

    async def _take(self, intake: Intake) -> None:
        """Receive what the broker has, until nothing comes.

        Raises:
            SensError: why the connection ended.
        """
        await intake.expect_redeliveries()
        connection = await connect(self._source.host, self._source.port, self._options, intake)
        intake.attach(connection)
        self._session_present = connection.session_present
        try:
            if connection.session_present:
                await self._subscriptions.end(connection, self._source.filters)
                await self._until_quiet(intake)
        finally:
            await connection.disconnect()

    async def _until_quiet(self, intake: Intake) -> None:
        loop = asyncio.get_running_loop()
        quiet_since, seen = loop.time(), -1
        while loop.time() - quiet_since < self._quiet_s:
            await asyncio.sleep(min(POLL_S, self._quiet_s))
            if intake.ended_because is not None:
                raise intake.ended_because
            await intake.drained()
            if intake.received_messages != seen:
                quiet_since, seen = loop.time(), intake.received_messages
                self._tell(seen)

    async def _end_session(self) -> None:
        """A clean start that asks for no session leaves none, in both versions of MQTT."""
        clean: ConnectOptions = replace(self._options, clean_start=True, session_expiry_s=0)
        connection = await connect(self._source.host, self._source.port, clean, self._intake())
        await connection.disconnect()
        await self._subscriptions.forget()
        await self._servers.status.remove(self._source.name, self._session)
