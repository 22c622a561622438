"""Device keys: which public key signs for which device, from a file that people keep."""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rencheng.kernel import InvalidConfig, NotFound

__all__ = ["DeviceKeys", "read_device_keys"]


class DeviceKeys:
    """Public keys by device.

    Parameters
    ----------
    keys : mapping of str to bytes
        Device → Ed25519 public keys of 32 bytes (RFC 8032), the old and the new one while keys are changed.

    Raises
    ------
    InvalidConfig
        If a key is none.
    """

    def __init__(self, keys: Mapping[str, tuple[bytes, ...]]) -> None:
        loaded = {}
        for device, known in keys.items():
            try:
                loaded[device] = tuple(map(Ed25519PublicKey.from_public_bytes, known))
            except ValueError:
                raise InvalidConfig(
                    "is no Ed25519 public key", where=f"device {device!r}", mend="Give 32 bytes in Base64"
                ) from None
        self._keys = MappingProxyType(loaded)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, device: object) -> bool:
        return device in self._keys

    def is_signed(self, device: str, message: bytes, signature: bytes) -> bool:
        """Whether the device signed exactly this message."""
        for key in self._keys.get(device, ()):
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            return True
        return False


def read_device_keys(path: Path) -> DeviceKeys:
    """Read a file of device keys.

    The file is TOML: a table ``[devices]`` with ``device = "BASE64"`` or ``device = ["OLD", "NEW"]``.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If it is not TOML or a key is none; names the device.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no file of device keys {path}", mend="See docs/reference/feeds.md") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not TOML: {error}", where=str(path)) from error
    devices = data.get("devices")
    if not isinstance(devices, dict):
        raise InvalidConfig("there is no [devices] table", where=str(path), mend="See docs/reference/feeds.md")
    keys = {device: _keys_of(said, f"{path} device {device!r}") for device, said in devices.items()}
    try:
        return DeviceKeys(keys)
    except InvalidConfig as error:
        raise InvalidConfig(error.what, where=f"{path} {error.where}", mend=error.mend) from error


def _keys_of(said: Any, where: str) -> tuple[bytes, ...]:
    texts = said if isinstance(said, list) else [said]
    try:
        return tuple(base64.b64decode(text, validate=True) for text in texts)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidConfig("is not Base64", where=where, mend="Give the public key of 32 bytes in Base64") from None
