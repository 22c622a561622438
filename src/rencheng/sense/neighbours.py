"""Who is asked about an alarm: the nearest channels of the same rule within its reach, and who hangs together so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from rencheng.sense.channels import ChannelTable
from rencheng.sense.detection_rules import DetectionRules

__all__ = ["MOST_NEIGHBOURS", "Name", "Neighbours"]

Name = tuple[str, str]
"""Sensor and quantity."""
MOST_NEIGHBOURS = 8
_EARTH_M = 6_371_008.8
_ROUNDING = 1.0 + 1e-9
"""The ball about a channel is so much wider than the distance of its last neighbour, lest rounding cut that one off."""


class Neighbours:
    """Neighbours of channels under rules with a reach.

    Parameters
    ----------
    rules : DetectionRules
        What means an alarm.
    channels : ChannelTable
        Channels of the city with their places; those without a place have no neighbours.

    Notes
    -----
    Of channels equally far away those come first whose names do, so the choice does not depend on which other channels
    are in the table as long as the neighbours themselves are: a part of a city that holds whole :meth:`groups` gives
    the same neighbours as the city.
    """

    def __init__(self, rules: DetectionRules, channels: ChannelTable) -> None:
        self._rules = rules
        self._channels = channels
        self._trees: dict[int, _Tree] = {}

    def of(self, name: Name, rule: int) -> tuple[Name, ...]:
        """The neighbours of a channel under the rule in a place of the file, nearest first."""
        tree = self._tree(rule)
        place = tree.places.get(name)
        if place is None:
            return ()
        near = tree.within(np.array([place]))[0]
        far = np.sqrt(((tree.xyz[near] - tree.xyz[place]) ** 2).sum(axis=1))
        names = [tree.names[k] for k in near.tolist()]
        nearest = sorted(zip(far.tolist(), names, strict=True))[:MOST_NEIGHBOURS]
        return tuple(name for _, name in nearest)

    def groups(self) -> NDArray[np.int64]:
        """Number the sets of channels that hang together by asking each other; shape (channels,).

        Returns
        -------
        array of int
            Per channel of the table the place of the first channel of its set; its own place where it asks nobody and
            is asked by nobody.
        """
        n = len(self._channels)
        pairs = [np.zeros((0, 2), dtype=np.int64)]
        for rule, of in enumerate(self._rules.rules):
            if of.rule.reach_m > 0:
                pairs.append(self._tree(rule).pairs())
        edge = np.concatenate(pairs)
        graph = coo_array((np.ones(len(edge), dtype=np.int8), (edge[:, 0], edge[:, 1])), shape=(n, n))
        _, label = connected_components(graph, directed=False)
        first = np.full(n, n, dtype=np.int64)
        np.minimum.at(first, label, np.arange(n))
        return first[label]

    def _tree(self, rule: int) -> _Tree:
        if rule not in self._trees:
            self._trees[rule] = _Tree(self._rules, rule, self._channels)
        return self._trees[rule]


class _Tree:
    """Channels of a rule by their places on the unit sphere; the chord is the distance at these reaches."""

    def __init__(self, rules: DetectionRules, rule: int, channels: ChannelTable) -> None:
        of = rules.rules[rule].quantity
        follows: dict[str, bool] = {}
        mine = []
        for place, (word, kind) in enumerate(zip(channels.quantity, channels.kind, strict=True)):
            if word == of:
                if kind not in follows:
                    follows[kind] = rule in rules.places_for(of, kind)
                if follows[kind]:
                    mine.append(place)
        row = np.array(mine, dtype=np.int64)
        self.row = row[~np.isnan(channels.lon[row] + channels.lat[row])]
        lon, lat = np.radians(channels.lon[self.row]), np.radians(channels.lat[self.row])
        self.xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
        self.xyz = self.xyz.reshape(-1, 3)
        self.names = [(channels.sensor_id[k], of) for k in self.row.tolist()]
        self.places = {name: place for place, name in enumerate(self.names)}
        self._tree = cKDTree(self.xyz)
        self._reach = rules.rules[rule].rule.reach_m / _EARTH_M

    def within(self, place: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The others as near as the last neighbour, ties and all, of each of some places."""
        if not len(place):
            return []
        most = MOST_NEIGHBOURS + 1  # the channel is its own nearest
        far, _ = self._tree.query(self.xyz[place], k=[most], distance_upper_bound=self._reach)
        radius = np.minimum(np.asarray(far)[:, 0] * _ROUNDING, self._reach)  # infinite where there are fewer
        found = self._tree.query_ball_point(self.xyz[place], radius, return_sorted=True)
        return [
            np.array([k for k in near if k != own], dtype=np.int64)
            for own, near in zip(place.tolist(), found, strict=True)
        ]

    def pairs(self) -> NDArray[np.int64]:
        """Pairs of channels, by their places in the table, of which one may ask the other; shape (m, 2)."""
        near = self.within(np.arange(len(self.row)))
        asking = np.repeat(np.arange(len(self.row)), [len(found) for found in near])
        asked = np.concatenate(near) if near else np.zeros(0, dtype=np.int64)
        return np.stack([self.row[asking], self.row[asked]], axis=-1)
