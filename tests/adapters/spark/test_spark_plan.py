"""Who asks each other lives together, nobody moves, and what does not fit is refused before anything is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sense.detection_city import city, rules

from rencheng.adapters.spark.plan import make_plan, shard_of
from rencheng.kernel import Conflict, InvalidInput
from rencheng.sense import Channel
from rencheng.sense.channels import ChannelTable
from rencheng.sense.neighbours import Neighbours


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sensors=st.integers(1, 120),
    shards=st.sampled_from([1, 2, 7, 64]),
    km=st.floats(1, 300),
)
def test_neighbours_share_a_shard_and_are_the_same_there_as_in_the_city(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sensors: int, shards: int, km: float
) -> None:
    rng = np.random.default_rng(seed)
    place = np.round(rng.uniform(0, km / 111, (sensors, 2)), 2)  # on a grid: many are equally far away
    channels = [
        Channel(sensor_id=f"s{n}", quantity="stage_m", lon=121 + float(x), lat=31 + float(y))
        for n, (x, y) in enumerate(place)
    ]
    whole = Neighbours(rules(), ChannelTable.of(channels))
    plan = make_plan(tmp_path_factory.mktemp("plan"), ChannelTable.of(channels), rules(), shards)
    odd = next(k for k, rule in enumerate(rules().rules) if rule.rule.id == "odd")
    part = {k: Neighbours(rules(), plan.channels_of(k)) for k in range(shards)}
    at = {c.sensor_id: int(plan.shards_of(plan.places(_ids(c.sensor_id)), "stage_m")[0]) for c in channels}
    for c in channels:
        near = whole.of((c.sensor_id, "stage_m"), odd)
        assert {at[sensor] for sensor, _ in near} <= {at[c.sensor_id]}
        assert part[at[c.sensor_id]].of((c.sensor_id, "stage_m"), odd) == near
        assert len(near) <= 8


def _ids(*names: str):  # type: ignore[no-untyped-def]
    import pyarrow as pa

    return pa.array(names, pa.string())


def test_sensors_that_ask_nobody_go_by_a_hash_that_never_changes(tmp_path: Path) -> None:
    assert [shard_of(f"s{n:02d}", 8) for n in range(6)] == [7, 6, 2, 3, 4, 2]
    plan = make_plan(tmp_path, ChannelTable.of(city(6)), rules(), 8)
    ids = _ids(*[f"s{n:02d}" for n in range(6)])
    assert plan.shards_of(plan.places(ids), "methane_ratio_lel").tolist() == [7, 6, 2, 3, 4, 2]
    assert len(set(plan.shards_of(plan.places(ids), "stage_m").tolist())) == 1


def test_a_city_may_grow_but_nobody_moves(tmp_path: Path) -> None:
    far = [Channel(sensor_id=f"z{n}", quantity="stage_m", lon=10.0 + n, lat=50.0) for n in range(3)]
    make_plan(tmp_path, ChannelTable.of([*city(4), *far[:2]]), rules(), 8)
    plan = make_plan(tmp_path, ChannelTable.of([*city(4), *far]), rules(), 8)
    assert plan.places(_ids("z2", "nobody")).tolist() == [10 - 4, -1]
    apart = [c for c in far if shard_of(c.sensor_id, 8) != shard_of("z0", 8)]
    between = [Channel(sensor_id=f"y{n}", quantity="stage_m", lon=10.0 + 0.02 * n, lat=50.0) for n in range(1, 50)]
    assert apart
    with pytest.raises(Conflict, match="it has other neighbours"):
        make_plan(tmp_path, ChannelTable.of([*city(4), *between, *far]), rules(), 8)


def test_other_shards_or_rules_are_refused(tmp_path: Path) -> None:
    make_plan(tmp_path, ChannelTable.of(city(3)), rules(), 4)
    with pytest.raises(Conflict, match="number of shards"):
        make_plan(tmp_path, ChannelTable.of(city(3)), rules(), 5)
    with pytest.raises(Conflict, match="detection rules"):
        make_plan(tmp_path, ChannelTable.of(city(3)), replace(rules(), rules=rules().rules[:2]), 4)
    with pytest.raises(InvalidInput, match="0 shards"):
        make_plan(tmp_path / "other", ChannelTable.of(city(3)), rules(), 0)
