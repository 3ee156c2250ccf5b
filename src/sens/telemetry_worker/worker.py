"""What decodes and stores, put together once for the pipeline and for replays."""

from collections.abc import Callable, Sequence
from threading import Lock

from sens.decoders.registry import DECODERS
from sens.decoding.batch_decoder import BatchDecoder
from sens.decoding.messages import Arrival, Messages, gather
from sens.decoding.routes import Router
from sens.decoding.series_map import SeriesMap
from sens.domain.batch import Batch
from sens.sources.models import Configuration
from sens.storage.last_times import LastTimes
from sens.stream.raw import RawStream
from sens.telemetry_worker.clock import microseconds, now_us
from sens.telemetry_worker.connections import Connections, Role
from sens.telemetry_worker.database import SeriesResolver, Store
from sens.telemetry_worker.settings import TelemetrySettings


class Worker:
    """Decoding and storing. Decoding may be called from several threads, storing from one."""

    def __init__(self, settings: TelemetrySettings, configuration: Configuration, stream: RawStream) -> None:
        last_times = LastTimes()
        self.stream = stream
        self.configuration = configuration
        self.connections = Connections(settings.database_url.get_secret_value())
        self.resolver = SeriesResolver(configuration, last_times)
        self.store = Store(self.connections, last_times, self.resolver.quarantine_limits)
        self._one_at_a_time = Lock()
        self._decoder = self._new_decoder()
        self._decoder_generation = 0

    def _new_decoder(self) -> BatchDecoder:
        router = Router(self.configuration, DECODERS, self.resolver.source_id)
        return BatchDecoder(router, SeriesMap(self.resolver.resolve))

    def decode(self, arrivals: Sequence[Arrival]) -> Batch:
        """Decode envelopes; what is none becomes a message to be quarantined.

        Raises:
            Retry: the database, which knows the series, is away or busy.
        """
        return self._decode(lambda: gather(arrivals, self.resolver.source_id, self.stream.epoch))

    def decode_messages(self, messages: Messages) -> Batch:
        """Decode messages whose sources have rows. Raises: as `decode`."""

        def known() -> Messages:
            for source in messages.sources:
                self.resolver.source_id(source)
            return messages

        return self._decode(known)

    def _decode(self, messages: Callable[[], Messages]) -> Batch:
        keep = self.configuration.retention.raw
        oldest_kept = None if keep is None else now_us() - microseconds(keep)
        with self._one_at_a_time, self.connections.use(Role.SERIES) as (connection, generation):
            if generation != self._decoder_generation:
                self.resolver.use(connection)
                self._decoder = self._new_decoder()
                self._decoder_generation = generation
            batch = self._decoder.decode(messages(), oldest_kept)
        batch.generation = generation
        return batch

    def close(self) -> None:
        """Close the connections, once nothing uses them."""
        self.connections.close()
