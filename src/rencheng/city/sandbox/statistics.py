"""What a sandbox city comes to in numbers, beside what is published of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.city.package import City

__all__ = ["Statistic", "city_statistics", "statistics_table"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One number of a city with the band in which it is plausible and why.

    ``low`` and ``high`` bound what is taken as plausible for a city of 100,000 or more; ``reference`` says what is
    published and where.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    reference: str

    @property
    def plausible(self) -> bool:
        """Whether the value lies in its band."""
        return self.low <= self.value <= self.high


def city_statistics(city: City) -> list[Statistic]:
    """Count a city through: people, buildings, roads, networks, facilities, instruments.

    Parameters
    ----------
    city : City
        A sandbox city (all optional tables present).
    """
    residents = float(city.column("cells", "residents").sum())
    area_km2 = _area_km2(city)
    return [
        *_people(city, residents, area_km2),
        *_buildings(city, residents, area_km2),
        *_roads(city, area_km2),
        *_pipes(city, area_km2),
        *_facilities(city, residents, area_km2),
        *_instruments(city, area_km2),
    ]


def statistics_table(statistics: list[Statistic]) -> str:
    """Markdown table of the statistics."""
    lines = ["| what | value | plausible | published |", "|---|---:|---|---|"]
    for s in statistics:
        unit = f" {s.unit}" if s.unit else ""
        lines.append(f"| {s.name} | {_short(s.value)}{unit} | {_short(s.low)}–{_short(s.high)} | {s.reference} |")
    return "\n".join(lines) + "\n"


def _short(value: float) -> str:
    if value >= 1000.0:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _area_km2(city: City) -> float:
    """Area inside the city's outline."""
    areas = city.table("areas")
    whole = areas.filter(np.array([kind == "city" for kind in areas.column("kind").to_pylist()]))
    shape = shapely.transform(
        shapely.from_wkb(whole.column("geometry").to_pylist()),
        lambda p: np.stack(city.to_metric.transform(p[:, 0], p[:, 1]), axis=1),
    )
    return float(shapely.area(shape).sum() / 1e6)


def _people(city: City, residents: float, area_km2: float) -> list[Statistic]:
    def share(name: str) -> float:
        return 100.0 * float(city.column("cells", name).sum()) / residents

    census = "Seventh National Population Census 2020"
    households = len(city.table("households"))
    rows = [
        ("residents per km² within the city's outline", "", residents / area_km2, 5800, 7800, "7,400 (OPS-17)"),
        ("residents per household", "", residents / households, 2.5, 2.7, f"2.62: {census}"),
        ("residents aged 65 and over", "%", share("elderly_residents"), 12.5, 14.5, f"13.5 %: {census}"),
        ("residents under 6", "%", share("child_residents"), 5.0, 7.0, f"5.5 % under 5, 6.8 % under 6: {census}"),
        (
            "residents with a disability",
            "%",
            share("disabled_residents"),
            5.5,
            7.0,
            "6.3 %: China Disabled Persons' Federation, end of 2010",
        ),
        ("jobs per resident", "", float(city.column("cells", "jobs").sum()) / residents, 0.45, 0.55, "0.53: 2020, NBS"),
    ]
    return _made(rows)


def _buildings(city: City, residents: float, area_km2: float) -> list[Statistic]:
    home = np.array([use == "residential" for use in city.table("buildings").column("use").to_pylist()])
    floor = city.column("buildings", "footprint_m2") * city.column("buildings", "storeys")
    per_person = float(floor[home].sum()) / residents
    coverage = 100.0 * float(city.column("buildings", "footprint_m2").sum()) / (area_km2 * 1e6)
    storeys = float(city.column("buildings", "storeys")[home].mean())
    value = float(city.column("buildings", "value_cny").sum()) / residents / 1000.0
    rows = [
        ("housing floor per resident", "m²", per_person, 34, 42, "36.5 m² in cities: census yearbook 2020"),
        (
            "residents per residential building",
            "",
            residents / float(home.sum()),
            15,
            60,
            "no national figure; derived",
        ),
        ("storeys of residential buildings, mean", "", storeys, 2, 8, "no national figure; derived"),
        ("land covered by buildings", "%", coverage, 8, 30, "20–43 % at most within housing plots: GB 50180-2018"),
        ("value of structures per resident", "1,000 CNY", value, 80, 300, "no national figure; derived"),
    ]
    return _made(rows)


def _roads(city: City, area_km2: float) -> list[Statistic]:
    kind = np.array(city.table("road_links").column("road_class").to_pylist())
    length_km = city.column("road_links", "length_m") / 2000.0  # every street has two links
    public = kind != "residential"
    arterial = (kind == "trunk") | (kind == "primary")
    tail = np.searchsorted(city.column("road_nodes", "node_id"), city.column("road_links", "from_node"))
    junctions = float((np.bincount(tail) >= 3).sum()) / area_km2
    share = 100.0 * float(length_km[arterial].sum() / length_km[public].sum())
    rows = [
        (
            "public streets per km² (branch roads and above)",
            "km/km²",
            float(length_km[public].sum()) / area_km2,
            5.5,
            10.0,
            "about 6.5 in 36 large cities: CAUPD road density reports from 2023; 8 aimed at: State Council 2016",
        ),
        ("all streets per km²", "km/km²", float(length_km.sum()) / area_km2, 7, 18, "18 advised: UN-Habitat 2013"),
        ("arterials among public streets", "%", share, 15, 40, "GB/T 51328-2018: arterials a minority of the length"),
        ("junctions per km²", "", junctions, 18, 120, "80–100 advised: UN-Habitat 2013; superblock cities have fewer"),
    ]
    return _made(rows)


def _pipes(city: City, area_km2: float) -> list[Statistic]:
    links = city.table("network_links")
    network = np.array(links.column("network").to_pylist())
    length_km = city.column("network_links", "length_m") / 1000.0

    def density(name: str) -> float:
        return float(length_km[network == name].sum()) / area_km2

    year = "MOHURD urban construction bulletin 2021"
    kind = np.array(city.table("network_nodes").column("kind").to_pylist())
    hole = kind == "manhole"
    ground, invert = city.column("network_nodes", "ground_m"), city.column("network_nodes", "invert_m")
    depth = float(np.median((ground - invert)[hole]))
    rows = [
        ("storm sewers per km²", "km/km²", density("drainage"), 5, 14, f"14.0 for sewers of all kinds: {year}"),
        ("depth of sewer inverts, median", "m", depth, 1.5, 5.0, "1.5–8 m usual; cover at least 0.7 m: GB 50014-2021"),
        ("water mains per km²", "km/km²", density("water"), 5, 17, f"17.0 with service pipes: {year}"),
    ]
    return _made(rows)


def _facilities(city: City, residents: float, area_km2: float) -> list[Statistic]:
    rows_of = city.rows("facilities")
    units = [u["kind"] for u in city.rows("units")]

    def places(kind: str) -> float:
        return sum(f["capacity"] or 0.0 for f in rows_of if f["kind"] == kind)

    def count(kind: str) -> int:
        return sum(f["kind"] == kind for f in rows_of)

    per = residents / 1000.0
    beds = "5.4 in hospitals of 6.9 in all: NHC health bulletin 2022"
    schools = "132: pupils of grades 1–12, Ministry of Education 2022"
    kindergartens = "33: Ministry of Education 2022"
    standard = "at most 7: fire station standard 建标 152-2017"
    rows = [
        ("hospital beds per 1,000 residents", "", places("hospital") / per, 5.0, 7.0, beds),
        ("school places per 1,000 residents", "", places("school") / per, 110, 150, schools),
        ("kindergarten places per 1,000 residents", "", places("kindergarten") / per, 28, 40, kindergartens),
        (
            "care beds per 1,000 residents",
            "",
            places("care_home") / per,
            3.0,
            6.0,
            "3.7: Ministry of Civil Affairs 2022",
        ),
        ("shelter places per 100 residents", "", places("shelter") / per / 10.0, 20, 100, "GB 51143-2015 sizes sites"),
        ("km² per fire station", "", area_km2 / count("fire_station"), 2.0, 7.5, standard),
        (
            "residents per ambulance",
            "",
            residents / units.count("ambulance"),
            15_000,
            50_000,
            "30,000: national opinion on pre-hospital care, 2020",
        ),
    ]
    return _made(rows)


def _instruments(city: City, area_km2: float) -> list[Statistic]:
    west, east = city.column("cells", "lon").min(), city.column("cells", "lon").max()
    south, north = city.column("cells", "lat").min(), city.column("cells", "lat").max()
    inside = [
        s
        for s in city.rows("sensors")
        if s["kind"] == "rain_gauge" and west <= s["lon"] <= east and south <= s["lat"] <= north
    ]
    guide = "10–20 at most in towns: WMO-No. 168, table I.2.6"
    return _made([("km² per rain gauge in the city", "", area_km2 / len(inside), 0.5, 10.0, guide)])


def _made(rows: Sequence[tuple[str, str, float, float, float, str]]) -> list[Statistic]:
    return [
        Statistic(name=name, unit=unit, value=value, low=low, high=high, reference=reference)
        for name, unit, value, low, high, reference in rows
    ]
