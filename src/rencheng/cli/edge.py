"""``rencheng edge``: the agent at a gateway, how it is, and an officer's word against an order it gave."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=False, help="The agent at a gateway.")

_CONFIG = typer.Option("--config", help="File of the agent (TOML)")
_Config = Annotated[Path, _CONFIG]
_DEFAULT = Path("edge.toml")
_WISH_S = 10.0


@app.callback(invoke_without_command=True)
def edge(context: typer.Context, config: _Config = _DEFAULT) -> None:
    """Keep readings while the line is cut, run local rules, order people out when it must be, and hand all over.

    Runs until it is interrupted (SIGINT, SIGTERM).
    """
    if context.invoked_subcommand is not None:
        return
    from rencheng.edge.agent import Agent

    agent = Agent(_settings(config))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    typer.echo(f"edge {agent.settings.id}: {agent.address}  core {agent.settings.core.url}")
    typer.echo("边缘代理已启动 · the edge agent is up")
    sys.stdout.flush()
    agent.run(stop)
    typer.echo("边缘代理已停止 · the edge agent has ended")


@app.command("check")
def check(config: _Config = _DEFAULT) -> None:
    """Read the file of the agent and everything it names, and say what it would do; nothing is started."""
    from rencheng.edge.readings import read_edge_feed
    from rencheng.edge.rules import read_local_rules

    settings = _settings(config)
    feeds = [read_edge_feed(settings.folder / feed.config).id for feed in settings.feeds]
    rules = read_local_rules(settings.rules)
    typer.echo(f"edge 边缘 {settings.id} · core 核心 {settings.core.url}")
    typer.echo(f"feeds 数据源: {', '.join(feeds)}")
    typer.echo(f"rules here 本地规则: {', '.join(rule.id for rule in rules.rules) or '–'}")
    typer.echo(f"rules left to the core 留给核心: {', '.join(rules.left) or '–'}")
    for order in settings.orders:
        typer.echo(f"order 指令 {order.id}: {order.action} → {', '.join(order.channels)}")


@app.command("status")
def status(
    config: _Config = _DEFAULT, as_json: Annotated[bool, typer.Option("--json", help="Print as JSON")] = False
) -> None:
    """Tell how the running agent is; exit status 1 if it does not answer."""
    import json

    found = _status(_settings(config))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in _lines(found):
        typer.echo(line)


@app.command("cancel")
def cancel(
    order_id: Annotated[str, typer.Argument(help="Order, as the status lists it")],
    by: Annotated[str, typer.Option("--by", help="Who cancels")],
    reason: Annotated[str, typer.Option("--reason", help="Why")],
    config: _Config = _DEFAULT,
) -> None:
    """Cancel an order that the agent gave; the all-clear goes out through the same channels."""
    from rencheng.edge.agent import JOURNAL_FILE
    from rencheng.edge.journal import Journal
    from rencheng.kernel import OrderRefused

    settings = _settings(config)
    with Journal(settings.store / JOURNAL_FILE, settings.id) as journal:
        wish = journal.wish(order_id, by, reason)
        until = time.monotonic() + _WISH_S
        while not (answer := journal.answer(wish)):
            if time.monotonic() > until:
                mend = "It does so once it runs; see: rencheng edge status"
                raise OrderRefused("the agent has not answered", where=order_id, mend=mend)
            time.sleep(0.05)
    if answer != "yes":
        raise OrderRefused(answer)
    typer.echo(f"已取消 · cancelled: {order_id}")


@app.command("verify")
def verify(config: _Config = _DEFAULT) -> None:
    """Check the chain of the log: every entry holds the digest of the one before."""
    from rencheng.edge.agent import JOURNAL_FILE
    from rencheng.edge.journal import FIRST, Journal, log_digest
    from rencheng.kernel import InvalidInput

    settings = _settings(config)
    previous = FIRST
    with Journal(settings.store / JOURNAL_FILE, settings.id) as journal:
        entries = journal.log()
    for number, entry in enumerate(entries, 1):
        said = log_digest(settings.id, entry.seq, entry.at, entry.kind, entry.body, entry.previous)
        if entry.seq != number or entry.previous != previous or entry.digest != said:
            raise InvalidInput("the log was changed", where=f"entry {entry.seq}", mend="Keep the file as evidence")
        previous = entry.digest
    typer.echo(f"日志完整 · the log is whole: {len(entries)} entries, last {previous}")


@app.command("retry")
def retry(config: _Config = _DEFAULT) -> None:
    """Offer what the core refused once more, say after its feed was mended."""
    from rencheng.edge.agent import JOURNAL_FILE
    from rencheng.edge.journal import Journal

    settings = _settings(config)
    with Journal(settings.store / JOURNAL_FILE, settings.id) as journal:
        typer.echo(f"重新提交 · offered again: {journal.offer_again()}")


def _settings(config: Path) -> Any:
    from rencheng.edge import read_edge_settings

    return read_edge_settings(config)


def _status(settings: Any) -> dict[str, Any]:
    import json
    from urllib.error import URLError
    from urllib.request import urlopen

    from rencheng.edge.agent import ADDRESS_FILE
    from rencheng.kernel import NotFound

    try:
        address = (settings.store / ADDRESS_FILE).read_text().strip()
        with urlopen(f"{address}/status", timeout=5) as answer:  # noqa: S310 — the address that the agent wrote
            found: dict[str, Any] = json.loads(answer.read())
    except (OSError, URLError, ValueError) as error:
        mend = "Start it with: rencheng edge --config FILE"
        raise NotFound(f"the agent does not answer ({error})", where=str(settings.store), mend=mend) from error
    return found


def _lines(s: dict[str, Any]) -> list[str]:
    errors = s["core"]["errors"]
    core = "连通 connected" if not any(errors.values()) else f"中断 cut: {errors['records'] or errors['readings']}"
    lines = [
        f"edge 边缘 {s['edge_id']}  {s['address']}  up 运行 {s['up_s']} s  memory 内存 {s['memory_mib']} MiB",
        f"core 核心 {s['core']['url']}  {core}",
        f"rows 行: kept 已存 {s['rows_kept']}, handed over 已交 {s['rows_handed_over']}",
        f"waiting 待交 {s['waiting_mb']} of {s['most_waiting_mb']} MB, oldest 最早 {s['oldest_waiting'] or '–'}",
        f"records waiting 待交记录 {s['records_waiting']}",
        f"clock ahead of the core 时钟超前 {'–' if s['clock_ahead_s'] is None else s['clock_ahead_s']} s",
        f"disk 磁盘 {s['disk'] or '正常 ok'}",
    ]
    lines += [f"order 指令 {o['order_id']} {o['given_at']}: {o['text']['zh']} · {o['text']['en']}" for o in s["orders"]]
    lines += [f"not sent yet 未送达 {name}" for name in s["unsent"]]
    lines += [f"refused by the core 核心拒收 {p['feed']} ×{p['rows']}: {p['why']}" for p in s["refused_by_core"]]
    return lines
