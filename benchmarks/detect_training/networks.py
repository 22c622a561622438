"""Small networks: one hidden layer beside a direct path, learnt by Adam with whole inputs left out at random.

Adam: Kingma and Ba 2015, ICLR (arXiv:1412.6980); decay apart from the slope: Loshchilov and Hutter 2019
(arXiv:1711.05101); leaving out: Srivastava et al. 2014, Journal of Machine Learning Research 15, 1929-1958.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.detect_training.families import Rng
from benchmarks.detect_training.reward import expected_loss
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Picks = NDArray[np.int64]
Slope = Callable[[Floats32, Any], Floats32]
Rewards = tuple[Floats32, Floats, NDArray[np.int64]]
"""Standardised inputs of the rows of a series that may be told, their worth, and the first row that hushes each."""

UNITS = 16
LEFT_OUT = 0.1
"""Share of the inputs a batch goes without, so that no single one is leant on."""
DECAY = 0.1
_BATCH = 1024
_SERIES = 8


class Network:
    """``outward · tanh(inward · x + hidden_bias) + direct · x + bias`` of standardised inputs, in natural log odds."""

    def __init__(self, size: int, rng: Rng) -> None:
        self.inward = rng.normal(0, size**-0.5, (size, UNITS)).astype(np.float32)
        self.hidden_bias = np.zeros(UNITS, np.float32)
        self.outward = rng.normal(0, 0.3, UNITS).astype(np.float32)
        self.direct = np.zeros(size, np.float32)
        self.bias = np.full(1, -3.0, np.float32)

    @property
    def weights(self) -> list[Floats32]:
        """All weights, as the slopes come."""
        return [self.inward, self.hidden_bias, self.outward, self.direct, self.bias]

    def hidden(self, scaled: Floats32) -> Floats32:
        """Activity of the hidden units."""
        return np.asarray(np.tanh(scaled @ self.inward + self.hidden_bias), np.float32)

    def judge(self, scaled: Floats32) -> Floats32:
        """Natural log odds of each row."""
        return np.asarray(self.hidden(scaled) @ self.outward + scaled @ self.direct + self.bias[0], np.float32)

    def copy(self, shift: float) -> Network:
        """The same network, its log odds shifted."""
        other = Network(len(self.direct), np.random.default_rng(0))
        for to, given in zip(other.weights, self.weights, strict=True):
            to[...] = given
        other.bias += np.float32(shift)
        return other

    def _slopes(self, scaled: Floats32, slope: Slope, about: object) -> list[Floats32]:
        hidden = self.hidden(scaled)
        upon = slope(hidden @ self.outward + scaled @ self.direct + self.bias[0], about)
        back = np.outer(upon, self.outward) * (1.0 - hidden * hidden)
        return [scaled.T @ back, back.sum(0), hidden.T @ upon, scaled.T @ upon, np.array([upon.sum()], np.float32)]

    def descend(
        self, picks: list[Picks], batch: Callable[[Picks], tuple[Floats32, Any]], slope: Slope, rate: float, rng: Rng
    ) -> None:
        """One step of Adam for each batch picked, the rate falling by a cosine to nothing."""
        means = [np.zeros_like(weight) for weight in self.weights]
        squares = [np.zeros_like(weight) for weight in self.weights]
        for step, pick in enumerate(picks, 1):
            scaled, about = batch(pick)
            now = rate * 0.5 * (1.0 + np.cos(np.pi * (step - 1) / len(picks)))
            kept = np.where(rng.random(scaled.shape[1]) > LEFT_OUT, 1.0, 0.0)
            slopes = self._slopes(np.asarray(scaled * kept, np.float32), slope, about)
            for which, toward in enumerate(slopes):
                decay = DECAY if self.weights[which] is self.inward or self.weights[which] is self.direct else 0.0
                means[which] += 0.1 * (toward - means[which])
                squares[which] += 0.01 * (toward * toward - squares[which])
                way = means[which] / (1.0 - 0.9**step) / (np.sqrt(squares[which] / (1.0 - 0.99**step)) + 1e-8)
                self.weights[which][...] -= np.float32(now) * (way + decay * self.weights[which])


def learn_begins(scaled: Floats32, begins: Floats32, weight: Floats32, seed: int, *, epochs: int = 8) -> Network:
    """A network that tells rows at which an anomaly begins from the others (log loss)."""
    rng = np.random.default_rng(seed)
    network = Network(scaled.shape[1], rng)
    weight = weight / weight.mean()

    def slope(odds: Floats32, rows: Picks) -> Floats32:
        return np.asarray(weight[rows] * (1.0 / (1.0 + np.exp(-odds)) - begins[rows]) / len(rows), np.float32)

    network.descend(_picks(len(scaled), _BATCH, epochs, rng), lambda rows: (scaled[rows], rows), slope, 3e-3, rng)
    return network


def learn_reward(network: Network, parts: list[Rewards], seed: int, *, epochs: int = 20) -> Network:
    """Let a network climb the expected worth of its alarms, some series at a time."""
    rng = np.random.default_rng(seed)

    def slope(odds: Floats32, about: tuple[Floats, NDArray[np.int64]]) -> Floats32:
        return np.asarray(expected_loss(odds.astype(np.float64), *about)[1] / _SERIES, np.float32)

    picks = _picks(len(parts), _SERIES, epochs, rng)
    network.descend(picks, lambda pick: _joined([parts[i] for i in pick]), slope, 1e-3, rng)
    return network


def _picks(count: int, size: int, epochs: int, rng: Rng) -> list[Picks]:
    """Everything in another order each time, cut into batches."""
    orders = [rng.permutation(count) for _ in range(epochs)]
    return [order[at : at + size] for order in orders for at in range(0, count - size + 1, size)]


def _joined(parts: list[Rewards]) -> tuple[Floats32, tuple[Floats, NDArray[np.int64]]]:
    before = np.cumsum([0, *(len(worth) for _, worth, _ in parts[:-1])])
    hushed_from = np.concatenate([first + offset for (_, _, first), offset in zip(parts, before, strict=True)])
    return np.concatenate([part[0] for part in parts]), (np.concatenate([part[1] for part in parts]), hushed_from)
