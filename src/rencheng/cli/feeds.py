"""``rencheng feeds``: how the feeds of a live run are."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

__all__ = ["feeds"]

_STATES = {"waiting": "等待 waiting", "connected": "正常 connected", "failed": "中断 failed"}
_STYLES = {"waiting": "yellow", "connected": "green", "failed": "bold red"}


def feeds(
    url: Annotated[str, typer.Option("--url", help="Address of the run; by default as the settings say")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON")] = False,
) -> None:
    """Show each feed of the live run on this machine: connection, rate, lag, refused rows, last error.

    Exit status 0 if all feeds stand, 1 if one is broken.
    """
    import os

    import msgspec

    from rencheng.app.settings import read_settings
    from rencheng.cli.output import reader_may_leave

    settings = read_settings(os.environ)
    found = _asked(url or f"http://{settings.host}:{settings.port}")
    with reader_may_leave():
        if as_json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        else:
            _print(found)
    raise typer.Exit(1 if any(feed["state"] == "failed" for feed in found) else 0)


def _asked(address: str) -> list[dict[str, Any]]:
    import urllib.error
    import urllib.request

    import msgspec

    from rencheng.kernel import InvalidInput, NotFound

    if not address.startswith(("http://", "https://")):
        raise InvalidInput(f"{address!r} is no address", where="--url", mend="Give http://HOST:PORT")
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/api/readings", timeout=10) as answer:  # noqa: S310 — http(s) only, checked above
            return msgspec.json.decode(answer.read(), type=list[dict[str, Any]])
    except (OSError, msgspec.DecodeError) as error:
        raise NotFound(
            f"no run answers at {address} ({error})", mend="Start one with: rencheng run --city CITY, or give --url"
        ) from error


def _print(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = 160  # a pipe or a file has no edge
    if not found:
        console.print("no feeds: the run is not live, or its city has none 没有数据源")
        return
    table = Table(box=None, pad_edge=False)
    for head in ("feed 数据源", "kind 方式", "state 状态", "rows/s 速率", "lag 时延", "stored 已存", "refused 拒收"):
        table.add_column(head, justify="left" if head[:4] in {"feed", "kind", "stat"} else "right", no_wrap=True)
    for feed in found:
        table.add_row(
            Text(feed["feed_id"] if feed["name"] == feed["feed_id"] else f"{feed['feed_id']} {feed['name']}"),
            feed["kind"],
            Text(_STATES.get(feed["state"], feed["state"]), style=_STYLES.get(feed["state"], "")),
            f"{feed['rate_per_s']:,.1f}",
            _duration(feed["lag_s"]),
            f"{feed['stored']:,}",
            f"{feed['refused']:,}",
        )
    console.print(table)
    for feed in found:
        if feed["error"]:
            at = f" {feed['failed_at'][:19].replace('T', ' ')} UTC" if feed["failed_at"] else ""
            line = f"{feed['feed_id']}: last error 最近错误{at}: {feed['error']}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)


def _duration(seconds: float | None) -> str:
    """A lag as people read it.

    Examples
    --------
    >>> _duration(7500.0)
    '2.1 h'
    """
    if seconds is None:
        return "–"
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
