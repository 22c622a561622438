"""Lines that stations open to us over TCP."""

from rencheng.adapters.tcp.server import LineServer

__all__ = ["LineServer"]
