"""The stable commands as a newcomer types them: what they print, what they leave behind, how they end."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rencheng.city import read_city

BEGUN = datetime(2026, 6, 1, tzinfo=UTC)


def rencheng(
    *words: object, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does, in a process of its own."""
    command = [sys.executable, "-m", "rencheng", *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env={"PATH": "/usr/bin:/bin", **(environ or {})}, capture_output=True, text=True, check=False
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line with which a command refused."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, f"a refusal is one line: {done.stderr}"
    assert lines[0].startswith("rencheng: ")
    return lines[0]


def recorded(city: Path, hours: int = 5) -> list[str]:
    """Hourly readings of every instrument of a sandbox city in the words of its feed."""
    rows = ["sensor_id,at,quantity,value"]
    for hour in range(hours):
        at = (BEGUN + timedelta(hours=hour)).isoformat()
        for channel in read_city(city).rows("channels"):
            value = 1.0 + 0.01 * hour if channel["quantity"] == "stage_m" else 0.0
            rows.append(f"{channel['sensor_id']},{at},{channel['quantity']},{value}")
    return rows


def packed(path: Path, rows: list[str]) -> Path:
    path.write_bytes(gzip.compress("\n".join([*rows, ""]).encode(), mtime=0))
    return path


@pytest.fixture(scope="module")
def readings(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("readings") / "readings.csv.gz", recorded(sandbox_city))


@pytest.fixture(scope="module")
def run(sandbox_city: Path, readings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("replay") / "run"
    done = rencheng("replay", "--city", sandbox_city, "--readings", readings, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_a_replay_offered_twice_changes_nothing(sandbox_city: Path, readings: Path, run: Path) -> None:
    before = rencheng("ledger", "verify", run).stdout
    again = rencheng("replay", "--city", sandbox_city, "--readings", readings, "--out", run)
    assert again.returncode == 0
    assert " 0 turns" in again.stdout
    assert rencheng("ledger", "verify", run).stdout == before


def test_facts_are_one_json_object_a_line_in_order(run: Path) -> None:
    facts = [json.loads(line) for line in rencheng("facts", run).stdout.splitlines()]
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert {"seq", "kind", "schema", "occurred_at", "recorded_at", "actor", "cause", "body"} <= set(facts[0])
    kind = rencheng("facts", run, "--kind", "BatchTaken", "--since", 1).stdout.splitlines()
    assert [json.loads(line) for line in kind] == [f for f in facts[1:] if f["kind"] == "BatchTaken"]
    beyond = rencheng("facts", run, "--since", len(facts))
    assert (beyond.returncode, beyond.stdout) == (0, "")


def test_an_unknown_kind_of_fact_is_told_with_its_neighbours(run: Path) -> None:
    assert "Did you mean WarningIssued" in refusal(rencheng("facts", run, "--kind", "WarnIssued"))


def test_a_reader_who_leaves_the_pipe_is_no_error(run: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rencheng", "facts", str(run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, b"")


def test_a_calm_run_has_no_warnings_and_still_a_report(run: Path, tmp_path: Path) -> None:
    listed = rencheng("warnings", run, "--cap", tmp_path / "cap")
    assert listed.returncode == 0
    assert "0 CAP files" in listed.stdout
    done = rencheng("report", run, "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))["until_seq"] > 0
    assert "<html" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_verification_names_the_fact_that_was_changed(run: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(run, forged)
    base = sqlite3.connect(forged / "ledger.sqlite")
    base.execute("DROP TRIGGER entries_stay")
    base.execute("UPDATE entries SET actor = 'mallory' WHERE seq = 2")
    base.commit()
    base.close()
    done = rencheng("ledger", "verify", forged)
    assert done.returncode == 1
    assert "fact 2: the content does not match its leaf hash" in done.stdout


@pytest.mark.parametrize(
    ("keep", "message"), [(0, "not a ledger"), (50, "damaged|not a ledger"), (8192, "damaged|cannot")]
)
def test_a_cut_ledger_is_told_and_not_a_crash(run: Path, tmp_path: Path, keep: int, message: str) -> None:
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "ledger.sqlite").write_bytes((run / "ledger.sqlite").read_bytes()[:keep])
    done = rencheng("ledger", "verify", cut)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in said
    assert any(word in said for word in message.split("|")), said


def test_the_live_run_keeps_what_it_acknowledged_when_it_is_killed(sandbox_city: Path, tmp_path: Path) -> None:
    accepted: list[dict[str, int]] = []
    for last in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "rencheng", "run", "--city", str(sandbox_city), "--port", "0"],
            env={"PATH": "/usr/bin:/bin", "RENCHENG_HOME": str(tmp_path), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        address = next(line.split()[-1] for line in process.stdout if "is up:" in line)
        at = datetime.now(UTC) - timedelta(minutes=10 - len(accepted))
        body = f"sensor_id,at,quantity,value\nrain-1,{at:%Y-%m-%dT%H:%M:%SZ},rain_mm,1.5\n".encode()
        offer = urllib.request.Request(f"{address}/api/readings/readings", data=body, method="POST")
        with urllib.request.urlopen(offer) as answer:
            accepted.append(json.load(answer))
        process.send_signal(last)
        rest = process.stdout.read()
        process.stdout.close()
        assert process.wait() in ({-signal.SIGKILL} if last is signal.SIGKILL else {0, 128 + signal.SIGINT})
        assert "Traceback" not in rest
    assert [answer["accepted"] for answer in accepted] == [1, 1]
    (ledger,) = (tmp_path / "live").iterdir()
    verdict = rencheng("ledger", "verify", ledger)
    assert verdict.returncode == 0, verdict.stdout
    batches = rencheng("facts", ledger, "--kind", "BatchTaken").stdout.splitlines()
    assert len(batches) == 2, "both acknowledged deliveries are in the ledger, once each"


def test_a_sandbox_city_never_takes_the_place_of_something_else(tmp_path: Path) -> None:
    kept = tmp_path / "folder" / "precious.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    said = refusal(rencheng("city", "make", "--residents", 10_000, "--seed", 1, "--out", kept.parent))
    assert "something else than a city package" in said
    assert "is a file" in refusal(rencheng("city", "make", "--residents", 10_000, "--seed", 1, "--out", kept))
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("residents", [-5, 0, 500, 10**11])
def test_a_city_of_no_sensible_size_is_refused(tmp_path: Path, residents: int) -> None:
    said = refusal(rencheng("city", "make", "--residents", residents, "--seed", 1, "--out", tmp_path / "c"))
    assert "Ask for" in said
    assert not (tmp_path / "c").exists()


def test_a_damaged_package_is_listed_by_the_check_and_refused_by_the_loop(
    sandbox_city: Path, readings: Path, tmp_path: Path
) -> None:
    city = tmp_path / "city"
    shutil.copytree(sandbox_city, city)
    file = city / "cells.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["residents"]), file)
    done = rencheng("city", "check", city, "--json")
    assert done.returncode == 1
    assert [(d["table"], d["field"]) for d in json.loads(done.stdout)] == [("cells", "residents")]
    said = refusal(rencheng("replay", "--city", city, "--readings", readings, "--out", tmp_path / "run"))
    assert "cells.parquet: the required column residents is missing" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["city", "check", "nowhere"], "no city.toml"),
        (["city", "import", "nowhere.toml", "--out", "c"], "nowhere.toml"),
        (["facts", "nowhere"], "holds no ledger"),
        (["warnings", "nowhere"], "holds no ledger"),
        (["report", "nowhere", "--out", "r"], "holds no ledger"),
        (["ledger", "verify", "nowhere"], "holds no ledger"),
        (["replay", "--city", "CITY", "--readings", "nowhere.gz", "--out", "r"], "no readings file"),
        (["replay", "--city", "CITY", "--readings", "READINGS", "--feed", "no.toml", "--out", "r"], "no.toml"),
        (["replay", "--city", "CITY", "--readings", "READINGS", "--until", "soon", "--out", "r"], "--until 'soon'"),
        (["replay", "--city", "CITY", "--readings", "READINGS", "--out", "READINGS"], "cannot make the run's folder"),
        (["rehearse", "sandstorm", "--city", "CITY", "--out", "r"], "no scenario 'sandstorm'"),
        (["rehearse", "BROKEN", "--city", "CITY", "--out", "r"], "broken.yaml"),
        (["run", "--city", "nowhere"], "no city.toml"),
    ],
)
def test_every_refusal_is_one_line(
    sandbox_city: Path, readings: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("{")
    names = {"CITY": str(sandbox_city), "READINGS": str(readings), "BROKEN": str(broken)}
    assert message in refusal(rencheng(*(names.get(word, word) for word in words), cwd=tmp_path))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RENCHENG_PORT", "abc", "RENCHENG_PORT: 'abc' is not a whole number"),
        ("RENCHENG_PORT", "99999", "Give 0 to 65,535"),
        ("RENCHENG_TURN_S", "0", "Give 1 or more"),
        ("RENCHENG_DEMO_SPEED", "nan", "out of range"),
        ("RENCHENG_PROT", "1", "unknown setting RENCHENG_PROT"),
    ],
)
def test_a_wrong_setting_is_named(sandbox_city: Path, name: str, value: str, message: str) -> None:
    assert message in refusal(rencheng("run", "--city", sandbox_city, environ={name: value}))


@pytest.mark.parametrize(
    "words", [["city", "make"], ["facts"], ["facts", "r", "--since", "-1"], ["facts", "r", "--since", "x"], ["sing"]]
)
def test_usage_errors_end_with_two(words: list[str]) -> None:
    done = rencheng(*words)
    assert done.returncode == 2
    assert "Error:" in done.stderr


@pytest.mark.parametrize(
    ("stray", "judged"),
    [("1970-01-01T00:00:00Z", "late"), ("2099-01-01T00:00:00Z", "refused"), ("9999-12-31T23:59:59Z", "refused")],
)
def test_one_instrument_with_a_wrong_clock_does_not_stretch_a_replay(
    sandbox_city: Path, tmp_path: Path, stray: str, judged: str
) -> None:
    rows = [*recorded(sandbox_city, hours=2), f"rain-1,{stray},rain_mm,1"]
    file = packed(tmp_path / "stray.csv.gz", rows)
    out = tmp_path / "run"
    done = rencheng("replay", "--city", sandbox_city, "--readings", file, "--out", out)
    assert done.returncode == 0, done.stderr
    taken = [json.loads(line)["body"] for line in rencheng("facts", out, "--kind", "BatchTaken").stdout.splitlines()]
    assert len(taken) == 2, "two hours of record are two deliveries"
    assert sum(batch["refused"] for batch in taken) == (judged == "refused")
    assert sum(batch["flagged"].get("late", 0) for batch in taken) == (judged == "late")
