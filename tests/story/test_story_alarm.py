"""Smoke in a home: readings raise the alarm, the alarm sends an engine, and nobody had to phone."""

from __future__ import annotations

from pathlib import Path

from benchmarks.alarm_response import play, town_of_detectors


def test_an_engine_is_on_its_way_within_five_minutes_of_the_first_smoke(tmp_path: Path) -> None:
    answers = play(town_of_detectors(tmp_path, 5_000, 6, 7), tmp_path, 6, 7)
    assert max(answers.alarm_s) <= 90, "an alarm within a minute and a half"
    assert max(answers.assigned_s) <= 300, "a responder within five minutes"
    assert max(answers.arrived_s) <= 1800, "and somebody stands there"
