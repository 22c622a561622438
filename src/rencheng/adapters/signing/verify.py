"""Signed readings: what was altered, unsigned or used before is refused before anything of it is decoded."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa

from rencheng.adapters.decoding.decoder import Decoder, opened_or_refused, told_of
from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.json_paths.parsing import parse_json, utf8_body
from rencheng.adapters.signing.canonical import body_message, document_message
from rencheng.adapters.signing.keys import DeviceKeys
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import REMEMBERED_SCHEMA, Decoded, Delivery, Placed, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["CounterWindow", "SignedDecoder", "Verifier"]

_WINDOW = 1024
"""How far behind the newest counter a delivery may come; RFC 4303 (section 3.4.3) wants 64 at least."""
_LARGEST_COUNTER = 2**53
_LABEL = "signature"
_SUBJECT = "device:"
"""Begin of the subjects under which counters are remembered."""


class _Mark(msgspec.Struct, forbid_unknown_fields=True):
    """A signature inside a document."""

    device: str
    counter: int
    value: str


@dataclass(slots=True, kw_only=True)
class CounterWindow:
    """Counters that a device used lately, each with the digest of what it signed.

    Parameters
    ----------
    newest : int
        Largest counter so far.
    seen : dict of int to bytes
        Counter → first 16 bytes of the SHA-256 of the message, for the last 1024.
    """

    newest: int = -1
    seen: dict[int, bytes] = field(default_factory=dict)

    def admits(self, counter: int, digest: bytes, *, once: bool) -> bool:
        """Whether a counter is new, or belongs to the very message that used it: then it was only sent again.

        With ``once`` a message that is sent again is not admitted either.
        """
        if counter <= self.newest - _WINDOW:
            return False
        known = self.seen.get(counter)
        return known is None or (known == digest and not once)

    def note(self, counter: int, digest: bytes) -> bool:
        """Note that a counter was used; tells whether that is new."""
        if counter in self.seen:
            return False
        self.newest = max(self.newest, counter)
        self.seen[counter] = digest
        if len(self.seen) > 2 * _WINDOW:
            oldest = self.newest - _WINDOW
            self.seen = {number: mark for number, mark in self.seen.items() if number > oldest}
        return True

    def forget(self, counter: int) -> None:
        """Take a counter as never used: what it came with was not stored."""
        self.seen.pop(counter, None)
        self.newest = max(self.seen, default=-1)


class Verifier:
    """Checks signatures of one feed.

    Parameters
    ----------
    keys : DeviceKeys
        Who may sign.
    required : bool
        Refuse what is not signed.
    windows : dict, optional
        Counters by device, as an earlier run left them; only devices with a key ever have an entry.
    once : bool
        Refuse also a message that is sent again as it was: of feeds whose readings are stamped on arrival, where the
        store cannot know it.
    """

    def __init__(
        self,
        keys: DeviceKeys,
        *,
        required: bool,
        windows: dict[str, CounterWindow] | None = None,
        once: bool = False,
    ) -> None:
        self._keys = keys
        self._required, self._once = required, once
        self.windows = {} if windows is None else windows
        self._noted: list[tuple[str, int, bytes]] = []
        self._open: dict[tuple[str, int], None] = {}

    def noted(self) -> pa.Table:
        """Counters used since this was last asked: what is to be committed with the batch that they came with."""
        noted, self._noted = self._noted, []
        if not noted:
            return REMEMBERED_SCHEMA.empty_table()
        subjects, counters, marks = zip(*noted, strict=True)
        return pa.table([[_SUBJECT + one for one in subjects], counters, marks], schema=REMEMBERED_SCHEMA)

    def recall(self, remembered: pa.Table) -> None:
        """Take over what an earlier run committed."""
        for (device, counter), mark in zip(_counters(remembered), remembered["mark"].to_pylist(), strict=True):
            self.windows.setdefault(device, CounterWindow()).note(counter, mark)

    def settle(self, remembered: pa.Table) -> None:
        """Take counters as used for good: the batch that they came with is stored."""
        for device, counter in _counters(remembered):
            self._open.pop((device, counter), None)

    def forget(self, remembered: pa.Table) -> None:
        """Take counters as never used, for the batch that they came with could not be stored."""
        for device, counter in _counters(remembered):
            self._open.pop((device, counter), None)
            window = self.windows.get(device)
            if window is not None:
                window.forget(counter)

    def body(self, body: bytes, delivery: Delivery) -> bool:
        """Check a signature that comes beside the body; False if there is none.

        Raises
        ------
        Refusal
            ``bad_signature`` or ``replayed``.
        """
        if not delivery.signature:
            return False
        counter = -1 if delivery.counter is None else delivery.counter
        self._check(delivery.device, counter, delivery.signature, body_message(delivery.device, counter, body))
        return True

    def document(self, document: Any) -> bool:
        """Check the signature in a JSON object, or in the first record of a list; False if there is none.

        Raises
        ------
        Refusal
            ``bad_signature`` or ``replayed``.
        """
        holder = document[0] if isinstance(document, list) and document else document
        if not isinstance(holder, dict) or _LABEL not in holder:
            return False
        try:
            mark = msgspec.convert(holder[_LABEL], _Mark)
        except msgspec.ValidationError as error:
            raise Refusal(RefusalReason.BAD_SIGNATURE, f"field {_LABEL}: {error}") from error
        bare = {key: value for key, value in holder.items() if key != _LABEL}
        try:
            message = document_message(
                mark.device, mark.counter, [bare, *document[1:]] if holder is not document else bare
            )
        except (ValueError, RecursionError) as error:
            raise Refusal(RefusalReason.BAD_SIGNATURE, f"cannot be written canonically: {error}") from error
        self._check(mark.device, mark.counter, mark.value, message)
        return True

    def require(self, *, signed: bool) -> None:
        """Refuse what is not signed where the feed wants it to be.

        Raises
        ------
        Refusal
            ``unsigned``.
        """
        if self._required and not signed:
            raise Refusal(RefusalReason.UNSIGNED, "this feed takes signed readings only")

    def _check(self, device: str, counter: int, signature: str, message: bytes) -> None:
        try:
            value = base64.b64decode(signature, validate=True)
        except (ValueError, binascii.Error):
            raise Refusal(RefusalReason.BAD_SIGNATURE, f"device {device[:80]}: the signature is not Base64") from None
        if device not in self._keys:
            raise Refusal(RefusalReason.BAD_SIGNATURE, f"device {device[:80]!r} has no key")
        if not 0 <= counter <= _LARGEST_COUNTER:
            raise Refusal(RefusalReason.BAD_SIGNATURE, f"device {device}: the counter {counter} is none")
        if not self._keys.is_signed(device, message, value):
            raise Refusal(RefusalReason.BAD_SIGNATURE, f"device {device}: not what the device signed")
        window = self.windows.setdefault(device, CounterWindow())
        digest = hashlib.sha256(message).digest()[:16]
        once = self._once and (device, counter) not in self._open  # what is not stored yet may come again
        if not window.admits(counter, digest, once=once):
            raise Refusal(RefusalReason.REPLAYED, f"device {device}: the counter {counter} was used before")
        if window.note(counter, digest):
            self._noted.append((device, counter, digest))
            self._open[device, counter] = None


def _counters(remembered: pa.Table) -> Iterator[tuple[str, int]]:
    subjects, numbers = (remembered[name].to_pylist() for name in ("subject", "number"))
    for subject, number in zip(subjects, numbers, strict=True):
        assert subject.startswith(_SUBJECT), subject
        yield subject.removeprefix(_SUBJECT), number


class SignedDecoder:
    """A decoder behind a check of signatures.

    Parameters
    ----------
    inner : Decoder
        Reads what passed.
    verifier : Verifier
        Checks.

    Notes
    -----
    JSON and SenML may carry the signature inside, NDJSON in each line; any body may have it beside
    (:class:`Delivery`). Nothing of a body is decoded before its signature was checked.
    """

    def __init__(self, inner: Decoder, verifier: Verifier) -> None:
        self.inner = inner
        self.verifier = verifier

    @property
    def config(self) -> FeedConfig:
        """The feed."""
        return self.inner.config

    def decode(self, body: bytes, delivery: Delivery) -> Decoded:
        """Decode one delivery; a table as quickly as without signatures.

        Raises
        ------
        InvalidReading
            If it is a table of which nothing can be taken.
        """
        harvest = Harvest(self.config.limits)
        try:
            passed = self._passed(harvest, body, delivery)
        except Refusal:
            passed = b""
        if passed and not harvest.rows:
            try:
                return replace(_verified(self.inner.decode(passed, delivery)), remembered=self.verifier.noted())
            except InvalidReading:
                self.verifier.forget(self.verifier.noted())  # nothing of it is stored, so it may come again
                raise
        self.verifier.forget(self.verifier.noted())  # it is looked at once more
        return self.decode_many([(body, delivery)])

    def decode_many(self, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
        """Decode deliveries in their order, those that were refused as rows of their own."""
        harvest = Harvest(self.config.limits)
        try:
            self.gather_all(harvest, parts)
            return replace(harvest.decoded(), remembered=self.verifier.noted())
        finally:
            self.verifier.forget(self.verifier.noted())  # nothing is left unless it broke

    def gather_all(self, harvest: Harvest, parts: Sequence[tuple[bytes, Delivery]]) -> None:
        """Add the readings and refusals of deliveries to a harvest."""
        for body, delivery in parts:
            harvest.begin(body, delivery)
            try:
                passed = self._passed(harvest, body, delivery)
            except Refusal as refusal:
                harvest.rows += 1
                harvest.refuse(body, refusal.reason, told_of(refusal, delivery))
                continue
            if passed:
                harvest.inside = True
                self.inner.gather_all(harvest, [(passed, delivery)])
                harvest.inside = False

    def _passed(self, harvest: Harvest, body: bytes, delivery: Delivery) -> bytes:
        """The part of a body that may be decoded."""
        if len(body) > self.config.max_body_bytes:
            raise Refusal(RefusalReason.TOO_LARGE, f"the body has {len(body)} bytes")
        if self.verifier.body(body, delivery):
            return body
        form = self.config.format
        opened = opened_or_refused(self.config, body) if form in {"json", "senml", "ndjson"} else body
        if form == "ndjson":
            return self._passed_lines(harvest, opened, delivery)
        if form == "json" or (form == "senml" and opened.lstrip()[:1] == b"["):
            document = parse_json(utf8_body(opened, self.config.encoding), deepest=self.config.max_depth)
            self.verifier.require(signed=self.verifier.document(document))
            return body
        self.verifier.require(signed=False)
        return body

    def _passed_lines(self, harvest: Harvest, body: bytes, delivery: Delivery) -> bytes:
        """The lines whose own signatures hold; the others are kept aside one by one."""
        kept = []
        for line in body.split(b"\n"):
            if not line.strip():
                continue
            try:
                document = parse_json(utf8_body(line, self.config.encoding), deepest=self.config.max_depth)
                self.verifier.require(signed=self.verifier.document(document))
            except Refusal as refusal:
                harvest.rows += 1
                harvest.refuse(line, refusal.reason, told_of(refusal, delivery))
                continue
            kept.append(msgspec.json.encode(document))  # what was checked, whatever another parser makes of the line
        return b"\n".join(kept)


def _verified(decoded: Decoded) -> Decoded:
    """A batch whose origins are known to have been signed, though the signature is not in them."""
    of = decoded.origins
    if of is None:
        return decoded

    def origins(refused: Sequence[int], good: Sequence[int]) -> list[Placed | None]:
        return [
            None if one is None else (one[0] if one[0].form == "body" else replace(one[0], verified=True), one[1])
            for one in of(refused, good)
        ]

    return replace(decoded, origins=origins)
