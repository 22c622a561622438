"""The desk where flood cycles are computed: a process of its own, so that the loop never waits for it."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rencheng.assess.flood.day_ahead import DayAheadRequest
from rencheng.assess.flood.publish import CycleOutcome, FloodRequest
from rencheng.kernel import RenchengError

if TYPE_CHECKING:
    from rencheng.assess.flood.day_engine import DayAheadEngine
    from rencheng.assess.flood.engine import FloodEngine

__all__ = ["FloodDesk", "FloodDeskFailed"]

_POLITE = 10
"""The desk's process gives way to the loop when both want the processor."""
_PATIENCE_S = 20.0
"""A step of the computation and the start of a process take less."""


class FloodDeskFailed(RenchengError):
    """A flood cycle could not be computed."""


@dataclass(slots=True, kw_only=True)
class FloodDesk:
    """Computes one cycle at a time; started when first needed.

    Parameters
    ----------
    city : Path
        Folder of the city package.
    fields : Path
        Folder of the field store; tables are written there before they are named.
    raster_cells : int
        Cells of the raster of the next two hours at most.
    day_raster_cells : int
        Cells of the raster of the next day at most.
    polite : bool
        Whether it gives way to the loop when both want the processor; not where the clock waits for it anyway.
    """

    city: Path
    fields: Path
    raster_cells: int
    day_raster_cells: int
    polite: bool = True
    _process: BaseProcess | None = field(default=None, init=False)
    _requests: Connection | None = field(default=None, init=False)
    _outcomes: Connection | None = field(default=None, init=False)
    _stop: Any = field(default=None, init=False)

    def start(self, request: FloodRequest) -> None:
        """Begin a cycle."""
        if self._process is None or not self._process.is_alive():
            self._open()
        assert self._requests is not None
        self._stop.clear()
        self._requests.send(request)

    def cancel(self) -> None:
        """Give the running cycle up; its outcome is not waited for longer than a step of the computation."""
        self._stop.set()
        self.wait()

    def poll(self) -> bool:
        """Whether an outcome (or the failure of the desk) can be taken without waiting."""
        return self._outcomes is None or self._outcomes.poll() or self._process is None or not self._process.is_alive()

    def wait(self) -> CycleOutcome | None:
        """Wait for the running cycle: its outcome, or None if it was cancelled.

        Raises
        ------
        FloodDeskFailed
            If it failed; says why. The desk can be asked again.
        """
        assert self._outcomes is not None
        try:
            kind, what = self._outcomes.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise FloodDeskFailed("the flood desk's process died", mend="Look for memory that ran out") from error
        if kind == "failed":
            raise FloodDeskFailed(str(what))
        outcome: CycleOutcome | None = what
        return outcome

    def close(self) -> None:
        """End the process, and with it those that ran its members."""
        if self._process is None:
            return
        self._stop.set()
        for end in (self._requests, self._outcomes):
            if end is not None:
                end.close()  # it waits for requests, finds nobody there, and leaves
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()
        self._process = self._requests = self._outcomes = None
        atexit.unregister(self.close)

    def _open(self) -> None:
        self.close()
        context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of a server
        self._stop = context.Event()
        take, self._requests = context.Pipe(duplex=False)
        self._outcomes, give = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_serve,
            args=(
                self.city,
                self.fields,
                (self.raster_cells, self.day_raster_cells),
                self.polite,
                take,
                give,
                self._stop,
            ),
            name="rencheng-flood",
        )
        self._process.start()
        take.close()
        give.close()
        atexit.register(self.close)  # else the interpreter would wait for a process that waits for it


def _serve(
    city: Path, fields: Path, cells: tuple[int, int], polite: bool, take: Connection, give: Connection, stop: Any
) -> None:
    """Compute what is asked until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent ends this
    if polite:
        os.nice(_POLITE)
    engines = _Engines(city, fields, cells)
    try:
        while True:
            request = take.recv()
            try:
                give.send(("done", engines.compute(request, stop.is_set)))
            except RenchengError as error:
                give.send(("failed", str(error)))
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 — the boundary: what fails in here must reach the ledger as a fact
                give.send(("failed", f"{type(error).__name__}: {error}"))
    except (EOFError, OSError):
        return  # nobody asks any more
    finally:
        engines.close()


class _Engines:
    """The engines of the two products, each laid out when it is first asked."""

    def __init__(self, city: Path, fields: Path, cells: tuple[int, int]) -> None:
        self._city, self._fields, self._cells = city, fields, cells
        self._soon: FloodEngine | None = None
        self._day: DayAheadEngine | None = None

    def compute(self, request: FloodRequest, stop: Callable[[], bool]) -> CycleOutcome | None:
        """Let the engine of the request's product compute it."""
        from rencheng.adapters.files import FileFieldStore
        from rencheng.assess.flood.day_engine import DayAheadEngine
        from rencheng.assess.flood.engine import FloodEngine
        from rencheng.city import read_city

        store = FileFieldStore(self._fields)
        if isinstance(request, DayAheadRequest):
            if self._day is None:
                self._day = DayAheadEngine.of(read_city(self._city), store, raster_cells=self._cells[1])
            return self._day.compute(request, stop=stop)
        if self._soon is None:
            self._soon = FloodEngine.of(read_city(self._city), store, raster_cells=self._cells[0])
        return self._soon.compute(request, stop=stop)

    def close(self) -> None:
        """Let their processes go."""
        for engine in (self._soon, self._day):
            if engine is not None:
                engine.close()
