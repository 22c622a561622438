"""CAP 1.2 (OASIS Common Alerting Protocol): write our notices, read and check those of others, serve a feed."""

from rencheng.adapters.cap.publish import (
    CAP_MEDIA_TYPE,
    SentNotice,
    atom_feed,
    cap_file_name,
    cap_of,
    notices_of,
    write_cap_files,
)
from rencheng.adapters.cap.reader import CapAlert, CapArea, CapInfo, read_cap
from rencheng.adapters.cap.writer import cap_alert

__all__ = [
    "CAP_MEDIA_TYPE",
    "CapAlert",
    "CapArea",
    "CapInfo",
    "SentNotice",
    "atom_feed",
    "cap_alert",
    "cap_file_name",
    "cap_of",
    "notices_of",
    "read_cap",
    "write_cap_files",
]
