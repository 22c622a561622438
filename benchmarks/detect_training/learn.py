"""Learn the weights of the univariate detector on made-up series; writes ``univariate_weights.py``.

``python -m benchmarks.detect_training.learn`` (minutes). No measured series is looked at, of no benchmark, of no city.
Which rows count as the beginning of an anomaly is learnt too: of each window, from its middle less a tenth to its end,
the three rows the model of the round before finds most suspicious (multiple-instance learning: Dietterich et al. 1997,
Artificial Intelligence 89, 31-71). First a linear model, then the network starts from its choice of rows.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.detect_training.families import Series, made_up_corpus
from numpy.typing import NDArray
from scipy.optimize import minimize

from rencheng.science.detection.nab_score import probation_rows
from rencheng.science.detection.univariate_evidence import EVIDENCE, EVIDENCE_SHAPES, evidence_rows
from rencheng.science.detection.univariate_judge import EVIDENCE_INPUTS, hidden_activity, without_direction

Floats = NDArray[np.float64]
Judge = Callable[[Floats], Floats]
OUT = Path(__file__).resolve().parents[2] / "src/rencheng/science/detection/univariate_weights.py"
STRONGEST = EVIDENCE_INPUTS.index("surprise, rank 1")
SUSPICIOUS = 1.8
UNITS = 12
DECAY = 25.0
"""Weight decay of the network, of its inward weights; chosen on made-up series of another seed (6: as good there)."""


class Rows(NamedTuple):
    """Inputs of chosen rows, whether an anomaly begins there, and what each row counts for."""

    inputs: Floats
    begins: Floats
    weight: Floats


def inputs_of(series: Series) -> Floats:
    """Inputs of the network for each row of a series."""
    state = {name: np.zeros(shape) for name, shape in EVIDENCE_SHAPES.items()}
    evidence = np.empty((len(series.value), len(EVIDENCE)))
    evidence_rows(evidence, series.at_us, np.asarray(series.value, np.float64), **state)
    return without_direction(evidence)


def chosen_rows(corpus: list[tuple[Series, Floats]], judge: Judge, rng: np.random.Generator) -> Rows:
    """Beginnings, all suspicious rows outside of windows, and a sample of the quiet ones that stands for all."""
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
        loud = np.flatnonzero(outside & (inputs[:, STRONGEST] > SUSPICIOUS))
        calm = np.flatnonzero(outside & (inputs[:, STRONGEST] <= SUSPICIOUS))
        sample = rng.choice(calm, min(len(calm), 150), replace=False)
        loud_sample = loud[rng.random(len(loud)) < 0.5]
        rows = np.concatenate([begins, loud_sample, sample]).astype(np.int64)
        weight = np.full(len(rows), 2.0)
        weight[: len(begins)] = 1.0
        weight[len(begins) + len(loud_sample) :] = max(1.0, len(calm) / max(len(sample), 1))
        parts.append(
            Rows(inputs[rows].astype(np.float64), (np.arange(len(rows)) < len(begins)).astype(np.float64), weight)
        )
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def log_loss(odds: Floats, rows: Rows) -> tuple[float, Floats]:
    """Weighed loss of natural log odds, and its gradient."""
    loss = np.logaddexp(0.0, odds) - rows.begins * odds
    return float((rows.weight * loss).sum()), rows.weight * (1.0 / (1.0 + np.exp(-odds)) - rows.begins)


def linear_judge(rows: Rows) -> Judge:
    """Logistic regression with a weight decay of 30."""
    mean, spread = rows.inputs.mean(0), rows.inputs.std(0) + 1e-6
    scaled = (rows.inputs - mean) / spread

    def loss(free: Floats) -> tuple[float, Floats]:
        value, slope = log_loss(scaled @ free[:-1] + free[-1], rows)
        decay = 30.0 * free[:-1]
        return value + 0.5 * float(free[:-1] @ decay), np.append(scaled.T @ slope + decay, slope.sum())

    best = minimize(loss, np.zeros(scaled.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 150}).x
    return lambda inputs: np.asarray((inputs - mean) / spread @ best[:-1] + best[-1])


class Network(NamedTuple):
    """Weights as the detector reads them; names as in ``univariate_weights``."""

    input_mean: Floats
    input_spread: Floats
    inward: Floats
    hidden_bias: Floats
    outward: Floats
    bias: Floats

    def judge(self, inputs: Floats) -> Floats:
        """Natural log odds."""
        hidden = hidden_activity(inputs, self.input_mean, self.input_spread, self.inward, self.hidden_bias)
        return np.asarray(hidden @ self.outward + self.bias)


def learn_network(rows: Rows, rng: np.random.Generator) -> Network:
    """One hidden layer, trained by L-BFGS from small random weights."""
    size = rows.inputs.shape[1]
    mean, spread = rows.inputs.mean(0), rows.inputs.std(0) + 1e-6
    scaled = np.clip((rows.inputs - mean) / spread, -8.0, 8.0)
    cuts = np.cumsum([size * UNITS, UNITS, UNITS])

    def loss(free: Floats) -> tuple[float, Floats]:
        inward, hidden_bias, outward, bias = np.split(free, cuts)
        inward = inward.reshape(size, UNITS)
        hidden = np.tanh(scaled @ inward + hidden_bias)
        value, slope = log_loss(hidden @ outward + bias, rows)
        back = np.outer(slope, outward) * (1.0 - hidden * hidden)
        value += 0.5 * DECAY * float((inward**2).sum() + 0.3 * (outward**2).sum())
        parts = [
            (scaled.T @ back + DECAY * inward).ravel(),
            back.sum(0),
            hidden.T @ slope + 0.3 * DECAY * outward,
            np.array([slope.sum()]),
        ]
        return value, np.concatenate(parts)

    start = np.concatenate(
        [rng.normal(0, size**-0.5, size * UNITS), np.zeros(UNITS), rng.normal(0, 0.3, UNITS), np.array([-3.0])]
    )
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 140}).x
    inward, hidden_bias, outward, bias = np.split(best, cuts)
    return Network(mean, spread, inward.reshape(size, UNITS), hidden_bias, outward, bias)


def learn() -> Network:
    """Both judges, on three corpora of 102 series."""
    made = made_up_corpus(102, scale=2) + made_up_corpus(2, scale=2, blurred=True)
    made += made_up_corpus(3, scale=2, blurred=True)
    corpus = [(series, inputs_of(series)) for _, series in made]
    rng = np.random.default_rng(1)
    judge: Judge = lambda inputs: np.asarray(inputs[:, STRONGEST], np.float64)  # noqa: E731  a plain start, replaced by what is learnt
    for _ in range(2):
        judge = linear_judge(chosen_rows(corpus, judge, rng))
    return learn_network(chosen_rows(corpus, judge, rng), rng)


def write(network: Network) -> None:
    """The weights as source: five digits of each."""
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
        f"__all__ = [{', '.join(json.dumps(name.upper()) for name in sorted(Network._fields))}]",
        "",
        "# fmt: off",
    ]
    OUT.write_text("\n".join([*head, *(_source(name, value) for name, value in network._asdict().items())]) + "\n")


def _source(name: str, value: Floats) -> str:
    numbers = [f"{number:.5g}" for number in np.ravel(value)]
    if len(numbers) == 1:
        return f"{name.upper()} = {numbers[0]}"
    rows = textwrap.fill(", ".join(numbers), 116, initial_indent="    ", subsequent_indent="    ")
    shape = f".reshape{np.shape(value)}" if np.ndim(value) > 1 else ""
    return f"{name.upper()} = np.array([\n{rows},\n]){shape}"


if __name__ == "__main__":
    write(learn())
