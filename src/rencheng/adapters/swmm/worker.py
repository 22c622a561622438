"""The process that holds one SWMM simulation: ``python -m rencheng.adapters.swmm.worker``, spoken to by pipes."""

from __future__ import annotations

import os
import sys
from array import array
from typing import Any, BinaryIO

import msgspec

from rencheng.adapters.swmm.messages import (
    Advance,
    AskTotals,
    Broken,
    Coupled,
    Done,
    Finish,
    Open,
    Reply,
    Request,
    Validate,
    WorkerTotals,
    receive,
    send,
)

__all__ = ["main"]

_FLOW_UNITS_PER_M3_S = (35.314666721, 15850.323141, 22.824465, 1.0, 1000.0, 86.4)
"""CFS, GPM, MGD, CMS, LPS, MLD: as SWMM numbers its flow units."""
_FOOT_M = 0.3048


class Simulation:
    """One SWMM simulation, all figures in metres and seconds."""

    def __init__(self) -> None:
        from swmm.toolkit import shared_enum, solver

        self._swmm: Any = solver
        self._enum: Any = shared_enum
        self._nodes: list[int] = []
        self._outfalls: list[int] = []
        self._flow = 1.0
        self._length_m = 1.0

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        match request:
            case Validate():
                self._swmm.swmm_open(request.inp, request.report, "")
                self._swmm.swmm_close()
                return Done()
            case Open():
                return self._open(request)
            case Advance():
                return self._advance(request)
            case AskTotals():
                return self._totals()
            case Finish():
                return self._finish()

    def _open(self, request: Open) -> Reply:
        swmm, enum = self._swmm, self._enum
        swmm.swmm_open(request.inp, request.report, "")
        self._flow = _FLOW_UNITS_PER_M3_S[swmm.simulation_get_unit(enum.UnitProperty.FLOW_UNIT)]
        metric = swmm.simulation_get_unit(enum.UnitProperty.SYSTEM_UNIT) == enum.UnitSystem.SI.value
        self._length_m = 1.0 if metric else _FOOT_M
        self._nodes = [swmm.project_get_index(enum.ObjectType.NODE, name) for name in request.nodes]
        self._outfalls = [swmm.project_get_index(enum.ObjectType.NODE, name) for name in request.outfalls]
        for node, area in zip(self._nodes, request.ponded_area_m2, strict=True):
            swmm.node_set_parameter(node, enum.NodeProperty.POND_AREA, area / self._length_m**2)
        swmm.swmm_start(0)
        return self._coupled()

    def _coupled(self) -> Coupled:
        swmm, result, prop = self._swmm, self._enum.NodeResult.DEPTH, self._enum.NodeProperty.FULL_DEPTH
        depth = array("d", [swmm.node_get_result(node, result) * self._length_m for node in self._nodes])
        full = array("d", [swmm.node_get_parameter(node, prop) * self._length_m for node in self._nodes])
        return Coupled(depth_m=depth.tobytes(), full_depth_m=full.tobytes())

    def _advance(self, request: Advance) -> Reply:
        inflow = array("d")
        inflow.frombytes(request.inflow_m3_s)
        for node, flow in zip(self._nodes, inflow, strict=True):
            self._swmm.node_set_total_inflow(node, flow * self._flow)
        self._swmm.swmm_stride(request.step_s)
        return self._coupled()

    def _totals(self) -> WorkerTotals:
        swmm, enum = self._swmm, self._enum
        totals, cubic_m = swmm.system_get_routing_totals(), self._length_m**3
        nodes, links = (swmm.project_get_count(kind) for kind in (enum.ObjectType.NODE, enum.ObjectType.LINK))
        stored = sum(swmm.node_get_result(i, enum.NodeResult.VOLUME) for i in range(nodes))
        stored += sum(swmm.link_get_result(i, enum.LinkResult.VOLUME) for i in range(links))
        return WorkerTotals(
            external_inflow=totals.exInflow * cubic_m,
            other_inflow=(totals.dwInflow + totals.wwInflow + totals.gwInflow + totals.iiInflow) * cubic_m,
            outfall=sum(swmm.node_get_total_inflow(i) for i in self._outfalls) * cubic_m,
            flooded=totals.flooding * cubic_m,
            stored=stored * cubic_m,
        )

    def _finish(self) -> Done:
        self._swmm.swmm_end()
        percent = float(self._swmm.swmm_get_mass_balance()[1])
        self._swmm.swmm_report()
        self._swmm.swmm_close()
        return Done(continuity_percent=percent)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until there are no more, or SWMM refuses."""
    simulation = Simulation()
    decoder = msgspec.msgpack.Decoder(Request)
    while (body := receive(requests)) is not None:
        request = decoder.decode(body)
        try:
            reply = simulation.answer(request)
        except Exception as error:  # noqa: BLE001 - the toolkit raises bare Exception; whatever it is goes to the caller
            send(replies, Broken(said=str(error).strip()))
            return
        send(replies, reply)
        if isinstance(request, Finish):
            return


def main() -> None:
    """Serve on standard input and output; what SWMM itself prints goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
