"""Storm sewers of the sandbox city: inlets and manholes along the streets, falling to outfalls or pumps.

Sized by the rational method with the storm formula of GB 50014-2021 (``q = 167 A (1 + C lg P) / (t + b)^n``,
three-year storm) and Manning's formula for full pipes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.facilities import Facilities
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.network import Network, forest_to
from rencheng.city.sandbox.roads import Roads
from rencheng.city.sandbox.waters import Waters

__all__ = ["PIPE_SIZES_M", "LowPoints", "lay_drainage", "storm_l_s_ha"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PIPE_SIZES_M = np.array([0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 1.8, 2.0, 2.4, 2.8, 3.2, 3.6, 4.0])
_FALL, _MANNING_N, _RUNOFF = 0.001, 0.013, 0.65
_COVER_M, _INLET_M = 1.8, 0.9


@dataclass(frozen=True, kw_only=True)
class LowPoints:
    """Places that fill first, underpasses and hollows; arrays of shape (n,), map metres, ``node`` the next corner."""

    x_m: Floats
    y_m: Floats
    ground_m: Floats
    underpass: NDArray[np.bool_]
    node: Ints


def storm_l_s_ha(duration_min: Floats, return_years: float = 3.0) -> Floats:
    """Design storm intensity, L/(s·ha), of a duration in minutes.

    ``q = 167 · 9.8 (1 + 0.76 lg P) / (t + 9)^0.65``: the form of GB 50014-2021 with rounded constants of the middle
    Yangtze.

    Examples
    --------
    >>> round(float(storm_l_s_ha(np.array(15.0), 3.0)))
    283
    """
    return np.asarray(167.0 * 9.8 * (1.0 + 0.76 * np.log10(return_years)) / (duration_min + 9.0) ** 0.65)


def lay_drainage(
    frame: Frame,
    roads: Roads,
    ground_m: Floats,
    mid_ground_m: Floats,
    waters: Waters,
    low: LowPoints,
    facilities: Facilities,
    net: Network,
) -> None:
    """Lay the sewers.

    Parameters
    ----------
    ground_m : float array, shape (nodes,)
        Ground of the road nodes.
    mid_ground_m : float array, shape (pieces,)
        Ground at the middle of the road pieces.
    low : LowPoints
        Places that get pumps of their own.
    facilities : Facilities
        Pumping stations are added to them.
    net : Network
        What is laid is added to it.
    """
    mouths, mouth_u, mouth_v, water_m = _mouths(frame, roads, waters)
    away, down, piece = forest_to(roads, mouths, 150.0, ground_m)
    sewered = np.isfinite(away)
    order = np.argsort(-np.where(sewered, away, -1.0), kind="stable")
    order = order[: int(sewered.sum())]
    inlets = np.flatnonzero(roads.public & ~roads.bridge & ~roads.underpass & sewered[roads.tail] & sewered[roads.head])
    into = np.where(
        ground_m[roads.tail[inlets]] <= ground_m[roads.head[inlets]], roads.tail[inlets], roads.head[inlets]
    )
    half = roads.length_m[inlets] / 2.0
    invert = ground_m - _COVER_M
    np.minimum.at(invert, into, mid_ground_m[inlets] - _INLET_M - 0.003 * half)
    hectares = np.zeros(len(roads.u))
    np.add.at(hectares, into, roads.length_m[inlets] * frame.urban_m2 / 1e4 / roads.length_m[inlets].sum())
    reach = np.zeros(len(roads.u))
    _run_down(order, down, roads.length_m[piece], invert, hectares, reach)
    flow = _RUNOFF * storm_l_s_ha(10.0 + reach / 72.0) * hectares / 1000.0
    for i in np.sort(order).tolist():
        more = {"ground_m": round(float(ground_m[i]), 3), "invert_m": round(float(invert[i]), 3)}
        net.node(f"manhole-{i + 1}", "drainage", "manhole", float(roads.x_m[i]), float(roads.y_m[i]), **more)
    linked = np.flatnonzero(sewered & (down >= 0))
    _pipes(net, linked, down[linked], roads.length_m[piece[linked]], invert, flow)
    _lay_inlets(net, roads, inlets, into, mid_ground_m)
    pumps: dict[str, int] = {}
    _lay_mouths(frame, net, facilities, pumps, mouths, (mouth_u, mouth_v, water_m), roads, ground_m, invert, flow)
    _lay_low_pumps(net, facilities, pumps, low, roads, sewered)


def _mouths(frame: Frame, roads: Roads, waters: Waters) -> tuple[Ints, Floats, Floats, Floats]:
    """Road nodes beside water, the point on the bank that each drains to, and the water's ordinary height there."""
    public = np.zeros(len(roads.u), dtype=np.bool_)
    public[roads.tail[roads.public]] = public[roads.head[roads.public]] = True
    half = frame.river_width_m / 2.0
    u, v = roads.u, roads.v
    at_river = public & (np.abs(v) <= half + 30.0)
    out_u, out_v = u.copy(), np.sign(v) * half
    water = waters.river_bed_m(u) + 0.35 * frame.bank_height_m
    chosen = at_river.copy()
    for stream in waters.streams:
        near = public & ~at_river & (np.abs(u - stream.u_m) <= 26.0) & (v * stream.side > 0.0)
        out_u[near] = stream.at(v[near]) + np.sign(u - stream.u_m)[near] * stream.half_m
        out_v[near] = v[near]
        water[near] = waters.stream_bed_m(stream, v[near]) + 0.2
        chosen |= near
    nodes = np.flatnonzero(chosen)
    return nodes, out_u[nodes], out_v[nodes], water[nodes]


def _run_down(order: Ints, down: Ints, length: Floats, invert: Floats, hectares: Floats, reach: Floats) -> None:
    """Carry fall, area and longest way from the heads of the sewers to the mouths, in place."""
    for i in order.tolist():
        j = int(down[i])
        if j < 0:
            continue
        invert[j] = min(invert[j], invert[i] - max(_FALL * length[i], 0.005))
        hectares[j] += hectares[i]
        reach[j] = max(reach[j], reach[i] + length[i])


def _sized(flow: Floats, fall: Floats) -> tuple[Floats, Floats]:
    """Standard diameter (m) that carries a flow (m³/s) when full at a slope, and its capacity (m³/s)."""
    root = np.sqrt(np.maximum(fall, _FALL))
    exact = (flow * _MANNING_N / (0.3117 * root)) ** 0.375
    size = PIPE_SIZES_M[np.minimum(np.searchsorted(PIPE_SIZES_M, exact), len(PIPE_SIZES_M) - 1)]
    return size, 0.3117 / _MANNING_N * size ** (8.0 / 3.0) * root


def _pipes(net: Network, up: Ints, down: Ints, length: Floats, invert: Floats, flow: Floats) -> None:
    size, capacity = _sized(flow[up], (invert[up] - invert[down]) / length)
    rows = zip(up.tolist(), down.tolist(), length.tolist(), size.tolist(), capacity.tolist(), strict=True)
    for i, j, metres, diameter, carries in rows:
        more = {"diameter_m": diameter, "capacity": round(carries, 3)}
        net.link("drainage", "pipe", f"manhole-{i + 1}", f"manhole-{j + 1}", metres, **more)


def _lay_inlets(net: Network, roads: Roads, inlets: Ints, into: Ints, mid_ground_m: Floats) -> None:
    middle = roads.path_x_m.shape[1] // 2
    for piece, node in zip(inlets.tolist(), into.tolist(), strict=True):
        ground = float(mid_ground_m[piece])
        x, y = float(roads.path_x_m[piece, middle]), float(roads.path_y_m[piece, middle])
        more = {"ground_m": round(ground, 3), "invert_m": round(ground - _INLET_M, 3)}
        inlet = net.node(f"inlet-{piece + 1}", "drainage", "inlet", x, y, **more)
        more = {"diameter_m": 0.3, "capacity": 0.08}
        net.link("drainage", "pipe", inlet, f"manhole-{node + 1}", float(roads.length_m[piece]) / 2.0, **more)


def _lay_mouths(
    frame: Frame,
    net: Network,
    facilities: Facilities,
    pumps: dict[str, int],
    mouths: Ints,
    at: tuple[Floats, Floats, Floats],
    roads: Roads,
    ground_m: Floats,
    invert: Floats,
    flow: Floats,
) -> None:
    """Outfalls; where the sewer arrives below the water's ordinary height a pumping station lifts it."""
    x, y = frame.to_map(at[0], at[1])
    for k, i in enumerate(mouths.tolist()):
        distance = float(np.hypot(x[k] - roads.x_m[i], y[k] - roads.y_m[i]))
        lowest = float(at[2][k])
        gravity = float(invert[i]) - _FALL * distance >= lowest
        out_m = round(float(invert[i]) - _FALL * distance if gravity else lowest + 0.3, 3)
        outfall = net.node(f"outfall-{k + 1}", "drainage", "outfall", float(x[k]), float(y[k]), invert_m=out_m)
        size, capacity = _sized(flow[[i]], np.array([_FALL]))
        carries = {"diameter_m": float(size[0]), "capacity": round(float(capacity[0]), 3)}
        tail = f"manhole-{i + 1}"
        if not gravity:
            need = round(max(0.2, float(flow[i])), 2)
            x0, y0 = float(roads.x_m[i]) + 6.0, float(roads.y_m[i]) + 6.0
            tail = _pump(net, facilities, pumps, x0, y0, i, need, float(ground_m[i]), float(invert[i]) - 0.1)
        net.link("drainage", "pipe", tail, outfall, max(distance, 1.0), **carries)


def _pump(
    net: Network,
    facilities: Facilities,
    pumps: dict[str, int],
    x_m: float,
    y_m: float,
    node: int,
    need_m3_s: float,
    ground_m: float,
    invert_m: float,
    *,
    fed: bool = True,
) -> str:
    number = len(pumps) + 1
    station = facilities.add("pumping_station", f"第{number}排水泵站", x_m, y_m)
    more = {"ground_m": round(ground_m, 3), "invert_m": round(invert_m, 3), "capacity": need_m3_s}
    pump = net.node(f"storm-pump-{number}", "drainage", "pump", x_m, y_m, facility_id=station, **more)
    pumps[pump] = node
    if fed:
        net.link("drainage", "pipe", f"manhole-{node + 1}", pump, 8.0, diameter_m=1.0, capacity=need_m3_s)
    return pump


def _lay_low_pumps(
    net: Network,
    facilities: Facilities,
    pumps: dict[str, int],
    low: LowPoints,
    roads: Roads,
    sewered: NDArray[np.bool_],
) -> None:
    """An inlet and a pump at each underpass and hollow, lifting into the nearest manhole."""
    for k in range(len(low.x_m)):
        x, y, ground, node = float(low.x_m[k]), float(low.y_m[k]), float(low.ground_m[k]), int(low.node[k])
        if not sewered[node]:
            continue
        more = {"ground_m": round(ground, 3), "invert_m": round(ground - 0.6, 3)}
        inlet = net.node(f"low-inlet-{k + 1}", "drainage", "inlet", x, y, **more)
        need = 0.6 if low.underpass[k] else 0.4
        pump = _pump(net, facilities, pumps, x + 12.0, y + 12.0, node, need, ground, ground - 2.0, fed=False)
        net.link("drainage", "pipe", inlet, pump, 17.0, diameter_m=0.6, capacity=need)
        away = float(np.hypot(x - roads.x_m[node], y - roads.y_m[node])) + 5.0
        net.link("drainage", "pipe", pump, f"manhole-{node + 1}", away, diameter_m=0.6, capacity=need)
