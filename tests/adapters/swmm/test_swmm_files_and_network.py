"""SWMM beside a flood: what a user's file says must reach the solver, and its complaints must reach the user."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.swmm.swmm_files import STREET, write_street, write_street_in_feet

from rencheng.adapters.swmm.city_network import swmm_text_from_city
from rencheng.adapters.swmm.inp_file import InpFile, inp_nodes, prepared_inp, read_inp
from rencheng.adapters.swmm.network import SwmmNetwork, validate_inp
from rencheng.city import City, read_city
from rencheng.kernel import InvalidInput, MissingData, NotFound, RenchengError

NODES = ("upper", "lower")


def fed(path: Path, *, inflow_m3_s: float, seconds: int, area_m2: float = 25.0) -> tuple[SwmmNetwork, np.ndarray]:
    network = SwmmNetwork(read_inp(path), NODES, ponded_area_m2=area_m2, duration_s=7200.0)
    state = network.state()
    for _ in range(seconds // 10):
        state = network.advance(np.array([inflow_m3_s, 0.0]), 10)
    return network, state.head_over_rim_m


def test_what_goes_in_comes_out_and_swmm_says_so(tmp_path: Path) -> None:
    network, _ = fed(write_street(tmp_path), inflow_m3_s=0.1, seconds=1800)
    with network:
        network.advance(np.zeros(2), 1800)
        totals = network.finish()
    assert totals.outfall == pytest.approx(180.0, rel=0.01)
    assert abs(totals.continuity_error_ratio) < 0.01
    assert 180.0 - totals.outfall - totals.stored == pytest.approx(0.0, abs=1.8)
    assert totals.flooded == totals.own_inflow == 0.0


def test_a_narrow_pipe_surcharges_and_a_wide_one_does_not(tmp_path: Path) -> None:
    narrow, high = fed(write_street(tmp_path, size_m=0.3), inflow_m3_s=0.3, seconds=600)
    with narrow:
        assert high[0] > 0.5
        assert narrow.state().ponded_m3[0] == pytest.approx(high[0] * 25.0)
    wide, low = fed(write_street(tmp_path, size_m=0.8), inflow_m3_s=0.3, seconds=600)
    with wide:
        assert (low < 0.0).all()


def test_feet_and_metres_say_the_same(tmp_path: Path) -> None:
    metric, in_metres = fed(write_street(tmp_path), inflow_m3_s=0.2, seconds=900)
    american, in_feet = fed(write_street_in_feet(tmp_path), inflow_m3_s=0.2, seconds=900)
    with metric, american:
        assert in_feet == pytest.approx(in_metres, abs=0.01)
        assert american.totals().outfall == pytest.approx(metric.totals().outfall, rel=0.01)
        assert american.totals().stored == pytest.approx(metric.totals().stored, rel=0.02)


def test_two_networks_run_beside_one_another(tmp_path: Path) -> None:
    first, one = fed(write_street(tmp_path), inflow_m3_s=0.05, seconds=300)
    second, two = fed(write_street(tmp_path), inflow_m3_s=0.15, seconds=300)
    with first, second:
        again = first.advance(np.array([0.05, 0.0]), 10).head_over_rim_m
        assert again[0] < two[0]
        assert one[0] < two[0]


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    runs = [fed(write_street(tmp_path), inflow_m3_s=0.2, seconds=600) for _ in range(2)]
    heads = [head.tobytes() for _, head in runs]
    for network, _ in runs:
        network.close()
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("mouth  lower river", "mouth  lower sea", r"undefined object sea.*"),
        ("upper  1.0", "upper  1.0m", r"invalid number 1.0m.*"),
        ("street CIRCULAR", "street ROUND", r"invalid keyword ROUND.*"),
    ],
)
def test_an_error_in_a_file_is_told_by_line_and_section_with_a_mend(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    path = write_street(tmp_path)
    lines = path.read_text().splitlines()
    number = next(k for k, line in enumerate(lines, start=1) if line.startswith(old))
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InvalidInput, match=told) as refused:
        validate_inp(read_inp(path))
    assert f"line {number} [" in refused.value.where
    assert refused.value.mend


def test_all_errors_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = write_street(tmp_path)
    path.write_text(
        path.read_text().replace("mouth  lower river", "mouth  lower sea").replace("upper  1.0", "upper  x")
    )
    with pytest.raises(InvalidInput, match="1 more: line"):
        validate_inp(read_inp(path))


def test_an_error_without_a_line_is_told_too(tmp_path: Path) -> None:
    path = write_street(tmp_path)
    text = path.read_text().replace("mouth  lower", "short  upper river 300 0.013 0 0 0 0\nmouth  lower")
    path.write_text(text.replace("mouth  CIRCULAR", "short  CIRCULAR 0.3 0 0 0 1\nmouth  CIRCULAR"))
    with pytest.raises(InvalidInput, match=r"SWMM error 141: .*Let one link enter the outfall"):
        SwmmNetwork(read_inp(path), NODES, ponded_area_m2=25.0, duration_s=60.0)


def test_a_worker_that_dies_is_a_clear_refusal(tmp_path: Path) -> None:
    network, _ = fed(write_street(tmp_path), inflow_m3_s=0.1, seconds=10)
    os.kill(network._worker._process.pid, signal.SIGKILL)
    with pytest.raises(RenchengError, match="SWMM process ended with code -9"):
        network.advance(np.zeros(2), 10)
    network.close()


def test_the_copy_changes_options_only_and_keeps_the_rest(tmp_path: Path) -> None:
    file = read_inp(write_street(tmp_path))
    text = prepared_inp(file, duration_s=7200.0)
    again = InpFile(path=file.path, lines=tuple(text.splitlines()))
    assert again.option("ALLOW_PONDING") == "YES"
    assert again.option("IGNORE_RAINFALL") == "YES"
    assert again.option("END_TIME") == "03:00:00"
    assert again.option("ROUTING_STEP") == "0:00:01"
    for section in ("JUNCTIONS", "CONDUITS", "XSECTIONS", "COORDINATES"):
        assert [words for _, words in again.rows(section)] == [words for _, words in file.rows(section)]


def test_short_section_names_and_old_encodings_are_read(tmp_path: Path) -> None:
    text = STREET.replace("[JUNCTIONS]", "[JUNC]").replace("A street", "Uma água, é rua")
    path = write_street(tmp_path, text=text)
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    nodes = inp_nodes(read_inp(path))
    assert [(n.name, n.kind, n.x) for n in nodes] == [
        ("upper", "junction", 25.0),
        ("lower", "junction", 125.0),
        ("river", "outfall", 325.0),
    ]


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no SWMM file"):
        read_inp(tmp_path / "absent.inp")
    empty = tmp_path / "notes.txt"
    empty.write_text("what I did today")
    with pytest.raises(InvalidInput, match="JUNCTIONS"):
        read_inp(empty)
    path = write_street(tmp_path)
    path.write_text(path.read_text().replace("upper 25 25", "upper here there"))
    with pytest.raises(InvalidInput, match=r"no coordinates") as refused:
        inp_nodes(read_inp(path))
    assert "[COORDINATES]" in refused.value.where
    with pytest.raises(InvalidInput, match="no node 'well'"):
        SwmmNetwork(read_inp(write_street(tmp_path)), ("well",), ponded_area_m2=25.0, duration_s=60.0)


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


def test_a_city_becomes_a_file_that_swmm_takes(city: City, tmp_path: Path) -> None:
    path = tmp_path / "city.inp"
    path.write_text(swmm_text_from_city(city), encoding="utf-8")
    file = read_inp(path)
    validate_inp(file)
    kinds = {n.name: n.kind for n in inp_nodes(file)}
    drainage = [n for n in city.rows("network_nodes") if n["network"] == "drainage"]
    assert set(kinds) == {n["node_id"] for n in drainage}
    assert {kinds[n["node_id"]] for n in drainage if n["kind"] == "pump"} == {"storage"}
    junctions = {words[0]: float(words[2]) for _, words in file.rows("JUNCTIONS")}
    assert min(junctions.values()) > 0.0


def test_a_city_drains_a_storm_within_one_percent(city: City, tmp_path: Path) -> None:
    path = tmp_path / "city.inp"
    path.write_text(swmm_text_from_city(city), encoding="utf-8")
    file = read_inp(path)
    names = tuple(n.name for n in inp_nodes(file) if n.kind == "junction")
    inlets = np.array([name.startswith("inlet") for name in names])
    with SwmmNetwork(file, names, ponded_area_m2=100.0, duration_s=5400.0) as network:
        for _ in range(180):
            network.advance(np.where(inlets, 0.03, 0.0), 10)
        for _ in range(180):
            network.advance(np.zeros(len(names)), 10)
        totals = network.finish()
    given = 0.03 * int(inlets.sum()) * 1800.0
    assert totals.outfall > 0.8 * given
    assert abs(totals.continuity_error_ratio) < 0.01
    assert abs(given - totals.outfall - totals.flooded - totals.stored) < 0.01 * given


def test_a_city_without_sewers_says_what_to_do(city: City, tmp_path: Path) -> None:
    from rencheng.city import Manifest, write_city

    manifest = Manifest(id="dry", name="dry", name_en="dry", metric_crs="EPSG:32722", timezone="UTC", jurisdiction="XX")
    bare = write_city(tmp_path / "bare", manifest, {"cells": city.table("cells")})
    with pytest.raises(MissingData, match="storm sewers"):
        swmm_text_from_city(bare)
