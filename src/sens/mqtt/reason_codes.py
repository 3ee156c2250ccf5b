"""Reason codes in words, and which of them no retry can mend.

Sources: MQTT 3.1.1 table 3.1 (CONNACK), MQTT 5.0 section 2.4.
"""

FIRST_FAILURE = 0x80
"""This code and those above it are failures, but for CONNACK of 3.1.1, where only 0 is none."""

MALFORMED_PACKET = 0x81
PROTOCOL_ERROR = 0x82
SESSION_TAKEN_OVER = 0x8E
NO_SHARED_SUBSCRIPTIONS = 0x9E
NO_WILDCARDS = 0xA2

_CONNACK_3_1_1 = {
    0: "accepted",
    1: "unacceptable protocol version",
    2: "client identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
}

_MQTT_5 = {
    0x00: "success",
    0x01: "granted QoS 1",
    0x02: "granted QoS 2",
    0x04: "disconnect with will message",
    0x10: "no matching subscribers",
    0x11: "no subscription existed",
    0x18: "continue authentication",
    0x19: "re-authenticate",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x92: "packet identifier not found",
    0x93: "receive maximum exceeded",
    0x94: "topic alias invalid",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}

_PASSING_CONNACK = frozenset({0x03, 0x80, 0x83, 0x88, 0x89, 0x8B, 0x97, 0x9C, 0x9F})
_PASSING_SUBACK = frozenset({0x83, 0x91, 0x97})

_ADVICE = {
    "unacceptable protocol version": "set the source's MQTT version to what the broker speaks (4 is MQTT 3.1.1)",
    "unsupported protocol version": "set the source's MQTT version to what the broker speaks (4 is MQTT 3.1.1)",
    "client identifier rejected": "give the source a client id that the broker accepts",
    "client identifier not valid": "give the source a client id that the broker accepts",
    "bad user name or password": "correct the source's user name and password",
    "not authorized": "allow this user and client id in the broker's access rules, or correct the credentials",
    "banned": "have the broker's administrator lift the ban",
    "bad authentication method": "the broker wants another way of authentication: allow user name and password",
    "server moved": "set the source's broker to the new address",
    "topic filter invalid": "correct the source's topics",
    "shared subscriptions not supported": "use the mode exclusive, or a broker that knows $share",
    "wildcard subscriptions not supported": "name each topic in full, or use a broker that allows + and #",
}


def connack_text(code: int) -> str:
    """A CONNACK's code in words. Those of 3.1.1 lie below the failures of MQTT 5."""
    return _CONNACK_3_1_1.get(code) or text(code)


def text(code: int) -> str:
    """Any other packet's code in words."""
    return _MQTT_5.get(code, f"unknown reason code {code:#04x}")


def advice(words: str, default: str) -> str:
    """What to do about a refusal, given its reason in words."""
    return _ADVICE.get(words, default)


def connack_passes(code: int) -> bool:
    """Whether a refused connection may be accepted later as it is."""
    return code in _PASSING_CONNACK


def suback_passes(code: int) -> bool:
    """Whether a refused subscription may be granted later as it is."""
    return code in _PASSING_SUBACK
