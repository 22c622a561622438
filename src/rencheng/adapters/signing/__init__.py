"""Signed readings: Ed25519 signatures of devices, checked before decoding; counters against replay."""

from rencheng.adapters.signing.canonical import body_message, canonical_json_bytes, document_message
from rencheng.adapters.signing.keys import DeviceKeys, read_device_keys
from rencheng.adapters.signing.verify import CounterWindow, SignedDecoder, Verifier

__all__ = [
    "CounterWindow",
    "DeviceKeys",
    "SignedDecoder",
    "Verifier",
    "body_message",
    "canonical_json_bytes",
    "document_message",
    "read_device_keys",
]
