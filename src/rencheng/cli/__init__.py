"""The command line: thin, and quick to start because each command imports what it needs when it runs."""

from rencheng.cli.root import app, main

__all__ = ["app", "main"]
