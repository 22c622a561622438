"""SWMM input files: their sections, nodes and coordinates, and the few options that a coupled run must set itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rencheng.kernel import InvalidInput, NotFound

__all__ = ["InpFile", "InpNode", "inp_nodes", "prepared_inp", "read_inp"]

_NODE_SECTIONS = {"JUNCTIONS": "junction", "STORAGE": "storage", "OUTFALLS": "outfall", "DIVIDERS": "divider"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InpFile:
    """An input file as lines.

    Parameters
    ----------
    path : Path
        Where it lies.
    lines : tuple of str
        Its lines, without their ends.
    """

    path: Path
    lines: tuple[str, ...]

    def rows(self, section: str) -> Iterator[tuple[int, list[str]]]:
        """Line number (from 1) and words of each row of a section, comments left out.

        SWMM itself knows sections by their first letters ("[JUNC" is enough); so does this.
        """
        inside = False
        for number, line in enumerate(self.lines, start=1):
            text = line.split(";", 1)[0].strip()
            if text.startswith("["):
                name = text.strip("[]").upper()
                inside = len(name) >= 4 and (section.startswith(name) or name.startswith(section))
            elif inside and text:
                yield number, text.split()

    def option(self, name: str, default: str = "") -> str:
        """Value of an option."""
        return next(
            (words[1] for _, words in self.rows("OPTIONS") if len(words) > 1 and words[0].upper() == name), default
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InpNode:
    """A node of a SWMM file.

    Parameters
    ----------
    name, kind : str
        Its name; ``junction``, ``storage``, ``outfall`` or ``divider``.
    line : int
        Line of the file that defines it.
    x, y : float or None
        Coordinates as the file has them; ``None`` where it has none.
    """

    name: str
    kind: str
    line: int
    x: float | None
    y: float | None


def read_inp(path: Path) -> InpFile:
    """Read a SWMM input file.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidInput
        If it is no SWMM input file.
    """
    if not path.is_file():
        raise NotFound(f"no SWMM file {path}", mend="Give the path of a SWMM 5 input file (.inp)")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # what SWMM's Windows editor writes
    file = InpFile(path=path, lines=tuple(text.splitlines()))
    if not any(True for section in _NODE_SECTIONS for _ in file.rows(section)):
        raise InvalidInput(
            "no junction, storage, divider or outfall in it",
            where=str(path),
            mend="Is it a SWMM 5 input file with [JUNCTIONS] and [OUTFALLS]?",
        )
    return file


def inp_nodes(file: InpFile) -> list[InpNode]:
    """Nodes of a file in its order, with their coordinates.

    Raises
    ------
    InvalidInput
        If a coordinate is no number; names the line.
    """
    places: dict[str, tuple[float, float]] = {}
    for number, words in file.rows("COORDINATES"):
        try:
            places[words[0]] = (float(words[1]), float(words[2]))
        except (IndexError, ValueError) as error:
            raise InvalidInput(
                f"no coordinates: {' '.join(words)!r}",
                where=f"{file.path} line {number} [COORDINATES]",
                mend="Write: node x y",
            ) from error
    return [
        InpNode(
            name=words[0], kind=kind, line=number, **dict(zip("xy", places.get(words[0], (None, None)), strict=True))
        )
        for section, kind in _NODE_SECTIONS.items()
        for number, words in file.rows(section)
    ]


def prepared_inp(file: InpFile, *, duration_s: float) -> str:
    """Text of the file with the options that a coupled run needs; every other line stays as it was.

    Rain falls on the surface model, so the file's own is ignored; water that leaves a node stands there (ponding) until
    the surface takes it; flow is routed by dynamic waves; the end lies behind the end of the run.

    Raises
    ------
    InvalidInput
        If the file's start date cannot be read.
    """
    start = _start(file)
    end = start + timedelta(seconds=duration_s) + timedelta(hours=1)
    forced = {
        "ALLOW_PONDING": "YES",
        "IGNORE_RAINFALL": "YES",
        "IGNORE_QUALITY": "YES",
        "SKIP_STEADY_STATE": "NO",
        "FLOW_ROUTING": "DYNWAVE",
        "REPORT_START_DATE": start.strftime("%m/%d/%Y"),
        "REPORT_START_TIME": start.strftime("%H:%M:%S"),
        "END_DATE": end.strftime("%m/%d/%Y"),
        "END_TIME": end.strftime("%H:%M:%S"),
    }
    return "\n".join(_with_options(file.lines, forced)) + "\n"


def _start(file: InpFile) -> datetime:
    said = f"{file.option('START_DATE', '01/01/2004')} {file.option('START_TIME', '00:00:00')}"
    for form in ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m-%d-%Y %H:%M:%S"):
        try:
            return datetime.strptime(said, form)  # noqa: DTZ007 - SWMM's clock has no zone
        except ValueError:
            continue
    raise InvalidInput(
        f"cannot read the start {said!r}", where=f"{file.path} [OPTIONS]", mend="Write START_DATE as MM/DD/YYYY"
    )


def _with_options(lines: tuple[str, ...], forced: Mapping[str, str]) -> list[str]:
    """Lines with options replaced in [OPTIONS]; the section is made where there is none."""
    out: list[str] = []
    inside = found = False
    for line in lines:
        text = line.split(";", 1)[0].strip()
        if text.startswith("["):
            inside = text.strip("[]").upper().startswith("OPTI")
            out.append(line)
            if inside and not found:
                out += [f"{name:<20} {value}" for name, value in forced.items()]
                found = True
        elif not (inside and text and text.split()[0].upper() in forced):
            out.append(line)
    if not found:
        out += ["", "[OPTIONS]", *(f"{name:<20} {value}" for name, value in forced.items())]
    return out
