"""How large messages and envelopes may be: by the configuration, the settings, and what NATS takes at once."""

from dataclasses import dataclass

from sens.domain.envelope import MAX_HEADER_BYTES, STUB_HEADER_BYTES
from sens.domain.errors import Retry

KEEP_BYTES = 4096
"""How much of an oversize message is kept."""


class MaxPayloadTooSmall(Retry):
    """NATS takes less in one message than what is to be published: measure again, and connect again."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Limits of one source.

    Attributes:
        max_packet_bytes: of a longer PUBLISH packet only the first bytes are kept.
        max_envelope_bytes: packets are packed together up to this size; a single one may be larger.
    """

    max_packet_bytes: int
    max_envelope_bytes: int

    @property
    def keep_bytes(self) -> int:
        """How much of an oversize packet is kept."""
        return min(KEEP_BYTES, self.max_packet_bytes)


def measure(max_message_bytes: int, max_envelope_bytes: int, max_data_bytes: int) -> Sizes:
    """The limits where NATS takes `max_data_bytes` in a message.

    Raises:
        MaxPayloadTooSmall: not even the beginning of a message fits.
    """
    room = max_data_bytes - MAX_HEADER_BYTES
    if room < KEEP_BYTES + STUB_HEADER_BYTES:
        raise MaxPayloadTooSmall(f"NATS takes {max_data_bytes} bytes in a message: raise its max_payload")
    return Sizes(min(max_message_bytes, room), min(max_envelope_bytes, room))
