"""Looking at a run that is there: its ledger, its warnings as CAP files, its after-action report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rencheng.adapters.cap import write_cap_files
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.app.run_folder import RunFolder
from rencheng.city import City, read_city
from rencheng.evaluate import Capacity, Report, build_report, report_html, report_json
from rencheng.kernel import NotFound, StorageFailed
from rencheng.ledger import Entry
from rencheng.warn.verify import verify

__all__ = ["capacity_of", "make_report", "open_ledger", "run_warnings", "write_report"]


def open_ledger(run: Path) -> SqliteLedger:
    """Open the ledger of a run for reading.

    Raises
    ------
    NotFound
        If the folder holds no ledger.
    """
    folder = RunFolder(run)
    if not folder.ledger.is_file():
        raise NotFound(f"{run} holds no ledger", mend="Make a run with: rencheng replay, rehearse or run")
    return SqliteLedger(folder.ledger, read_only=True)


def _entries(run: Path, kinds: Sequence[str] | None = None) -> list[Entry]:
    ledger = open_ledger(run)
    try:
        return list(ledger.since(0, kinds=kinds))
    finally:
        ledger.close()


def run_warnings(run: Path, cap: Path | None) -> Iterator[str]:
    """Give one line for each notice of a run; with a folder, write each as a CAP 1.2 file there."""
    entries = [entry for entry in _entries(run) if hasattr(entry.body, "notice")]
    for entry in entries:
        notice = entry.body.notice
        yield f"{entry.occurred_at:%Y-%m-%dT%H:%MZ} {entry.kind} {notice.hazard} {notice.colour}: {notice.headline.en}"
    if cap is not None:
        yield f"{len(write_cap_files(entries, cap))} CAP files in {cap}"


def capacity_of(city: City) -> Capacity:
    """Count what full service is in a city."""
    links = len(city.table("road_links")) if city.has("road_links") else 0
    residents = float(city.column("cells", "residents").sum()) if city.has("cells") else 0.0
    channels = len(city.table("channels")) if city.has("channels") else 0
    return Capacity(road_links=links, residents=residents, channels=channels)


def make_report(entries: Sequence[Entry], city: City) -> Report:
    """Make the after-action report of facts on their city."""
    return build_report(entries, capacity_of(city), zone=city.zone, verification=_verification(entries), city=city)


def _verification(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Scores by hazard, against the events that the city's own gauges showed."""
    return [
        {
            "hazard": score.hazard,
            "hits": score.table.hits,
            "misses": score.table.misses,
            "false_alarms": score.table.false_alarms,
            "pod": score.pod,
            "far": score.far,
            "csi": score.csi,
            "late": score.late,
            "lead_median_min": _minutes(score.lead_percentiles_s.get(50.0)),
            "lead_mean_min": _minutes(score.mean_lead_s),
        }
        for score in verify(entries).by_hazard.values()
    ]


def _minutes(span_s: float | None) -> float | None:
    return None if span_s is None else span_s / 60.0


def write_report(run: Path, out: Path) -> list[Path]:
    """Write ``report.html`` and ``report.json`` of a run.

    Raises
    ------
    StorageFailed
        If the folder cannot be written.
    """
    report = make_report(_entries(run), read_city(Path(RunFolder(run).mark.city)))
    paths = [out / "report.html", out / "report.json"]
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(report_html(report), encoding="utf-8")
        paths[1].write_text(json.dumps(report_json(report), ensure_ascii=False, indent=1), encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot write the report: {error}", where=str(out)) from error
    return paths
