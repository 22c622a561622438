"""Learn the weights of the univariate detector on made-up series; writes ``univariate_weights.py``.

``python -m benchmarks.detect_training.learn`` (minutes). No measured series is looked at, of no benchmark, of no city.
Which rows count as the beginning of an anomaly is learnt too: of each window, from its middle less a tenth to its end,
the three rows the model of the round before finds most suspicious (multiple-instance learning: Dietterich et al. 1997,
Artificial Intelligence 89, 31-71). First a linear model; then networks of several seeds start from its choice of rows;
then a copy of each climbs the benchmark's own reward (``reward``). The mean of all of them judges (Breiman 1996,
"Bagging predictors", Machine Learning 24, 123-140).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.detect_training.compositions import composed_corpus
from benchmarks.detect_training.families import Series, made_up_corpus
from benchmarks.detect_training.networks import Network, learn_begins, learn_reward
from benchmarks.detect_training.reward import rewarded_rows
from numpy.typing import NDArray
from scipy.optimize import minimize

from rencheng.science.detection.nab_score import probation_rows
from rencheng.science.detection.univariate_evidence import EVIDENCE, EVIDENCE_SHAPES, evidence_rows
from rencheng.science.detection.univariate_judge import EVIDENCE_INPUTS, standardised, without_direction

Floats = NDArray[np.float64]
Inputs = NDArray[np.floating]
Judge = Callable[[Inputs], Floats]
Learnt = Sequence[tuple[Series, Inputs]]
OUT = Path(__file__).resolve().parents[2] / "src/rencheng/science/detection/univariate_weights.py"
RANKS = [EVIDENCE_INPUTS.index(f"surprise, rank {rank}") for rank in (1, 2, 3)]
SUSPICIOUS = 1.8
SEEDS = (0, 1, 2)
LOUD_SHARE = 0.35
CALM_ROWS = 100
TOLD_SHIFT = 2.5
"""Natural log odds added before a network climbs the reward, where 0 means told; taken off again when it judges."""


class Rows(NamedTuple):
    """Inputs of chosen rows, whether an anomaly begins there, and what each row counts for."""

    inputs: Inputs
    begins: Floats
    weight: Floats


class Bag(NamedTuple):
    """The mean of several networks as one network; names as in ``univariate_weights``."""

    input_mean: Floats
    input_spread: Floats
    inward: Floats
    hidden_bias: Floats
    outward: Floats
    direct: Floats
    bias: Floats

    def judge(self, inputs: Inputs) -> Floats:
        """Natural log odds."""
        scaled = standardised(inputs, self.input_mean, self.input_spread)
        hidden = np.tanh(scaled @ self.inward + self.hidden_bias)
        return np.asarray(hidden @ self.outward + scaled @ self.direct + self.bias)


def inputs_of(series: Series) -> Inputs:
    """Inputs of the network for each row of a series, in half precision: a corpus of them is to fit in memory."""
    state = {name: np.zeros(shape) for name, shape in EVIDENCE_SHAPES.items()}
    evidence = np.empty((len(series.value), len(EVIDENCE)))
    evidence_rows(evidence, series.at_us, np.asarray(series.value, np.float64), **state)
    return without_direction(evidence).astype(np.float16)


def training_corpus() -> list[tuple[str, Series]]:
    """The series learnt from, and their kinds."""
    made = made_up_corpus(102) + made_up_corpus(2, blurred=True) + made_up_corpus(3, blurred=True)
    return made + composed_corpus(22, each=24, other_lengths=0.35)


def chosen_rows(corpus: Learnt, judge: Judge, rng: np.random.Generator) -> Rows:
    """Beginnings, a share of the suspicious rows outside of windows, and a sample of the quiet ones; each for all."""
    parts: list[Rows] = []
    for series, inputs in corpus:
        outside = np.ones(len(inputs), np.bool_)
        outside[: probation_rows(len(inputs)) // 2] = False
        suspicion = judge(inputs)
        begins: list[int] = []
        for first, last in series.windows:
            outside[max(first - 2, 0) : last + 1] = False
            within = np.arange(first + int(0.4 * (last - first)), last + 1)
            begins += within[np.argsort(-suspicion[within], kind="stable")[:3]].tolist()
        strongest = inputs[:, RANKS[0]]
        loud = np.flatnonzero(outside & (strongest > SUSPICIOUS))
        calm = np.flatnonzero(outside & (strongest <= SUSPICIOUS))
        sample = rng.choice(calm, min(len(calm), CALM_ROWS), replace=False)
        loud_sample = loud[rng.random(len(loud)) < LOUD_SHARE]
        rows = np.concatenate([begins, loud_sample, sample]).astype(np.int64)
        weight = np.full(len(rows), 1.0 / LOUD_SHARE)
        weight[: len(begins)] = 1.0
        weight[len(begins) + len(loud_sample) :] = max(1.0, len(calm) / max(len(sample), 1))
        parts.append(
            Rows(inputs[rows].astype(np.float32), np.where(np.arange(len(rows)) < len(begins), 1.0, 0.0), weight)
        )
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def linear_judge(rows: Rows) -> Judge:
    """Logistic regression with a weight decay of 30."""
    mean, spread = _scale(rows)
    scaled = standardised(rows.inputs, mean, spread)

    def loss(free: Floats) -> tuple[float, Floats]:
        odds = scaled @ free[:-1].astype(np.float32) + free[-1]
        value = float((rows.weight * (np.logaddexp(0.0, odds) - rows.begins * odds)).sum())
        slope = rows.weight * (1.0 / (1.0 + np.exp(-odds)) - rows.begins)
        decay = 30.0 * free[:-1]
        return value + 0.5 * float(free[:-1] @ decay), np.append(
            scaled.T @ slope.astype(np.float32) + decay, slope.sum()
        )

    best = minimize(loss, np.zeros(scaled.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 80}).x
    return lambda inputs: np.asarray(standardised(inputs, mean, spread) @ best[:-1] + best[-1])


def _scale(rows: Rows) -> tuple[Floats, Floats]:
    return rows.inputs.mean(0, dtype=np.float64), rows.inputs.std(0, dtype=np.float64) + 1e-6


def learn(corpus: Learnt) -> Bag:
    """Networks of three seeds, a copy of each by reward, and the mean of the six."""
    rng = np.random.default_rng(1)
    judge: Judge = lambda inputs: np.asarray(inputs[:, RANKS[0]], np.float64)  # noqa: E731  a plain start, replaced by what is learnt
    for _ in range(2):
        rows = chosen_rows(corpus, judge, rng)
        judge = linear_judge(rows)
    rows = chosen_rows(corpus, judge, rng)
    mean, spread = _scale(rows)
    scaled = standardised(rows.inputs, mean, spread)
    parts = []
    for series, inputs in corpus:
        may = rewarded_rows(series, inputs[:, RANKS].mean(1, dtype=np.float32))
        if len(may.rows):
            parts.append((standardised(inputs[may.rows], mean, spread), may.worth, may.hushed_from))
    networks = []
    for seed in SEEDS:
        begins = learn_begins(scaled, rows.begins.astype(np.float32), rows.weight.astype(np.float32), seed)
        climbed = learn_reward(begins.copy(TOLD_SHIFT), parts, seed)
        networks += [begins, climbed.copy(-TOLD_SHIFT)]
    return bagged(networks, mean, spread)


def bagged(networks: list[Network], mean: Floats, spread: Floats) -> Bag:
    """The mean of networks of the same inputs is a network with all of their units."""
    return Bag(
        mean,
        spread,
        np.concatenate([network.inward for network in networks], 1).astype(np.float64),
        np.concatenate([network.hidden_bias for network in networks]).astype(np.float64),
        np.concatenate([network.outward for network in networks]).astype(np.float64) / len(networks),
        np.mean([network.direct for network in networks], 0, dtype=np.float64),
        np.mean([network.bias for network in networks], 0, dtype=np.float64),
    )


def write(bag: Bag) -> None:
    """The weights as source: four digits of each."""
    head = [
        '"""Weights of the univariate detector, learnt on made-up series.',
        "",
        "Written by ``python -m benchmarks.detect_training.learn``.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import numpy as np",
        "",
        f"__all__ = [{', '.join(json.dumps(name.upper()) for name in sorted(Bag._fields))}]",
        "",
        "# fmt: off",
    ]
    OUT.write_text("\n".join([*head, *(_source(name, value) for name, value in bag._asdict().items())]) + "\n")


def _source(name: str, value: Floats) -> str:
    numbers = [f"{number:.4g}" for number in np.ravel(value)]
    if len(numbers) == 1:
        return f"{name.upper()} = {numbers[0]}"
    rows = textwrap.fill(", ".join(numbers), 116, initial_indent="    ", subsequent_indent="    ")
    shape = f".reshape{np.shape(value)}" if np.ndim(value) > 1 else ""
    return f"{name.upper()} = np.array([\n{rows},\n]){shape}"


if __name__ == "__main__":
    write(learn([(series, inputs_of(series)) for _, series in training_corpus()]))
