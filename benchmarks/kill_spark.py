"""The same alarms from one machine and from many, whatever is killed on the way.

Run with ``python -m benchmarks.kill_spark [READINGS]`` (10 million by default). The readings go through the embedded
store, and through Spark: the driver is killed without warning with its JVM while a turn is under way, the command is
run again, an executor's JVM is killed, and at the end both must hold the same readings and the same alarms to the bit.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from benchmarks.spark_stream import make_sensor_city, minutes_of, write_stream

from rencheng import sense
from rencheng.adapters.bulk import decode
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.scale_out import ScaleOutStatus, plain_feed, scale_out_status
from rencheng.city import read_city
from rencheng.sense.alarm_digest import alarm_digest
from rencheng.sense.batch import NO_LIMITS

__all__ = ["Outcome", "embedded_digest", "kills"]

SHARDS = 4
FILES = 16
_FILES_A_TURN = 4
_PATIENCE_S = 600.0
_SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A Java process that lives for a minute is better off with the quick compiler alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it.

    Parameters
    ----------
    readings : int
        Readings of the stream.
    digest, spark_digest : str
        Alarms of the embedded store, and of Spark.
    alarms : int
        Alarm rows.
    stored : int
        Readings that Spark wrote.
    killed : tuple of str
        What was killed, with the turn that had just been committed.
    status : ScaleOutStatus
        Of the output folder.
    embedded_s, spark_s : float
        How long they took.
    """

    readings: int
    digest: str
    spark_digest: str
    alarms: int
    stored: int
    killed: tuple[str, ...]
    status: ScaleOutStatus
    embedded_s: float
    spark_s: float


def embedded_digest(city: Path, source: Path, store: Path) -> tuple[int, int, str]:
    """Readings, alarm rows and their digest, of the files of a folder in the embedded store."""
    package = read_city(city)
    config = replace(plain_feed(), limits=NO_LIMITS)
    readings = DuckDbReadings(
        store, channels=sense.channels_of_city(package), detection=sense.detection_rules_of(package.path)
    )
    for path in sorted(source.glob("*.parquet")):
        readings.take_many([("files", path.name, decode(config, path))], now=datetime.now(UTC))
    rows = readings.alarms()
    count = readings.count()
    readings.close()
    return count, rows.num_rows, alarm_digest(rows)


def kills(folder: Path, readings: int, *, sensors: int = 2000) -> Outcome:
    """Take a stream both ways, with a driver and an executor killed."""
    city, source, out = folder / "city", folder / "in", folder / "out"
    make_sensor_city(city, sensors)
    write_stream(source, sensors=sensors, minutes=minutes_of(readings, sensors), files=FILES)
    begun = time.monotonic()
    count, alarms, digest = embedded_digest(city, source, folder / "embedded.duckdb")
    between = time.monotonic()
    logs = _logs_of_workers()
    killed = (
        _killed(folder, "local[2]", after=0, what="driver", kill=_kill_group),
        _killed(folder, "local-cluster[2,1,1024]", after=1, what="executor", kill=_kill_executor),
    )
    for path in sorted(_logs_of_workers() - logs):
        shutil.rmtree(path)
    status = scale_out_status(out)
    files = (out / "readings").glob("shard=*/*.parquet")
    return Outcome(
        readings=count,
        digest=digest,
        spark_digest=status.digest,
        alarms=alarms,
        stored=sum(pq.ParquetFile(path).metadata.num_rows for path in files),
        killed=killed,
        status=status,
        embedded_s=between - begun,
        spark_s=time.monotonic() - between,
    )


def _killed(
    folder: Path, master: str, *, after: int, what: str, kill: Callable[[subprocess.Popen[bytes]], bool]
) -> str:
    """Run until a turn is committed and the next one under way, kill, and let what is left end."""
    command = [sys.executable, "-m", "rencheng", "scale-out", "run", "--history", "--master", master]
    command += ["--in", str(folder / "in"), "--out", str(folder / "out"), "--city", str(folder / "city")]
    command += ["--shards", str(SHARDS), "--files", str(_FILES_A_TURN), "--memory", "1g"]
    command += ["--conf", f"spark.driver.extraJavaOptions={_SHORT_LIVED}"]
    command += ["--conf", f"spark.executor.extraJavaOptions={_SHORT_LIVED}"]
    log = (folder / f"{what}.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while not (_committed(folder / "out") >= after and (folder / "out" / "_staging").is_dir() and kill(process)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{what}: nothing to kill\n{(folder / f'{what}.log').read_text()[-3000:]}")
            time.sleep(0.05)
        at = _committed(folder / "out")
        status = process.wait(timeout=_PATIENCE_S)
        if status not in {0, -signal.SIGKILL}:
            raise RuntimeError(f"{what}: exit {status}\n{(folder / f'{what}.log').read_text()[-3000:]}")
        return f"{what} after turn {at}"
    finally:
        _kill_group(process)
        log.close()


def _logs_of_workers() -> set[Path]:
    """Folders that workers of a cluster on this machine leave in Spark's own."""
    spec = importlib.util.find_spec("pyspark")
    return set() if spec is None or spec.origin is None else set((Path(spec.origin).parent / "work").glob("app-*"))


def _committed(out: Path) -> int:
    """Last turn that counts, −1 before the first."""
    return len(list((out / "turns").glob("[0-9]*.json"))) - 1


def _kill_group(process: subprocess.Popen[bytes]) -> bool:
    """Kill a driver with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return True


def _kill_executor(process: subprocess.Popen[bytes]) -> bool:
    """Kill one executor of a driver; tells whether there was one."""
    for entry in sorted(Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            group = int(re.sub(r".*\) ", "", (entry / "stat").read_text()).split()[2])
            if group == process.pid and b"CoarseGrainedExecutorBackend" in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False


def main(arguments: list[str]) -> None:
    readings = int(arguments[0]) if arguments else 10_000_000
    folder = Path(tempfile.mkdtemp(prefix="rencheng-kill-spark-"))
    try:
        found = kills(folder, readings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("| way | readings | alarm rows | digest | s |\n|---|---|---|---|---|")
    print(f"| embedded | {found.readings:,} | {found.alarms:,} | {found.digest[:16]} | {found.embedded_s:.0f} |")
    print(
        f"| Spark, {' and '.join(found.killed)} killed | {found.stored:,} | {found.status.alarms:,} |"
        f" {found.spark_digest[:16]} | {found.spark_s:.0f} |"
    )
    sys.exit(found.digest != found.spark_digest or found.stored != found.readings)


if __name__ == "__main__":
    main(sys.argv[1:])
