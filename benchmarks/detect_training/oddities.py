"""What goes wrong in a made-up series: fifteen kinds of oddities, sized by the usual span of the series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from benchmarks.detect_training.families import Floats, Rng, Stamps, bump

Oddity = Callable[["Rng", "Floats", "Place", int, float], "Floats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an oddity needs to know of the series: stamps, usual span, usual step, its recurring job if it has one."""

    at_us: Stamps
    span: float
    local: float
    job: Floats
    period: int

    @property
    def day(self) -> int:
        """Rows of a day, an eighth of the series at most."""
        return max(20, min(int(8.64e10 / np.median(np.diff(self.at_us))), len(self.at_us) // 8))


def put_oddity(rng: Rng, value: Floats, place: Place, onset: int, kind: str, span: float) -> Floats:
    """Let a series go wrong from a row on; the size is log-normal about ``span``, one in four downwards."""
    size = span * rng.lognormal(0, 0.5) * float(rng.choice([1, 1, 1, -1]))
    return ODDITIES[kind](rng, value, place, onset, size)


def _length(rng: Rng, least: int, most: int) -> int:
    return int(np.exp(rng.uniform(np.log(least), np.log(max(most, least + 1)))))


def _rows(value: Floats, onset: int, length: int) -> slice:
    return slice(onset, min(onset + length, len(value)))


def _spike(rng: Rng, value: Floats, _place: Place, onset: int, size: float) -> Floats:
    return value + bump(len(value), onset, _length(rng, 1, 5)) * size * 1.3


def _burst(rng: Rng, value: Floats, _place: Place, onset: int, size: float) -> Floats:
    return value + bump(len(value), onset, 300, "decay", rng.uniform(2, 60)) * abs(size) * 1.5


def _cluster(rng: Rng, value: Floats, _place: Place, onset: int, size: float) -> Floats:
    for at in onset + np.cumsum(rng.integers(1, 12, int(rng.integers(4, 12)))):
        value[_rows(value, int(at), _length(rng, 1, 3))] += abs(size) * rng.uniform(0.5, 1.2)
    return value


def _shift(rng: Rng, value: Floats, _place: Place, onset: int, size: float) -> Floats:
    length = int(rng.choice([_length(rng, 30, 300), len(value)]))
    return value + bump(len(value), onset, length) * size * 0.7


def _drop(rng: Rng, value: Floats, place: Place, onset: int, _size: float) -> Floats:
    rows = _rows(value, onset, _length(rng, 5, place.day))
    noise = rng.normal(size=len(value[rows])) * (rng.random() < 0.5)
    value[rows] = np.quantile(value, 0.01) * rng.random() + 0.1 * place.local * noise
    return value


def _dip(rng: Rng, value: Floats, _place: Place, onset: int, size: float) -> Floats:
    kind, decay = str(rng.choice(["decay", "decay", "box"])), rng.uniform(5, 100)
    return value - bump(len(value), onset, _length(rng, 20, 400), kind, decay) * abs(size)


def _wider(rng: Rng, value: Floats, place: Place, onset: int, size: float) -> Floats:
    noise = rng.normal(size=len(value)) * max(0.3 * abs(size), 3 * place.local) * rng.uniform(0.7, 1.5)
    return value + bump(len(value), onset, _length(rng, 30, place.day)) * noise


def _narrower(rng: Rng, value: Floats, _place: Place, onset: int, _size: float) -> Floats:
    rows = _rows(value, onset, _length(rng, 100, 400))
    value[rows] = np.median(value) + 0.1 * (value[rows] - np.median(value))
    return value


def _stuck(rng: Rng, value: Floats, _place: Place, onset: int, _size: float) -> Floats:
    value[_rows(value, onset, _length(rng, 40, 400))] = value[onset]
    return value


def _ramp(rng: Rng, value: Floats, _place: Place, onset: int, size: float) -> Floats:
    length = _length(rng, 50, 400)
    value += bump(len(value), onset, length, "ramp") * size * 1.3
    if rng.random() < 0.3:
        value[onset + length :] += size * 1.3
    return value


def _wave(rng: Rng, value: Floats, place: Place, onset: int, size: float) -> Floats:
    wave = np.sin(np.arange(len(value)) * 2 * np.pi / rng.uniform(3, 40))
    return np.asarray(value + bump(len(value), onset, _length(rng, 60, 2 * place.day)) * wave * abs(size) * 0.5)


def _job_stops(rng: Rng, value: Floats, place: Place, onset: int, _size: float) -> Floats:
    rows = _rows(value, onset, int(rng.integers(3, 10)) * place.period)
    value[rows] -= place.job[rows]
    return value


def _job_doubles(rng: Rng, value: Floats, place: Place, onset: int, _size: float) -> Floats:
    rows = _rows(value, onset, int(rng.integers(3, 10)) * place.period)
    value[rows] += np.roll(place.job, max(1, place.period // 2))[rows]
    return value


def _odd_day(rng: Rng, value: Floats, place: Place, onset: int, _size: float) -> Floats:
    """A day that is flat, lower or higher, in the middle, or another day backwards."""
    midnight = onset - onset % place.day
    begins = midnight if rng.random() < 0.5 and midnight > 0.16 * len(value) else onset
    rows = _rows(value, begins, place.day)
    low, middle, kind = np.quantile(value, 0.02), np.median(value), rng.choice(["flat", "scaled", "middle", "other"])
    if kind == "flat":
        value[rows] = low + 0.3 * place.local * rng.normal(size=len(value[rows]))
    elif kind == "scaled":
        factor = rng.uniform(0.3, 0.75) if rng.random() < 0.5 else rng.uniform(1.3, 2)
        value[rows] = low + (value[rows] - low) * factor
    elif kind == "middle":
        value[rows] = middle + 0.2 * (value[rows] - middle)
    else:
        before = max(begins - 3 * place.day, 0)
        value[rows] = value[before : before + len(value[rows])][::-1]
    return value


def _wrong_hour(rng: Rng, value: Floats, place: Place, onset: int, _size: float) -> Floats:
    """For some hours, what the series does half a day later or before."""
    rows = _rows(value, onset, _length(rng, max(4, place.day // 24), max(6, place.day // 3)))
    length, later = rows.stop - rows.start, onset + place.day // 2
    source = later if later + length <= len(value) else onset - place.day // 2
    value[rows] = value[source : source + length].copy()
    return value


ODDITIES: Final[dict[str, Oddity]] = {
    "spike": _spike,
    "burst": _burst,
    "cluster": _cluster,
    "shift": _shift,
    "drop": _drop,
    "dip": _dip,
    "wider": _wider,
    "narrower": _narrower,
    "stuck": _stuck,
    "ramp": _ramp,
    "wave": _wave,
    "job_stops": _job_stops,
    "job_doubles": _job_doubles,
    "odd_day": _odd_day,
    "wrong_hour": _wrong_hour,
}
