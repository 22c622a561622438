"""What a broker means by the codes with which it refuses."""

from __future__ import annotations

__all__ = ["refusal_of_connection", "refusal_of_subscription"]

_CONNECT_3 = {
    1: "the broker does not speak this version of MQTT",
    2: "the broker does not take this client_id",
    3: "the broker is not available",
    4: "wrong user name or password",
    5: "not authorised",
}
"""CONNACK return codes, MQTT 3.1.1 table 3.1."""

_REASONS_5 = {
    0x00: "normal end",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "an error of the broker's own",
    0x84: "the broker does not speak this version of MQTT",
    0x85: "the broker does not take this client_id",
    0x86: "wrong user name or password",
    0x87: "not authorised",
    0x88: "the broker is not available",
    0x89: "the broker is busy",
    0x8A: "banned",
    0x8B: "the broker shuts down",
    0x8D: "keep-alive timeout",
    0x8E: "another client with this client_id took the session over",
    0x8F: "the broker does not take this topic filter",
    0x91: "packet identifier in use",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x9C: "use another broker",
    0x9D: "the broker has moved",
    0x9E: "the broker has no shared subscriptions",
    0xA1: "the broker has no subscription identifiers",
    0xA2: "the broker has no wildcard subscriptions",
}
"""Reason codes, MQTT 5.0 section 2.4."""


def refusal_of_connection(connack: bytes, *, version: str) -> str:
    """Why a CONNACK refuses; empty if it does not.

    Examples
    --------
    >>> refusal_of_connection(bytes([0, 5]), version="3.1.1")
    'not authorised'
    """
    code = connack[1]
    if not code:
        return ""
    known = _REASONS_5 if version == "5" else _CONNECT_3
    return known.get(code, f"the broker refuses with code {code}")


def refusal_of_subscription(code: int) -> str:
    """What a reason code of SUBACK or DISCONNECT means."""
    return _REASONS_5.get(code, f"code {code}")
