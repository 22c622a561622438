"""Run every benchmark and write docs/benchmarks.md: what was measured, with the command that makes it.

``python -m benchmarks`` runs all; ``python -m benchmarks ledger sense`` only those, keeping the others' sections.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Measured, never estimated: medians of several runs on one machine, peers in the same run where there is one.
Figures move by a third and more on a shared machine; the ratios to a peer move less. `make bench` writes this
page; each section names its command.
"""


def sections(text: str) -> dict[str, str]:
    """Sections of the page by benchmark name."""
    parts = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def measured(name: str) -> str:
    """Run one benchmark in a process of its own and give its section."""
    module = ROOT / "benchmarks" / f"{name}.py"
    title = re.search(r'^"""(.+?)(?:: ``|[.\n])', module.read_text(encoding="utf-8"))
    run = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if run.returncode:
        print(run.stderr, file=sys.stderr)
        raise SystemExit(f"benchmark {name} failed")
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    heading = title.group(1) if title else name
    return f"\n## {heading}\n\n`python -m benchmarks.{name}` on {machine}\n\n{run.stdout.strip()}\n\n"


def main() -> None:
    """Run what was asked for and write the page."""
    known = sorted(p.stem for p in (ROOT / "benchmarks").glob("*.py") if not p.stem.startswith("_"))
    wanted = sys.argv[1:] or known
    kept = sections(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    for name in wanted:
        print(f"measuring {name} …", flush=True)
        kept[name] = measured(name)
        body = "".join(f"<!-- {n} -->\n{kept[n]}" for n in sorted(kept))
        PAGE.write_text(f"{HEAD}\n{body}", encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
