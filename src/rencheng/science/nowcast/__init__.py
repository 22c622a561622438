"""Rain of the next hours: motion and extrapolation of radar pictures, gauges kriged, members by stochastic cascades."""

from rencheng.science.nowcast.cascade import Cascade, decompose, recompose
from rencheng.science.nowcast.extrapolation import displacement, extrapolate
from rencheng.science.nowcast.forecast_members import forecast_members
from rencheng.science.nowcast.forecast_spread import burst_members, quantile_members
from rencheng.science.nowcast.gauge_fields import conditional_fields, gauge_nowcast
from rencheng.science.nowcast.kriging import Variogram, fit_spherical, ordinary_kriging
from rencheng.science.nowcast.motion import rain_decibel, rain_from_decibel, rain_motion
from rencheng.science.nowcast.steps import radar_nowcast
from rencheng.science.nowcast.tail import blend_with_tail, design_tail

__all__ = [
    "Cascade",
    "Variogram",
    "blend_with_tail",
    "burst_members",
    "conditional_fields",
    "decompose",
    "design_tail",
    "displacement",
    "extrapolate",
    "fit_spherical",
    "forecast_members",
    "gauge_nowcast",
    "ordinary_kriging",
    "quantile_members",
    "radar_nowcast",
    "rain_decibel",
    "rain_from_decibel",
    "rain_motion",
    "recompose",
]
