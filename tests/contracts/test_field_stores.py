"""Every field store keeps the one contract: equal tables have one name, and what was put is what is got."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.adapters.files import FileFieldStore
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess.ports import FieldStore
from rencheng.kernel import InvalidInput, NotFound, StorageFailed

SCHEMA = pa.schema(
    [
        ("cell", pa.uint64()),
        ("probability", pa.float64()),
        ("colour", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("exposed", pa.list_(pa.int32())),
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "cell": st.none() | st.integers(0, 2**63),
            "probability": st.none() | st.floats(0, 1),
            "colour": st.none() | st.text(max_size=5),
            "at": st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 — hypothesis adds the zone
            "exposed": st.none() | st.lists(st.none() | st.integers(0, 9), max_size=3),
        }
    ),
    max_size=12,
)


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FieldStore:
    return MemoryFieldStore() if request.param == "memory" else FileFieldStore(tmp_path / "run" / "fields")


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


EXAMPLE = table(
    [{"cell": 617700169958293503, "probability": 0.5, "colour": "red", "at": None, "exposed": [1, 2]}, {}, {"cell": 1}]
)


def test_what_was_put_is_got(store: FieldStore) -> None:
    name = store.put(EXAMPLE)
    assert store.get(name).equals(EXAMPLE)
    assert store.get(name).schema == SCHEMA
    assert len(name) == 64
    assert store.put(EXAMPLE) == name


def test_a_field_that_is_not_there_is_said_so(store: FieldStore) -> None:
    with pytest.raises(NotFound, match="no field"):
        store.get("0" * 64)


def test_every_store_gives_the_same_name(tmp_path: Path) -> None:
    assert FileFieldStore(tmp_path).put(EXAMPLE) == MemoryFieldStore().put(EXAMPLE)


@settings(deadline=None, max_examples=150)
@given(rows=ROWS, before=ROWS, cut=st.integers(0, 12))
def test_equal_tables_have_one_name_however_they_were_put_together(
    rows: list[dict[str, object]], before: list[dict[str, object]], cut: int
) -> None:
    store = MemoryFieldStore()
    name = store.put(table(rows))
    chunked = pa.concat_tables([table(rows[:cut]), table(rows[cut:])])
    sliced = table([*before, *rows, *before]).slice(len(before), len(rows))
    assert store.put(chunked) == name
    assert store.put(sliced) == name
    assert store.get(name).equals(table(rows))


def test_what_lies_under_null_slots_leaves_no_trace() -> None:
    store = MemoryFieldStore()
    bits = pa.py_buffer(bytes([0b101]))
    values = [pa.py_buffer(np.array([1.0, hidden, 3.0])) for hidden in (7.0, 8.0)]
    names = {store.put(pa.table({"x": pa.Array.from_buffers(pa.float64(), 3, [bits, v], 1)})) for v in values}
    assert len(names) == 1


def test_damage_is_found_and_mended_by_putting_again(tmp_path: Path) -> None:
    store = FileFieldStore(tmp_path)
    name = store.put(EXAMPLE)
    path = tmp_path / f"{name}.arrow"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageFailed, match=r"bytes no longer match the name"):
        store.get(name)
    assert store.put(EXAMPLE) == name
    assert store.get(name).equals(EXAMPLE)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="not a field's name"):
        FileFieldStore(tmp_path).get(name)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "fields").write_text("a file stands in the way")
    with pytest.raises(StorageFailed, match="fields: the disk refused"):
        FileFieldStore(tmp_path / "fields")


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa
from rencheng.adapters.files import FileFieldStore
from rencheng.kernel import StorageFailed
store = FileFieldStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    store.put(pa.table({"x": np.arange(10_000)}))
except StorageFailed as error:
    print(error)
"""


def test_a_full_disk_leaves_no_half_field(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "the disk refused" in done.stdout, done.stderr
    assert os.listdir(tmp_path) == []  # noqa: PTH208 — hidden files count too
