"""Runs in processes of their own: one that is watched at the border of the interpreter, one that is killed.

``python -m tests.story.story_processes rehearse CITY SCENARIO OUT SEED`` prints what it touched outside OUT, as JSON.
``python -m tests.story.story_processes replay CITY READINGS OUT [store|ledger N]`` replays, and kills itself with
SIGKILL at the N-th delivery: right after the readings store took it, or right after the ledger did.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMPILED = ("__pycache__", ".nbi", ".nbc", ".pyc")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
NETWORK = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.bind")
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "shutil.rmtree")
RELATIVE = ("os.mkdir", "os.remove", "os.rmdir")
"""Events whose last argument is the descriptor of the folder that the path is relative to."""
STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system")


def watch(inside: Path) -> list[str]:
    """Note every touch of the world outside a folder: network, other programs, files written or removed."""
    seen: list[str] = []

    def note(event: str, path: object, folder: object = -1) -> None:
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else str(path)
        if isinstance(folder, int) and folder >= 0:
            text = str(Path(f"/proc/self/fd/{folder}").readlink() / text)
        known = text == os.devnull or any(part in text for part in COMPILED)
        if not known and not os.path.realpath(text).startswith(str(inside.resolve())):
            seen.append(f"{event} {text}")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in NETWORK or event in STARTS:
            seen.append(f"{event} {args!r}")
        elif event == "open" and isinstance(args[0], str | bytes) and isinstance(args[2], int):
            if args[2] & WRITING:
                note(event, args[0])
        elif event == "sqlite3.connect" and "mode=ro" not in str(args[0]):
            note(event, str(args[0]).removeprefix("file:").partition("?")[0])
        elif event in CHANGES:
            note(event, args[0], args[-1] if event in RELATIVE else -1)

    sys.addaudithook(hook)
    return seen


def rehearse_watched(city: Path, scenario: str, out: Path, seed: int) -> list[str]:
    """Rehearse and give what was touched outside the run's folder."""
    from rencheng.app.rehearsal import rehearse
    from rencheng.app.settings import Settings

    seen = watch(out)
    rehearse(scenario, city, out, seed=seed, settings=Settings())
    return seen


def replay_until_killed(city: Path, readings: Path, out: Path, *, after: str, number: int) -> None:
    """Replay; die without a word right after the store, or the ledger, took the delivery of that number."""
    from rencheng.adapters.duckdb import DuckDbReadings
    from rencheng.adapters.sqlite import SqliteLedger
    from rencheng.app.replay import replay
    from rencheng.app.settings import Settings

    if after == "store":
        _die_after(DuckDbReadings, "take", number, lambda _: True)
    elif after == "ledger":
        _die_after(SqliteLedger, "append", number, lambda entries: any(e.kind == "BatchTaken" for e in entries))
    replay(city, readings, out, settings=Settings())


def _die_after(owner: Any, method: str, number: int, counts: Callable[[Any], bool]) -> None:
    whole = getattr(owner, method)
    done = 0

    def dying(self: Any, *args: Any, **options: Any) -> Any:
        nonlocal done
        answer = whole(self, *args, **options)
        done += counts(answer)
        if done == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, method, dying)


def main(what: str, city: str, source: str, out: str, *more: str) -> None:
    """Do what the command line says."""
    if what == "rehearse":
        print(json.dumps(rehearse_watched(Path(city), source, Path(out), int(more[0]))))
    else:
        after, number = more or ("", "0")
        replay_until_killed(Path(city), Path(source), Path(out), after=after, number=int(number))


if __name__ == "__main__":
    main(*sys.argv[1:])
