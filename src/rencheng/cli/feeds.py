"""``rencheng feeds``: how the feeds of a live run are, what they refused, and offering it again."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

__all__ = ["app"]

app = typer.Typer()

_STATES = {"waiting": "等待 waiting", "connected": "正常 connected", "failed": "中断 failed"}
_STYLES = {"waiting": "yellow", "connected": "green", "failed": "bold red"}


@app.callback(invoke_without_command=True)
def feeds(
    context: typer.Context,
    url: Annotated[str, typer.Option("--url", help="Address of the run; by default as the settings say")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON")] = False,
) -> None:
    """Show each feed of the live run on this machine: connection, rate, lag, refused rows, last error.

    Exit status 0 if all feeds stand, 1 if one is broken.
    """
    context.obj = (url, as_json)
    if context.invoked_subcommand is not None:
        return
    import msgspec

    found = _asked(_address(url), "/api/readings", list[dict[str, Any]])
    with _leaving():
        if as_json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        else:
            _print(found)
    raise typer.Exit(1 if any(feed["state"] == "failed" for feed in found) else 0)


_Url = Annotated[str, typer.Option("--url", help="Address of the run; by default as the settings say")]
_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON")]
_Feed = Annotated[str, typer.Argument(help="Feed, by its id")]
_Reason = Annotated[str, typer.Option("--reason", help="Rows refused for this reason only")]


@app.command("refused")
def refused(
    context: typer.Context,
    feed: _Feed,
    reason: _Reason = "",
    limit: Annotated[int, typer.Option("--limit", help="At most so many rows, newest first", min=1, max=500)] = 20,
    url: _Url = "",
    as_json: _Json = False,
) -> None:
    """Show the rows that a feed refused, newest first, each with its text, why, and what mends it.

    Exit status 0 if nothing is kept aside, else 1.
    """
    import msgspec

    address, as_json = _told(context, url, as_json)
    query = urlencode({"reason": reason, "top": limit})
    page = _asked(address, f"/api/feeds/{quote(feed, safe='')}/refused?{query}", dict[str, Any])
    with _leaving():
        if as_json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(page), indent=2) + b"\n")
        else:
            _print_refused(page, reason)
    raise typer.Exit(1 if page["total"] else 0)


@app.command("reoffer")
def reoffer(
    context: typer.Context,
    feed: _Feed,
    reason: _Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken")] = False,
    role: Annotated[str, typer.Option("--role", help="Role of the city on whose behalf")] = "duty_officer",
    url: _Url = "",
    as_json: _Json = False,
) -> None:
    """Offer rows again that a feed refused, by its file as it stands now; what is taken leaves the list.

    Exit status 0 if nothing is refused any more, else 1.
    """
    import msgspec

    address, as_json = _told(context, url, as_json)
    path = f"/api/feeds/{quote(feed, safe='')}/refused/{'trial' if dry_run else 'reoffer'}"
    found = _asked(address, path, dict[str, Any], body={"reason": reason}, role=role)
    fact = found if dry_run else next(f["body"] for f in found["facts"] if f["kind"] == "RefusedReoffered")
    with _leaving():
        if as_json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        else:
            _print_offer(fact, dry_run=dry_run)
    raise typer.Exit(1 if fact["still"] else 0)


@app.command("reload")
def reload(
    context: typer.Context,
    feed: _Feed,
    role: Annotated[str, typer.Option("--role", help="Role of the city on whose behalf")] = "duty_officer",
    url: _Url = "",
) -> None:
    """Read a feed's file again in the running run; where it is wrong, the old one stays in force."""
    address, _ = _told(context, url, as_json=False)
    found = _asked(address, f"/api/feeds/{quote(feed, safe='')}/reload", dict[str, Any], body={}, role=role)
    changed = next(f["body"]["changed"] for f in found["facts"] if f["kind"] == "FeedReloaded")
    typer.echo(f"{feed}: " + (f"changed 改动 {', '.join(changed)}" if changed else "nothing has changed 没有改动"))


def _told(context: typer.Context, url: str, as_json: bool) -> tuple[str, bool]:
    """Address and form, whether they stand before or behind the command's name."""
    first_url, first_json = context.obj
    return _address(url or first_url), as_json or first_json


def _address(url: str) -> str:
    import os

    from rencheng.app.settings import read_settings

    if url:
        return url
    settings = read_settings(os.environ)
    return f"http://{settings.host}:{settings.port}"


def _leaving() -> Any:
    from rencheng.cli.output import reader_may_leave

    return reader_may_leave()


def _asked(address: str, path: str, kind: type[Any], *, body: object | None = None, role: str = "") -> Any:
    """Ask the run; what it refuses is told in its own words."""
    import urllib.error
    import urllib.request

    import msgspec

    from rencheng.kernel import InvalidInput, NotFound, OrderRefused

    if not address.startswith(("http://", "https://")):
        raise InvalidInput(f"{address!r} is no address", where="--url", mend="Give http://HOST:PORT")
    headers = {"Content-Type": "application/json", **({"X-Role": role} if role else {})}
    data = None if body is None else msgspec.json.encode(body)
    request = urllib.request.Request(f"{address.rstrip('/')}{path}", data=data, headers=headers)  # noqa: S310 — http(s) only, checked above
    try:
        with urllib.request.urlopen(request, timeout=120 if data else 10) as answer:  # noqa: S310 — as above
            return msgspec.json.decode(answer.read(), type=kind)
    except urllib.error.HTTPError as error:
        try:
            problem = msgspec.json.decode(error.read(), type=dict[str, Any])
        except msgspec.DecodeError:
            problem = {}
        refusal = NotFound if error.code == 404 else OrderRefused
        what = str(problem.get("detail") or f"{error.code} {error.reason}")
        raise refusal(what, where=str(problem.get("where", "")), mend=str(problem.get("mend", ""))) from error
    except (OSError, msgspec.DecodeError) as error:
        raise NotFound(
            f"no run answers at {address} ({error})", mend="Start one with: rencheng run --city CITY, or give --url"
        ) from error


def _print_refused(page: dict[str, Any], reason: str) -> None:
    """Reasons with their words and counts, then rows."""
    words = {of["reason"]: of for of in page["reasons"]}
    if not page["total"]:
        typer.echo("nothing is kept aside 没有待处理的拒收数据")
        return
    for name, of in words.items():
        if reason in ("", name):
            typer.echo(f"{of['rows']:>8,}  {name}  {of['name']['zh']}: {of['why']['zh']}{of['mend']['zh']}")
            typer.echo(f"{'':>10}{of['why']['en']} {of['mend']['en']}")
    for row in page["rows"]:
        at = row["taken_at"][:19].replace("T", " ")
        typer.echo(f"{at} UTC  row 行 {row['row']}  {row['reason']}  {row['detail']}")
        typer.echo(f"    {' '.join(row['raw'][:300].split())}")


def _print_offer(fact: dict[str, Any], *, dry_run: bool) -> None:
    offered = f"of 共 {fact['offered']:,} rows 行"
    if dry_run:
        typer.echo(f"would take 将收下 {fact['taken']:,} {offered} ({fact['readings']:,} readings 读数)")
        if fact["changed"]:
            keys = ", ".join(fact["changed"])
            typer.echo(f"the file has changed 配置已改动: {keys}; offering reads it again 提交时重新读取")
        if fact["more"]:
            typer.echo(f"{fact['more']:,} more rows 另有: offer again after it 请随后再次提交")
    else:
        stored = f"{fact['accepted']:,} new readings 新存, {fact['repeated']:,} stored before 早已存在"
        typer.echo(f"taken 已收下 {fact['taken']:,} {offered}: {stored}")
    for name, rows in fact["still"].items():
        typer.echo(f"{rows:>8,}  {name}  still refused 仍拒收")


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
        for clock in feed["wrong_clocks"]:
            way = "ahead 快" if clock["ahead_s"] > 0 else "behind 慢"
            off = f"{_duration(abs(clock['ahead_s']))} {way}"
            line = f"{feed['feed_id']}: the clock of {clock['sensor_id']} is {off} 设备时钟偏差"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
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
