"""Interface standards 数据接口标准: classes of messages and files, each with a versioned JSON Schema.

The schemas are made from the very types that the readers convert to, so that what a schema allows and what is taken in
cannot differ. A published schema is kept for ever beside this module; a type that changes needs a new version.
"""

from rencheng.app.interfaces.catalogue import INTERFACES, InterfaceClass, interface
from rencheng.app.interfaces.documents import (
    is_published,
    published_schema,
    published_versions,
    read_message,
    schema_bytes,
    schema_document,
)

__all__ = [
    "INTERFACES",
    "InterfaceClass",
    "interface",
    "is_published",
    "published_schema",
    "published_versions",
    "read_message",
    "schema_bytes",
    "schema_document",
]
