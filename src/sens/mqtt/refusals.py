"""Why there is no connection, or no subscription: turned into errors that say what to do. Pure."""

import socket
import ssl
from collections.abc import Sequence

from sens.mqtt import reason_codes
from sens.mqtt.errors import (
    BrokerUnavailable,
    CertificateRefused,
    ConnectionLost,
    ConnectRefused,
    Disconnected,
    MqttError,
    SessionTakenOver,
    SubscriptionRefused,
)
from sens.mqtt.packets import ConnectAck, Disconnect

_CERTIFICATE_ALERTS = ("CERTIFICATE", "UNKNOWN_CA")


def refused_connack(ack: ConnectAck) -> MqttError:
    """The error for a CONNACK that refuses."""
    said = _said(ack.reason, ack.reason_string, ack.server_reference)
    if reason_codes.connack_passes(ack.reason_code):
        return BrokerUnavailable(f"the broker refused the connection for now ({said}): try again")
    what_to_do = reason_codes.advice(ack.reason, "see the broker's log for why")
    return ConnectRefused(f"the broker refused the connection ({said}): {what_to_do}", ack.reason_code)


def refused_filter(verb: str, filter_: str, code: int, reason_string: str | None) -> MqttError:
    """The error for a topic filter that a SUBACK or UNSUBACK refuses; `verb` is what was asked."""
    reason = reason_codes.text(code)
    text = f"the broker refused to {verb} '{filter_}' ({_said(reason, reason_string, None)})"
    if reason_codes.suback_passes(code):
        return BrokerUnavailable(f"{text}: try again")
    what_to_do = reason_codes.advice(reason, "allow it in the broker's access rules, or see its log for why")
    return SubscriptionRefused(f"{text}: {what_to_do}", filter_, code)


def unavailable(ack: ConnectAck, filters: Sequence[str]) -> SubscriptionRefused | None:
    """The error for the first filter of a kind that the broker said it does not have: it would close the connection."""
    for filter_ in filters:
        if filter_.startswith("$share/") and not ack.shared_subscription_available:
            text = (
                f"the broker has no shared subscriptions, so '{filter_}' cannot be subscribed: receive with one client"
            )
            return SubscriptionRefused(text, filter_, reason_codes.NO_SHARED_SUBSCRIPTIONS)
        if not ack.wildcard_available and not {"+", "#"}.isdisjoint(filter_):
            text = f"the broker has no wildcard subscriptions, so '{filter_}' cannot be subscribed: name each topic"
            return SubscriptionRefused(text, filter_, reason_codes.NO_WILDCARDS)
    return None


def said_goodbye(disconnect: Disconnect) -> ConnectionLost:
    """The error for a broker's DISCONNECT. A reason that stays will come again in the next CONNACK."""
    said = _said(disconnect.reason, disconnect.reason_string, disconnect.server_reference)
    if disconnect.reason_code == reason_codes.SESSION_TAKEN_OVER:
        return SessionTakenOver(f"another client connected with this client id ({said}): give each its own")
    return Disconnected(f"the broker ended the connection ({said})", disconnect.reason_code)


def _said(reason: str, reason_string: str | None, server_reference: str | None) -> str:
    text = f"{reason}: {reason_string}" if reason_string else reason
    return f"{text}; use {server_reference}" if server_reference else text


def failed_to_connect(error: OSError, broker: str) -> MqttError:
    """The error for a TCP connection or TLS handshake that failed; `broker` is host and port."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRefused(
            f"the certificate of {broker} is not trusted ({error.verify_message}): "
            "set the CA that signed it and the host name it was made for, or renew it"
        )
    if isinstance(error, ssl.SSLError):
        return _failed_tls(error, broker)
    if isinstance(error, socket.gaierror):
        return BrokerUnavailable(f"{broker}: the host name is not known now ({error.strerror}): check it")
    if isinstance(error, ConnectionRefusedError):
        return BrokerUnavailable(f"{broker} refused the connection: check the port, and that the broker runs")
    return BrokerUnavailable(f"{broker} cannot be reached now ({error}): check host, port and network")


def _failed_tls(error: ssl.SSLError, broker: str) -> MqttError:
    reason = error.reason or str(error)
    if any(word in reason for word in _CERTIFICATE_ALERTS):
        return CertificateRefused(
            f"{broker} does not accept our certificate ({reason}): set a client certificate and key that it trusts"
        )
    return BrokerUnavailable(f"TLS with {broker} failed ({reason}): check that this port speaks TLS")


def lost(error: Exception | None, broker: str) -> MqttError:
    """The error for a connection that broke; `error` is what the transport tells."""
    if isinstance(error, ssl.SSLError):
        return _failed_tls(error, broker)
    if error is None:
        return ConnectionLost(f"{broker} closed the connection: see its log for why")
    return ConnectionLost(f"the connection to {broker} broke ({error})")


def never_answered(error: Exception | None, broker: str) -> MqttError:
    """The error for a connection that ended before its CONNACK."""
    if isinstance(error, ssl.SSLError):
        return _failed_tls(error, broker)
    text = f" ({error})" if error else ""
    return BrokerUnavailable(f"{broker} closed the connection without an answer{text}: see its log for why")
