"""Publish the JSON Schema of every interface class that is not published yet: ``python -m scripts.interfaces``.

A published schema is never overwritten: others build on it. Where a type has changed, the class needs a new version in
``rencheng/app/interfaces/catalogue.py``; this script says which.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rencheng.app.interfaces
from rencheng.app.interfaces import INTERFACES, is_published, schema_bytes

FOLDER = Path(rencheng.app.interfaces.__file__).parent / "schemas"


def main() -> None:
    """Write what is missing; exit status 1 if a published schema is no longer what the types say."""
    changed = []
    for of in INTERFACES:
        path, document = FOLDER / f"{of.id}@{of.version}.json", schema_bytes(of)
        if not path.is_file():
            path.write_bytes(document)
            print(path.name)
        elif not is_published(of):
            changed.append(of.id)
    if changed:
        print(f"raise the version of: {', '.join(changed)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
