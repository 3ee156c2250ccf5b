"""Settings of the telemetry worker."""

from pydantic import Field

from sens.runtime.settings import Seconds, Settings

MiB = 1024 * 1024


class TelemetrySettings(Settings):
    """telemetry-worker"""

    max_batch_bytes: int = Field(
        default=2 * MiB,
        ge=64 * 1024,
        le=64 * MiB,
        description="Most bytes of envelopes in a batch. Memory holds about 20 times that: one batch is stored "
        "while the next one is decoded.",
    )
    batch_hold_s: float = Field(
        default=0.025,
        ge=0,
        le=1,
        description="Under load, how long a batch is held so that it fills, and four times that where much comes; "
        "at low rates it is stored at once.",
    )
    ack_wait_s: Seconds = Field(
        default=30.0, description="After so long without a sign of life, JetStream gives an envelope to another worker."
    )
    maintenance_every_s: Seconds = Field(
        default=5.0, description="How often the leading replica advances rollups, retention and the ledger."
    )
    rollup_lag_s: Seconds = Field(
        default=120.0,
        description="How long after its end a ten-minute bucket is computed; readings later than that are late.",
    )
    raw_stream_max_bytes: int = Field(
        default=20 * 1024 * MiB,
        ge=16 * MiB,
        description="Most bytes in the raw stream; when it is full, intake stops and the broker keeps the messages.",
    )
