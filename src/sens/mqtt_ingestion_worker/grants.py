"""What a broker grants, beside what the source declares. Pure."""

from collections.abc import Iterator, Sequence

from sens.mqtt.packets import ConnectAck
from sens.sources.models import Source

SESSION_LOST = (
    "the broker no longer has our session: what it received while no worker was connected, and what it had not "
    "delivered, is lost; see its session expiry and persistence"
)


def shortfalls(source: Source, ack: ConnectAck, granted_qos: Sequence[int]) -> Iterator[str]:
    """What is less than declared, and what that may cost: a text each.

    Args:
        granted_qos: of each of the source's filters, in their order.
    """
    if ack.session_expiry_s is not None and ack.session_expiry_s < source.session_expiry_s:
        yield (
            f"the broker keeps the session for {ack.session_expiry_s} s instead of {source.session_expiry_s}: "
            "what it receives in a longer absence of ours is lost"
        )
    for (filter_, wanted), granted in zip(source.filters, granted_qos, strict=True):
        if granted < wanted:
            yield f"the broker grants QoS {granted} instead of {wanted} for '{filter_}': {_COST[granted]}"


_COST = {
    0: "what is on its way at a crash or a lost connection is lost",
    1: "a message may be delivered twice, and is then compared with what is stored",
}
