"""Sources that are looked at again and again: folders of files, and addresses that answer by HTTP."""

from rencheng.adapters.polling.address import Answer, PolledAddress
from rencheng.adapters.polling.folder import FoundFile, WatchedFolder

__all__ = ["Answer", "FoundFile", "PolledAddress", "WatchedFolder"]
