"""Sewers beside a flood run of a city: a pipe too narrow must show in the street, and no water may vanish."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rencheng.app.flood_sewers import open_sewers
from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.city import City, read_city
from rencheng.kernel import InvalidInput
from rencheng.science.flood import FloodResult, simulate
from rencheng.science.flood.storm_sewer import SewerBalance

RAIN_MM_H = 90.0
SECONDS = 1200.0


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


@pytest.fixture(scope="module")
def domain(city: City) -> FloodDomain:
    return flood_domain(city, cell_m=30.0, drainage=False)


def run(city: City, domain: FloodDomain, file: Path | None = None) -> tuple[FloodResult, SewerBalance, tuple[str, ...]]:
    with open_sewers(city, domain, duration_s=SECONDS, swmm_file=file) as sewers:
        result = simulate(
            domain.bed_m,
            domain.grid.cell_m,
            SECONDS,
            rain_mm_h=RAIN_MM_H,
            manning=domain.manning,
            active=domain.active,
            exchanges=[sewers.coupling],
        )
        balance = sewers.finish()
        return result, balance, sewers.told(balance)


def test_the_citys_own_sewers_drain_its_streets_and_the_account_closes(city: City, domain: FloodDomain) -> None:
    result, balance, told = run(city, domain)
    assert balance.taken > 1000.0
    assert result.volumes.exchanged == pytest.approx(balance.returned - balance.taken, rel=1e-9)
    assert abs(result.volume_error_ratio) < 1e-12
    assert abs(balance.error_ratio) < 0.01
    assert abs(balance.network.continuity_error_ratio) < 0.01
    assert any("outfalls" in words for words in told)


def street_file(city: City, domain: FloodDomain, folder: Path, *, size_m: float, lonlat: bool) -> Path:
    """Two street cells joined by a pipe from a steep inlet to a low one, both in the model, and an outfall below."""
    land = domain.active & ~domain.water & ~domain.blocked
    rows, columns = np.nonzero(land)
    pick = [len(rows) // 3, len(rows) // 3 + 3]
    grid = domain.grid
    at = [(grid.west_m + (columns[k] + 0.5) * grid.cell_m, grid.south_m + (rows[k] + 0.5) * grid.cell_m) for k in pick]
    if lonlat:
        at = [city.to_lonlat.transform(*place) for place in at]
    far = (at[0][0] + (0.5 if lonlat else 90_000.0), at[0][1])
    text = f"""[OPTIONS]
FLOW_UNITS CMS
START_DATE 01/01/2000
END_DATE 01/01/2000
END_TIME 01:00:00
ROUTING_STEP 0:00:01
FLOW_ROUTING DYNWAVE
[JUNCTIONS]
a 20.0 2.0 0 0 0
b 19.9 1.0 0 0 0
far 20.5 9.0 0 0 0
[OUTFALLS]
out 19.7 FREE NO
[CONDUITS]
ab a b 100 0.013 0 0 0 0
bo b out 100 0.013 0 0 0 0
fo far b 100 0.013 0 0 0 0
[XSECTIONS]
ab CIRCULAR 1.0 0 0 0 1
bo CIRCULAR {size_m} 0 0 0 1
fo CIRCULAR 0.5 0 0 0 1
[INFLOWS]
a FLOW "" FLOW 1.0 1.0 0.4
[COORDINATES]
a {at[0][0]} {at[0][1]}
b {at[1][0]} {at[1][1]}
far {far[0]} {far[1]}
"""
    path = folder / "street.inp"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("lonlat", [True, False], ids=["lonlat", "metric"])
def test_a_pipe_too_narrow_returns_water_to_the_street(
    city: City, domain: FloodDomain, tmp_path: Path, *, lonlat: bool
) -> None:
    path = street_file(city, domain, tmp_path, size_m=0.2, lonlat=lonlat)
    _, narrow, told = run(city, domain, path)
    assert narrow.returned > 0.5 * 0.4 * SECONDS
    # a metre of empty pipe filled at once costs SWMM some percent by its own account; the coupling adds nothing to it
    assert narrow.error_ratio == pytest.approx(narrow.network.continuity_error_ratio, abs=0.002)
    assert any("1 nodes lie outside the model: far" in words for words in told)


def test_a_pipe_wide_enough_returns_none(city: City, domain: FloodDomain, tmp_path: Path) -> None:
    path = street_file(city, domain, tmp_path, size_m=1.2, lonlat=False)
    _, wide, _ = run(city, domain, path)
    assert wide.returned == pytest.approx(0.0, abs=1.0)


def test_a_file_of_another_place_is_refused(city: City, domain: FloodDomain, tmp_path: Path) -> None:
    path = street_file(city, domain, tmp_path, size_m=0.5, lonlat=True)
    moved = [f"{w[0]} {float(w[1]) + 3} {w[2]}" if (w := line.split())[:1] and w[0] in {"a", "b", "far"} and len(w) == 3
             else line for line in path.read_text().splitlines()]  # fmt: skip
    path.write_text("\n".join(moved))
    with (
        pytest.raises(InvalidInput, match="nodes lies on the model"),
        open_sewers(city, domain, duration_s=60.0, swmm_file=path),
    ):
        pass
    path.write_text(path.read_text().split("[COORDINATES]")[0])
    with (
        pytest.raises(InvalidInput, match="has coordinates"),
        open_sewers(city, domain, duration_s=60.0, swmm_file=path),
    ):
        pass
