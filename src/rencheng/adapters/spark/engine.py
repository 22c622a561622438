"""A Spark session for detection: what must be installed, and how it is set so that nothing listens to the outside."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rencheng.kernel import InvalidInput, NotFound

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["JAVA_AT_LEAST", "open_session", "require_java", "require_pyspark"]

JAVA_AT_LEAST = 17
"""Spark 4 runs on Java 17 and later."""
_LOOPBACK = "127.0.0.1"
_QUIET = "ignore:PySpark does not yet fully support pandas:FutureWarning"
"""Of pandas we use frames of whole numbers and bytes only."""
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # a parcel is a row; thousands of rows of a megabyte each would be one Arrow batch
        "spark.sql.execution.arrow.maxRecordsPerBatch": "16",
        # Python tasks take one core each; libraries that would take all of them are told so
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.executorEnv.PYTHONWARNINGS": _QUIET,
        # the state of a shard is one row that is written whole: keep few versions, on the disk and in memory
        "spark.sql.streaming.minBatchesToRetain": "3",
        "spark.sql.streaming.maxBatchesToRetainInMemory": "1",
        "spark.sql.streaming.stateStore.compression.codec": "lz4",
        "spark.sql.adaptive.enabled": "false",
    }
)


def require_pyspark() -> None:
    """Make sure that PySpark can be imported.

    Raises
    ------
    NotFound
        If it cannot; says how it is installed.
    """
    try:
        import pyspark  # noqa: F401 — asked for, not used
    except ImportError:
        raise NotFound(
            "PySpark is not installed", mend='Install it with: pip install "rencheng[spark]"; it needs Java 17 too'
        ) from None


def require_java(environment: Mapping[str, str] | None = None) -> int:
    """Give the version of Java that Spark would take.

    Raises
    ------
    NotFound
        If there is none, or an older one than :data:`JAVA_AT_LEAST`; says how it is installed.
    """
    known = os.environ if environment is None else environment
    home = known.get("JAVA_HOME", "")
    program = shutil.which(str(Path(home) / "bin" / "java") if home else "java", path=known.get("PATH"))
    mend = "Install it with: sudo apt-get install -y openjdk-17-jre-headless"
    if program is None:
        raise NotFound(f"there is no Java{f' in JAVA_HOME={home}' if home else ''}", mend=mend)
    told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 — the Java that was found
    match = re.search(r'version "(?:1\.)?(\d+)', told)
    version = int(match[1]) if match else 0
    if version < JAVA_AT_LEAST:
        raise NotFound(f"Java {version} is too old, Spark needs {JAVA_AT_LEAST}", where=program, mend=mend)
    return version


def open_session(master: str, *, shards: int, memory: str, settings: Mapping[str, str]) -> SparkSession:
    """Open a session; on this machine alone nothing of it can be reached from outside.

    Parameters
    ----------
    master : str
        ``local[2]``, ``spark://…``, ``yarn`` …; empty under ``spark-submit``, which says it.
    shards : int
        Partitions of the state.
    memory : str
        Heap of the driver, e.g. ``2g``.
    settings : mapping of str to str
        Settings of Spark besides.

    Raises
    ------
    NotFound
        If PySpark or Java is missing.
    InvalidInput
        If Spark does not take the settings.
    """
    require_pyspark()
    require_java()
    from pyspark.sql import SparkSession

    warnings.filterwarnings("ignore", message=_QUIET.split(":")[1], category=FutureWarning)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    own = {**_SETTINGS, "spark.sql.shuffle.partitions": str(shards)}
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        own |= {"spark.driver.bindAddress": _LOOPBACK, "spark.driver.host": _LOOPBACK, "spark.driver.memory": memory}
    builder: Any = SparkSession.builder.appName("rencheng")
    if master:
        builder = builder.master(master)
    for key, value in {**own, **settings}.items():
        builder = builder.config(key, value)
    try:
        session: SparkSession = builder.getOrCreate()
    except Exception as error:
        raise InvalidInput(
            f"Spark did not start: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=f"--master {master}",
            mend="Write e.g. --master local[2], and settings of Spark as KEY=VALUE",
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session
