"""Files: fields kept as Arrow files in a folder, named by the hash of their bytes."""

from rencheng.adapters.files.fields import FileFieldStore

__all__ = ["FileFieldStore"]
