"""Every metric of every process. The reference in the docs is generated from this file.

Use: `metrics.READINGS.labels(source, "stored").inc(n)`, once per envelope or batch, never per message.
"""

from prometheus_client import ProcessCollector

from sens.runtime.catalogue import Section, counter, gauge, histogram

# From a local commit (well under a millisecond) to a server that is about to be given up.
_IO_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# From one message to the most that an envelope or batch holds.
_SIZES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)

# ── every process ────────────────────────────────────────────────────────────────────────────────
_P = Section.PROCESS
BUILD_INFO = gauge(
    _P, "sens_build_info", "Always 1; its labels tell the build.", "component", "version", "git_sha", "python"
)
START_TIME = gauge(_P, "sens_process_start_time_seconds", "When the process started, in seconds since 1970 UTC.")
LOOP_LAG_SECONDS = histogram(
    _P,
    "sens_process_loop_lag_seconds",
    "How much later than asked the event loop woke a task, measured all the time.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
TASK_RESTARTS = counter(_P, "sens_process_task_restarts_total", "Supervised tasks started again after a Retry.", "task")
NATS_RECONNECTS = counter(_P, "sens_process_nats_reconnects_total", "Connections to NATS that were lost and are back.")
READY = gauge(_P, "sens_process_ready", "1 if the readiness check passed when it last ran, else 0.", "check")
# CPU, memory, file descriptors: the client library's own process_* metrics, on Linux.
ProcessCollector(registry=_P.registry)

# ── mqtt-ingestion-worker ────────────────────────────────────────────────────────────────────────
_I = Section.INGESTION
CONNECTED = gauge(_I, "sens_ingestion_connected", "1 while the source's broker connection is up.", "source")
OWNED = gauge(
    _I, "sens_ingestion_owned", "1 while this replica owns the source; 0 on a standby (exclusive mode).", "source"
)
RECONNECTS = counter(
    _I, "sens_ingestion_reconnects_total", "Broker connections that ended and had to be made again.", "source"
)
SHORTFALLS = gauge(
    _I,
    "sens_ingestion_broker_shortfalls",
    "In how many points (QoS of a topic, session expiry) the broker grants less than declared.",
    "source",
)
SESSIONS_LOST = counter(
    _I,
    "sens_ingestion_sessions_lost_total",
    "Connections at which the broker no longer had our session: what it had not delivered is lost.",
    "source",
)
PROTOCOL_ERRORS = counter(
    _I, "sens_ingestion_protocol_errors_total", "Connections ended because of a malformed packet.", "source"
)
MESSAGES_RECEIVED = counter(
    _I,
    "sens_ingestion_messages_received_total",
    "MQTT messages received, counted when JetStream has them on disk.",
    "source",
)
BYTES_RECEIVED = counter(_I, "sens_ingestion_received_bytes_total", "Bytes of these messages' packets.", "source")
ENVELOPES_PUBLISHED = counter(
    _I, "sens_ingestion_envelopes_published_total", "Envelopes that JetStream confirmed as on disk.", "source"
)
ENVELOPE_MESSAGES = histogram(
    _I, "sens_ingestion_envelope_messages", "Messages in an envelope.", "source", buckets=_SIZES
)
PUBLISH_SECONDS = histogram(
    _I,
    "sens_ingestion_publish_seconds",
    "From an envelope's first publish to JetStream's confirmation, retries included.",
    "source",
    buckets=_IO_SECONDS,
)
PUBLISH_RETRIES = counter(
    _I, "sens_ingestion_publish_retries_total", "Publishes tried again because JetStream was away or full.", "source"
)
STREAM_FULL = counter(
    _I, "sens_ingestion_stream_full_total", "Publishes refused because the stream is at its limit.", "source"
)
FENCED = counter(
    _I, "sens_ingestion_fenced_total", "Publishes refused because another owner writes to the subject.", "source"
)
PUBACKS_SENT = counter(
    _I, "sens_ingestion_pubacks_sent_total", "Acknowledgements (PUBACK, PUBREC) sent to the broker.", "source"
)
PENDING_MESSAGES = gauge(
    _I, "sens_ingestion_pending_messages", "Messages in memory that JetStream has not confirmed yet.", "source"
)
PENDING_BYTES = gauge(_I, "sens_ingestion_pending_bytes", "The same in bytes.", "source")
READING_PAUSED_SECONDS = counter(
    _I,
    "sens_ingestion_reading_paused_seconds_total",
    "Time in which the socket was not read because memory was full: back-pressure on the broker.",
    "source",
)
REDELIVERIES_SKIPPED = counter(
    _I,
    "sens_ingestion_redeliveries_skipped_total",
    "Redelivered messages found in the stream: acknowledged and not published again.",
    "source",
)
OVERSIZE = counter(
    _I, "sens_ingestion_oversize_total", "Messages over the size limit, of which a stub was kept.", "source"
)

STREAM_FILL_RATIO = gauge(
    _I, "sens_ingestion_stream_fill_ratio", "Bytes in the raw stream by the most it may hold, 0 to 1."
)

# ── telemetry-worker ─────────────────────────────────────────────────────────────────────────────
_T = Section.TELEMETRY
MESSAGES_DECODED = counter(_T, "sens_telemetry_messages_decoded_total", "Messages that became readings.", "source")
MESSAGES_IGNORED = counter(
    _T, "sens_telemetry_messages_ignored_total", "Messages ignored by a declared rule.", "source"
)
MESSAGES_QUARANTINED = counter(
    _T, "sens_telemetry_messages_quarantined_total", "Messages put in quarantine.", "source", "reason"
)
READINGS = counter(
    _T, "sens_telemetry_readings_total", "Decoded readings, by what became of them.", "source", "outcome"
)
BATCH_MESSAGES = histogram(_T, "sens_telemetry_batch_messages", "Messages in a batch.", buckets=_SIZES)
BATCH_READINGS = histogram(_T, "sens_telemetry_batch_readings", "Readings in a batch.", buckets=_SIZES)
BATCH_SECONDS = histogram(
    _T,
    "sens_telemetry_batch_seconds",
    "Time a batch spent in a step: `fetch`, `decode`, `resolve` (series ids), `ledger`, `copy`, `staging` "
    "(temp table), `quarantine`, `commit`, `latest`, `ack`.",
    "phase",
    buckets=_IO_SECONDS,
)
STORE_DELAY_SECONDS = histogram(
    _T,
    "sens_telemetry_store_delay_seconds",
    "From an envelope's receive time to its commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 43_200),
)
LAG_SECONDS = gauge(
    _T,
    "sens_telemetry_lag_seconds",
    "Age of the oldest envelope that this replica holds and has not stored yet; 0 when idle.",
)
PENDING_ENVELOPES = gauge(
    _T, "sens_telemetry_pending_envelopes", "Envelopes in the stream that are not acknowledged yet (leader)."
)
ENVELOPES_SKIPPED = counter(
    _T, "sens_telemetry_envelopes_skipped_total", "Envelopes delivered again that the ledger knew already."
)
DATABASE_RETRIES = counter(
    _T, "sens_telemetry_database_retries_total", "Batches tried again because PostgreSQL was away or busy."
)
BATCHES_BISECTED = counter(
    _T, "sens_telemetry_batches_bisected_total", "Batches that PostgreSQL refused as data and that were split."
)
DEVICES_REFUSED = counter(
    _T, "sens_telemetry_devices_refused_total", "Messages refused: the source is at its limit of devices.", "source"
)
SERIES_REFUSED = counter(
    _T, "sens_telemetry_series_refused_total", "Messages refused: the device is at its limit of series.", "source"
)
QUARANTINE_CAPPED = counter(
    _T,
    "sens_telemetry_quarantine_capped_total",
    "Messages only counted, with one sample kept, because the source's quarantine is full.",
)
LATE_MARKS = counter(
    _T, "sens_telemetry_late_marks_total", "Rollup buckets marked by late readings, to be computed again."
)
LEADER = gauge(_T, "sens_telemetry_leader", "1 while this replica does the maintenance for all.")
ROLLUP_WATERMARK_AGE_SECONDS = gauge(
    _T, "sens_telemetry_rollup_watermark_age_seconds", "How far the rollup's mark lies behind now (leader).", "mark"
)
ENVELOPES_PURGED = counter(
    _T, "sens_telemetry_envelopes_purged_total", "Envelopes purged: consumed and out of the replay window."
)
RETENTION_DROPPED = counter(
    _T, "sens_telemetry_retention_dropped_total", "Chunks or partitions dropped after their retention.", "tier"
)
LEDGER_BALANCED = gauge(_T, "sens_telemetry_ledger_balanced", "1 if the source's ledger adds up (leader).", "source")
MESSAGES_LOST = gauge(
    _T, "sens_telemetry_lost_messages", "Messages that a store once had and has no more (leader).", "source"
)

# ── platform-api ─────────────────────────────────────────────────────────────────────────────────
_A = Section.API
HTTP_REQUESTS = counter(_A, "sens_api_http_requests_total", "HTTP requests answered.", "method", "route", "status")
HTTP_SECONDS = histogram(
    _A,
    "sens_api_http_request_seconds",
    "From a request's first byte to the end of its answer.",
    "method",
    "route",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
HTTP_IN_FLIGHT = gauge(_A, "sens_api_http_in_flight", "HTTP requests being answered.")
LIVE_STREAMS = gauge(_A, "sens_api_live_streams_connected", "Live streams that are open.")
LIVE_READINGS = counter(
    _A, "sens_api_live_readings_total", "Readings given out to live streams; of each series the newest of a window."
)
LIVE_RESETS = counter(
    _A, "sens_api_live_resets_total", "Live streams told to query what they missed: they were away for too long."
)
