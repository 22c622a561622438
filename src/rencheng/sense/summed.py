"""What a readings store tells of very many sensors at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["SummedReadings"]


@runtime_checkable
class SummedReadings(Protocol):
    """The read side of a readings store that tells of very many sensors at once."""

    def channels(self, since: int = 0) -> Sequence[tuple[str, str]]:
        """Sensor and quantity of every channel that ever reported, from a number on; their places are their numbers."""
        ...

    def last_of(self, number: NDArray[np.int64]) -> NDArray[Any]:
        """Last reading of channels by number, as of the last commit.

        A structured array with ``newest_at``, ``last_at`` (microseconds since 1970), ``value`` and ``flags``; shape
        (n,). A channel that has reported nothing in order yet has the least integer there.
        """
        ...

    def hourly(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        together: bool = False,
    ) -> pa.Table:
        """Readings by hour, flagged ones but LATE ones left out.

        Parameters
        ----------
        quantity : str
            Name in the quantity table.
        start, end : datetime
            From the hour that holds ``start`` to the hour before the one that begins at ``end`` or next after it.
        sensors : sequence of str, optional
            Of these only.
        together : bool
            One series of all sensors, its ``sensor_id`` empty, in place of one each.

        Returns
        -------
        pyarrow.Table
            ``sensor_id``, ``at`` (when the hour begins), ``readings``, ``low``, ``mean``, ``high``; by sensor and hour.
            Hours without readings are left out.

        Raises
        ------
        InvalidInput
            If it asks for more than one answer can hold.
        """
        ...
