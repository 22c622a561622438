"""Made-up labelled series of nine kinds, to learn and to try the univariate detector on; nothing of them is measured.

Written from what such series are known to look like (server metrics, counts, prices, traffic, plant), with anomalies
of many shapes and sizes, before any was scored. Each call of a kind is another series.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Rng = np.random.Generator
Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
Windows = tuple[tuple[int, int], ...]


class Series(NamedTuple):
    """Stamps in microseconds, values, and rows of the labelled windows (both ends inclusive)."""

    at_us: Stamps
    value: Floats
    windows: Windows


def windows_of(n: int, onsets: list[int]) -> Windows:
    """Windows as the benchmark labels: a tenth of the series, shared by its anomalies, each about an onset."""
    onsets = sorted(onsets)
    width = int(0.1 * n / len(onsets))
    out: list[tuple[int, int]] = []
    lo = min(int(0.15 * n), 750)
    for o in onsets:
        a = max(o - width // 2, lo, out[-1][1] + 1 if out else 0)
        out.append((a, min(a + width, n - 1)))
    return tuple(out)


def pick_onsets(rng: Rng, n: int, k: int, gap: int | None = None) -> list[int]:
    """Onsets after the probation, apart from each other."""
    lo = int(max(0.2 * n, min(0.15 * n, 750) + 0.05 * n / k + 5))
    hi = int(0.96 * n)
    gap = gap or int(0.12 * n / k + 60)
    for _ in range(1000):
        o = np.sort(rng.integers(lo, hi, k))
        if k == 1 or np.diff(o).min() > gap:
            return [int(v) for v in o]
    return [int(v) for v in np.linspace(lo, hi, k)]


def stamps(n: int, step_s: int, start: int = 1396310400) -> Stamps:
    """Regular stamps, microseconds."""
    return (start + np.arange(n) * step_s) * 1_000_000


def autoregression(rng: Rng, n: int, phi: float, sd: float) -> Floats:
    """AR(1) noise of a given standard deviation."""
    e = rng.normal(0, sd * np.sqrt(1 - phi * phi), n)
    return np.asarray(lfilter([1], [1, -phi], e))


def daily(t_us: Stamps, rng: Rng) -> Floats:
    """A day of about unit amplitude with a random phase."""
    h = (t_us / 3.6e9) % 24
    ph = rng.uniform(0, 24)
    s = np.cos((h - ph) * 2 * np.pi / 24)
    s2 = np.cos((h - rng.uniform(0, 24)) * 4 * np.pi / 24) * rng.uniform(0, 0.5)
    return np.asarray(s + s2)


def bump(n: int, at: int, length: int, kind: str = "box", tau: float | None = None) -> Floats:
    """1 from a row on for some rows: a box, a decay, a ramp; 0 elsewhere."""
    y = np.zeros(n)
    end = min(n, at + length)
    k = np.arange(end - at)
    if kind == "box":
        y[at:end] = 1
    elif kind == "decay":
        y[at:end] = np.exp(-k / (tau or length / 3))
    elif kind == "ramp":
        y[at:end] = (k + 1) / length
    return y


def processor_load(rng: Rng) -> Series:
    """Processor load: idle with spikes, busy, or with a periodic job; 14 days of 5 minutes."""
    n = 4032
    t = stamps(n, 300)
    k = int(rng.choice([1, 2, 2, 2]))
    on = pick_onsets(rng, n, k)
    style = rng.choice(["idle", "busy", "cron"])
    if style == "idle":
        b = 10 ** rng.uniform(-1.3, 0.5)
        x = b * (1 + 0.03 * rng.normal(size=n))
        sp = rng.random(n) < rng.uniform(0.002, 0.03)
        x += sp * b * rng.lognormal(0, 0.8, n) * rng.uniform(1, 8)
        usual = np.quantile(x, 0.999)
    elif style == "busy":
        b = rng.uniform(20, 60)
        sd = rng.uniform(1, 6)
        x = b + autoregression(rng, n, rng.uniform(0, 0.95), sd) + daily(t, rng) * rng.choice([0, sd, 2 * sd])
        sp = rng.random(n) < rng.uniform(0, 0.01)
        x += sp * rng.exponential(3 * sd, n)
        usual = np.quantile(x, 0.999)
    else:
        b = rng.uniform(2, 20)
        x = b + autoregression(rng, n, 0.5, 0.05 * b)
        per = int(rng.choice([12, 24, 36, 72, 288]))
        ln = int(rng.integers(1, max(2, per // 4)))
        h = b * rng.uniform(1, 4)
        ph = np.arange(n) % per
        x += (ph < ln) * h * (1 + 0.1 * rng.normal(size=n))
        usual = np.quantile(x, 0.999)
    lo = np.quantile(x, 0.01)
    for o in on:
        a = rng.choice(["spike", "shift", "drop", "noise", "ramp", "subtle"])
        rngx = usual - lo
        if a == "spike":
            x += bump(n, o, int(rng.integers(1, 5))) * rngx * rng.uniform(0.8, 3)
        elif a == "shift":
            x += bump(n, o, int(rng.choice([100, 300, n]))) * rngx * rng.uniform(0.3, 1.2)
        elif a == "drop":
            ln = int(rng.integers(5, 100))
            w = bump(n, o, ln).astype(bool)
            x[w] = lo * rng.uniform(0.0, 0.6) + 0.01 * rng.normal(size=w.sum()) * max(lo, 1e-3)
        elif a == "noise":
            w = bump(n, o, int(rng.integers(60, 300)))
            x += w * rng.normal(size=n) * rngx * rng.uniform(0.3, 0.8)
        elif a == "ramp":
            x += bump(n, o, int(rng.integers(50, 250)), "ramp") * rngx * rng.uniform(0.8, 2)
        else:
            x += bump(n, o, int(rng.integers(20, 80))) * rngx * rng.uniform(0.25, 0.5)
    x = np.clip(x, 0, None)
    return Series(t, x, windows_of(n, on))


def bytes_a_second(rng: Rng) -> Series:
    """Bytes of disks and networks: bursts over orders of magnitude, often nothing between them."""
    n = int(rng.choice([1243, 4032, 4032, 4730]))
    t = stamps(n, 300)
    k = int(rng.choice([1, 1, 2, 3]))
    on = pick_onsets(rng, n, k)
    base = 10 ** rng.uniform(3, 6)
    sig = rng.uniform(0.1, 1.0)
    x = base * rng.lognormal(0, sig, n)
    if rng.random() < 0.5:
        x *= rng.random(n) < rng.uniform(0.1, 0.9)
    if rng.random() < 0.5:
        per = int(rng.choice([12, 36, 144, 288]))
        x += ((np.arange(n) % per) < rng.integers(1, 4)) * base * rng.uniform(3, 30) * rng.lognormal(0, 0.2, n)
    nb = rng.poisson(rng.uniform(2, 15))
    for b in rng.integers(0, n, nb):
        x += bump(n, int(b), int(rng.integers(1, 10))) * base * rng.lognormal(1.5, 0.6)
    top = np.quantile(x, 0.999)
    for o in on:
        a = rng.choice(["burst", "sustain", "stop", "level"])
        if a == "burst":
            x += bump(n, o, int(rng.integers(1, 6))) * top * rng.uniform(1, 5)
        elif a == "sustain":
            x += bump(n, o, int(rng.integers(15, 120))) * top * rng.uniform(0.5, 1.5) * rng.lognormal(0, 0.2, n)
        elif a == "stop":
            x[bump(n, o, int(rng.integers(30, 250))).astype(bool)] *= 0.01
        else:
            x += bump(n, o, n) * np.quantile(x, 0.9) * rng.uniform(1, 3)
    return Series(t, x, windows_of(n, on))


def overdispersed(rng: Rng, mean: Floats, r: float) -> Floats:
    """Negative binomial counts."""
    mean = np.maximum(mean, 1e-6)
    return rng.poisson(mean * rng.gamma(r, 1 / r, len(mean))).astype(float)


def request_counts(rng: Rng) -> Series:
    """Requests at a load balancer: counts with a day."""
    n = 4032
    t = stamps(n, 300)
    k = int(rng.choice([1, 2]))
    on = pick_onsets(rng, n, k)
    m = 10 ** rng.uniform(1, 2.5) * np.exp(daily(t, rng) * rng.uniform(0.2, 0.7))
    for o in on:
        a = rng.choice(["spike", "drop", "high"])
        if a == "spike":
            m = m * (1 + bump(n, o, int(rng.integers(1, 6))) * rng.uniform(2, 6))
        elif a == "drop":
            m = m * (1 - bump(n, o, int(rng.integers(8, 80))) * rng.uniform(0.8, 1))
        else:
            m = m * (1 + bump(n, o, int(rng.integers(24, 120))) * rng.uniform(0.7, 1.6))
    return Series(t, overdispersed(rng, m, rng.uniform(4, 40)), windows_of(n, on))


def advertisement_prices(rng: Rng) -> Series:
    """Prices of advertisements: noisy hourly means of 65 days."""
    n = int(rng.integers(1530, 1650))
    t = stamps(n, 3600)
    k = int(rng.choice([1, 2, 3, 3]))
    on = pick_onsets(rng, n, k)
    m = np.exp(daily(t, rng) * rng.uniform(0.05, 0.35)) * rng.uniform(0.05, 1)
    m = m * np.exp(autoregression(rng, n, 0.97, rng.uniform(0.05, 0.2)))
    x = m * rng.lognormal(0, rng.uniform(0.08, 0.35), n)
    for b in rng.integers(0, n, rng.poisson(6)):
        x[b] *= rng.uniform(1.5, 3)
    for o in on:
        a = rng.choice(["spike", "spike", "high", "drop"])
        if a == "spike":
            x *= 1 + bump(n, o, int(rng.integers(1, 4))) * rng.uniform(2, 8)
        elif a == "high":
            x *= 1 + bump(n, o, int(rng.integers(10, 50))) * rng.uniform(0.6, 2)
        else:
            x *= 1 - bump(n, o, int(rng.integers(4, 30))) * rng.uniform(0.6, 0.95)
    return Series(t, x, windows_of(n, on))


def road_traffic(rng: Rng) -> Series:
    """Speed, occupancy, travel time of a road: irregular stamps, gaps, rush hours."""
    n = int(rng.integers(1120, 2500))
    step = rng.choice([300, 300, 600, 300, 900], n) + rng.integers(0, 60, n)
    gap = rng.random(n) < 0.01
    step = step + gap * rng.integers(1800, 20000, n)
    t = (1435708800 + np.cumsum(step)) * 1_000_000
    k = int(rng.choice([1, 2, 3, 4]))
    on = pick_onsets(rng, n, k, gap=int(0.12 * n / k))
    h = (t / 3.6e9) % 24
    wd = ((t / 8.64e10) % 7).astype(int) < 5
    rush = (np.exp(-(((h - 8) / 1.5) ** 2)) + np.exp(-(((h - 17.5) / 2) ** 2))) * wd
    kind = rng.choice(["speed", "occupancy", "traveltime"])
    rush = rush * (rng.random() < 0.6)
    ev = np.zeros(n)
    for b in rng.integers(0, n, rng.poisson(5)):
        ev += bump(n, int(b), int(rng.integers(1, 6))) * rng.uniform(0.2, 0.5)
    for o in on:
        a = rng.choice(["spike", "jam"])
        ln = int(rng.integers(1, 4)) if a == "spike" else int(rng.integers(10, 40))
        ev += bump(n, o, ln) * rng.uniform(0.6, 1.3)
    if kind == "speed":
        x = rng.uniform(60, 75) * (1 - 0.3 * rush - 0.6 * np.clip(ev, 0, 1.4)) + autoregression(
            rng, n, 0.3, rng.uniform(2, 5)
        )
        x = np.asarray(np.round(np.clip(x, 5, None)), np.float64)
    elif kind == "occupancy":
        x = rng.uniform(2, 8) * np.exp(daily(t, rng) * 0.5) * (1 + 1.5 * rush) * rng.lognormal(0, 0.35, n) + 30 * ev
        x = np.asarray(np.round(x, 2), np.float64)
    else:
        x = np.round(rng.uniform(60, 400) * (1 + 0.5 * rush + 3 * ev) * rng.lognormal(0, rng.uniform(0.1, 0.5), n))
    return Series(t, x, windows_of(n, on))


def mentions(rng: Rng) -> Series:
    """Mentions of a name: counts with day, week and bursts of all sizes; 55 days of 5 minutes."""
    n = 15900
    t = stamps(n, 300, 1424986440)
    k = int(rng.choice([2, 3, 4, 4, 5]))
    on = pick_onsets(rng, n, k)
    h = daily(t, rng) * rng.uniform(0.2, 0.8)
    wk = np.where(((t / 8.64e10 + 4) % 7).astype(int) < 2, rng.uniform(-0.6, 0), 0)
    m0 = 10 ** rng.uniform(0.6, 2.2)
    m = m0 * np.exp(h + wk) * np.exp(autoregression(rng, n, 0.99, 0.15))
    f = np.ones(n)
    for b in rng.integers(0, n, rng.poisson(45)):
        f += bump(n, int(b), 60, "decay", rng.uniform(1, 12)) * (rng.pareto(2.2) + 0.4)
    for b in rng.integers(0, n, rng.poisson(10)):
        f[b] += rng.pareto(1.8) * 3
    for o in on:
        a = rng.choice(["big", "big", "long", "double"])
        if a == "big":
            f += bump(n, o, 300, "decay", rng.uniform(3, 40)) * rng.uniform(8, 50)
        elif a == "long":
            f += bump(n, o, int(rng.integers(80, 250))) * rng.uniform(1.2, 3)
        else:
            f += bump(n, o, 100, "decay", 10) * rng.uniform(5, 12) + bump(n, o + 40, 100, "decay", 20) * rng.uniform(
                8, 20
            )
    return Series(t, overdispersed(rng, m * f, rng.uniform(2, 12)), windows_of(n, on))


def machine_temperature(rng: Rng) -> Series:
    """Temperature of a machine: slow wandering, falls before failures."""
    n = int(rng.choice([7200, 18000, 22000]))
    t = stamps(n, 300)
    k = int(rng.choice([1, 2, 4]))
    on = pick_onsets(rng, n, k)
    x = (
        80
        + autoregression(rng, n, 0.999, rng.uniform(3, 8))
        + autoregression(rng, n, 0.7, 0.6)
        + daily(t, rng) * rng.uniform(0, 4)
    )
    for b in rng.integers(0, n, rng.poisson(6)):
        x += bump(n, int(b), int(rng.integers(100, 500)), "decay") * rng.normal(0, 8)
    for o in on:
        a = rng.choice(["fall", "dip", "rise", "flat", "noise"])
        if a == "fall":
            x -= bump(n, o, int(rng.integers(40, 200)), "ramp") * rng.uniform(20, 60)
        elif a == "dip":
            x -= bump(n, o, 400, "decay", 100) * rng.uniform(15, 40)
        elif a == "rise":
            x += bump(n, o, int(rng.integers(40, 400))) * rng.uniform(12, 25)
        elif a == "flat":
            w = bump(n, o, 300).astype(bool)
            x[w] = x[o]
        else:
            x += bump(n, o, 300) * rng.normal(size=n) * rng.uniform(2, 5)
    return Series(t, x, windows_of(n, on))


def ride_demand(rng: Rng) -> Series:
    """Rides asked for: strong day and week, holidays, storms; half-hours of 5 to 7 months."""
    n = int(rng.integers(7000, 10400))
    t = stamps(n, 1800)
    k = int(rng.choice([2, 4, 5]))
    on = pick_onsets(rng, n, k)
    h = ((t / 3.6e9) % 24).astype(int)
    d = ((t / 8.64e10) % 7).astype(int)
    prof = np.exp(
        np.cumsum(rng.normal(0, 0.25, (7, 24)), 1) * 0
        + rng.normal(0, 0.12, (7, 1))
        + np.cos((np.arange(24) - 16) / 24 * 2 * np.pi) * 0.6
        + rng.normal(0, 0.1, 24)
    )
    x = 15000 * prof[d, h] * np.exp(autoregression(rng, n, 0.9, 0.05))
    for o in on:
        a = rng.choice(["holiday", "surge", "collapse"])
        w = bump(n, o, 48).astype(bool)
        if a == "holiday":
            x[w] *= rng.uniform(0.5, 0.75)
        elif a == "surge":
            x[bump(n, o, int(rng.integers(4, 16))).astype(bool)] *= rng.uniform(1.4, 2)
        else:
            x[w] *= rng.uniform(0.1, 0.4)
    return Series(t, np.round(x), windows_of(n, on))


def daily_shapes(rng: Rng) -> Series:
    """One shape every day, until it is another; or spikes that grow dense or tall."""
    n = 4032
    t = stamps(n, 300)
    on = pick_onsets(rng, n, 1)
    o = on[0]
    ph = np.arange(n) % 288
    a = rng.choice(["flatday", "jump", "nojump", "density", "spikes"])
    noise = rng.uniform(0, 1) * 20 / 3
    hi = (ph > 100) & (ph < 220)
    x = 20.0 + 60 * hi
    dayof = np.arange(n) // 288
    q = dayof == o // 288
    if a == "flatday":
        x[q] = 20
    elif a == "jump":
        x[q & hi] += rng.uniform(25, 60) * rng.choice([-1, 1])
    elif a == "nojump":
        x[q] = 20 + 30 * rng.random()
    else:
        x = np.zeros(n)
        rate = rng.uniform(0.005, 0.02)
        sp = rng.random(n) < rate
        if a == "density":
            sp[o : o + 288] |= rng.random(min(288, n - o)) < 8 * rate
            x[sp] = 20
        else:
            x[sp] = rng.uniform(0.4, 1, sp.sum())
            x[o : o + 40 : 4] = rng.uniform(1.2, 2.5)
        noise = noise * 0.02
    if a in ("flatday", "nojump", "jump"):
        first = int(np.flatnonzero(q)[0]) + 100
        on = [first]
    x = x + rng.random(n) * noise
    return Series(t, x, windows_of(n, on))


def blur(rng: Rng, series: Series) -> Series:
    """Spikes and shifts nobody labelled, other scales, rounding, labels off by some rows: as real series come."""
    t, x, w = series.at_us, series.value.copy(), series.windows
    n = len(x)
    q = np.quantile(x, [0.02, 0.98])
    sp = max(float(q[1] - q[0]), 1e-9)
    for _ in range(rng.poisson(1.2)):
        b = int(rng.integers(0, n))
        x += bump(n, b, int(rng.integers(1, 8))) * sp * rng.uniform(0.2, 0.9) * rng.choice([-1, 1, 1])
    if rng.random() < 0.35:
        b = int(rng.integers(0, n))
        x[b:] *= rng.uniform(0.75, 1.3)
    if rng.random() < 0.15:
        x = -x
    r = rng.random()
    if r < 0.15:
        x = np.sign(x) * np.sqrt(np.abs(x))
    elif r < 0.25:
        x = np.sign(x) * np.log1p(np.abs(x) / (np.median(np.abs(x)) + 1e-9))
    if rng.random() < 0.3:
        s = 10 ** np.floor(np.log10(max(float(np.std(x)), 1e-9))) * rng.choice([0.01, 0.1])
        x = np.round(x / s) * s
    out: list[tuple[int, int]] = []
    for a, b in w:
        d = int(rng.normal(0, 0.15) * (b - a))
        lo = min(int(0.15 * n), 750)
        a2 = max(a + d, lo, out[-1][1] + 1 if out else 0)
        b2 = min(a2 + (b - a), n - 1)
        out.append((a2, b2) if b2 > a2 else (a, b))
    ok = all(later[0] > earlier[1] for earlier, later in pairwise(out))
    return Series(t, x, tuple(out) if ok else w)


KINDS: Final[tuple[tuple[Callable[[Rng], Series], int], ...]] = (
    (processor_load, 9),
    (bytes_a_second, 6),
    (request_counts, 3),
    (advertisement_prices, 6),
    (road_traffic, 7),
    (mentions, 10),
    (machine_temperature, 3),
    (ride_demand, 2),
    (daily_shapes, 5),
)
"""Kinds and how many of each a corpus has: about the shares of the benchmark."""


def made_up_corpus(seed: int, *, scale: int = 1, blurred: bool = False) -> list[tuple[str, Series]]:
    """51 × ``scale`` series and their kinds."""
    rng = np.random.default_rng(seed)
    found = []
    for make, count in KINDS:
        for _ in range(count * scale):
            series = make(rng)
            found.append((make.__name__, blur(rng, series) if blurred else series))
    return found
