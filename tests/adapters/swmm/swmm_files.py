"""Small SWMM files that the tests of pipes share."""

from __future__ import annotations

from pathlib import Path

STREET = """[TITLE]
A street: two junctions and an outfall

[OPTIONS]
FLOW_UNITS           {units}
FLOW_ROUTING         DYNWAVE
LINK_OFFSETS         DEPTH
START_DATE           01/01/2000
START_TIME           00:00:00
END_DATE             01/01/2000
END_TIME             01:00:00
ROUTING_STEP         0:00:01
VARIABLE_STEP        0.75
MAX_TRIALS           20
HEAD_TOLERANCE       0.0005

[JUNCTIONS]
;name invert depth
upper  {invert_1}  {depth}  0 0 0
lower  {invert_2}  {depth}  0 0 0

[OUTFALLS]
river  {outfall} FREE NO

[CONDUITS]
street upper lower {length_1} 0.013 0 0 0 0
mouth  lower river {length_2} 0.013 0 0 0 0

[XSECTIONS]
street CIRCULAR {size} 0 0 0 1
mouth  CIRCULAR {size} 0 0 0 1

[COORDINATES]
upper 25 25
lower 125 25
river 325 25
"""


def write_street(folder: Path, *, size_m: float = 0.6, text: str = STREET, name: str = "street.inp") -> Path:
    """Two nodes 2 m deep at levels 1.0 and 0.5, pipes of 100 m and 200 m to an outfall at -0.6."""
    path = folder / name
    values = {"invert_1": 1.0, "invert_2": 0.5, "depth": 2.0, "outfall": -0.6, "length_1": 100.0, "length_2": 200.0}
    path.write_text(text.format(units="CMS", size=size_m, **values), encoding="utf-8")
    return path


def write_street_in_feet(folder: Path, *, size_m: float = 0.6) -> Path:
    """The same street in US units."""
    foot = 0.3048
    path = folder / "street-us.inp"
    values = {"invert_1": 1.0, "invert_2": 0.5, "depth": 2.0, "outfall": -0.6, "length_1": 100.0, "length_2": 200.0}
    in_feet = {name: round(value / foot, 6) for name, value in values.items()}
    text = STREET.format(units="CFS", size=round(size_m / foot, 6), **in_feet).replace("0.0005", "0.0016")
    path.write_text(text, encoding="utf-8")
    return path
