"""A connection to a broker that receives messages in bulk.

A session begins with `connect`. Messages come to the handler as `Publishes`; they are acknowledged
with `Connection.acknowledge`, in bulk. QoS 2 is finished here: PUBRELs are answered at once, also
those of an earlier connection.
"""

import asyncio
from collections.abc import Sequence

from sens.mqtt import packets, refusals
from sens.mqtt.errors import BrokerUnavailable, InvalidOptions, SubscriptionRefused
from sens.mqtt.handler import Handler
from sens.mqtt.link import Link
from sens.mqtt.options import ConnectOptions
from sens.mqtt.packets import Acknowledgement, ConnectAck, PacketType
from sens.mqtt.reason_codes import FIRST_FAILURE

__all__ = ["ConnectOptions", "Connection", "Handler", "connect"]


class Connection:
    """An open connection. Made by `connect`; once it is closed, make another.

    Attributes:
        properties: what the broker said in its CONNACK.
    """

    def __init__(self, link: Link, options: ConnectOptions, properties: ConnectAck) -> None:
        self._link = link
        self._version = options.version
        self.properties = properties

    @property
    def session_present(self) -> bool:
        """Whether the broker went on with an earlier session: its subscriptions and unacknowledged messages."""
        return self.properties.session_present

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> list[int]:
        """Subscribe to pairs of topic filter and highest QoS; returns the QoS granted for each.

        Waits as long as the connection lives, because a broker may send many queued messages first.

        Raises:
            SubscriptionRefused: the broker refuses a filter for good; others may be granted.
            BrokerUnavailable: the broker refuses a filter for now.
            ConnectionLost: the connection ended first.
            InvalidOptions: a filter or QoS cannot be expressed.
        """
        if not filters:
            return []
        if any(qos not in (0, 1, 2) for _, qos in filters):
            raise InvalidOptions("a subscription's QoS must be 0, 1 or 2")
        refused = refusals.unavailable(self.properties, [filter_ for filter_, _ in filters])
        if refused:
            raise refused
        answer = await self._link.request(
            lambda packet_id: packets.subscribe(packet_id, filters, self._version), PacketType.SUBACK, len(filters)
        )
        _check_granted("subscribe", [filter_ for filter_, _ in filters], answer)
        return answer.reason_codes

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Unsubscribe topic filters, also those that were not subscribed.

        Raises:
            SubscriptionRefused, BrokerUnavailable, ConnectionLost, InvalidOptions: as for `subscribe`.
        """
        if not filters:
            return
        codes = len(filters) if self._version == 5 else 0
        answer = await self._link.request(
            lambda packet_id: packets.unsubscribe(packet_id, filters, self._version), PacketType.UNSUBACK, codes
        )
        _check_granted("unsubscribe", filters, answer)

    def acknowledge(self, qos1: Sequence[int], qos2: Sequence[int]) -> None:
        """Send a PUBACK or PUBREC for each packet id, in one write. Does nothing once closed.

        Args:
            qos1, qos2: packet ids in the order received, as MQTT demands for each QoS.
        """
        if qos1 or qos2:
            self._link.write(packets.pubacks(qos1) + packets.pubrecs(qos2))

    def ping(self) -> None:
        """Send a PINGREQ; `Handler.settled` tells of its answer. Does nothing once closed."""
        self._link.ping(asked=True)

    def pause_reading(self) -> None:
        """Read no more from the socket. What was read already (256 KiB at most) still comes."""
        self._link.pause_reading()

    def resume_reading(self) -> None:
        self._link.resume_reading()

    async def disconnect(self) -> None:
        """Say goodbye and wait until the connection is closed. What comes meanwhile is not received.

        All acknowledgements that were sent before reach the broker, unless it hangs.
        """
        self._link.end()
        await self._link.ended.wait()


def _check_granted(verb: str, filters: Sequence[str], answer: Acknowledgement) -> None:
    """Raise for the first filter that is refused, for good if there is one."""
    refused = [
        refusals.refused_filter(verb, filter_, code, answer.reason_string)
        for filter_, code in zip(filters, answer.reason_codes, strict=False)
        if code >= FIRST_FAILURE
    ]
    if refused:
        raise next((error for error in refused if isinstance(error, SubscriptionRefused)), refused[0])


async def connect(host: str, port: int, options: ConnectOptions, handler: Handler) -> Connection:
    """Connect to a broker. `handler.connected` has been called when this returns.

    Raises:
        BrokerUnavailable: no connection now: refused, too slow, TLS failed, broker busy.
        ConnectRefused: bad credentials, client id or MQTT version.
        CertificateRefused: one side does not accept the other's certificate.
        ConnectionLost: the broker's answer is no MQTT.
        InvalidOptions: an option cannot be expressed in MQTT.
    """
    broker = f"{host}:{port}"
    packets.connect(options.connect())  # what cannot be expressed is told before anything is opened
    link = Link(options, handler, broker)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(options.connect_timeout_s):
            server_name = options.server_name if options.tls else None
            await loop.create_connection(lambda: link, host, port, ssl=options.tls, server_hostname=server_name)
            properties = await link.accepted
    except TimeoutError as error:
        link.drop(None)
        text = f"{broker} did not answer within {options.connect_timeout_s:g} s: check host, port and network"
        raise BrokerUnavailable(text) from error
    except UnicodeError as error:
        raise InvalidOptions(f"'{host}' is no host name: correct the broker's address") from error
    except OSError as error:
        raise refusals.failed_to_connect(error, broker) from error
    except asyncio.CancelledError:
        link.drop(None)
        raise
    return Connection(link, options, properties)
