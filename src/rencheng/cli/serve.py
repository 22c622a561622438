"""What ``rencheng run`` starts: the loop and the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from rencheng.app.settings import Settings

__all__ = ["serve"]


def serve(city: Path | None, *, demo: bool, port: int | None, settings: Settings) -> None:
    """Run a city live, or play the demonstration, until interrupted.

    Parameters
    ----------
    city : Path, optional
        City package; else the sandbox city of the settings, grown once and kept.
    demo : bool
        Play a rainstorm rehearsal instead of running live.
    port : int, optional
        Port of the page; else that of the settings.
    """
    from rencheng.app.live_intake import spare_collections
    from rencheng.app.sessions import live_session, rehearsal_session
    from rencheng.web import create_app
    from rencheng.web import serve as serve_page

    if port is not None:
        settings = replace(settings, port=port)
    package = city if city is not None else _sandbox(settings)
    typer.echo("preparing the loop …")
    if demo:
        session = rehearsal_session("rainstorm", package, settings.demo_seed, settings)
    else:
        session = live_session(package, settings)
        spare_collections()
    session.start()
    try:
        app = create_app(session, settings=settings)
        serve_page(app, settings, listening=lambda address: _guide(address, demo=demo))
    finally:
        session.close()


def _sandbox(settings: Settings) -> Path:
    from rencheng.city import schema_tables
    from rencheng.city.sandbox import make_city

    path = settings.home / "cities" / f"sandbox-{settings.demo_residents}-{settings.demo_seed}"
    parts = ["city.toml", *(f"{name}.parquet" for name in schema_tables())]
    if not all((path / part).is_file() for part in parts):  # none yet, or grown before the schema had a table
        typer.echo(f"growing a sandbox city of {settings.demo_residents:,} residents (once) …")
        path.parent.mkdir(parents=True, exist_ok=True)
        make_city(settings.demo_residents, settings.demo_seed, path)
    return path


def _guide(address: str, *, demo: bool) -> None:
    console = Console()
    console.print(f"[bold green]Rencheng 韧城 is up:[/] [link={address}]{address}[/]")
    if demo:
        console.print(
            "Watch the rain come, risk rise, warnings go out and units move; "
            "speed, pause and language are in the top bar. Ctrl-C ends it."
        )
    else:
        console.print(
            "Live. Offer readings with POST /api/readings/FEED; the API is described at /docs. Ctrl-C ends it."
        )
