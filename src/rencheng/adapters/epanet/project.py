"""One open EPANET 2.2 project: set patterns, demands and emitters in memory, step its hydraulics, read heads and flows.

WNTR ships the EPANET 2.2 library and writes a results file of every node for every run; a year of five-minute steps is
read here instead straight from the solver's memory, and only at the nodes and links asked for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["EpanetProject", "HydraulicRun"]

Floats = NDArray[np.float64]

# Codes of the EPANET 2.2 toolkit (EPANET 2.2 Users Manual, toolkit constants).
EMITTER, DEMAND, HEAD = 3, 9, 10
FLOW = 8
DURATION, HYD_STEP, PATTERN_STEP, REPORT_STEP = 0, 1, 3, 5
FIRST_ERROR = 100  # smaller codes are warnings (negative pressure, unbalanced step)


@dataclass(frozen=True, slots=True, kw_only=True)
class HydraulicRun:
    """What a run gave at the places asked for, one row a step.

    Attributes
    ----------
    head_m : ndarray, shape (n_steps, n_nodes)
        Hydraulic head.
    flow_m3_h : ndarray, shape (n_steps, n_links)
        Flow, positive from the link's first node to its second.
    demand_m3_h : ndarray, shape (n_steps, n_demand_nodes)
        Outflow, with what an emitter loses.
    """

    head_m: Floats
    flow_m3_h: Floats
    demand_m3_h: Floats


class EpanetProject:
    """An EPANET input file opened by the solver; units must be CMH and metres.

    Parameters
    ----------
    inp : Path
        The input file; report and scratch files are written beside it.

    Raises
    ------
    InvalidInput
        When EPANET refuses the file.
    """

    def __init__(self, inp: Path) -> None:
        from wntr.epanet.toolkit import ENepanet

        self._library: Any = ENepanet(version=2.2).ENlib
        self._project = ctypes.c_uint64()
        self._library.EN_createproject(ctypes.byref(self._project))
        names = (inp, inp.with_suffix(".rpt"), inp.with_suffix(".out"))
        self._call("EN_open", *(str(name).encode() for name in names), where=str(inp))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._library.EN_close(self._project)
        self._library.EN_deleteproject(self._project)

    def _call(self, name: str, *args: object, where: str = "EPANET") -> None:
        code = getattr(self._library, name)(self._project, *args)
        if code >= FIRST_ERROR:
            text = ctypes.create_string_buffer(256)
            self._library.EN_geterror(code, text, 255)
            raise InvalidInput(
                f"EPANET refuses {name}: {text.value.decode(errors='replace')}",
                where=where,
                mend="Run the file in EPANET 2.2 first",
            )

    def _index(self, name: str, ident: str) -> int:
        found = ctypes.c_int()
        self._call(name, ident.encode(), ctypes.byref(found), where=ident)
        return found.value

    def nodes(self, ids: Sequence[str]) -> list[int]:
        """EPANET's numbers of nodes."""
        return [self._index("EN_getnodeindex", i) for i in ids]

    def links(self, ids: Sequence[str]) -> list[int]:
        """EPANET's numbers of links."""
        return [self._index("EN_getlinkindex", i) for i in ids]

    def set_pattern(self, name: str, values: Floats) -> None:
        """Replace a pattern; its length may change."""
        row = np.ascontiguousarray(values, np.float64)
        index = self._index("EN_getpatternindex", name)
        self._call("EN_setpattern", index, row.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), len(row))

    def set_demand(self, node: int, category: int, base_m3_h: float) -> None:
        """Set one demand category (counted from 1) of a node."""
        self._call("EN_setbasedemand", node, category, ctypes.c_double(base_m3_h))

    def set_link(self, link: int, code: int, value: float) -> None:
        """Set a property of a link by EPANET's code, in the file's units (diameters in mm)."""
        self._call("EN_setlinkvalue", link, code, ctypes.c_double(value))

    def set_emitter(self, node: int, coefficient: float) -> None:
        """Set an outflow of ``coefficient × pressure_m^0.5`` m³/h."""
        self._call("EN_setnodevalue", node, EMITTER, ctypes.c_double(coefficient))

    def run(
        self,
        n_steps: int,
        step_s: int,
        *,
        nodes: Sequence[int] = (),
        links: Sequence[int] = (),
        demands: Sequence[int] = (),
        before_step: Callable[[int], None] | None = None,
    ) -> HydraulicRun:
        """Solve ``n_steps`` steps from time zero, patterns advancing one value a step.

        ``before_step(k)`` is called before step ``k`` is solved; steps that EPANET puts between (a tank that reaches a
        control level) are solved and not kept.
        """
        heads = np.empty((n_steps, len(nodes)))
        flows = np.empty((n_steps, len(links)))
        outflows = np.empty((n_steps, len(demands)))
        self._call("EN_settimeparam", DURATION, ctypes.c_long((n_steps - 1) * step_s))
        for code in (PATTERN_STEP, REPORT_STEP, HYD_STEP):  # the solver steps at the shortest of the three
            self._call("EN_settimeparam", code, ctypes.c_long(step_s))
        library, project = self._library, self._project
        now, ahead, value = ctypes.c_long(0), ctypes.c_long(0), ctypes.c_double()
        at = ctypes.byref(value)
        self._call("EN_openH")
        self._call("EN_initH", 0)
        due = 0
        while True:
            if due < n_steps and now.value + ahead.value == due * step_s and before_step is not None:
                before_step(due)
            self._call("EN_runH", ctypes.byref(now))
            if due < n_steps and now.value == due * step_s:
                for column, node in enumerate(nodes):
                    library.EN_getnodevalue(project, node, HEAD, at)
                    heads[due, column] = value.value
                for column, link in enumerate(links):
                    library.EN_getlinkvalue(project, link, FLOW, at)
                    flows[due, column] = value.value
                for column, node in enumerate(demands):
                    library.EN_getnodevalue(project, node, DEMAND, at)
                    outflows[due, column] = value.value
                due += 1
            self._call("EN_nextH", ctypes.byref(ahead))
            if ahead.value <= 0:
                break
        self._call("EN_closeH")
        return HydraulicRun(head_m=heads, flow_m3_h=flows, demand_m3_h=outflows)
