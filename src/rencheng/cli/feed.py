"""``rencheng feed check``: what a feed would take of a sample, before it is let in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rencheng.app.feed_check import FeedCheck

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Feeds of readings.")

_REASONS = {
    "bad_row": "行不可读",
    "bad_encoding": "编码错误",
    "no_sensor": "缺少传感器",
    "bad_time": "时间错误",
    "naive_time": "缺少时区",
    "bad_number": "不是数值",
    "not_finite": "数值无穷",
    "unknown_quantity": "未知物理量",
    "unknown_unit": "未知单位",
    "unknown_sensor": "未知传感器",
    "bad_signature": "签名不符",
    "unsigned": "未签名",
    "replayed": "重放",
    "bad_checksum": "校验错误",
    "unknown_alias": "未知别名",
    "no_birth": "未见上线报文",
    "too_deep": "嵌套过深",
    "too_large": "过大",
    "future_time": "时间超前",
}
_NOTES = {"late": "迟到 late", "future": "超前 future", "out of range": "超出物理范围 out of range"}


@app.callback()
def feed() -> None:
    """Feeds of readings."""


@app.command("check")
def check(
    config: Annotated[Path, typer.Argument(help="Feed configuration (TOML)")],
    sample: Annotated[Path, typer.Argument(help="A body as it would arrive; binary formats also as hexadecimal text")],
    city: Annotated[Path | None, typer.Option("--city", help="City package whose sensors are known")] = None,
    topic: Annotated[str, typer.Option("--topic", help="Topic of the message")] = "",
    lines: Annotated[
        bool, typer.Option("--lines", help="The sample has one message a line: TOPIC PAYLOAD (text or hexadecimal)")
    ] = False,
    arrived_at: Annotated[
        str, typer.Option("--arrived-at", help="When the sample arrives (RFC 3339); by default now")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", help="Show at most so many fields and refusals", min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON")] = False,
) -> None:
    """Show what would be taken of a sample, field by field, and what would be refused and why; store nothing.

    Exit status 0 if something is taken and nothing is refused or unknown, else 1.
    """
    import msgspec

    from rencheng.app.feed_check import check_feed, deliveries_of_sample
    from rencheng.city import read_city
    from rencheng.cli.output import reader_may_leave
    from rencheng.kernel import parse_instant
    from rencheng.sense import read_feed_config

    read = read_feed_config(config)
    now = parse_instant(arrived_at, name="--arrived-at") if arrived_at else datetime.now(UTC)
    sensors = frozenset(read_city(city).sensor_rows) if city else None
    parts = deliveries_of_sample(read, sample, arrived_at=now, topic=topic, one_per_line=lines)
    result = check_feed(read, parts, sensors=sensors)
    with reader_may_leave():
        if as_json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        else:
            _print(result, limit)
    raise typer.Exit(0 if result.is_clean else 1)


def _print(result: FeedCheck, limit: int) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True)
    print_ = console.print
    print_(f"feed 数据源 {result.feed_id}", highlight=False, markup=False)
    if result.whole:
        print_(f"nothing is taken 整体拒收: {result.whole}", highlight=False, markup=False)
        return
    for row in _taken_rows(result, limit):
        print_(row, highlight=False, markup=False)
    for refused in result.refused[:limit]:
        said = f"{_REASONS.get(refused.reason, '')} {refused.reason}"
        print_(f"  {refused.row:>5}  ✗ {said}: {refused.detail}", highlight=False, markup=False)
        print_(f"         {refused.raw[:200]}", highlight=False, markup=False)
    more = max(0, len(result.taken) - limit) + max(0, len(result.refused) - limit)
    if more:
        print_(f"  … {more} more 其余 {more} 条 (--limit)", highlight=False, markup=False)
    if result.passed_over:
        words = ", ".join(f"{word} ×{count}" for word, count in list(result.passed_over.items())[:limit])
        print_(f"passed over, not in the configuration 未配置而略过: {words}", highlight=False, markup=False)
    unknown = len({taken.sensor_id for taken in result.taken if taken.known is False})
    print_(
        f"{result.rows} rows 行 · {len(result.taken)} fields taken 接收 · {len(result.refused)} refused 拒收"
        + (f" · {unknown} sensors unknown 未知传感器" if unknown else ""),
        highlight=False,
        markup=False,
    )


def _taken_rows(result: FeedCheck, limit: int) -> list[str]:
    """Aligned lines of the fields that would be taken."""
    head = (
        "row 行",
        "field 字段",
        "found 原值",
        "sensor 传感器",
        "quantity 物理量",
        "SI value 国际单位值",
        "time 时间 UTC",
        "",
    )
    rows = [
        (
            str(taken.row),
            taken.field,
            taken.found,
            taken.sensor_id + (" (unknown 未知)" if taken.known is False else ""),
            taken.quantity,
            f"{taken.value:.10g} {taken.unit}",
            taken.at.isoformat().replace("+00:00", "Z"),
            ", ".join(_NOTES[note] for note in taken.note.split(", ") if note),
        )
        for taken in result.taken[:limit]
    ]
    widths = [max((_width(row[i]) for row in (head, *rows)), default=0) for i in range(len(head))]
    return [
        "  " + "  ".join(cell + " " * (widths[i] - _width(cell)) for i, cell in enumerate(row)).rstrip()
        for row in (head, *rows)
    ]


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
