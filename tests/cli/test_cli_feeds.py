"""``rencheng feeds`` shows what a run says of its feeds, and says plainly when none answers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.web.web_city import web_city
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession
from typer.testing import CliRunner

from rencheng.cli.root import app
from rencheng.web import create_app


def test_a_broken_feed_is_shown_with_its_error_and_a_status_for_scripts(tmp_path: Path) -> None:
    session = ScriptedSession(web_city(tmp_path / "city"))
    with running(create_app(session, console=None)) as address:
        shown = CliRunner().invoke(app, ["feeds", "--url", address])
        assert shown.exit_code == 1
        assert "gauges 水位" in shown.output
        assert "中断 failed" in shown.output
        assert "last error 最近错误" in shown.output
        told = CliRunner().invoke(app, ["feeds", "--url", f"{address}/", "--json"])
        (feed,) = json.loads(told.output)
        assert (feed["feed_id"], feed["kind"], feed["state"], feed["error"]) == ("gauges", "mqtt", "failed", "cut")


def test_no_run_is_said_plainly() -> None:
    for url, said in (("http://127.0.0.1:1", "no run answers"), ("file:///etc/passwd", "is no address")):
        shown = CliRunner().invoke(app, ["feeds", "--url", url])
        assert shown.exit_code == 1
        assert said in str(shown.exception)
