"""How well the univariate detector finds labelled anomalies, by the rule of the Numenta Anomaly Benchmark.

``python -m benchmarks.detect_nab``. The scores do not depend on the machine; the rows a second do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv
from benchmarks.detect_training.compositions import composed_corpus
from benchmarks.detect_training.families import KINDS, Series, blur, made_up_corpus
from numpy.typing import NDArray
from scipy.special import ndtr

from rencheng.science.detection.nab_score import (
    PROFILES,
    LabelledScores,
    nab_score,
    probation_rows,
    score_at_threshold,
    window_rows,
)
from rencheng.science.detection.univariate import ALARM_SCORE, UnivariateState, detect_series, detect_step

Floats = NDArray[np.float64]
Named = tuple[str, Series]
Scorer = Callable[[Series], Floats]
NAB = Path(__file__).resolve().parents[2] / "shared" / "data" / "nab"
HELD_OUT_SEEDS = (11, 12, 31)
"""Of made-up series: not those of ``detect_training.learn``."""


def shared_series() -> list[Named]:
    """The series of the benchmark that are at hand, with their combined windows."""
    found = []
    for name, spans in sorted(json.loads((NAB / "combined_windows.json").read_text(encoding="utf-8")).items()):
        table = pa_csv.read_csv(NAB / name)
        at_us = np.asarray(table["timestamp"].cast("timestamp[us]").cast("int64"), np.int64)
        windows = window_rows(at_us, [(_micros(first), _micros(last)) for first, last in spans])
        found.append((name, Series(at_us, np.asarray(table["value"], np.float64), windows)))
    return found


def _micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def windowed_gaussian(series: Series) -> Floats:
    """The benchmark's own simple detector: tail of a normal distribution of the last 6,400 rows, moved every 100."""
    value = series.value - series.value[0]
    total, square = (np.concatenate(([0.0], np.cumsum(value**power))) for power in (1, 2))
    score = np.zeros(len(value))
    last = 1
    for row in range(1, len(value)):
        last = row if row < 6400 or row % 100 == 0 else last
        first = max(0, last - 6400)
        mean = (total[last] - total[first]) / (last - first)
        spread = np.sqrt(max((square[last] - square[first]) / (last - first) - mean**2, 1e-12))
        score[row] = ndtr(abs(value[row] - mean) / spread)
    return score


def moving_average(series: Series) -> Floats:
    """Deviation from an exponential mean, in exponential standard deviations (rate 1/50)."""
    score = np.zeros(len(series.value))
    mean, square = series.value[0], 0.0
    for row, value in enumerate(series.value[1:], 1):
        off = value - mean
        score[row] = 1.0 - 1.0 / (1.0 + abs(off) / np.sqrt(square + 1e-12))
        mean += off / 50
        square += (off * off - square) / 50
    return score


def dice(series: Series) -> Floats:
    """Chance."""
    return np.random.default_rng(len(series.value)).random(len(series.value))


def rencheng(series: Series) -> Floats:
    """The detector of ``rencheng detect``."""
    return detect_series(series.at_us, series.value)[0].round(6)


SCORERS: dict[str, Scorer] = {
    "never an alarm": lambda series: np.zeros(len(series.value)),
    "chance": dice,
    "moving average": moving_average,
    "windowed Gaussian": windowed_gaussian,
    "Rencheng": rencheng,
}


def scored(corpus: list[Named], scorer: Scorer) -> list[LabelledScores]:
    """Scores of a detector for a corpus."""
    return [LabelledScores(name=name, scores=scorer(s), windows=s.windows) for name, s in corpus]


def compare(title: str, corpus: list[Named]) -> None:
    """Print what each detector reaches under each profile, threshold chosen per profile as the benchmark does."""
    windows = sum(len(series.windows) for _, series in corpus)
    print(f"{title}: {len(corpus)} series, {windows} windows\n")
    print("| detector | standard | reward low FP | reward low FN | windows hit | false rows | threshold |")
    print("|---|---|---|---|---|---|---|")
    for name, scorer in SCORERS.items():
        scores = scored(corpus, scorer)
        by = {key: nab_score(scores, profile) for key, profile in PROFILES.items()}
        best = by["standard"]
        row = " | ".join(f"{result.score:.1f}" for result in by.values())
        print(f"| {name} | {row} | {best.windows_hit} | {best.false_alarm_rows} | {best.threshold:.4f} |")
        if name == "Rencheng":
            fixed = {key: score_at_threshold(scores, profile, ALARM_SCORE) for key, profile in PROFILES.items()}
            row = " | ".join(f"{result.score:.1f}" for result in fixed.values())
            hit, rows = fixed["standard"].windows_hit, fixed["standard"].false_alarm_rows
            print(f"| Rencheng at its own alarm threshold | {row} | {hit} | {rows} | {ALARM_SCORE:.4f} |")
    print()


def by_series(corpus: list[Named]) -> None:
    """Print each series at the detector's own threshold."""
    print("| series | rows | windows hit | alarms outside of windows | a sensor-day |")
    print("|---|---|---|---|---|")
    for name, series in corpus:
        alarms, days = false_alarms(series)
        scores = LabelledScores(name=name, scores=rencheng(series), windows=series.windows)
        hit = score_at_threshold([scores], PROFILES["standard"], ALARM_SCORE)
        found = f"{hit.windows_hit} of {hit.windows}" if series.windows else "–"
        print(f"| {Path(name).stem} | {len(series.value)} | {found} | {alarms} | {alarms / days:.2f} |")
    print()


def false_alarms(series: Series) -> tuple[int, float]:
    """Alarms raised outside of windows after the probation, and the days watched there."""
    alarm = detect_series(series.at_us, series.value)[1]
    raised = alarm & ~np.concatenate(([False], alarm[:-1]))
    watched = np.ones(len(alarm), np.bool_)
    watched[: probation_rows(len(alarm))] = False
    for first, last in series.windows:
        watched[first : last + 1] = False
    step_us = float(np.median(np.diff(series.at_us)))
    return int((raised & watched).sum()), float(watched.sum()) * step_us / 86_400e6


def alarms_on_clean_series(seed: int) -> None:
    """Print false alarms per sensor-day of made-up series, outside of their labelled windows."""
    rng = np.random.default_rng(seed)
    print("| made-up series | alarms outside of windows | sensor-days | a sensor-day | with unlabelled nuisances |")
    print("|---|---|---|---|---|")
    for make, _ in KINDS:
        plain = [make(rng) for _ in range(6)]
        counts = np.array([false_alarms(series) for series in plain]).sum(0)
        blurred = np.array([false_alarms(blur(rng, series)) for series in plain]).sum(0)
        name = make.__name__.replace("_", " ")
        each = counts[0] / counts[1], blurred[0] / blurred[1]
        print(f"| {name} | {counts[0]:.0f} | {counts[1]:.0f} | {each[0]:.2f} | {each[1]:.2f} |")
    print()


def main() -> None:
    """Print the tables."""
    shared = shared_series() if NAB.is_dir() else []
    if shared:
        compare("The part of the benchmark that is at hand (known causes, artificial); never learnt from", shared)
        by_series(shared)
    made = made_up_corpus(HELD_OUT_SEEDS[0]) + made_up_corpus(HELD_OUT_SEEDS[1], blurred=True)
    compare("Made-up series of other seeds than those learnt from (servers, counts, prices, traffic, plant)", made)
    composed = composed_corpus(HELD_OUT_SEEDS[2])
    compare(
        "Series put together from parts, of other seeds than those learnt from, with labels of no visible cause",
        composed,
    )
    alarms_on_clean_series(HELD_OUT_SEEDS[0])
    rng = np.random.default_rng(1)
    value, at_us = rng.normal(size=200_000), np.arange(200_000) * 300_000_000
    state = UnivariateState()
    begun = time.process_time()
    detect_step(state, at_us, value)
    seconds = time.process_time() - begun
    size = sum(array.nbytes for array in (*state.arrays.values(), state.told)) / 1000
    print(f"{200_000 / seconds:,.0f} rows a second of processor time on one core, state {size:.0f} kB a series.")


if __name__ == "__main__":
    main()
