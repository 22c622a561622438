"""What SWMM says in its report when it refuses a file, brought back to the line of the file and a mend."""

from __future__ import annotations

import re
from pathlib import Path

from rencheng.kernel import InvalidInput

__all__ = ["refusal_from_report"]

_AT_LINE = re.compile(r"ERROR (\d+): (.*?) at line (\d+) of \[(\w+)\]? ?section", re.IGNORECASE)
_PLAIN = re.compile(r"ERROR (\d+): (.+)")

_MENDS = {
    "108": "Let one outlet leave the subcatchment",
    "111": "Give every conduit a length above zero",
    "112": "Let the invert fall less over the length, or lengthen the conduit",
    "113": "Give a roughness above zero in [CONDUITS]",
    "114": "Give one barrel or more in [XSECTIONS]",
    "115": "Turn the conduit round: it climbs",
    "117": "Add a line for the conduit to [XSECTIONS]",
    "119": "Give the conduit a cross-section that fits its shape",
    "131": "Break the loop of links",
    "133": "Let one link leave the node, or route by dynamic waves",
    "134": "Give the node a link in or out",
    "138": "Let the initial depth be no more than the maximum depth",
    "141": "Let one link enter the outfall and none leave it",
    "145": "Add an outfall to [OUTFALLS]",
    "200": "Mend the lines named first",
    "203": "Write more words in the line: see the SWMM manual, appendix D",
    "205": "Use a keyword of the SWMM manual, appendix D",
    "207": "Name each object once",
    "209": "Define the object, or mend its name",
    "211": "Write a number",
    "213": "Write dates as MM/DD/YYYY and times as HH:MM",
    "303": "Give the path of a file that can be read",
}
"""By SWMM's error number (User's Manual 5.2, appendix E)."""


def refusal_from_report(inp: Path, report: Path, said: str) -> InvalidInput:
    """Make a refusal out of SWMM's report: each error with its line, section and mend.

    Parameters
    ----------
    inp : Path
        The file that was refused.
    report : Path
        SWMM's report of it.
    said : str
        What SWMM's engine answered.
    """
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else said
    found = _errors(text) or _errors(said)
    if not found:
        return InvalidInput(f"SWMM refused it: {said}", where=str(inp), mend="Open it in SWMM and run it there")
    (code, what, line, section), others = found[0], found[1:]
    where = f"{inp} line {line} [{section}]" if line else str(inp)
    mend = _MENDS.get(code, "See the SWMM manual, appendix E")
    if others:
        listed = "; ".join(
            f"line {number} [{name}]: {error}" if number else error for _, error, number, name in others[:9]
        )
        mend = f"{mend}. {len(others)} more: {listed}"
    return InvalidInput(f"SWMM error {code}: {what}", where=where, mend=mend)


def _errors(text: str) -> list[tuple[str, str, str, str]]:
    """Number, words, line and section of each error; the sum-up 200 only where it stands alone."""
    lines = text.splitlines()
    found: list[tuple[str, str, str, str]] = []
    for k, line in enumerate(lines):
        if match := _AT_LINE.search(line):
            quoted = lines[k + 1].strip() if k + 1 < len(lines) else ""
            what = f"{match[2]} in {quoted!r}" if quoted else match[2]
            found.append((match[1], what, match[3], match[4]))
        elif match := _PLAIN.search(line):
            found.append((match[1], match[2].strip().rstrip("."), "", ""))
    return [error for error in found if error[0] != "200"] or found
