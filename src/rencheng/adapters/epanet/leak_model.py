"""A water network as leak detection sees it: EPANET driven by what the meters say, asked what its sensors would read.

The utility's model is cut at its meters. A metered pump becomes the flow it delivers, a gauged tank a source at its
level; between the meters lie areas whose inflow is known. In an area where nearly every consumer has a meter the
consumers take what they report; elsewhere the nominal demands are scaled so that the area takes what flows in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.epanet.leak_links import links_of_network
from rencheng.adapters.epanet.project import EpanetProject
from rencheng.kernel import InvalidInput
from rencheng.science.detection.pipe_distance import node_distances

__all__ = ["Boundary", "LeakModel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METERED_SHARE = 0.85  # an area counts as metered where its meters cover this share of nominal demand
M3_H = 1 / 3600
STAND_IN_M = 100.0  # junctions so near share the solver's answer to a large leak, each bent by its own slope
ACCURACY = 1e-4  # a leak of 1 m³/h is half a per cent of the flow; the usual 1e-2 would stop before it shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """What drives the model in each block of time (H blocks).

    Attributes
    ----------
    rest_m3_h : ndarray, shape (H, A)
        Each area's inflow that no consumer meter explains; NaN where a meter is silent.
    nominal_m3_h : ndarray, shape (H, A)
        What the model's unmetered consumers of the area nominally take then.
    kind_multiplier : ndarray, shape (H, K)
        The nominal demand patterns then.
    meter_m3_h : ndarray, shape (H, M)
        Consumer meters.
    pump_m3_h : ndarray, shape (H, P)
        Metered pumps.
    tank_head_m : ndarray, shape (H, T)
        Gauged tanks.
    """

    rest_m3_h: Floats
    nominal_m3_h: Floats
    kind_multiplier: Floats
    meter_m3_h: Floats
    pump_m3_h: Floats
    tank_head_m: Floats

    def take(self, rows: Ints) -> Self:
        """The blocks asked for."""
        return type(self)(**{name: getattr(self, name)[rows] for name in self.__slots__})


@dataclass(slots=True)
class _Consumer:
    area: int
    kinds: list[int]
    bases: list[float]
    metered: bool


class LeakModel:
    """The cut network, open in EPANET; a context manager.

    Parameters
    ----------
    inp : Path
        The utility's EPANET model.
    pressures, flows, levels, meters : sequence of str
        Node and link ids of the sensors; ids that the network does not know must be left out before.
    scratch : Path
        Folder for the cut model.
    """

    def __init__(
        self,
        inp: Path,
        *,
        pressures: Sequence[str],
        flows: Sequence[str],
        levels: Sequence[str],
        meters: Sequence[str],
        scratch: Path,
    ) -> None:
        network = _read(inp)
        self.pressures, self.levels, self.meters = list(pressures), list(levels), list(meters)
        self.pumps = [name for name in flows if name in set(network.pump_name_list)]
        self.flows = [name for name in flows if name not in set(self.pumps)]
        self.flow_ids = list(flows)
        self.nodes: list[str] = list(network.junction_name_list)
        self._topology(network)
        self._consumers(network)
        self.stand_in = self._stand_ins()
        self.elevation_m = np.array([_elevation(network, name) for name in self.pressures])
        self.tank_bottom_m = np.array([network.get_node(name).elevation for name in self.levels])
        self.tank_top_m = np.array([network.get_node(name).max_level for name in self.levels])
        self.tank_area_m2 = np.array([np.pi * network.get_node(name).diameter ** 2 / 4 for name in self.levels])
        self.project = EpanetProject(self._write(network, scratch))
        self._sensors = self.project.nodes(self.pressures)
        self._meters = self.project.links(self.flows)
        self._at = self.project.nodes(self.nodes)

    @staticmethod
    def known_ids(inp: Path) -> dict[str, set[str]]:
        """Ids of junctions, links and tanks of a network."""
        network = _read(inp)
        return {
            "junctions": set(network.junction_name_list),
            "links": {*network.pipe_name_list, *network.pump_name_list, *network.valve_name_list},
            "tanks": set(network.tank_name_list),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.project.__exit__(None, None, None)

    def _topology(self, network: Any) -> None:
        index = {name: row for row, name in enumerate(network.node_name_list)}
        cut = set(self.flow_ids)
        self.pipes: list[str] = list(network.pipe_name_list)
        number = {name: row for row, name in enumerate(self.nodes)}
        pipe = [network.get_link(name) for name in self.pipes]
        self.pipe_length_m = np.array([p.length for p in pipe])
        self.pipe_diameter_m = np.array([p.diameter for p in pipe])
        self.pipe_roughness = np.array([p.roughness for p in pipe])
        self.pipe_ends = np.array(
            [[number.get(p.start_node_name, -1), number.get(p.end_node_name, -1)] for p in pipe], np.int64
        )
        self.link_ends = np.array(
            [[index[link.start_node_name], index[link.end_node_name]] for _, link in network.links()], np.int64
        )
        place = {name: row for row, name in enumerate(network.link_name_list)}
        self.pipe_links = np.array([place[name] for name in self.pipes], np.int64)
        self.link_length_m = np.array([getattr(link, "length", 0.0) or 0.0 for _, link in network.links()])
        self.node_rows = np.array([index[name] for name in self.nodes])
        group = list(range(len(index)))

        def root(i: int) -> int:
            while group[i] != i:
                group[i] = group[group[i]]
                i = group[i]
            return i

        closed = {name for name, link in network.links() if str(link.initial_status) == "Closed"}
        for name, link in network.links():
            if name not in cut and name not in closed:
                group[root(index[link.start_node_name])] = root(index[link.end_node_name])
        roots = sorted({root(index[name]) for name in self.nodes})
        self.node_area = np.array([roots.index(root(index[name])) for name in self.nodes])
        self.n_areas = len(roots)

        def of(name: str) -> int:
            return roots.index(root(index[name])) if root(index[name]) in roots else -1

        self.open_area = np.zeros(self.n_areas, bool)
        for name in (*network.reservoir_name_list, *(t for t in network.tank_name_list if t not in self.levels)):
            if of(name) >= 0:
                self.open_area[of(name)] = True
        ends = [(of(network.get_link(f).start_node_name), of(network.get_link(f).end_node_name)) for f in self.flow_ids]
        self.flow_areas = np.array(ends, np.int64).reshape(-1, 2)
        self.tank_area = np.array([of(name) for name in self.levels], np.int64)

    def _stand_ins(self) -> Ints:
        """For each junction one of its area within ``STAND_IN_M`` along the pipes, chosen greedily to be few."""
        inside = (self.pipe_ends >= 0).all(axis=1)
        a, b = self.pipe_ends[inside].T
        far = node_distances(a, b, self.pipe_length_m[inside], len(self.nodes))
        far[self.node_area[:, None] != self.node_area[None, :]] = np.inf
        chosen = [0]
        near, stand_in = far[0].copy(), np.zeros(len(self.nodes), np.int64)
        while near.max() > STAND_IN_M:
            new = int(np.argmax(near))
            closer = far[new] < near
            stand_in[closer], near[closer] = new, far[new][closer]
            chosen.append(new)
        return stand_in

    def _consumers(self, network: Any) -> None:
        self.kinds = [None, *network.pattern_name_list]
        default = network.options.hydraulic.pattern
        step = network.options.time.pattern_timestep
        self.kind_step_s = int(step)
        self.kind_values = [np.ones(1), *(np.array(p.multipliers, float) for _, p in network.patterns())]
        metered = set(self.meters)
        self.consumers: list[_Consumer] = []
        for row, name in enumerate(self.nodes):
            merged: dict[int, float] = {}
            for item in network.get_node(name).demand_timeseries_list:
                kind = item.pattern_name or (default if default in self.kinds else None)
                k = self.kinds.index(kind)
                merged[k] = merged.get(k, 0.0) + item.base_value * 3600 * network.options.hydraulic.demand_multiplier
            used = {k: base for k, base in merged.items() if base != 0.0}
            self.consumers.append(_Consumer(int(self.node_area[row]), list(used), list(used.values()), name in metered))
        total, covered = np.zeros(self.n_areas), np.zeros(self.n_areas)
        for consumer in self.consumers:
            total[consumer.area] += sum(consumer.bases)
            covered[consumer.area] += sum(consumer.bases) if consumer.metered else 0.0
        self.nominal_demand_m3_h = float(total.sum())
        self.nominal_metered_m3_h = float(covered.sum())
        self.metered_area = covered >= METERED_SHARE * np.maximum(total, 1e-9)
        number = {name: row for row, name in enumerate(self.nodes)}
        self.meter_area = np.array([self.node_area[number[m]] for m in self.meters], np.int64)

    def _write(self, network: Any, scratch: Path) -> Path:
        for name in list(network.control_name_list):
            network.remove_control(name)
        for name in self.pumps:
            pump = network.get_link(name)
            ends = ((pump.start_node_name, 1.0), (pump.end_node_name, -1.0))
            network.add_pattern(f"u-{name}", [1.0, 1.0])
            for node, sign in ends:
                if node in set(self.nodes):
                    row = self.nodes.index(node)
                    self._extra = [*getattr(self, "_extra", []), (row, sign * M3_H, f"u-{name}")]
            network.remove_link(name)
        for name in network.tank_name_list:
            self._tank_to_source(network, name)
        for area in range(self.n_areas):
            for kind in range(len(self.kinds)):
                network.add_pattern(f"a{area}k{kind}", [1.0, 1.0])
        network.add_pattern("one", [1.0, 1.0])
        self.leak_category: list[int] = []
        for row, name in enumerate(self.nodes):
            self._write_consumer(network, row, name)
        network.options.quality.parameter = "NONE"
        network.options.hydraulic.demand_multiplier = 1.0
        network.options.hydraulic.demand_model = "DDA"
        network.options.hydraulic.accuracy = ACCURACY
        network.options.report.status = "NO"
        self.links = links_of_network(network)
        out = scratch / "cut.inp"
        import wntr

        wntr.network.write_inpfile(network, str(out), units="CMH", version=2.2)
        return out

    def _write_consumer(self, network: Any, row: int, name: str) -> None:
        node, consumer = network.get_node(name), self.consumers[row]
        node.demand_timeseries_list.clear()
        if consumer.metered:
            network.add_pattern(f"m-{name}", [1.0, 1.0])
            node.add_demand(M3_H, f"m-{name}")
        else:
            for kind, base in zip(consumer.kinds, consumer.bases, strict=True):
                node.add_demand(base * M3_H, f"a{consumer.area}k{kind}")
        for at, base, pattern in getattr(self, "_extra", []):
            if at == row:
                node.add_demand(base, pattern)
        node.add_demand(1e-9 * M3_H, "one")
        self.leak_category.append(len(node.demand_timeseries_list))

    def _tank_to_source(self, network: Any, name: str) -> None:
        tank = network.get_node(name)
        links = [
            (link_name, link, network.get_link(link_name))
            for link_name in network.get_links_for_node(name)
            for link in [network.get_link(link_name)]
        ]
        head, at = tank.elevation + tank.init_level, tank.coordinates
        network.add_pattern(f"h-{name}", [1.0, 1.0])
        network.add_reservoir(f"{name}__source", base_head=1.0 if name in self.levels else head, coordinates=at)
        source = network.get_node(f"{name}__source")
        if name in self.levels:
            source.head_pattern_name = f"h-{name}"
        for _, link, _ in links:
            if link.start_node_name == name:
                link.start_node = source
            else:
                link.end_node = source
        network.remove_node(name)

    def boundary_patterns(self, drive: Boundary, rows: Ints, leak_m3_h: Floats | None = None) -> None:
        """Load blocks ``rows`` into the model; ``leak_m3_h`` (A,) is what leaks take of each scaled area's inflow."""
        part, project = drive.take(rows), self.project
        loss = np.zeros(self.n_areas) if leak_m3_h is None else leak_m3_h
        for area in range(self.n_areas):
            scale = np.ones(len(rows))
            if not (self.open_area[area] or self.metered_area[area]):
                nominal = np.maximum(part.nominal_m3_h[:, area], 1e-6)
                scale = np.clip((part.rest_m3_h[:, area] - loss[area]) / nominal, 0.05, 20.0)
            for kind in range(len(self.kinds)):
                project.set_pattern(f"a{area}k{kind}", scale * part.kind_multiplier[:, kind])
        for column, name in enumerate(self.meters):
            project.set_pattern(f"m-{name}", part.meter_m3_h[:, column])
        for column, name in enumerate(self.pumps):
            project.set_pattern(f"u-{name}", part.pump_m3_h[:, column])
        for column, name in enumerate(self.levels):
            project.set_pattern(f"h-{name}", part.tank_head_m[:, column])

    def set_leak(self, node: int, m3_h: float) -> None:
        """Let a junction (row of ``nodes``) lose a constant flow."""
        self.project.set_demand(self._at[node], self.leak_category[node], m3_h)

    def solve(self, n: int, before: Callable[[int], None] | None = None) -> Floats:
        """What the sensors would read in the loaded blocks: heads (m), then free flows (m³/h), shape (n, m)."""
        ran = self.project.run(n, 3600, nodes=self._sensors, links=self._meters, before_step=before)
        return np.hstack([ran.head_m, ran.flow_m3_h])

    def area_losses(self, leaks: Sequence[tuple[int, float]]) -> Floats:
        """Sum of leaks by area."""
        out = np.zeros(self.n_areas)
        for node, m3_h in leaks:
            out[self.node_area[node]] += m3_h
        return out

    def simulate(self, drive: Boundary, rows: Ints, leaks: Sequence[tuple[int, float]]) -> Floats:
        """Sensor readings by the model with known leaks, shape (len(rows), m)."""
        self.load(drive, rows, leaks)
        out = self.solve(len(rows))
        self.unload(leaks)
        return out

    def responses(
        self,
        drive: Boundary,
        rows: Ints,
        leaks: Sequence[tuple[int, float]],
        levels_m3_h: Sequence[float],
        tell: Callable[[float], None] = lambda _share: None,
    ) -> Floats:
        """Change of the readings by a new leak, at each junction and size, shape (J, L, S, m)."""
        base = self.simulate(drive, rows, leaks)
        out = np.zeros((len(self.nodes), len(levels_m3_h), *base.shape))
        asked = np.unique(self.stand_in)
        known, n = dict(leaks), len(rows)
        for column, size in enumerate(levels_m3_h):
            for area in range(self.n_areas):
                extra = np.zeros(self.n_areas)
                extra[area] = size
                nodes = asked[self.node_area[asked] == area].tolist()
                if not nodes:
                    continue
                self.load(drive, np.repeat(rows, len(nodes)), leaks, extra)
                read = self.solve(n * len(nodes), self._moving_leak(nodes, size, known))
                self.set_leak(nodes[-1], known.get(nodes[-1], 0.0))
                out[nodes, column] = read.reshape(n, len(nodes), -1).transpose(1, 0, 2) - base
                tell((column + (area + 1) / self.n_areas) / len(levels_m3_h))
        self.unload(leaks)
        return out[self.stand_in]

    def _moving_leak(self, nodes: list[int], size: float, known: dict[int, float]) -> Callable[[int], None]:
        """Put the leak on the next junction every step: one run of the solver asks about all, state by state."""

        def before(step: int) -> None:
            last, node = nodes[(step - 1) % len(nodes)], nodes[step % len(nodes)]
            self.set_leak(last, known.get(last, 0.0))
            self.set_leak(node, known.get(node, 0.0) + size)

        return before

    def load(
        self, drive: Boundary, rows: Ints, leaks: Sequence[tuple[int, float]], extra: Floats | None = None
    ) -> None:
        """Put blocks and leaks into the solver; ``extra`` (A,): what more each area loses."""
        loss = self.area_losses(leaks) + (0.0 if extra is None else extra)
        self.boundary_patterns(drive, rows, loss)
        for node, m3_h in leaks:
            self.set_leak(node, m3_h)

    def unload(self, leaks: Sequence[tuple[int, float]]) -> None:
        """Take the leaks out again."""
        for node, _ in leaks:
            self.set_leak(node, 0.0)


def _read(inp: Path) -> Any:
    import wntr

    try:
        return wntr.network.WaterNetworkModel(str(inp))
    except OSError as error:
        raise InvalidInput("the network cannot be read", where=str(inp), mend="Give an EPANET .inp file") from error
    except Exception as error:
        raise InvalidInput(
            f"the network is not a readable EPANET file: {error}", where=str(inp), mend="Open it in EPANET 2.2 first"
        ) from error


def _elevation(network: Any, name: str) -> float:
    node = network.get_node(name)
    return float(getattr(node, "elevation", 0.0))
