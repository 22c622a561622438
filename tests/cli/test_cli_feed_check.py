"""``rencheng feed check``: before a feed is let in, its owner sees what would become of every field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rencheng.adapters.sparkplug import Metric, Payload, payload_bytes
from rencheng.city import read_city
from rencheng.cli import app

CSV = """
[feed]
id = "gauges"
format = "csv"
sensor_column = "station"
time = { column = "t", timezone = "Asia/Shanghai" }
[[feed.columns]]
column = "level"
quantity = "stage_m"
unit = "cm"
[[feed.columns]]
column = "rain"
quantity = "rain_mm"
unit = "mm"
"""
ROWS = "station,t,level,rain\nA,2024-05-01 08:00,250,1\n\nA,2024-05-01 09:00,x,2\nB,2024-05-01 08:00,99999,\n"
NOON = "2024-05-01T00:10:00Z"


def run(folder: Path, config: str, sample: str | bytes, *options: str) -> tuple[int, str]:
    (folder / "feed.toml").write_text(config, encoding="utf-8")
    (folder / "sample").write_bytes(sample if isinstance(sample, bytes) else sample.encode())
    command = ["feed", "check", str(folder / "feed.toml"), str(folder / "sample"), "--arrived-at", NOON, *options]
    result = CliRunner().invoke(app, command)
    assert not isinstance(result.exception, Exception), result.exception
    return result.exit_code, result.output


def test_each_field_is_shown_as_found_and_as_it_would_be_stored(tmp_path: Path) -> None:
    status, said = run(tmp_path, CSV, ROWS)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "2 level 250 A stage_m 2.5 m 2024-05-01T00:00:00Z" in lines
    assert "2 rain 1 A rain_mm 1 mm 2024-05-01T00:00:00Z" in lines
    assert "4 rain 2 A rain_mm 2 mm 2024-05-01T01:00:00Z 超前 future" in lines
    assert "5 level 99999 B stage_m 999.99 m 2024-05-01T00:00:00Z 超出物理范围 out of range" in lines
    assert "4 ✗ 不是数值 bad_number: column level" in lines
    assert lines[-1] == "3 rows 行 · 4 fields taken 接收 · 1 refused 拒收"
    assert status == 1


def test_a_clean_sample_of_known_sensors_ends_with_status_0(tmp_path: Path) -> None:
    assert run(tmp_path, CSV, ROWS.splitlines()[0] + "\nA,2024-05-01 08:00,250,1\n")[0] == 0


def test_a_sensor_the_city_does_not_have_is_told(tmp_path: Path, sandbox_city: Path) -> None:
    known = read_city(sandbox_city).rows("sensors")[0]["sensor_id"]
    rows = f"station,t,level,rain\n{known},2024-05-01 08:00,250,\nnobody,2024-05-01 08:00,250,\n"
    status, said = run(tmp_path, CSV, rows, "--city", str(sandbox_city))
    assert "nobody (unknown 未知)" in said
    assert f"{known} (unknown" not in said
    assert "1 sensors unknown 未知传感器" in said
    assert status == 1


def test_a_sample_of_which_nothing_can_be_taken_says_why(tmp_path: Path) -> None:
    status, said = run(tmp_path, CSV, "station,t\nA,2024-05-01 08:00\n")
    assert "整体拒收: feed 'gauges': there is no column 'level'" in said
    assert status == 1


def test_everything_as_json(tmp_path: Path) -> None:
    _, said = run(tmp_path, CSV, ROWS, "--json")
    told = json.loads(said)
    assert [field["found"] for field in told["taken"]] == ["250", "1", "2", "99999"]
    assert told["refused"][0]["reason"] == "bad_number"


JSON = """
[feed]
id = "j"
format = "json"
sensor = "g-{2}"
[[feed.columns]]
column = "d.level"
quantity = "stage_m"
unit = "cm"
"""


def test_a_recording_of_messages_has_one_a_line(tmp_path: Path) -> None:
    sample = '# recorded\ncity/1 {"d":{"level":250}}\ncity/2 {"d":{"level":"x"}}\n'
    status, said = run(tmp_path, JSON, sample, "--lines")
    assert "g-1" in said
    assert "topic city/2: sensor g-2, field d.level: 'x' is no number" in said
    assert status == 1


def test_one_message_with_its_topic(tmp_path: Path) -> None:
    assert run(tmp_path, JSON, '{"d":{"level":250}}', "--topic", "city/7")[0] == 0


SPARKPLUG = '[feed]\nid = "s"\nformat = "sparkplug"\n[[feed.columns]]\ncolumn = "level"\nquantity = "stage_m"\n'


def test_binary_messages_are_read_from_hexadecimal_and_aliases_resolved(tmp_path: Path) -> None:
    level = Metric(name="level", alias=1, datatype=10, value=2.5)
    other = Metric(name="serial", datatype=12, value="x")
    birth = payload_bytes(Payload(at_ms=1714521600000, seq=1, metrics=[level, other]))
    data = payload_bytes(Payload(at_ms=1714521660000, seq=2, metrics=[Metric(alias=1, value=2.6)]))
    node = payload_bytes(Payload(seq=0, metrics=[]))
    topics = [("NBIRTH/n", node), ("DBIRTH/n/d", birth), ("DDATA/n/d", data)]
    sample = "".join(f"spBv1.0/g/{topic} {body.hex()}\n" for topic, body in topics)
    status, said = run(tmp_path, SPARKPLUG, sample, "--lines")
    assert "2.6 m" in said
    assert "passed over, not in the configuration 未配置而略过: serial ×1" in said
    assert status == 0


@pytest.mark.parametrize("form", ["hex", "bin"])
def test_station_frames_as_bytes_or_hexadecimal(tmp_path: Path, form: str) -> None:
    digits = (
        "7E7E05001122334403E832002B020034170718110016F1F1001122334448F0F017071811002019000040\n"
        "26190000403923000104903812109903A421\n"
    )
    sample = "# a timed report\n" + digits if form == "hex" else bytes.fromhex(digits)
    status, said = run(tmp_path, '[feed]\nid = "s"\nformat = "sl651"\n', sample)
    assert "10.49 m" in said
    assert "迟到 late" in said
    assert "PJ ×1, PT ×1, VT ×1" in said
    assert status == 0


def test_parquet_too(tmp_path: Path) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    columns = {"station": ["A"], "t": ["2024-05-01T08:00"], "level": [250], "rain": [None]}
    pq.write_table(pa.table(columns), sink)
    status, said = run(tmp_path, CSV.replace('"csv"', '"parquet"'), sink.getvalue())
    assert "2.5 m" in said
    assert status == 0
