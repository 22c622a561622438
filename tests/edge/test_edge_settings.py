"""A wrong file must be named with the key and the mend before a gateway is trusted with lives."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.edge.edge_stand import EDGE, FEED

from rencheng.edge import read_edge_settings
from rencheng.edge.orders import OrderBook
from rencheng.edge.readings import read_edge_feed
from rencheng.edge.rules import read_local_rules
from rencheng.kernel import InvalidConfig, NotFound, OrderRefused
from rencheng.sense import default_detection_rules

GOOD = EDGE.format(core="http://core:8000", most_mb=1)


def read(folder: Path, text: str) -> None:
    path = folder / "edge.toml"
    path.write_text(text, encoding="utf-8")
    read_edge_settings(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('severity = "orange"', 'severity = "purple"', "purple"),
        ("retry_s", "retry_seconds", "retry_seconds"),
        ('channels = ["outbox"]', 'channels = ["siren"]', "siren"),
        ('channels = ["outbox"]', "channels = []", "reach somebody"),
        ('url = "http://core:8000"', 'url = "core"', "core"),
        ("{place}: leave", "{plaice}: leave", "plaice"),
        ('kind = "folder"', 'kind = "smoke_signal"', "smoke_signal"),
        ('path = "out"', "", "path is missing"),
        ('id = "gw-1"', "", "id is missing"),
        ("timeout_s = 1", 'timeout_s = "soon"', "timeout_s"),
        ("[core]", "[[core]]", "core"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    read(tmp_path, GOOD)
    with pytest.raises(InvalidConfig, match=said):
        read(tmp_path, GOOD.replace(old, new))


def test_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"edge\.toml"):
        read_edge_settings(tmp_path / "edge.toml")
    with pytest.raises(NotFound, match=r"rules\.yaml"):
        read_local_rules([tmp_path / "rules.yaml"])


@pytest.mark.parametrize(
    ("old", "new", "said"), [('"ndjson"', '"senml"', "senml"), ("[feed.long]", "[feed.x]", "layout")]
)
def test_feeds_that_cannot_be_kept_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "feed.toml"
    path.write_text(FEED, encoding="utf-8")
    assert read_edge_feed(path).id == "community"
    path.write_text(FEED.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidConfig, match=said):
        read_edge_feed(path)


def test_a_cancel_that_fits_no_order_says_which_stand() -> None:
    book = OrderBook("gw", (), {})
    with pytest.raises(OrderRefused, match="Standing orders: none"):
        book.cancel("edge-order-x", by="Wang", reason="drill", now_us=0)


def test_the_shipped_rules_are_the_cores() -> None:
    local, core = read_local_rules([]), default_detection_rules()
    assert {rule.id for rule in local.rules} | set(local.left) == {rule.rule.id for rule in core.rules}
    assert {"smoke", "carbon_monoxide", "gas_leak"} <= {rule.id for rule in local.rules}
    assert "stage_odd" in local.left


def test_csv_in_local_units_and_time_is_read_as_the_core_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "feed.toml"
    path.write_text(
        """
[feed]
id = "gauges"
format = "csv"
sensor_column = "station"
[feed.time]
column = "local"
format = "iso8601"
timezone = "-03:00"
[[feed.columns]]
column = "level_cm"
quantity = "stage_m"
unit = "cm"
""",
        encoding="utf-8",
    )
    feed = read_edge_feed(path)
    body = b"station,local,level_cm\ng1,2024-05-01 09:00:00,300\ng1,never,1\ng2,2024-05-01 09:00:00,\n"
    found = list(feed.readings(body))
    assert [(r.sensor_id, r.quantity, r.value) for r in found] == [("g1", "stage_m", 3.0)]
    assert found[0].at == 1_714_564_800_000_000
    assert feed.rows(body) == 3
