"""Write the tables of ``docs/reference/city-package.md`` from the schema of the city package.

Usage: ``python scripts/docs_schema.py`` rewrites the page; ``--check`` only says whether it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rencheng.city import Attribute, schema_tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "city-package.md"
BEGIN = "<!-- schema: written by scripts/docs_schema.py -->"
END = "<!-- end of schema -->"


def schema_markdown() -> str:
    """All tables of the schema as Markdown."""
    parts = []
    for name, attributes in schema_tables().items():
        parts += [f"### {name}", "", "| attribute | type | unit | required | description |", "|---|---|---|---|---|"]
        parts += [_row(attribute) for attribute in attributes]
        parts.append("")
    return "\n".join(parts)


def _row(a: Attribute) -> str:
    description = a.description
    if a.refers:
        description += f" → {' or '.join(f'`{target}`' for target in a.refers)}"
    name = f"**`{a.name}`**" if a.key else f"`{a.name}`"
    return f"| {name} | {a.type} | {a.unit} | {'yes' if a.required else ''} | {description} |"


def page_text(page: str) -> str:
    """The page with its schema part renewed."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{schema_markdown()}\n{END}{after}"


def main() -> int:
    """Rewrite or check the page; 1 if it is stale."""
    current = PAGE.read_text(encoding="utf-8")
    wanted = page_text(current)
    if "--check" in sys.argv:
        print("up to date" if current == wanted else "stale: run python scripts/docs_schema.py")
        return int(current != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
