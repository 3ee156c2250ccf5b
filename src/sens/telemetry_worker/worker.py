"""What decodes and stores, put together once for the pipeline and for replays."""

from collections.abc import Sequence
from threading import Lock

from sens.decoders.registry import DECODERS
from sens.domain.batch import Batch
from sens.sources.models import Configuration
from sens.storage.last_times import LastTimes
from sens.stream.raw import RawStream
from sens.telemetry_worker.clock import microseconds, now_us
from sens.telemetry_worker.database import SeriesResolver, Store
from sens.telemetry_worker.decoding import BatchDecoder
from sens.telemetry_worker.messages import Arrival, Messages, gather
from sens.telemetry_worker.routes import Router
from sens.telemetry_worker.series_map import SeriesMap
from sens.telemetry_worker.settings import TelemetrySettings


class Worker:
    """Decoding and storing. Decoding may be called from several threads, storing from one."""

    def __init__(self, settings: TelemetrySettings, configuration: Configuration, stream: RawStream) -> None:
        url = settings.database_url.get_secret_value()
        last_times = LastTimes()
        self.stream = stream
        self.configuration = configuration
        self.generation = 0
        self._decoder_generation = 0
        self.resolver = SeriesResolver(url, configuration, last_times, self._lost_database)
        self.store = Store(url, last_times, self.resolver.quarantine_limits, self._lost_database)
        self._one_at_a_time = Lock()
        self._decoder = self._new_decoder()

    def _new_decoder(self) -> BatchDecoder:
        return BatchDecoder(Router(self.configuration, DECODERS), SeriesMap(self.resolver.resolve))

    def _lost_database(self) -> None:
        """Ids of sources and series are good for one connection only: behind the next one may be a
        database that was restored to an older copy. A batch decoded before must be decoded again."""
        self.generation += 1

    def _renew(self) -> None:
        if self._decoder_generation != self.generation:
            self._decoder_generation = self.generation
            self.resolver.forget()
            self._decoder = self._new_decoder()

    def decode(self, arrivals: Sequence[Arrival]) -> Batch:
        """Decode envelopes; what is none becomes a message to be quarantined.

        Raises:
            Retry: the database, which knows the series, is away or busy.
        """
        with self._one_at_a_time:
            self._renew()
            return self._decode(gather(arrivals, self.resolver.source_id, self.stream.epoch))

    def decode_messages(self, messages: Messages) -> Batch:
        """Decode messages whose sources have rows. Raises: as `decode`."""
        with self._one_at_a_time:
            self._renew()
            for source in messages.sources:
                self.resolver.source_id(source)
            return self._decode(messages)

    def _decode(self, messages: Messages) -> Batch:
        keep = self.configuration.retention.raw
        oldest_kept = None if keep is None else now_us() - microseconds(keep)
        return self._decoder.decode(messages, oldest_kept)

    def close(self) -> None:
        """Close the connections, once nothing uses them."""
        self.resolver.close()
        self.store.close()
