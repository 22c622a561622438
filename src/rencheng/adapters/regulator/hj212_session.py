"""A line to HJ 212 devices: packets in, readings out, answers and requests for missed periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.instants import FURTHEST_US
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.decoding.words import Words, number_of, sensor_namer
from rencheng.adapters.regulator.hj212_packet import LARGEST_PACKET, Hj212Packet, hj212_packet_bytes, next_packet
from rencheng.adapters.regulator.line import Answers, StationLine
from rencheng.kernel import micros
from rencheng.sense.batch import RefusalReason
from rencheng.sense.feed import FeedConfig
from rencheng.sense.layout import zone

__all__ = ["Hj212Session"]

_DATA = ("2011", "2051", "2061", "2031")
"""Commands that carry measurements (appendix C): in real time, by minutes, hours, days."""
_ANSWERS = ("9011", "9012", "9013", "9014")
_UNUSED_FLAGS = {"F": "stopped", "M": "maintenance", "D": "fault", "C": "calibration", "B": "no communication"}
"""Marks of measurements that are none (table 8): the instrument says so itself."""
_MOST_DEVICES = 4096
_LONGEST_REQUEST = timedelta(days=31)


@dataclass(slots=True)
class _Device:
    last_at: datetime | None = None
    data_time: str = ""
    message: tuple[str, str] = ("", "")


class Hj212Session(StationLine[Hj212Packet]):
    """One line to one or several devices.

    Parameters
    ----------
    config : FeedConfig
        A feed of the format ``hj212``; its columns name factors, e.g. ``a34004`` or ``a34004-Avg``.
    """

    device_word = "device"
    largest_frame = LARGEST_PACKET

    def __init__(self, config: FeedConfig, last_heard: MutableMapping[str, datetime] | None = None) -> None:
        super().__init__(config)
        self._last_heard = {} if last_heard is None else last_heard
        self._local = zone(config.time.timezone or "+08:00")
        self._words = Words(config.columns, {})
        self._namer = sensor_namer(config.sensor or "{mn}")
        self._devices: dict[str, _Device] = {}

    def _next(self, data: bytes, at: int) -> tuple[Hj212Packet | Refusal | None, int]:
        return next_packet(data, at)

    def _device(self, frame: Hj212Packet) -> str:
        return frame.mn

    def _take(self, harvest: Harvest, frame: Hj212Packet, now: datetime, answers: Answers) -> None:
        packet = frame
        wanted = self.config.station.password
        if wanted and packet.pw != wanted:
            raise Refusal(RefusalReason.BAD_SIGNATURE, "field PW: it is another")
        if not packet.mn:
            raise Refusal(RefusalReason.NO_SENSOR, "field MN: there is none")
        if packet.answer_wanted and packet.cn not in _ANSWERS:
            cn = "9014" if packet.cn in _DATA else "9013"
            answer = Hj212Packet(qn=packet.qn, st="91", cn=cn, pw=packet.pw, mn=packet.mn)
            answers.replies.append(hj212_packet_bytes(answer))  # also if a value of it is refused
        if packet.cn in _DATA:
            device = self._known(packet.mn)
            at = self._data_time(device, packet)
            self._gather(harvest, packet, at)
            if packet.cn != "2011":
                answers.requests += self._missed(device, packet, at, now)

    def _known(self, mn: str) -> _Device:
        found = self._devices.get(mn)
        if found is None:
            if len(self._devices) >= _MOST_DEVICES:
                raise Refusal(RefusalReason.TOO_LARGE, f"more than {_MOST_DEVICES} devices on one line")
            found = self._devices[mn] = _Device(last_at=self._last_heard.get(mn))
        return found

    def _data_time(self, device: _Device, packet: Hj212Packet) -> datetime:
        """The packet's own time, or that of the first packet of its message."""
        said = next((group["DataTime"] for group in packet.cp if "DataTime" in group), "")
        message = (packet.qn, packet.cn)
        if not said and packet.pno > 1 and device.message == message:
            said = device.data_time
        device.message, device.data_time = message, said
        try:
            if len(said) != 14 or not (said.isascii() and said.isdigit()):
                raise ValueError(said)  # noqa: TRY301 — the parser takes shorter digits too
            return datetime.strptime(said, "%Y%m%d%H%M%S").replace(tzinfo=self._local)
        except ValueError:
            raise Refusal(RefusalReason.BAD_TIME, f"field DataTime: {said[:20]!r} is no time") from None

    def _gather(self, harvest: Harvest, packet: Hj212Packet, at: datetime) -> None:
        stamp = micros(at)
        if not 0 <= stamp <= FURTHEST_US:
            raise Refusal(RefusalReason.BAD_TIME, f"field DataTime: {at.isoformat()} is not of this age")
        sensor = self._namer("", {"mn": packet.mn, "st": packet.st})
        for word, said, flag in _measured(packet.cp):
            try:
                scale = self._words.scale(word, "")
                if scale is None:
                    harvest.pass_over(word)
                    continue
                if flag in _UNUSED_FLAGS:
                    raise Refusal(RefusalReason.BAD_NUMBER, f"flag {flag}: {_UNUSED_FLAGS[flag]}")  # noqa: TRY301 — one way out
                number = number_of(said, self.config.missing)
            except Refusal as refusal:
                detail = f"device {packet.mn}, field {word[:40]}: {refusal.detail}"
                harvest.refuse(f"{word}={said}", refusal.reason, detail)
                continue
            if number is not None:
                harvest.take(sensor, stamp, word, number, scale)

    def _missed(self, device: _Device, packet: Hj212Packet, at: datetime, now: datetime) -> list[bytes]:
        """A request for the minutes or hours between the last data and these, where they are further apart."""
        last = device.last_at
        if last is None or at > last:
            device.last_at = self._last_heard[packet.mn] = at
            self._heard_until(packet.mn, at)
        interval = timedelta(seconds=self.config.station.interval_s)
        if last is None or not self.config.station.replay or at - last < 1.5 * interval:
            return []
        start = max(last, at - _LONGEST_REQUEST).astimezone(self._local)
        period = {"BeginTime": f"{start:%Y%m%d%H%M%S}", "EndTime": f"{at:%Y%m%d%H%M%S}"}
        local = now.astimezone(self._local)
        request = Hj212Packet(
            qn=f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}",
            st=packet.st,
            cn=packet.cn,
            pw=packet.pw,
            mn=packet.mn,
            flag=5,
            cp=(period,),
        )
        return [hj212_packet_bytes(request)]


def _measured(groups: tuple[Mapping[str, str], ...]) -> Iterator[tuple[str, str, str]]:
    """Word, text and flag of each value; a factor's bare code stands for its value now, else for its mean."""
    for group in groups:
        flags = {key.removesuffix("-Flag"): value for key, value in group.items() if key.endswith("-Flag")}
        for key, said in group.items():
            factor, dash, kind = key.partition("-")
            if not dash or kind == "Flag":
                continue
            flag = flags.get(factor, "")
            yield key, said, flag
            if kind == "Rtd" or (kind == "Avg" and f"{factor}-Rtd" not in group):
                yield factor, said, flag
