"""Lines for a pipe: whoever stops reading (``| head -1``) ends the command in peace."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["reader_may_leave"]


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Flush what was printed in the block; a reader who left is no error, and exit status 0."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still in the buffer would be flushed, and fail, once more when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
