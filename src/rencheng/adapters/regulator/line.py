"""A line to stations, whatever they speak: bytes gathered into frames, refusals kept aside, junk counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

import pyarrow as pa

from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.regulator.exchange import Exchange
from rencheng.kernel import from_micros, micros
from rencheng.sense.batch import REMEMBERED_SCHEMA, Delivery
from rencheng.sense.feed import FeedConfig

__all__ = ["Answers", "StationLine", "remembered_stations", "stations_remembered"]

FrameT = TypeVar("FrameT")

_MOST_JUNK = 65536
"""A line that brings so many bytes without a frame is closed."""


_SUBJECT = "station:"
"""Begin of the subjects under which it is remembered up to when stations have reported."""


def remembered_stations(heard: Mapping[str, datetime]) -> pa.Table:
    """Write up to when stations have reported, as it is committed with their batch."""
    subjects, stamps = [_SUBJECT + one for one in heard], [micros(at) for at in heard.values()]
    return pa.table([subjects, stamps, [b""] * len(stamps)], schema=REMEMBERED_SCHEMA)


def stations_remembered(remembered: pa.Table) -> dict[str, datetime]:
    """Read what :func:`remembered_stations` wrote: the latest of each station."""
    found: dict[str, datetime] = {}
    for subject, number in zip(*(remembered[name].to_pylist() for name in ("subject", "number")), strict=True):
        if subject.startswith(_SUBJECT):
            station, at = subject.removeprefix(_SUBJECT), from_micros(number)
            found[station] = max(at, found.get(station, at))
    return found


@dataclass(slots=True)
class Answers:
    """What is to be sent: acknowledgements after the commit, and queries behind them."""

    replies: list[bytes] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)


class StationLine(Generic[FrameT]):
    """One line to one or several stations.

    Parameters
    ----------
    config : FeedConfig
        A feed of a regulator's format.

    Notes
    -----
    Nothing is sent from here: :meth:`feed` says what to send and when. A frame with a wrong checksum or password is
    kept aside and not acknowledged, so the station sends it again, at once where its protocol can be asked to.
    """

    device_word = "station"
    """What the one who sends is called in refusals."""
    largest_frame: int
    """Bytes of the largest frame; more than that is never held."""

    def __init__(self, config: FeedConfig) -> None:
        self.config = config
        self._buffer = b""
        self._junk = 0
        self._moved: dict[str, datetime] = {}

    def feed(self, data: bytes, now: datetime, harvest: Harvest | None = None) -> Exchange:
        """Take bytes from the line.

        Parameters
        ----------
        data : bytes
            What came, in pieces of any size.
        now : datetime
            The wall's clock, which goes into replies.
        harvest : Harvest, optional
            Where to add what is read; the exchange then tells of all that is in it.
        """
        harvest = Harvest(self.config.limits) if harvest is None else harvest
        buffer = self._buffer + data
        answers = Answers()
        devices: dict[str, None] = {}
        at = frames = 0
        while True:
            frame, behind = self._next(buffer, at)
            if frame is None:
                self._junk += behind - at
                break
            frames += 1
            self._junk = 0
            harvest.begin(buffer[at:behind], Delivery(arrived_at=now))
            harvest.rows += 1
            if not isinstance(frame, Refusal):
                devices[self._device(frame)] = None
            self._take_or_refuse(harvest, frame, buffer[at:behind], now, answers)
            at = behind
        self._buffer = buffer[behind:]
        moved, self._moved = self._moved, {}
        return Exchange(
            decoded=replace(harvest.decoded(), remembered=remembered_stations(moved)),
            frames=frames,
            replies=b"".join(answers.replies),
            requests=b"".join(answers.requests),
            devices=tuple(devices),
            close=self._junk > _MOST_JUNK or len(self._buffer) > self.largest_frame,
        )

    def _take_or_refuse(
        self, harvest: Harvest, frame: FrameT | Refusal, raw: bytes, now: datetime, answers: Answers
    ) -> None:
        if isinstance(frame, Refusal):
            harvest.refuse(self._shown(raw), frame.reason, frame.detail)
            answers.replies += self._once_more(frame, now)
            return
        try:
            self._take(harvest, frame, now, answers)
        except Refusal as refusal:
            harvest.refuse(
                self._shown(raw), refusal.reason, f"{self.device_word} {self._device(frame)}: {refusal.detail}"
            )

    def _next(self, data: bytes, at: int) -> tuple[FrameT | Refusal | None, int]:
        """The next frame, and where to go on."""
        raise NotImplementedError

    def _device(self, frame: FrameT) -> str:
        """Who sent a frame."""
        raise NotImplementedError

    def _heard_until(self, device: str, at: datetime) -> None:
        """Note up to when a device has reported: it is remembered with the batch, also over a restart."""
        self._moved[device] = at

    def _once_more(self, refusal: Refusal, now: datetime) -> list[bytes]:  # noqa: ARG002 — for protocols that can
        """What asks for a damaged frame again."""
        return []

    def _shown(self, raw: bytes) -> bytes | str:
        """How a refused frame is kept."""
        return raw

    def _take(self, harvest: Harvest, frame: FrameT, now: datetime, answers: Answers) -> None:
        """Add the readings of a frame and what to answer; raises a refusal where it cannot be taken."""
        raise NotImplementedError
