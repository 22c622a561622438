"""Who and what stands in harm's way: probability times consequence, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["expected_affected", "group_counts", "matrix_rank"]


def expected_affected(probability: NDArray[np.float64], residents: NDArray[np.float64]) -> NDArray[np.float64]:
    """People expected to be affected: risk as probability times consequence (ISO 31000; UNDRR 2016 terminology).

    Parameters
    ----------
    probability : float64 array, shape (..., cells)
        Probability that a resident's place is hit.
    residents : float64 array, shape (cells,)
        People; NaN counts as none.

    Returns
    -------
    float64 array, shape (..., cells)

    Examples
    --------
    >>> import numpy as np
    >>> expected_affected(np.array([0.5, 0.0]), np.array([100.0, 100.0])).tolist()
    [50.0, 0.0]
    """
    return probability * np.nan_to_num(residents, nan=0.0)


def group_counts(group: NDArray[np.int64], kind: NDArray[np.int64], *, groups: int, kinds: int) -> NDArray[np.int64]:
    """Count things by kind and group; negative indices are left out.

    Parameters
    ----------
    group, kind : int64 arrays, shape (n,)
        Group (cell) and kind index of each thing.

    Returns
    -------
    int64 array, shape (kinds, groups)

    Examples
    --------
    >>> import numpy as np
    >>> group_counts(np.array([0, 0, -1]), np.array([1, 1, 0]), groups=2, kinds=2).tolist()
    [[0, 0], [2, 0]]
    """
    known = (group >= 0) & (kind >= 0)
    counts = np.bincount(kind[known] * groups + group[known], minlength=kinds * groups)
    return counts.reshape(kinds, groups).astype(np.int64)


def matrix_rank(
    probability: NDArray[np.float64],
    consequence: NDArray[np.float64],
    *,
    probability_bounds: tuple[float, ...],
    consequence_bounds: tuple[float, ...],
    ranks: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Read a likelihood–consequence matrix (IEC 31010:2019, B.10.3) for many places.

    Parameters
    ----------
    probability, consequence : float64 arrays, any same shape
        Where each place stands on the two axes.
    probability_bounds, consequence_bounds : tuples of float, lengths p and c
        Lower bounds of the classes above the lowest one, ascending.
    ranks : int64 array, shape (p + 1, c + 1)
        Rank of each pair of classes; row 0 is the lowest likelihood.

    Returns
    -------
    int64 array
        Shape as ``probability``.

    Examples
    --------
    >>> import numpy as np
    >>> matrix_rank(np.array([0.7]), np.array([5.0]), probability_bounds=(0.5,), consequence_bounds=(10.0,),
    ...             ranks=np.array([[0, 1], [2, 3]])).tolist()
    [2]
    """
    row = np.searchsorted(np.asarray(probability_bounds), probability, side="right")
    column = np.searchsorted(np.asarray(consequence_bounds), consequence, side="right")
    return np.asarray(ranks, dtype=np.int64)[row, column]
