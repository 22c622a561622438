"""A SWMM simulation as the sewer under a flood: a worker process behind the port of the coupling."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.adapters.swmm.inp_file import InpFile, inp_nodes, prepared_inp
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
from rencheng.adapters.swmm.report import refusal_from_report
from rencheng.kernel import InvalidInput, RenchengError
from rencheng.science.flood.storm_sewer import SewerState, SewerTotals

__all__ = ["SwmmNetwork", "validate_inp"]

F64 = NDArray[np.float64]
Answer = TypeVar("Answer", Done, Coupled, WorkerTotals)


class _Worker:
    """The process, spoken to by pipes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rencheng.adapters.swmm.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._decoder = msgspec.msgpack.Decoder(Reply)

    def ask(self, request: Request, kind: type[Answer]) -> Answer | Broken:
        """Send a request and wait for its answer.

        Raises
        ------
        RenchengError
            If the worker died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, request)  # type: ignore[arg-type]  # a pipe is a BinaryIO
            body = receive(self._process.stdout)  # type: ignore[arg-type]  # a pipe is a BinaryIO
        except (BrokenPipeError, ValueError):
            body = None
        if body is None:
            raise self._died()
        reply = self._decoder.decode(body)
        assert isinstance(reply, kind | Broken)
        return reply

    def _died(self) -> RenchengError:
        said = self.stop()
        return RenchengError(
            f"the SWMM process ended with code {self._process.returncode}: {said or 'it said nothing'}",
            where="SWMM worker",
            mend="Run the file in SWMM itself; lower ROUTING_STEP, or leave the sewers out",
        )

    def stop(self) -> str:
        """Let the process go; return the last line of what it complained of."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it may be gone already
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        said = b""
        if self._process.stderr is not None and not self._process.stderr.closed:
            said = self._process.stderr.read()
            self._process.stderr.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def validate_inp(file: InpFile) -> None:
    """Let SWMM open a file as it is.

    Raises
    ------
    InvalidInput
        What SWMM does not like of it, by line and section, with a mend.
    """
    with tempfile.TemporaryDirectory(prefix="rencheng-swmm-") as folder:
        report, worker = Path(folder) / "check.rpt", _Worker()
        try:
            reply = worker.ask(Validate(inp=str(file.path), report=str(report)), Done)
        finally:
            worker.stop()
        if isinstance(reply, Broken):
            raise refusal_from_report(file.path, report, reply.said)


class SwmmNetwork:
    """Pipes of a SWMM file, advanced beside a flood run; a context manager that lets its process go.

    Parameters
    ----------
    file : InpFile
        The file; its options that matter for the coupling are set anew in a copy
        (:func:`~rencheng.adapters.swmm.inp_file.prepared_inp`).
    nodes : sequence of str
        Names of the nodes that exchange water with the street, in the order of the coupling.
    ponded_area_m2 : float or array (n,)
        Area over which each stores water above its rim.
    duration_s : float
        How long the run will be.

    Raises
    ------
    InvalidInput
        If SWMM refuses the file, or a node is not in it.
    RenchengError
        If SWMM's process dies.
    """

    def __init__(self, file: InpFile, nodes: tuple[str, ...], *, ponded_area_m2: ArrayLike, duration_s: float) -> None:
        known = {node.name: node.kind for node in inp_nodes(file)}
        absent = [name for name in nodes if name not in known]
        if absent:
            raise InvalidInput(
                f"no node {absent[0]!r} in it", where=str(file.path), mend=f"It has {len(known)} nodes; mend the name"
            )
        validate_inp(file)
        self.nodes = nodes
        self._area = np.broadcast_to(np.asarray(ponded_area_m2, dtype=np.float64), (len(nodes),)).copy()
        self._own_inflows = any(True for _ in file.rows("INFLOWS"))
        self._given_m3 = 0.0
        self._last_totals: SewerTotals | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="rencheng-swmm-"))
        self._worker = _Worker()
        try:
            self._state = self._started(file, tuple(n for n, kind in known.items() if kind == "outfall"), duration_s)
        except BaseException:
            self.close()
            raise

    def _started(self, file: InpFile, outfalls: tuple[str, ...], duration_s: float) -> SewerState:
        inp, report = self._folder / file.path.name, self._folder / "run.rpt"
        inp.write_text(prepared_inp(file, duration_s=duration_s), encoding="utf-8")
        request = Open(
            inp=str(inp),
            report=str(report),
            nodes=self.nodes,
            ponded_area_m2=tuple(self._area.tolist()),
            outfalls=outfalls,
        )
        reply = self._worker.ask(request, Coupled)
        if isinstance(reply, Broken):
            self._worker.stop()  # so that SWMM's report is whole
            raise refusal_from_report(file.path, report, reply.said)
        return self._state_of(reply)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ponded_area_m2(self) -> F64:
        """Area of each coupled node above its rim."""
        return self._area

    def state(self) -> SewerState:
        """Coupled nodes now."""
        return self._state

    def advance(self, inflow_m3_s: F64, step_s: int) -> SewerState:
        """Let SWMM run for whole seconds with a steady inflow at the coupled nodes."""
        flow = np.ascontiguousarray(inflow_m3_s, dtype=np.float64)
        self._given_m3 += float(np.sum(np.maximum(flow, 0.0))) * step_s
        reply = self._worker.ask(Advance(inflow_m3_s=flow.tobytes(), step_s=step_s), Coupled)
        if isinstance(reply, Broken):
            raise RenchengError(f"SWMM could not go on: {reply.said}", where="SWMM worker", mend="Lower ROUTING_STEP")
        self._state = self._state_of(reply)
        return self._state

    def totals(self) -> SewerTotals:
        """Account of the network; after :meth:`finish` the last one, with SWMM's own continuity error."""
        if self._last_totals is not None:
            return self._last_totals
        reply = self._worker.ask(AskTotals(), WorkerTotals)
        if isinstance(reply, Broken):
            raise RenchengError(f"SWMM gave no account: {reply.said}", where="SWMM worker")
        own = max(reply.external_inflow - self._given_m3, 0.0) if self._own_inflows else 0.0
        return SewerTotals(
            own_inflow=own + reply.other_inflow,
            outfall=reply.outfall,
            flooded=reply.flooded,
            stored=reply.stored,
        )

    def finish(self) -> SewerTotals:
        """End SWMM's simulation; the account with the continuity error that SWMM reports."""
        if self._last_totals is None:
            totals = self.totals()
            reply = self._worker.ask(Finish(), Done)
            if isinstance(reply, Broken):
                raise RenchengError(f"SWMM could not end the run: {reply.said}", where="SWMM worker")
            self._last_totals = dataclasses.replace(totals, continuity_error_ratio=reply.continuity_percent / 100.0)
        return self._last_totals

    def close(self) -> None:
        """Let the process and its folder go."""
        self._worker.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _state_of(self, reply: Coupled) -> SewerState:
        head = np.frombuffer(reply.depth_m) - np.frombuffer(reply.full_depth_m)
        return SewerState(head_over_rim_m=head, ponded_m3=np.maximum(head, 0.0) * self._area)
