"""A line to SL 651 stations: frames in, readings out, acknowledgements and queries for missed periods."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.instants import FURTHEST_US
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.decoding.words import Words, number_of, sensor_namer
from rencheng.adapters.regulator.line import Answers, StationLine
from rencheng.adapters.regulator.sl651_elements import ELEMENTS, SL651_DEFAULT_COLUMNS, word_of
from rencheng.adapters.regulator.sl651_frame import (
    ENQ,
    ESC,
    LARGEST_FRAME,
    NAK,
    DamagedFrame,
    Sl651Frame,
    next_frame,
    sl651_frame_bytes,
)
from rencheng.adapters.regulator.sl651_message import ElementValue, Sl651Message, read_message
from rencheng.kernel import micros
from rencheng.sense.batch import RefusalReason
from rencheng.sense.feed import FeedConfig
from rencheng.sense.layout import WideColumn, zone

__all__ = ["Sl651Session"]

_MOST_PACKETS = 512
"""Packets of one message: 2 MB, a picture."""
_MOST_STATIONS = 4096
"""Stations behind one line; a concentrator has hundreds."""
_MOST_AGAIN = 3
"""Damaged frames on end that are asked for again; what comes after is the line's own noise."""
_QUERY = 0x38
_ANSWERED = range(0x30, 0x37)
"""Reports of a station's own accord, which wait for an answer; its answers to our queries do not."""
_REGULAR = (0x31, 0x32, 0x34)
"""Reports that come at even intervals, whose absence is a gap."""
_LONGEST_QUERY = timedelta(days=31)
"""Section 6.6.4.12 asks by hours; a station keeps more, but a query is answered in one message."""


@dataclass(slots=True)
class _Station:
    last_at: datetime | None = None
    packets: dict[int, bytes] = field(default_factory=dict)
    packets_of: tuple[int, int] = (0, 0)
    serial: int = 0


class Sl651Session(StationLine[Sl651Frame]):
    """One line to one or several SL 651 stations.

    Parameters
    ----------
    config : FeedConfig
        A feed of the format ``sl651``.
    last_heard : mapping of str to datetime, optional
        Station → time of its last regular report, shared by the lines of a feed so that a station that was away is
        asked for what it missed; changed in place.
    """

    largest_frame = LARGEST_FRAME

    def __init__(self, config: FeedConfig, last_heard: MutableMapping[str, datetime] | None = None) -> None:
        super().__init__(config)
        self._last_heard = {} if last_heard is None else last_heard
        self._local = zone(config.time.timezone or "+08:00")
        self._words = Words(tuple(map(_with_symbol, config.columns or SL651_DEFAULT_COLUMNS)), {})
        self._namer = sensor_namer(config.sensor or "{station}")
        self._stations: dict[str, _Station] = {}
        self._asked_again = 0

    def _next(self, data: bytes, at: int) -> tuple[Sl651Frame | Refusal | None, int]:
        return next_frame(data, at)

    def _device(self, frame: Sl651Frame) -> str:
        return frame.station

    def _shown(self, raw: bytes) -> str:
        return raw.hex().upper()

    def _once_more(self, refusal: Refusal, now: datetime) -> list[bytes]:
        """Section 6.2.2: NAK asks for the frame, or the packet of a message, again; thrice on end at most."""
        if not isinstance(refusal, DamagedFrame) or not refusal.frame.upward or self._asked_again >= _MOST_AGAIN:
            return []
        frame = refusal.frame
        if frame.function not in _ANSWERED or len(frame.body) < 4:
            return []
        self._asked_again += 1
        try:
            serial = int(frame.body[:4], 16) if frame.is_ascii else int.from_bytes(frame.body[:2], "big")
        except ValueError:
            return []
        packet = (frame.total, frame.number) if 1 <= frame.number <= frame.total else (1, 1)
        return [self._down(frame, frame.function, serial, now, b"", NAK, packet=packet)]

    def _take(self, harvest: Harvest, frame: Sl651Frame, now: datetime, answers: Answers) -> None:
        if not frame.upward:
            return
        self._asked_again = 0
        wanted = self.config.station.password
        if wanted and frame.password != wanted.upper():
            raise Refusal(RefusalReason.BAD_SIGNATURE, "field password: it is another")
        station = self._station(frame.station)
        whole = self._joined(station, frame)
        if whole is None:
            return
        message = read_message(whole, self._local)
        if frame.function in _ANSWERED:
            answers.replies.append(self._reply(whole, message.serial, now))
        self._gather(harvest, whole, message)
        if frame.function in _REGULAR:
            answers.requests += self._missed(station, whole, message, now)

    def _station(self, address: str) -> _Station:
        found = self._stations.get(address)
        if found is None:
            if len(self._stations) >= _MOST_STATIONS:
                raise Refusal(RefusalReason.TOO_LARGE, f"more than {_MOST_STATIONS} stations on one line")
            found = self._stations[address] = _Station(last_at=self._last_heard.get(address))
        return found

    def _joined(self, station: _Station, frame: Sl651Frame) -> Sl651Frame | None:
        """The message that a frame completes; None while packets are missing."""
        if frame.total == 1:
            return frame
        if frame.total > _MOST_PACKETS:
            raise Refusal(RefusalReason.TOO_LARGE, f"{frame.total} packets, {_MOST_PACKETS} are allowed")
        if station.packets_of != (frame.function, frame.total) or frame.number == 1:
            station.packets, station.packets_of = {}, (frame.function, frame.total)
        station.packets[frame.number] = frame.body
        if len(station.packets) < frame.total:
            return None
        body = b"".join(station.packets[number] for number in range(1, frame.total + 1))
        station.packets = {}
        return replace(frame, total=1, number=1, body=body)

    def _gather(self, harvest: Harvest, frame: Sl651Frame, message: Sl651Message) -> None:
        sensor = self._namer("", {"station": frame.station, "centre": str(frame.centre)})
        for value in message.values:
            try:
                if isinstance(value, Refusal):
                    raise value
                self._gather_value(harvest, sensor, value)
            except Refusal as refusal:
                named = f"element {value.word}: " if isinstance(value, ElementValue) else ""
                detail = f"station {frame.station}, {named}{refusal.detail}"
                harvest.refuse(frame.body.hex().upper(), refusal.reason, detail)

    def _gather_value(self, harvest: Harvest, sensor: str, value: ElementValue) -> None:
        scale = self._words.scale(value.word, "")
        number = number_of(value.value, ())
        if scale is None:
            harvest.pass_over(value.word)
            return
        if number is None:
            return
        at = micros(value.at)
        if not 0 <= at <= FURTHEST_US:
            raise Refusal(RefusalReason.BAD_TIME, f"{value.at.isoformat()} is no instant of this century")
        harvest.take(sensor, at, value.word, number, scale)

    def _reply(self, frame: Sl651Frame, serial: int, now: datetime) -> bytes:
        """Section 6.6.4.1: the function, serial number and our time; ESC keeps the line open."""
        return self._down(frame, frame.function, serial, now, b"", ESC)

    def _down(
        self,
        to: Sl651Frame,
        function: int,
        serial: int,
        now: datetime,
        rest: bytes,
        end: int,
        *,
        packet: tuple[int, int] = (1, 1),
    ) -> bytes:
        head = serial.to_bytes(2, "big") + bytes.fromhex(now.astimezone(self._local).strftime("%y%m%d%H%M%S"))
        body = head.hex().upper().encode() + rest if to.is_ascii else head + rest
        return sl651_frame_bytes(
            Sl651Frame(
                is_ascii=to.is_ascii,
                upward=False,
                centre=to.centre,
                station=to.station,
                password=to.password,
                function=function,
                total=packet[0],
                number=packet[1],
                body=body,
                end=end,
            )
        )

    def _missed(self, station: _Station, frame: Sl651Frame, message: Sl651Message, now: datetime) -> list[bytes]:
        """Queries for the period between the last report and this one, where it is longer than it should be."""
        last, at = station.last_at, message.observed_at
        if last is None or at > last:
            station.last_at = self._last_heard[frame.station] = at
            self._heard_until(frame.station, at)
        interval = timedelta(seconds=self.config.station.interval_s)
        if last is None or not self.config.station.replay or at - last < 1.5 * interval:
            return []
        start = max(last, at - _LONGEST_QUERY).astimezone(self._local)
        step = max(1, round(interval / timedelta(minutes=1)))
        digits = f"{step // 1440:02d}{step // 60 % 24:02d}{step % 60:02d}"
        queries = []
        asked = {value.word for value in message.values if isinstance(value, ElementValue)}
        for guide in (0x39, 0xF4):
            if word_of(guide) not in asked or self._words.scale(word_of(guide), "") is None:
                continue
            station.serial = station.serial % 0xFFFF + 1
            shape = 0x60 if guide == 0xF4 else 0x23
            period = f"{start:%y%m%d%H}{at:%y%m%d%H}"
            if frame.is_ascii:
                rest = f"{period} DRH{step // 60:02d} {word_of(guide)} ".encode()
            else:
                rest = bytes.fromhex(f"{period}0418{digits}") + bytes([guide, shape])
            queries.append(self._down(frame, _QUERY, station.serial, now, rest, ENQ))
        return queries


def _with_symbol(column: WideColumn) -> WideColumn:
    """A column that names its element by the guide byte, under its symbol."""
    word = column.column.upper()
    by_guide = {f"{guide:02X}": element.symbol for guide, element in ELEMENTS.items()}
    return replace(column, column=by_guide.get(word, word))
