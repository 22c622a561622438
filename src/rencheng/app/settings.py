"""Settings of an installation: read once, every one with a default and a line of help."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from rencheng.kernel import InvalidConfig

__all__ = ["Settings", "read_settings"]

_RANGES: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "turn_s": (1, math.inf),
    "told_s": (0, math.inf),
    "replay_turn_s": (1, math.inf),
    "max_body_mb": (1, math.inf),
    "demo_seed": (0, math.inf),
    "demo_speed": (0, 1_000_000),
}
"""Least and most of each number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options of an installation; set one by the environment variable ``RENCHENG_`` and its name in capitals."""

    host: str = field(default="127.0.0.1", metadata={"help": "Address the page and API listen on"})
    port: int = field(default=8700, metadata={"help": "Port the page and API listen on; 0 takes a free one"})
    home: Path = field(default=Path(".cache"), metadata={"help": "Folder for runs, cached cities and live data"})
    turn_s: int = field(default=300, metadata={"help": "Longest time between two turns of the live loop, seconds"})
    told_s: int = field(
        default=10,
        metadata={"help": "Deliveries of a live feed are told in one fact for so long, seconds; 0 tells every turn's"},
    )
    replay_turn_s: int = field(default=3600, metadata={"help": "Slice of a recorded feed that one turn takes, seconds"})
    max_body_mb: int = field(default=64, metadata={"help": "Largest accepted request body, MiB, also after unpacking"})
    outbox: Path = field(
        default=Path("outbox"),
        metadata={"help": "Folder of the file channel; a relative path is inside the run's folder"},
    )
    flood: str = field(
        default="auto",
        metadata={"help": "Flood forecast cycle beside the loop: auto (live runs and rehearsals), on, off"},
    )
    demo_residents: int = field(
        default=100_000, metadata={"help": "Residents of the sandbox city that `make run` grows"}
    )
    demo_seed: int = field(default=7, metadata={"help": "Seed of the sandbox city and rehearsal of `make run`"})
    demo_speed: float = field(default=120.0, metadata={"help": "Simulated seconds per second of the demo rehearsal"})

    def __post_init__(self) -> None:
        if self.flood not in {"auto", "on", "off"}:
            raise InvalidConfig(f"{self.flood!r} is none of them", where="RENCHENG_FLOOD", mend="Give auto, on or off")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                mend = f"Give {least:,} to {most:,}" if math.isfinite(most) else f"Give {least:,} or more"
                raise InvalidConfig(f"{value} is out of range", where=f"RENCHENG_{name.upper()}", mend=mend)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read settings from environment variables.

    Raises
    ------
    InvalidConfig
        If a ``RENCHENG_`` variable is unknown, or its value of the wrong type or out of range.
    """
    types = get_type_hints(Settings)
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
    typed: dict[str, Any] = {}
    for name, text in given.items():
        try:
            typed[name] = msgspec.convert(text, types[name], strict=False, dec_hook=lambda kind, value: kind(value))
        except msgspec.ValidationError as error:
            wanted = {int: "a whole number", float: "a number"}.get(types[name], "a text")
            raise InvalidConfig(
                f"{text!r} is not {wanted}", where=f"RENCHENG_{name.upper()}", mend=f"Give {wanted}"
            ) from error
    return Settings(**typed)
