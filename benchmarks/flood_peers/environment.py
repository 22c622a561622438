"""An environment of their own for the peers of the flood engine, so that no GPL program comes near the package."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / ".cache" / "flood-peers"


def peer_python() -> Path:
    """The peers' interpreter; its environment is made at the first call from ``requirements.txt``."""
    wanted = HERE / "requirements.txt"
    installed = ENVIRONMENT / "requirements.txt"
    python = ENVIRONMENT / "bin" / "python"
    if not installed.is_file() or installed.read_bytes() != wanted.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted)]
        subprocess.run(install, check=True, capture_output=True)
        installed.write_bytes(wanted.read_bytes())
    return python


def run_peer(peer: str, case: dict[str, object]) -> dict[str, NDArray[np.float64]]:
    """Let a peer run a case in a process of its own.

    Parameters
    ----------
    peer : str
        ``"landlab"`` or ``"itzi"``.
    case : dict
        ``bed_m`` (ny, nx), ``depth_m`` (ny, nx), ``cell_m``, ``manning``, ``rain_mm_h``, ``duration_s``; row 0 south.

    Returns
    -------
    dict
        ``depth_m`` and ``peak_depth_m`` (ny, nx), ``seconds`` spent stepping, ``steps``.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "case.npz", Path(folder) / "answer.npz"
        np.savez(asked, **case)  # type: ignore[arg-type]  # savez takes scalars too
        command = [str(peer_python()), str(HERE / f"{peer}_run.py"), str(asked), str(answered)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{peer} failed: {done.stderr[-2000:]}")
        with np.load(answered) as answer:
            return {name: answer[name] for name in answer.files}
