"""``rencheng feeds refused`` and ``reoffer``: what an operator without a browser does about refused rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.console.sensing_city import BUREAU, FEED_FILE, bureau_rows, live_city
from tests.web.web_server import running
from typer.testing import CliRunner

from rencheng.cli.root import app
from rencheng.web import create_app


def test_refused_rows_are_shown_tried_and_offered_again(tmp_path: Path) -> None:
    ask = CliRunner()
    with live_city(tmp_path, with_month=False) as session, running(create_app(session, console=None)) as address:
        session.offer("bureau", bureau_rows(datetime.now(UTC), count=4))
        shown = ask.invoke(app, ["feeds", "refused", "bureau", "--reason", "no_sensor", "--url", address])
        assert shown.exit_code == 1
        assert "Check sensor_column" in shown.output
        assert '"id": "g2"' in shown.output
        (session.city.path / "feeds" / FEED_FILE).write_text(BUREAU.replace('"stn"', '"id"'), encoding="utf-8")
        tried = ask.invoke(app, ["feeds", "--url", address, "reoffer", "bureau", "--dry-run"])
        assert "would take 将收下 4 of 共 7 rows" in tried.output
        assert "sensor_column" in tried.output
        reloaded = ask.invoke(app, ["feeds", "reload", "bureau", "--url", address])
        assert reloaded.output == "bureau: changed 改动 sensor_column\n"
        told = ask.invoke(app, ["feeds", "reoffer", "bureau", "--url", address, "--json"])
        body = next(f["body"] for f in json.loads(told.output)["facts"] if f["kind"] == "RefusedReoffered")
        assert (body["taken"], body["accepted"]) == (4, 4)
        again = ask.invoke(app, ["feeds", "refused", "nobody", "--url", address])
        assert again.exit_code == 1
        assert "the city has no feed 'nobody'" in str(again.exception)
