"""The body of a bulk delivery: size limits that hold through decompression, and text in UTF-8."""

from __future__ import annotations

import zlib
from pathlib import Path

from rencheng.kernel import InvalidReading, NotFound
from rencheng.sense.feed import FeedConfig

__all__ = ["opened_body", "utf8_lines"]

_GZIP_MAGIC = b"\x1f\x8b"
_STEP = 1 << 20


def opened_body(config: FeedConfig, data: bytes | Path) -> bytes:
    """Give the decompressed bytes of a body.

    Decompression goes in steps of 1 MiB and stops at the limit, so that a small body that would unfold to
    terabytes costs no more memory than ``max_decoded_bytes``.

    Raises
    ------
    NotFound
        If the file does not exist.
    InvalidReading
        If the body is larger than the feed allows, or is broken gzip; nothing of it is taken.
    """
    where = str(data) if isinstance(data, Path) else f"feed {config.id!r}"
    raw = _read(config, data, where) if isinstance(data, Path) else data
    if len(raw) > config.max_body_bytes:
        raise _too_large(len(raw), config.max_body_bytes, "body", where)
    packed = raw.startswith(_GZIP_MAGIC)
    if config.compression == "none" or (config.compression == "auto" and not packed):
        if len(raw) > config.max_decoded_bytes:
            raise _too_large(len(raw), config.max_decoded_bytes, "body", where)
        return raw
    if not packed:
        raise InvalidReading("the body is not gzip", where=where, mend='Compress it or set compression = "auto"')
    return _unzipped(raw, config.max_decoded_bytes, where)


def _read(config: FeedConfig, path: Path, where: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > config.max_body_bytes:
            raise _too_large(size, config.max_body_bytes, "file", where)
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", mend="Check the path of the recorded feed") from None
    except OSError as error:
        raise InvalidReading(f"cannot be read: {error.strerror}", where=where, mend="Check the file") from error


def _unzipped(raw: bytes, limit: int, where: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    rest = raw
    try:
        while rest:
            engine = zlib.decompressobj(wbits=31)
            while not engine.eof:
                part = engine.decompress(rest, _STEP)
                rest = engine.unconsumed_tail or engine.unused_data
                size += len(part)
                if size > limit:
                    raise _too_large(size, limit, "decompressed body", where)
                if not part and not rest and not engine.eof:
                    raise InvalidReading(
                        "the gzip body ends in the middle", where=where, mend="Send it again; nothing was taken"
                    )
                parts.append(part)
    except zlib.error as error:
        raise InvalidReading(
            f"the gzip body is broken ({error})", where=where, mend="Send it again; nothing was taken"
        ) from error
    return b"".join(parts)


def _too_large(size: int, limit: int, what: str, where: str) -> InvalidReading:
    return InvalidReading(
        f"the {what} has {size} bytes or more, the feed allows {limit}",
        where=where,
        mend="Send it in smaller parts, or raise the limit in the feed configuration; nothing was taken",
    )


def utf8_lines(config: FeedConfig, body: bytes) -> tuple[bytes, dict[int, str]]:
    """Give the body in UTF-8 without byte-order mark, and the lines that could not be decoded.

    Returns
    -------
    body : bytes
        UTF-8; a line that is not valid in the feed's encoding is left empty, so that line numbers stay.
    bad : dict of int to str
        Line number (from 1) → what could be read of the line.
    """
    encoding = config.encoding
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        body = body.removeprefix(b"\xef\xbb\xbf")
        encoding = "utf-8"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        return _without_bad_lines(body, encoding)
    return (body if encoding == "utf-8" else text.encode()), {}


def _without_bad_lines(body: bytes, encoding: str) -> tuple[bytes, dict[int, str]]:
    bad: dict[int, str] = {}
    lines = body.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            lines[number - 1] = line.decode(encoding).encode()
        except UnicodeDecodeError:
            bad[number] = line.decode(encoding, errors="replace").rstrip("\r")
            lines[number - 1] = b""
    return b"\n".join(lines), bad
