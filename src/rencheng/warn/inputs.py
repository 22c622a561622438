"""What stays the same for warning in a run: the city's places, the rules, the stores, and who signs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.kernel import Bilingual, InvalidInput
from rencheng.warn.places import Places, places_of
from rencheng.warn.rule_files import load_rules
from rencheng.warn.rules import Rule, RuleSet

__all__ = ["MODES", "Inputs", "inputs_for"]

MODES = ("Actual", "Exercise", "Test")
"""CAP status of all notices of a run: live, rehearsal, replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What warning needs besides its state.

    Parameters
    ----------
    places : Places
        Cells, areas and gauges of the city.
    rules : RuleSet
        Rule books and words.
    fields : FieldStore
        Where risk maps are.
    jurisdiction : str
        Whose rules hold.
    zone : ZoneInfo
        The city's clock, for rules that begin on a day.
    mode : str
        One of ``MODES``.
    sender, sender_name : str, Bilingual
        Who signs the notices.
    channels : tuple of str
        Channels on which every notice is queued.
    """

    places: Places = field(repr=False)
    rules: RuleSet = field(repr=False)
    fields: FieldStore = field(repr=False)
    jurisdiction: str
    zone: ZoneInfo
    mode: str
    sender: str
    sender_name: Bilingual
    channels: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InvalidInput(f"unknown mode {self.mode!r}", mend=f"Use one of: {', '.join(MODES)}")

    def rules_at(self, now: datetime) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by hazard that hold at an instant."""
        return self.rules.in_force(self.jurisdiction, now, self.zone)


def inputs_for(
    city: City, fields: FieldStore, *, mode: str, channels: tuple[str, ...] = ("file",), rules: RuleSet | None = None
) -> Inputs:
    """Make the inputs of a run on a city.

    Parameters
    ----------
    city : City
        The city package; its ``rules`` folder may override the shipped rules.
    fields : FieldStore
        Where risk maps are.
    mode : str
        ``Actual`` (live), ``Exercise`` (rehearsal) or ``Test`` (replay).
    channels : tuple of str
        Names of the channels that carry notices.
    rules : RuleSet, optional
        Rules to use instead of those on file.
    """
    manifest = city.manifest
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", manifest.id).strip("-") or "city"
    return Inputs(
        places=places_of(city),
        rules=rules if rules is not None else load_rules(city.path),
        fields=fields,
        jurisdiction=manifest.jurisdiction,
        zone=city.zone,
        mode=mode,
        sender=f"warning@{slug}",
        sender_name=Bilingual(zh=f"{manifest.name}预警中心", en=f"{manifest.name_en or manifest.name} warning centre"),
        channels=channels,
    )
