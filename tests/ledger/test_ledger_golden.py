"""What was recorded once is read for ever: one golden sample per fact and schema (written by scripts/golden.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scripts.golden import FOLDER, registered_facts, sample_name, sample_of, write_missing

from rencheng.kernel import canonical_json, fact_type
from rencheng.kernel.facts import fact_id
from rencheng.ledger import leaf_hash
from rencheng.ledger.stored import StoredEntry, entries_from_stored
from rencheng.ledger.upcast import upcasters_missing

FACTS = registered_facts()
SAMPLES = sorted(FOLDER.glob("*.json"))
MEND = (
    "If this schema was ever released: raise the schema of the fact, write an @upcaster beside it, run "
    "`python -m scripts.golden`. If it never was: delete its sample and run the script."
)


def read(path: Path) -> tuple[dict[str, Any], bytes, str]:
    """Canonical object, body bytes as recorded, leaf."""
    sample = json.loads(path.read_text(encoding="utf-8"))
    leaf = sample.pop("leaf")
    return sample, msgspec.json.encode(sample["body"]), leaf


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: f.kind)
def test_every_fact_has_a_sample_of_its_schema(fact: Any) -> None:
    assert (FOLDER / sample_name(fact)).is_file(), f"{sample_name(fact)} is missing: run `python -m scripts.golden`"
    assert upcasters_missing(fact.kind) == [], f"{fact.kind} cannot be lifted from these schemas"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_every_sample_is_read_and_hashes_as_on_its_day(path: Path) -> None:
    sample, body, leaf = read(path)
    assert path.stem == f"{sample['kind']}@{sample['schema']}"
    assert leaf_hash(msgspec.json.encode(sample)).hex() == leaf, "canonical bytes changed: every proof would break"
    row = StoredEntry(
        seq=1,
        id=sample["id"],
        stream=sample["stream"],
        version=sample["version"],
        kind=sample["kind"],
        schema=sample["schema"],
        occurred_us=1780300800250000,
        recorded_us=1780300800250000,
        actor=sample["actor"],
        cause=msgspec.json.encode(sample["cause"]).decode(),
        body=body.decode(),
        leaf=bytes.fromhex(leaf),
    )
    entry = next(entries_from_stored([row]))
    assert type(entry.body) is fact_type(sample["kind"]).cls
    assert entry.cause == tuple(sample["cause"])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_the_fact_still_has_the_shape_of_its_schema(path: Path) -> None:
    sample, body, _ = read(path)
    registered = fact_type(sample["kind"])
    if sample["schema"] != registered.schema:
        return
    assert canonical_json(msgspec.json.decode(body, type=registered.cls)) == body, MEND


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_the_id_is_still_derived_the_same_way(path: Path) -> None:
    sample, body, _ = read(path)
    derived = fact_id(
        kind=sample["kind"],
        stream=sample["stream"],
        occurred_us=1780300800250000,
        actor=sample["actor"],
        cause=sample["cause"],
        body_json=body,
    )
    assert derived == sample["id"], "redelivered facts would be recorded twice"


def test_samples_are_never_overwritten(tmp_path: Path) -> None:
    fact = FACTS[0]
    kept = tmp_path / sample_name(fact)
    kept.write_text("kept")
    written = write_missing(tmp_path)
    assert kept.read_text() == "kept"
    assert sample_name(fact) not in written
    assert len(written) == len(FACTS) - 1
    assert json.loads((tmp_path / written[0]).read_text()) == json.loads(json.dumps(sample_of(FACTS[1])))
