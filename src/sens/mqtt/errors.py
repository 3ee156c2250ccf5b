"""What can go wrong between a broker and us, sorted by what the caller does next.

MqttError
├── InvalidOptions       Fatal   what we were asked to send cannot be said in MQTT
├── ConnectRefused       Fatal   the broker will never let us in like this
├── CertificateRefused   Fatal   one side does not accept the other's TLS certificate
├── SubscriptionRefused  Fatal   the broker refuses a topic filter
├── BrokerUnavailable    Retry   no connection now: away, busy, too slow
├── ConnectionLost       Retry   an established connection ended
│   ├── Disconnected     Retry   … and the broker said why
│   ├── SessionTakenOver Retry   … because another client came with the same client id
│   ├── MalformedPacket  Retry   … because the broker's bytes are no MQTT
│   └── ProtocolViolation Retry  … because the broker's packet is not allowed there
└── DamagedPackets       Reject  stored PUBLISH packets that cannot be read back
"""

from sens.domain.errors import Fatal, Reject, Retry, SensError
from sens.domain.reasons import Reason


class MqttError(SensError):
    """Base of this package's errors; each also is a Retry, a Reject or a Fatal."""


class InvalidOptions(MqttError, Fatal):
    """A client id, filter, credential or limit that MQTT cannot express."""


class ConnectRefused(MqttError, Fatal):
    """The broker refused the connection for a reason that no retry can mend.

    Attributes:
        reason_code: the CONNACK's code, of the MQTT version that was spoken.
    """

    def __init__(self, message: str, reason_code: int) -> None:
        super().__init__(message)
        self.reason_code = reason_code


class CertificateRefused(MqttError, Fatal):
    """The broker's certificate is not trusted here, or ours is not trusted there."""


class SubscriptionRefused(MqttError, Fatal):
    """The broker refused to subscribe or unsubscribe a topic filter.

    Attributes:
        filter: the topic filter.
        reason_code: the SUBACK's or UNSUBACK's code for it.
    """

    def __init__(self, message: str, filter_: str, reason_code: int) -> None:
        super().__init__(message)
        self.filter = filter_
        self.reason_code = reason_code


class BrokerUnavailable(MqttError, Retry):
    """No connection could be made now."""


class ConnectionLost(MqttError, Retry):
    """An established connection ended without our wish."""


class Disconnected(ConnectionLost):
    """The broker ended the connection with a DISCONNECT (MQTT 5).

    Attributes:
        reason_code: the DISCONNECT's code.
    """

    def __init__(self, message: str, reason_code: int) -> None:
        super().__init__(message)
        self.reason_code = reason_code


class SessionTakenOver(ConnectionLost):
    """Another client connected with our client id; connecting again would throw that one out."""


class MalformedPacket(ConnectionLost):
    """Bytes from the broker that are no MQTT packet."""


class ProtocolViolation(ConnectionLost):
    """A well-formed packet that the broker may not send there."""


class DamagedPackets(MqttError, Reject):
    """Bytes of an envelope that are not whole PUBLISH packets."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.INVALID_ENVELOPE, detail)
