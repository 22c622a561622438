"""The waters of the sandbox city: a river, its streams, a lake."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.streetplan import STREAM, STREAM_BAND_M, StreetPlan

__all__ = ["RIVER_SLOPE", "STREAM_SLOPE", "Lake", "Stream", "Waters", "waters_of"]

Floats = NDArray[np.float64]

RIVER_SLOPE = 0.0004
"""Fall of the river bed, m/m: a lowland river (Rosgen type C, 0.1–2 ‰)."""
STREAM_SLOPE = 0.003
"""Fall of the stream beds, m/m."""
_OUTLET_BED_M = 14.0


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A tributary along a band of the plan, from the hills to the river.

    ``side`` is +1 for one from the north, -1 from the south; ``u_m`` its band's middle; ``half_m`` half its width.
    """

    u_m: float
    side: int
    half_m: float
    wiggle_m: float
    wave_m: float

    def at(self, v: Floats) -> Floats:
        """Street-frame u of the stream's middle at distances v from the river."""
        return np.asarray(self.u_m + self.wiggle_m * np.sin(2.0 * np.pi * v / self.wave_m))


@dataclass(frozen=True, kw_only=True)
class Lake:
    """An oval lake beside a stream, joined to it by a short canal; street-frame centre and half axes, m."""

    u_m: float
    v_m: float
    half_u_m: float
    half_v_m: float


@dataclass(frozen=True, kw_only=True)
class Waters:
    """All waters of the city, in the street frame; the river flows towards growing u along v = 0."""

    frame: Frame
    streams: tuple[Stream, ...]
    lake: Lake
    outlet_u_m: float

    @property
    def lake_stream(self) -> Stream:
        """The stream that the lake drains to."""
        return min((s for s in self.streams if s.side > 0), key=lambda s: abs(s.u_m - self.lake.u_m))

    def river_bed_m(self, u: Floats) -> Floats:
        """Height of the river bed."""
        return np.asarray(_OUTLET_BED_M + RIVER_SLOPE * (self.outlet_u_m - u))

    def bank_m(self, u: Floats) -> Floats:
        """Height of the river bank."""
        return np.asarray(self.river_bed_m(u) + self.frame.bank_height_m)

    @property
    def stream_bank_m(self) -> float:
        """Height of a stream's banks over its bed."""
        return 2.2

    def stream_bed_m(self, stream: Stream, v: Floats) -> Floats:
        """Height of a stream's bed; at the mouth it lies its bank height below the river's bank."""
        mouth = self.bank_m(np.array(stream.u_m)) - self.stream_bank_m
        reach = np.abs(v) - self.frame.river_width_m / 2.0
        return np.asarray(mouth + STREAM_SLOPE * np.maximum(reach, 0.0))


def waters_of(frame: Frame, plan: StreetPlan, *, cell_m: float, outlet_u_m: float) -> Waters:
    """Lay the waters in the bands that the plan keeps free for them."""
    rng = frame.rng("waters")
    streams = [
        Stream(
            u_m=float(plan.column_edges[band]) + STREAM_BAND_M / 2.0,
            side=int(plan.stream_side[band]),
            half_m=max(5.0, 0.8 * cell_m),
            wiggle_m=4.0,
            wave_m=float(rng.uniform(250.0, 420.0)),
        )
        for band in np.flatnonzero(plan.column_kind == STREAM)
    ]
    tiles, t = plan.tiles, plan.lake_tile
    half_u = 0.5 * (tiles.u1[t] - tiles.u0[t]) - 40.0
    half_v = 0.5 * (tiles.v1[t] - tiles.v0[t]) - 45.0
    lake = Lake(
        u_m=float(tiles.u0[t] + tiles.u1[t]) / 2.0,
        v_m=float(tiles.v0[t] + tiles.v1[t]) / 2.0,
        half_u_m=float(half_u),
        half_v_m=float(half_v),
    )
    return Waters(frame=frame, streams=tuple(streams), lake=lake, outlet_u_m=outlet_u_m)
