"""A card for each kind of rule detector: method, source, settings, and how often it alarms when nothing happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["RULE_CARDS", "DetectorCard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorCard:
    """What a reader must know of a detector before believing it.

    Parameters
    ----------
    name : str
        Name in rule files.
    quantity : str
        What it may look at.
    method : str
        How it decides.
    source : str
        Paper or standard.
    settings : str
        The settings that the false alarms were measured with.
    false_per_sensor_day : float
        Alarms per sensor and day on readings in which nothing happens: one a minute for twenty days, normal noise with
        a daily course of six standard deviations for the seasonal detector and none for the others.
    limits : tuple of str
        Where it is not to be believed.
    """

    name: str
    quantity: str
    method: str
    source: str
    settings: str
    false_per_sensor_day: float
    limits: tuple[str, ...]


def _card(
    name: str, quantity: str, method: str, source: str, settings: str, false: float, *limits: str
) -> DetectorCard:
    return DetectorCard(
        name=name,
        quantity=quantity,
        method=method,
        source=source,
        settings=settings,
        false_per_sensor_day=false,
        limits=limits,
    )


RULE_CARDS: Mapping[str, DetectorCard] = MappingProxyType(
    {
        card.name: card
        for card in (
            _card(
                "threshold",
                "any",
                "value against limits of several severities, kept for a time and a number of readings; hysteresis "
                "and a delay on the way down",
                "IEC 62682:2014 (alarm systems), on- and off-delay and deadband",
                "limit 5 standard deviations off, 3 readings in a row",
                0.0,
                "A limit within the daily course alarms daily.",
            ),
            _card(
                "rate",
                "levels",
                "rise or fall against the lowest or highest value of each eighth of the window",
                "QARTOD water level manual (IOOS 2021) test 7, over a window in place of one step",
                "rise of 8 standard deviations within an hour, 2 readings in a row",
                0.0,
                "The window is known to an eighth of its length.",
            ),
            _card(
                "no_data",
                "any",
                "time since the last reading in expected intervals, configured or learnt as a limited running mean",
                "WMO-No. 1160 (2021), availability of observations",
                "3 intervals, not less than 180 s; 5 % of readings lost at random",
                0.17,
                "A feed that delivers in bulk must give the clock of detection a lag of its period.",
            ),
            _card(
                "baseline",
                "any with a daily or weekly course",
                "deviation from the mean of the hour of the week and a slow part, in robust standard deviations",
                "Holt (1957), Winters (1960); limited residuals of Gelper, Fried and Croux (2010)",
                "6 deviations, 3 readings in a row, three days of learning",
                0.0,
                "Holidays look like odd days.",
                "Judges nothing before its time of learning is over.",
            ),
            _card(
                "cusum",
                "levels without a course of their own: tilt, displacement, pressure at night",
                "two-sided cumulative sum of standardised deviations, each limited to four",
                "Page (1954); Montgomery (2009) §9.1",
                "sum 12 with a slack of 1 standard deviation, after 200 readings",
                0.0,
                "A daily course larger than the slack alarms daily: give such quantities a baseline.",
            ),
            _card(
                "bayes",
                "levels without a course of their own",
                "posterior probability that the level changed within the last blocks; 24 run lengths kept",
                "Adams and MacKay (2007)",
                "probability 0.9 within 5 blocks of 10 minutes, change 0.004 a block, 30 blocks of learning",
                0.003,
                "Tells a change one block after it happened.",
            ),
        )
    }
)
"""By kind of rule."""
