"""Defects of a city package, and the collector that caps how many of a kind are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Defect", "Findings", "Severity", "telling"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing wrong in a package.

    Parameters
    ----------
    table : str
        Table, or file (``city.toml``, ``terrain.tif``).
    row : int or None
        Row counted from 0; ``None`` where the whole table, column or file is meant.
    field : str
        Column, or key of the file; empty where the whole row or file is meant.
    what : str
        What is wrong.
    mend : str
        What to do about it.
    severity : str
        ``error``: something will refuse to work or say something false; ``warning``: look at it.
    count : int
        How many rows this defect stands for; above 1 where further rows of the same kind are not named.
    """

    table: str
    row: int | None
    field: str
    what: str
    mend: str
    severity: Severity = "error"
    count: int = 1


class Findings:
    """Collects defects; of each kind it names the first rows and counts the rest."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self.defects: list[Defect] = []

    def whole(self, table: str, field: str, what: str, mend: str, severity: Severity = "error") -> None:
        """Note a defect of a whole table, column or file."""
        self.defects.append(Defect(table=table, row=None, field=field, what=what, mend=mend, severity=severity))

    def rows(
        self,
        table: str,
        field: str,
        bad: NDArray[np.bool_] | Sequence[int] | NDArray[np.int64],
        what: str | Callable[[int], str],
        mend: str,
        severity: Severity = "error",
    ) -> None:
        """Note the same defect in many rows: a mask or row numbers, and words that may depend on the row."""
        array = np.asarray(bad)
        at = np.flatnonzero(array) if array.dtype == bool else array.astype(np.int64)
        for row in at[: self._examples].tolist():
            text = what if isinstance(what, str) else what(row)
            self.defects.append(Defect(table=table, row=row, field=field, what=text, mend=mend, severity=severity))
        rest = len(at) - self._examples
        if rest > 0:
            text = f"{rest} more rows like the {self._examples} above"
            self.defects.append(
                Defect(table=table, row=None, field=field, what=text, mend=mend, severity=severity, count=rest)
            )


def telling(template: str, *columns: Any) -> Callable[[int], str]:
    """Words for a row: the template filled with the row's value of each column (NumPy or Arrow).

    Examples
    --------
    >>> telling("{:g} is negative", np.array([1.0, -2.5]))(1)
    '-2.5 is negative'
    """

    def words(row: int) -> str:
        values = (column[row] for column in columns)
        return template.format(*(v.as_py() if hasattr(v, "as_py") else v for v in values))

    return words
