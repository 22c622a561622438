"""Settings of an installation: read once, every one with a default and a line of help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import msgspec

from rencheng.kernel import InvalidConfig

__all__ = ["Settings", "read_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options of an installation; set one by the environment variable ``RENCHENG_`` and its name in capitals."""

    host: str = field(default="127.0.0.1", metadata={"help": "Address the page and API listen on"})
    port: int = field(default=8700, metadata={"help": "Port the page and API listen on; 0 takes a free one"})
    home: Path = field(default=Path(".cache"), metadata={"help": "Folder for runs, cached cities and live data"})
    turn_s: int = field(default=300, metadata={"help": "Longest time between two turns of the live loop, seconds"})
    replay_turn_s: int = field(default=3600, metadata={"help": "Slice of a recorded feed that one turn takes, seconds"})
    max_body_mb: int = field(default=64, metadata={"help": "Largest accepted request body, MiB, also after unpacking"})
    outbox: Path = field(
        default=Path("outbox"),
        metadata={"help": "Folder of the file channel; a relative path is inside the run's folder"},
    )
    demo_residents: int = field(
        default=100_000, metadata={"help": "Residents of the sandbox city that `make run` grows"}
    )
    demo_seed: int = field(default=7, metadata={"help": "Seed of the sandbox city and rehearsal of `make run`"})
    demo_speed: float = field(default=120.0, metadata={"help": "Simulated seconds per second of the demo rehearsal"})


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read settings from environment variables.

    Raises
    ------
    InvalidConfig
        If a ``RENCHENG_`` variable is unknown or its value has the wrong type.
    """
    types = {f.name: f.type for f in fields(Settings)}
    given: dict[str, str] = {}
    for name, value in environ.items():
        if not name.startswith("RENCHENG_"):
            continue
        key = name.removeprefix("RENCHENG_").lower()
        if key not in types:
            raise InvalidConfig(
                f"unknown setting {name}", where="environment", mend=f"Known: {', '.join(sorted(types))}"
            )
        given[key] = value
    try:
        return msgspec.convert(given, Settings, strict=False, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where="environment (RENCHENG_…)") from error
