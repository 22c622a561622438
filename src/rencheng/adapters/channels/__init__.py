"""Channels that carry notices: a folder of CAP files, and one that only records (the only kind in a rehearsal)."""

from rencheng.adapters.channels.file import FileChannel
from rencheng.adapters.channels.recording import RecordingChannel

__all__ = ["FileChannel", "RecordingChannel"]
