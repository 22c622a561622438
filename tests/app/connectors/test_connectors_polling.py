"""Folders and polled addresses: each file and each answer once, over restarts too, and what is bad is kept aside."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.app.connectors.live_feeds import T0_MS, eventually, gauge_feed, live_feeds

from rencheng.adapters.polling import PolledAddress, WatchedFolder
from rencheng.kernel import InvalidConfig, InvalidInput

TABLE = {
    "format": "ndjson",
    "sensor": "",
    "sensor_column": "s",
}


def lines(first: int, count: int) -> bytes:
    return b"".join(
        json.dumps({"s": "g1", "t": T0_MS + 1000 * k, "v": 1 + k % 5}).encode() + b"\n"
        for k in range(first, first + count)
    )


def folder_feed(path: Path, **source: Any) -> Any:
    return gauge_feed({"kind": "folder", "path": str(path), "poll_s": 0.05, "settle_s": 0.0, **source}, **TABLE)


def test_files_are_taken_once_in_order_also_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.ndjson").write_bytes(lines(100, 100))
    (folder / "a.ndjson.gz").write_bytes(gzip.compress(lines(0, 100)))
    (folder / ".hidden").write_bytes(lines(900, 1))
    (folder / "c.part").write_bytes(lines(900, 1))
    feed = folder_feed(folder)
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        feeds.count(200)
        first = feeds.store.feeds().to_pylist()[0]
        assert (first["batches"], first["repeated"]) == (2, 0)
        (folder / "c.part").rename(folder / "c.ndjson")
        feeds.count(201)
    (folder / "d.ndjson").write_bytes(lines(300, 10))
    with live_feeds(tmp_path / "r.duckdb", feed) as feeds:
        feeds.count(211)
        eventually(lambda: feeds.store.feeds().to_pylist()[0]["batches"] == 4, "four files, four batches")
        assert feeds.store.feeds().to_pylist()[0]["repeated"] == 0


def test_a_bad_file_is_kept_aside_and_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.ndjson").write_bytes(b"\x1f\x8b not gzip at all")
    (folder / "b.ndjson").write_bytes(lines(0, 5))
    (folder / "c.ndjson").write_bytes(b"x" * 5000)
    with live_feeds(":memory:", folder_feed(folder), connected=False) as feeds:
        feeds.count(5)
    with live_feeds(":memory:", gauge_feed(
        {"kind": "folder", "path": str(folder), "poll_s": 0.05, "settle_s": 0.0}, **TABLE, max_body_bytes=1000
    )) as feeds:  # fmt: skip
        feeds.count(5)
        eventually(lambda: feeds.condition.refused >= 2, "both bad files kept aside")
        reasons = {row["reason"] for row in feeds.store.refused("gauges").to_pylist()}
        assert reasons == {"bad_row", "too_large"}


def test_a_folder_that_is_not_there_is_a_failed_feed_until_it_is(tmp_path: Path) -> None:
    with live_feeds(":memory:", folder_feed(tmp_path / "in"), connected=False) as feeds:
        eventually(lambda: feeds.condition.state == "failed", "failed")
        assert "No such file" in feeds.condition.error
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a").write_bytes(lines(0, 3))
        feeds.count(3)


def test_a_file_still_written_to_is_left_until_it_settles(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    os.utime(tmp_path / "a", (1000.0, 1000.0))
    folder = WatchedFolder(tmp_path, settle_s=2.0)
    assert folder.look(1001.0) == []
    (found,) = folder.look(1003.0)
    folder.done(found)
    assert folder.look(1004.0) == []
    os.utime(tmp_path / "a", (1010.0, 1010.0))
    assert [file.path.name for file in folder.look(1013.0)] == ["a"]


class _Service(BaseHTTPRequestHandler):
    """A service that has a page of readings, answers conditions, and breaks when told to."""

    asked: ClassVar[list[str]] = []
    pages: ClassVar[list[bytes]] = []
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.asked.append(self.path)
        page = self.pages[-1]
        mark = f'"{len(self.pages)}"'
        if self.status != 200:
            self.send_response(self.status)
            self.send_header("Retry-After", "0")
            self.end_headers()
        elif self.headers["If-None-Match"] == mark:
            self.send_response(304)
            self.end_headers()
        elif self.headers["Authorization"] != "Bearer sesame":
            self.send_response(401)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("ETag", mark)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class names it so
        pass


@contextmanager
def service() -> Iterator[str]:
    _Service.asked, _Service.pages, _Service.status = [], [lines(0, 10)], 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def poll_feed(url: str) -> Any:
    source = {"kind": "poll", "url": f"{url}/rows?from={{since}}", "every_s": 0.05, "token_env": "POLL_TOKEN"}
    return gauge_feed(source, **TABLE)


def test_an_address_is_asked_for_what_is_new_and_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLL_TOKEN", "sesame")
    with service() as url:
        with live_feeds(tmp_path / "r.duckdb", poll_feed(url)) as feeds:
            feeds.count(10)
            eventually(lambda: len(_Service.asked) > 4, "asked again")
            assert feeds.store.feeds().to_pylist()[0]["batches"] == 1
            _Service.pages.append(lines(5, 10))
            feeds.count(15)
            _Service.status = 500
            eventually(lambda: feeds.condition.state == "failed", "failed")
            assert "500" in feeds.condition.error
            _Service.status = 200
            eventually(lambda: feeds.condition.state == "connected", "mended")
            position = feeds.store.position("gauges") or ""
        _Service.asked.clear()
        with live_feeds(tmp_path / "r.duckdb", poll_feed(url)) as feeds:
            eventually(lambda: len(_Service.asked) > 1, "asked")
            assert feeds.store.count() == 15
        instant = position.split()[1].split("+")[0]
        assert instant.replace(":", "%3A") in _Service.asked[0]


def test_a_refusal_is_said_plainly_and_endless_answers_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLL_TOKEN", raising=False)
    with service() as url:
        with live_feeds(":memory:", poll_feed(url), connected=False) as feeds:
            eventually(lambda: feeds.condition.state == "failed", "failed")
            assert "401" in feeds.condition.error
            assert "token_env" in feeds.condition.error
        small = PolledAddress(f"{url}/", timeout_s=5, headers={}, token="sesame", largest=100)
        with pytest.raises(InvalidInput, match="longer than 100 bytes"):
            small.ask("now")
        with pytest.raises(InvalidConfig, match="401"):
            PolledAddress(f"{url}/", timeout_s=5, headers={}, largest=100).ask("now")
    with pytest.raises(OSError, match="refused"):
        small.ask("now")
