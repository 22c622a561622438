"""``rencheng facts`` and ``rencheng ledger verify``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["facts", "verify_run"]

RunArgument = Annotated[Path, typer.Argument(help="Folder of a run")]


def facts(
    run: RunArgument,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only facts of this name; may be repeated")] = None,
    since: Annotated[int, typer.Option("--since", min=0, help="Only facts after this position")] = 0,
) -> None:
    """Print the facts of a run, one JSON object a line."""
    from rencheng.app.open_run import open_ledger
    from rencheng.app.wire import fact_json

    for name in kind or []:
        _require_known(name)
    ledger = open_ledger(run)
    try:
        with reader_may_leave():
            for entry in ledger.since(since, kinds=kind or None):
                sys.stdout.buffer.write(fact_json(entry) + b"\n")
    finally:
        ledger.close()


def _require_known(kind: str) -> None:
    from difflib import get_close_matches

    from rencheng.kernel import NotFound, fact_types

    names = sorted(fact_types())
    if kind not in names:
        near = get_close_matches(kind, names, n=3, cutoff=0.5)
        mend = f"Did you mean {', '.join(near)}?" if near else "They are listed in docs/reference/facts.md"
        raise NotFound(f"there is no fact {kind!r}", where="--kind", mend=mend)


def verify_run(run: RunArgument) -> None:
    """Check every fact of a run against its leaf hash; exit status 1 if anything was changed."""
    from rencheng.app.open_run import open_ledger
    from rencheng.ledger import verify

    ledger = open_ledger(run)
    try:
        verdict = verify(ledger)
    finally:
        ledger.close()
    for defect in verdict.defects:
        typer.echo(f"fact {defect.seq}: {defect.what}")
    typer.echo(f"{verdict.entries} facts checked, {len(verdict.defects)} defects, tree head {verdict.head.root.hex()}")
    if verdict.defects:
        raise typer.Exit(1)
