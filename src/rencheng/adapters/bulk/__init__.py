"""Bulk deliveries: CSV and NDJSON bodies, plain or gzip, decoded by feed configuration; recorded feeds replayed."""

from rencheng.adapters.bulk.decode import decode
from rencheng.adapters.bulk.recorded import FeedBatch, RecordedFeed

__all__ = ["FeedBatch", "RecordedFeed", "decode"]
