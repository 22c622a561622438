"""DuckDB: the embedded readings store."""

from rencheng.adapters.duckdb.readings import DuckDbReadings

__all__ = ["DuckDbReadings"]
