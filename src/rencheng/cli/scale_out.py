"""``rencheng scale-out``: detection on many machines through Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Detection on many machines, through Spark.")


@app.command("run")
def run(
    source: Annotated[Path, typer.Option("--in", help="Folder of files that come; all machines see it")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the output; all machines see it")],
    city: Annotated[Path, typer.Option("--city", help="City package")],
    feed: Annotated[
        Path | None,
        typer.Option("--feed", help="How files are read; else Parquet of sensor_id, quantity, at, value"),
    ] = None,
    shards: Annotated[int, typer.Option("--shards", help="Parts of the state, for ever", min=1)] = 8,
    master: Annotated[
        str, typer.Option("--master", help="Master of Spark; '' under spark-submit, which names it")
    ] = "local[2]",
    files: Annotated[int, typer.Option("--files", help="Files of a turn at most", min=1)] = 16,
    every: Annotated[float, typer.Option("--every", help="Seconds from turn to turn with --follow", min=0.0)] = 10.0,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more files")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Files are a record: stamps are not judged by the files' arrival")
    ] = False,
    memory: Annotated[str, typer.Option("--memory", help="Heap of Spark's driver")] = "2g",
    conf: Annotated[list[str] | None, typer.Option("--conf", help="Setting of Spark, KEY=VALUE; repeatable")] = None,
) -> None:
    """Take the files of a folder, shard by shard; run again, it goes on where it stopped."""
    from rencheng.app.scale_out import ScaleOutOptions, scale_out, settings_of

    options = ScaleOutOptions(
        shards=shards,
        master=master,
        files=files,
        every_s=every,
        follow=follow,
        history=history,
        memory=memory,
        settings=settings_of(conf or []),
    )
    found = scale_out(city, source, out, feed=feed, options=options, tell=lambda line: typer.echo(line, err=True))
    typer.echo(
        f"{found.readings:,} readings, {found.alarms:,} alarm rows in {found.turns} turns, digest {found.digest}"
    )


@app.command("status")
def status(
    out: Annotated[Path, typer.Argument(help="Folder of the output")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON")] = False,
) -> None:
    """Show what an output folder holds, and the digest of its alarms."""
    import msgspec

    from rencheng.app.scale_out import scale_out_status
    from rencheng.kernel import format_instant

    found = scale_out_status(out)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    clock = format_instant(found.clock) if found.clock else "–"
    typer.echo(f"turns 轮次      {found.turns:,} of {found.files:,} files, clock {clock}")
    typer.echo(
        f"readings 读数   {found.readings:,} stored, {found.repeated:,} repeated, {found.refused:,} rows refused"
    )
    typer.echo(f"state 状态      {found.channels:,} channels, {found.state_bytes / 1e6:,.1f} MB")
    typer.echo(f"alarms 告警     {found.alarms:,} rows, digest {found.digest}")
