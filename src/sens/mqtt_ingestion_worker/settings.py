"""Settings of the ingestion worker."""

from pydantic import Field

from sens.runtime.settings import Seconds, Settings

MiB = 1024 * 1024


class IngestionSettings(Settings):
    """mqtt-ingestion-worker"""

    max_envelope_bytes: int = Field(
        default=512 * 1024,
        ge=4096,
        le=64 * MiB,
        description="Most bytes of messages in an envelope, which a single larger message may exceed; max_payload of "
        "the NATS server may lower it.",
    )
    settle_every_s: Seconds = Field(
        default=1.0, description="Under load, how often the broker is asked how many acknowledgements it has read."
    )
    raw_stream_max_bytes: int = Field(
        default=20 * 1024 * MiB,
        ge=16 * MiB,
        description="Most bytes in the raw stream; when it is full, intake stops and the broker keeps the messages.",
    )
    lease_ttl_s: Seconds = Field(
        default=10.0, description="After so long without a sign of life, a standby takes an exclusive source over."
    )
