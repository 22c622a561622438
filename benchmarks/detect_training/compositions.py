"""Made-up series put together from parts: a course of the day, noise, jobs, bursts, regimes, gaps and anomalies.

A second hand beside ``families``: ten domains, each a range of settings of the same parts, so that a detector can be
learnt on some domains and tried on the others. Nothing of them is measured. Some labels have no visible cause, and some
oddities have no label, as in the benchmark, whose labels were set by people who knew more than the numbers
(Lavin and Ahmad 2015, section II.A; Ahmad et al. 2017, Neurocomputing 262, 134-147).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from benchmarks.detect_training.families import (
    Floats,
    Rng,
    Series,
    Stamps,
    autoregression,
    bump,
    overdispersed,
    pick_onsets,
    windows_of,
)
from benchmarks.detect_training.oddities import Place, put_oddity


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Ranges of settings from which the series of a domain are drawn.

    Parameters
    ----------
    rows, step_s : tuple of int
        Lengths and sampling steps met.
    level : (low, high)
        Of the log10 of the usual value.
    noises, courses, kinds : tuple of str
        Kinds of noise, of the course of a day, and of anomalies.
    noise, course : (low, high)
        Relative spread of the noise; swing of the course.
    bursts : (low, high)
        Share of rows at which an unlabelled burst begins.
    jobs, regimes : float
        Share of series with a recurring job, and of those that switch between two levels.
    drift : (low, high)
        Slow wandering of the log level.
    gaps : float
        Most share of rows before which rows are missing.
    anomalies : tuple of int
        Labelled windows.
    top : float
        No value is higher.
    uneven : float
        Share of a step by which stamps are late.
    """

    rows: tuple[int, ...]
    step_s: tuple[int, ...]
    level: tuple[float, float]
    noises: tuple[str, ...]
    noise: tuple[float, float]
    course: tuple[float, float]
    courses: tuple[str, ...]
    kinds: tuple[str, ...]
    anomalies: tuple[int, ...]
    bursts: tuple[float, float] = (0.0, 0.0)
    jobs: float = 0.0
    regimes: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)
    gaps: float = 0.0
    top: float = np.inf
    uneven: float = 0.0


DOMAINS: Final[dict[str, Domain]] = {
    "servers": Domain(
        rows=(4032, 4032, 4700, 18000),
        step_s=(300, 300, 300, 60),
        level=(-1.5, 1.8),
        noises=("normal", "student", "lognormal"),
        noise=(0.01, 0.3),
        course=(0.0, 0.5),
        courses=("none", "none", "waves", "office"),
        bursts=(0.0, 0.03),
        jobs=0.35,
        regimes=0.2,
        drift=(0.0, 0.3),
        anomalies=(1, 2, 2, 2, 3),
        kinds=(
            *("spike", "burst", "shift", "shift", "drop", "wider"),
            *("stuck", "ramp", "job_stops", "job_doubles", "cluster"),
        ),
        top=100.0,
    ),
    "bytes": Domain(
        rows=(1243, 4032, 4032, 4730),
        step_s=(300,),
        level=(3.0, 7.0),
        noises=("lognormal", "lognormal", "zeros"),
        noise=(0.1, 1.1),
        course=(0.0, 0.6),
        courses=("none", "none", "waves", "office"),
        bursts=(0.0, 0.05),
        jobs=0.5,
        regimes=0.3,
        drift=(0.0, 0.2),
        anomalies=(1, 1, 2, 3),
        kinds=("spike", "burst", "burst", "cluster", "shift", "drop", "wider"),
    ),
    "counts": Domain(
        rows=(4032, 4621),
        step_s=(300,),
        level=(0.3, 2.7),
        noises=("counts",),
        noise=(0.05, 0.5),
        course=(0.2, 1.2),
        courses=("waves", "office", "rush"),
        bursts=(0.0, 0.01),
        jobs=0.1,
        regimes=0.05,
        drift=(0.0, 0.2),
        gaps=0.005,
        anomalies=(1, 2, 2),
        kinds=("spike", "burst", "drop", "shift", "odd_day", "wrong_hour"),
    ),
    "prices": Domain(
        rows=(1538, 1624, 1643),
        step_s=(3600,),
        level=(-1.3, 0.5),
        noises=("lognormal", "lognormal", "student"),
        noise=(0.08, 0.5),
        course=(0.05, 0.6),
        courses=("waves", "none"),
        bursts=(0.0, 0.02),
        regimes=0.1,
        drift=(0.05, 0.6),
        gaps=0.003,
        anomalies=(1, 2, 2, 3, 4),
        kinds=("spike", "spike", "burst", "shift", "drop", "wider", "cluster"),
    ),
    "roads": Domain(
        rows=(1127, 1127, 2162, 2380, 2500),
        step_s=(300, 600, 360),
        level=(1.0, 2.6),
        noises=("normal", "lognormal", "lognormal", "student"),
        noise=(0.04, 0.6),
        course=(0.0, 1.0),
        courses=("rush", "rush", "waves", "none"),
        bursts=(0.0, 0.01),
        regimes=0.05,
        drift=(0.0, 0.1),
        gaps=0.02,
        anomalies=(1, 1, 2, 3, 4),
        kinds=("spike", "spike", "burst", "dip", "shift", "wrong_hour"),
        uneven=1.0,
    ),
    "mentions": Domain(
        rows=(15831, 15902),
        step_s=(300,),
        level=(0.3, 2.3),
        noises=("counts",),
        noise=(0.1, 0.9),
        course=(0.2, 1.5),
        courses=("waves", "office", "waves"),
        bursts=(0.0005, 0.01),
        jobs=0.15,
        drift=(0.05, 0.4),
        anomalies=(2, 3, 3, 4, 4, 5),
        kinds=("burst", "burst", "burst", "spike", "cluster", "odd_day", "shift"),
    ),
    "machines": Domain(
        rows=(7267, 18000, 22695),
        step_s=(300, 3600, 600),
        level=(1.3, 2.3),
        noises=("normal", "student"),
        noise=(0.002, 0.05),
        course=(0.0, 0.2),
        courses=("none", "waves", "office"),
        bursts=(0.0, 0.002),
        jobs=0.1,
        regimes=0.15,
        drift=(0.05, 0.4),
        gaps=0.005,
        anomalies=(1, 2, 2, 4),
        kinds=("dip", "drop", "ramp", "stuck", "wider", "shift", "wave", "narrower"),
    ),
    "demand": Domain(
        rows=(5000, 8000, 10320),
        step_s=(1800, 3600, 900),
        level=(2.0, 4.5),
        noises=("lognormal", "normal"),
        noise=(0.01, 0.1),
        course=(0.5, 1.5),
        courses=("waves", "rush", "office"),
        bursts=(0.0, 0.001),
        drift=(0.0, 0.15),
        gaps=0.003,
        anomalies=(2, 3, 5),
        kinds=("odd_day", "odd_day", "wrong_hour", "drop", "burst", "dip"),
    ),
    "rhythms": Domain(
        rows=(4032, 4032, 8000),
        step_s=(300, 60, 900),
        level=(0.0, 2.5),
        noises=("normal",),
        noise=(0.0, 0.08),
        course=(0.4, 2.0),
        courses=("office", "waves", "office"),
        bursts=(0.0, 0.02),
        jobs=0.5,
        anomalies=(1, 1, 2),
        kinds=(
            *("odd_day", "odd_day", "job_stops", "job_doubles", "wrong_hour"),
            *("stuck", "cluster", "shift", "wave", "wider"),
        ),
    ),
    "keys": Domain(
        rows=(1900, 5300),
        step_s=(300,),
        level=(-2.0, 0.5),
        noises=("zeros", "lognormal", "student"),
        noise=(0.1, 1.0),
        course=(0.0, 1.0),
        courses=("office", "waves"),
        bursts=(0.0, 0.03),
        regimes=0.3,
        drift=(0.0, 0.3),
        gaps=0.1,
        anomalies=(1, 2, 2),
        kinds=("burst", "cluster", "shift", "wider", "wrong_hour", "spike"),
        uneven=0.3,
    ),
}


NOTHING: Final = 0.1
"""Share of series without an anomaly."""
EXACT: Final = 0.12
"""Share of series without noise, as counters and switches give."""
OTHER_ROWS: Final = 1100, 23000
"""Lengths that any domain may have: a detector is not to tell a domain by how long its series are."""


def composed_corpus(seed: int, *, each: int = 5, other_lengths: float = 0.0) -> list[tuple[str, Series]]:
    """Some series of every domain, and their domains; a share of them of any length."""
    rng = np.random.default_rng(seed)
    found = []
    for name, domain in DOMAINS.items():
        for _ in range(each):
            any_length = (int(np.exp(rng.uniform(*np.log(OTHER_ROWS)))),)
            drawn = replace(domain, rows=any_length) if rng.random() < other_lengths else domain
            found.append((name, composed(rng, drawn)))
    return found


def composed(rng: Rng, domain: Domain) -> Series:
    """Another series of a domain."""
    rows = int(rng.choice(domain.rows))
    at_us = stamps_of(rng, domain, rows)
    onsets = [] if rng.random() < NOTHING else pick_onsets(rng, rows, int(rng.choice(domain.anomalies)))
    level = 10 ** rng.uniform(*domain.level)
    value = noisy(rng, domain, _usual(rng, domain, at_us, level))
    if rng.random() < 0.2:
        value[int(rng.integers(rows)) :] *= rng.uniform(0.7, 1.4)
    local = max(float(np.median(np.abs(np.diff(value)))), 1e-6 * level)
    height = float(rng.choice([level, 5 * local, 20 * local])) * rng.uniform(0.3, 2)
    value += bursts(rng, rows, rng.uniform(*domain.bursts) * rng.random()) * height
    job, period, kinds = np.zeros(rows), 288, tuple(kind for kind in domain.kinds if not kind.startswith("job"))
    if rng.random() < domain.jobs:
        job, period = job_of(rng, rows)
        job *= rng.uniform(0.3, 4) * max(level, 3 * local)
        value, kinds = value + job, domain.kinds
    span = max(float(np.quantile(value, 0.998) - np.quantile(value, 0.02)), 6 * local)
    never_below = float(value.min()) >= 0.0
    place = Place(at_us=at_us, span=span, local=local, job=job, period=period)
    value = _with_oddities(rng, value, place, onsets, kinds)
    value = _as_reported(rng, domain, np.clip(value, 0, domain.top) if never_below else value)
    if not onsets:
        return Series(at_us, value, ())
    labelled = onsets + rng.normal(0, 0.012, len(onsets)) * rows / len(onsets)
    return Series(at_us, value, windows_of(rows, [int(at) for at in np.clip(labelled, 0.2 * rows, 0.97 * rows)]))


def _with_oddities(rng: Rng, value: Floats, place: Place, onsets: list[int], kinds: tuple[str, ...]) -> Floats:
    """Labelled oddities (one label in eight has no visible cause), what they leave behind, and some without a label."""
    rows = len(value)
    same = str(rng.choice(kinds)) if rng.random() < 0.3 else ""
    for onset in onsets:
        if rng.random() < 0.12:
            continue
        value = put_oddity(rng, value, place, onset, same or str(rng.choice(kinds)), place.span)
        if rng.random() < 0.15:
            value[onset:] += 0.4 * place.span * rng.normal()
    for _ in range(rng.poisson(0.5)):
        onset, size = int(rng.integers(rows // 20, int(rows * 0.97))), place.span * rng.uniform(0.2, 0.8)
        value = put_oddity(rng, value, place, onset, str(rng.choice(kinds)), size)
    return value


def _as_reported(rng: Rng, domain: Domain, value: Floats) -> Floats:
    """Counts are whole; two in five other series are rounded."""
    if domain.noises == ("counts",):
        return np.asarray(np.round(value))
    if rng.random() > 0.4:
        return value
    step = 10 ** np.floor(np.log10(max(float(np.std(value)), 1e-9))) * rng.choice([0.001, 0.01, 0.1, 0.5])
    return np.asarray(np.round(value / step) * step)


def stamps_of(rng: Rng, domain: Domain, rows: int) -> Stamps:
    """Stamps with the lateness and the gaps of a domain, microseconds."""
    step = np.full(rows, float(rng.choice(domain.step_s)))
    if domain.uneven:
        step += rng.integers(0, int(step[0] * domain.uneven) + 1, rows) * (rng.random(rows) < 0.5)
    gaps = rng.random(rows) < domain.gaps * rng.random()
    step += gaps * step * rng.pareto(0.9, rows).clip(0, 100)
    return ((1.38e9 + rng.integers(0, 10**8) + np.cumsum(step)) * 1e6).astype(np.int64)


def _usual(rng: Rng, domain: Domain, at_us: Stamps, level: float) -> Floats:
    """What is to be expected at each row: level, course, drift, regimes."""
    rows = len(at_us)
    swing, course = rng.uniform(*domain.course), course_of(rng, at_us, str(rng.choice(domain.courses)))
    in_ratio = rng.random() < 0.5 or domain.noises == ("counts",)
    mean = level * (np.exp(swing * (course - course.mean())) if in_ratio else 1 + swing * course)
    drift = rng.uniform(*domain.drift) * rng.random()
    mean *= np.exp(np.clip(autoregression(rng, rows, float(rng.choice([0.995, 0.999])), drift), -3, 3))
    if rng.random() < domain.regimes:
        state = np.cumsum(rng.random(rows) < rng.choice([0.002, 0.01, 0.05])) % 2
        mean *= np.where(state, rng.uniform(1.3, 4), 1.0)
    return np.asarray(mean)


def course_of(rng: Rng, at_us: Stamps, kind: str) -> Floats:
    """A day and a week between 0 and 1: waves, rush hours, working hours, or none."""
    if kind == "none":
        return np.zeros(len(at_us))
    hour = (at_us / 3.6e9) % 24
    if kind == "waves":
        waves = [rng.normal(0, k**-1.5) * np.cos((hour - rng.uniform(0, 24)) * 2 * np.pi * k / 24) for k in range(1, 5)]
        course = np.sum(waves, 0)
    elif kind == "rush":
        away = [(hour - peak + 12) % 24 - 12 for peak in rng.uniform(0, 24, int(rng.integers(1, 4)))]
        course = np.sum(
            [rng.uniform(0.3, 1) * np.exp(-0.5 * (hours / rng.uniform(0.7, 2.5)) ** 2) for hours in away], 0
        )
    else:
        since, soft = (hour - rng.uniform(0, 24)) % 24 - 3, rng.uniform(0.01, 1)
        begins, ends = (np.clip(x / soft, -50, 50) for x in (since, since - rng.uniform(5, 13)))
        course = 1 / (1 + np.exp(-begins)) - 1 / (1 + np.exp(-ends))
    course = (course - course.min()) / (np.ptp(course) + 1e-9)
    if rng.random() < 0.5:
        weekend = (((at_us / 8.64e10) % 7).astype(int) - int(rng.integers(7))) % 7 < 2
        course = np.where(weekend, course * rng.uniform(0.2, 1.1), course)
    return np.asarray(course)


def noisy(rng: Rng, domain: Domain, mean: Floats) -> Floats:
    """Readings about their expectation: normal, Student's t, log-normal, with zeros, or counts."""
    kind, rows = str(rng.choice(domain.noises)), len(mean)
    spread = np.exp(rng.uniform(*np.log(np.array(domain.noise) + 1e-4)))
    memory = float(rng.choice(np.array([0.0, 0.0, rng.uniform(0.2, 0.95)])))
    if kind != "counts" and rng.random() < EXACT:
        return mean.copy()
    if kind == "counts":
        return overdispersed(rng, mean * np.exp(autoregression(rng, rows, 0.97, rng.uniform(0, 0.25))), spread**-2)
    if kind in {"lognormal", "zeros"}:
        value = mean * np.exp(autoregression(rng, rows, memory, spread))
        if kind == "zeros":
            share, stay = rng.uniform(0.1, 0.95), int(rng.choice([1, 1, 3, 10]))
            value *= np.repeat(rng.random(rows // stay + 1) < share, stay)[:rows]
        return np.asarray(value)
    noise = autoregression(rng, rows, memory, 1.0) if kind == "normal" else 0.6 * rng.standard_t(3.5, rows)
    scale = np.abs(mean) ** rng.uniform(0, 1)
    return np.asarray(mean + noise * spread * scale / np.median(scale) * np.median(np.abs(mean)))


def bursts(rng: Rng, rows: int, rate: float) -> Floats:
    """Bursts nobody labels: heavy-tailed sizes, or all of one size."""
    value = np.zeros(rows)
    tail, decay, alike = rng.uniform(1.6, 4), float(rng.choice([0.3, 0.3, 2, 8])), rng.random() < 0.3
    for at in np.flatnonzero(rng.random(rows) < rate):
        length = max(1, int(decay * 5 * rng.random() + 1))
        size = 1.0 if alike else rng.pareto(tail) + 0.3
        value += bump(rows, int(at), length, "decay", max(decay * rng.uniform(0.5, 2), 0.1)) * size
    return value


def job_of(rng: Rng, rows: int) -> tuple[Floats, int]:
    """A job that comes back: 1 where it runs, and its period in rows."""
    period = int(rng.choice(np.array([6, 12, 24, 36, 72, 144, 288, 288, rng.integers(10, 400)])))
    length, late = int(rng.integers(1, max(2, period // 4))), int(rng.choice([0, 0, 1, max(1, period // 8)]))
    value = np.zeros(rows)
    for due in range(int(rng.integers(period)), rows, period):
        begins = max(0, due + int(rng.integers(-late, late + 1)))
        value[begins : begins + length] = 1 + 0.1 * rng.normal()
    return value, period
