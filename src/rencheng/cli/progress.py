"""Progress of long work: a bar where somebody watches, nothing where nobody does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["progress"]


@contextmanager
def progress(what: str) -> Iterator[Callable[[float, str], None]]:
    """Give a function that is told the share done (0 … 1) and what is going on."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda _share, _text: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=1.0, text="")
        yield lambda share, text: bar.update(task, completed=share, text=text)
