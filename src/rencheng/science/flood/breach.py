"""A levee or dam that gives way: how wide and how fast a breach opens, and where its sill stands meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.weirs import GRAVITY_M_S2

__all__ = ["BreachGrowth", "breach_growth", "froehlich_2008"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachGrowth:
    """A breach that opens linearly from the middle outwards and from the crest down.

    Parameters
    ----------
    start_s : float
        When it starts, seconds from the start of the run.
    formation_s : float
        Time until it has its full size; 0 for a collapse at once.
    width_m : float
        Final mean width.
    crest_m, sill_m : float
        Level of the crest before and of the sill at the end.
    """

    start_s: float
    formation_s: float
    width_m: float
    crest_m: float
    sill_m: float

    def __post_init__(self) -> None:
        if not (self.formation_s >= 0.0 and self.width_m > 0.0 and self.sill_m <= self.crest_m):
            raise InvalidInput(
                f"a breach {self.width_m} m wide in {self.formation_s} s from {self.crest_m} m down to {self.sill_m} m",
                where="width_m, formation_s, crest_m, sill_m",
                mend="Give a width above zero, a time of zero or more and a sill no higher than the crest",
            )


def breach_growth(growth: BreachGrowth, time_s: ArrayLike) -> tuple[F64, F64]:
    """Width and sill level of a breach at times.

    Returns
    -------
    width_m, sill_m : arrays
        0 and the crest before the start.

    Examples
    --------
    >>> growth = BreachGrowth(start_s=100.0, formation_s=200.0, width_m=50.0, crest_m=6.0, sill_m=2.0)
    >>> [float(v) for v in breach_growth(growth, 200.0)]
    [25.0, 4.0]
    """
    since = np.asarray(time_s, dtype=np.float64) - growth.start_s
    share = np.where(since >= growth.formation_s, 1.0, since / max(growth.formation_s, np.finfo(np.float64).tiny))
    share = np.where(since < 0.0, 0.0, np.clip(share, 0.0, 1.0))
    return share * growth.width_m, growth.crest_m + share * (growth.sill_m - growth.crest_m)


def froehlich_2008(volume_m3: float, height_m: float, *, overtopping: bool) -> tuple[float, float]:
    r"""Mean width (m) and formation time (s) of a breach in an embankment.

    :math:`\bar B = 0.27 k_o V_w^{0.32} H_b^{0.04}`, :math:`t_f = 63.2 \sqrt{V_w / (g H_b^2)}` with k_o = 1.3 for
    overtopping and 1 else (Froehlich 2008, "Embankment dam breach parameters and their uncertainties", J. Hydraul.
    Eng. 134:1708, eqs. 14 and 15).

    Parameters
    ----------
    volume_m3 : float
        Water above the final sill.
    height_m : float
        Height of the breach.
    overtopping : bool
        Whether water over the crest is the cause; otherwise seepage or piping.

    Examples
    --------
    1 million m³ behind 10 m: 0.27 · 1.3 · 83.2 · 1.096 = 32.0 m; 63.2 · sqrt(1e6 / 981) = 2018 s

    >>> width, time = froehlich_2008(1e6, 10.0, overtopping=True)
    >>> round(width, 1), round(time)
    (32.0, 2018)
    """
    if not (volume_m3 > 0.0 and height_m > 0.0):
        raise InvalidInput(
            f"a breach {height_m} m high before {volume_m3} m³ of water",
            where="volume_m3, height_m",
            mend="Give both above zero",
        )
    factor = 1.3 if overtopping else 1.0
    width = 0.27 * factor * volume_m3**0.32 * height_m**0.04
    return float(width), float(63.2 * np.sqrt(volume_m3 / (GRAVITY_M_S2 * height_m**2)))
