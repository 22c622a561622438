"""The composition root: the one place where rooms are given their adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rencheng import __version__, assess, community, evaluate, recover, respond, sense, warn
from rencheng.adapters.channels import FileChannel, RecordingChannel
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.files import FileFieldStore
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.app.facts import RunStarted
from rencheng.app.flood_desk import FloodDesk
from rencheng.app.flood_watch import FloodWatch
from rencheng.app.intake_desk import by_feed
from rencheng.app.loop import Loop
from rencheng.app.run_folder import RunFolder, RunMark, open_run_folder
from rencheng.app.settings import Settings
from rencheng.app.stages import Inputs, evolve_all, initial_states
from rencheng.city import City, device_registry
from rencheng.kernel import Draft, InvalidInput, NotFound
from rencheng.ledger import Entry, Ledger, fold

__all__ = ["CAP_STATUS", "Run", "channels_for", "compose"]

CAP_STATUS: Mapping[str, str] = {"live": "Actual", "replay": "Test", "rehearsal": "Exercise"}
"""Mode of a run → status of its CAP messages."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that is put together and ready to turn."""

    folder: RunFolder
    mark: RunMark
    city: City
    ledger: Ledger
    readings: DuckDbReadings
    fields: FileFieldStore
    loop: Loop
    feed_id: str
    """Feed that the run's own clock delivers."""
    flood: FloodWatch | None = None
    """The flood cycle beside the loop; None where it does not run."""

    def begin(self, now: datetime) -> list[Entry]:
        """Record what the run is made from; says nothing the second time."""
        body = RunStarted(
            mode=self.mark.mode,
            city_id=self.city.manifest.id,
            city_digest=self.mark.city_digest,
            seed=self.mark.seed,
            rules=_rule_versions(self.loop.inputs),
            version=__version__,
        )
        if self.ledger.head:
            return []
        return self.loop.turn(
            now, drafts=[Draft(stream="run/0", body=body, occurred_at=now, actor="clock")], sensed=False
        )

    def take_up(self, now: datetime) -> None:
        """Go on after a stop: send what was left unsent, and turn on deliveries that only the readings store heard of.

        A run that is killed has stored deliveries of which its ledger does not tell; the store is asked again for
        their acknowledgements, and they are told as one.
        """
        self.loop.resume()
        for feed in self.readings.feeds().to_pylist():
            known = self.loop.states.sense.feeds.get(feed["feed_id"])
            if known is None or known.position != feed["position"]:
                untold = self.readings.acknowledged(feed["feed_id"], after=known.position if known else "")
                self.loop.turn(now, intakes=by_feed(untold))

    def close(self) -> None:
        """Release the stores and end the flood cycle."""
        if self.flood is not None:
            self.flood.close()
        self.ledger.close()
        self.readings.close()


def channels_for(mode: str, folder: RunFolder, settings: Settings) -> dict[str, warn.Channel]:
    """Channels of a run by name. Only a live run is given one that reaches outside its own folder.

    Raises
    ------
    InvalidInput
        If the mode is unknown.
    """
    if mode == "live":
        return {"file": FileChannel(folder.path / settings.outbox)}
    if mode in {"replay", "rehearsal"}:
        return {"file": RecordingChannel()}
    raise InvalidInput(f"unknown mode {mode!r}", mend=f"Use one of: {', '.join(CAP_STATUS)}")


def compose(
    city: City,
    out: Path,
    *,
    mode: str,
    source: str,
    seed: int,
    feed_id: str,
    settings: Settings,
    source_digest: str = "",
    flood_rules: assess.FloodRules | None = None,
) -> Run:
    """Put a run together in a folder, or take up the one that is there.

    Parameters
    ----------
    city : City
        The city.
    out : Path
        Folder of the run.
    mode : str
        live, replay or rehearsal.
    source : str
        Recorded file or scenario; part of what makes a run the same run.
    seed : int
        Seed of the rehearsal.
    feed_id : str
        Feed that the run's own clock delivers.
    source_digest : str
        Digest of what ``source`` names, so that another file of the same name is another run.
    flood_rules : FloodRules, optional
        How the flood cycle goes in this run; as the rules of assessment say unless given.

    Raises
    ------
    Conflict
        If the folder holds another run.
    """
    mark = RunMark(
        mode=mode,
        city=str(city.path.resolve()),
        city_digest=city.digest,
        source=source,
        seed=seed,
        source_digest=source_digest,
    )
    if mode == "live":  # its feeds are mended while it goes on, and it must start again after that
        folder = open_run_folder(out, replace(mark, city_digest=city.digest_without("feeds")), written_before=mark)
    else:
        folder = open_run_folder(out, mark)
    fields = FileFieldStore(folder.fields)
    detection = sense.detection_rules_of(city.path)
    readings = DuckDbReadings(folder.readings, channels=sense.channels_of_city(city), detection=detection)
    ledger = SqliteLedger(folder.ledger)
    channels = channels_for(mode, folder, settings)
    inputs = _inputs(city, readings, fields, mode, tuple(channels), flood_rules)
    states = fold(ledger.since(0), evolve_all, initial_states())
    loop = Loop(ledger=ledger, inputs=inputs, channels=channels, states=states)
    return Run(
        folder=folder,
        mark=mark,
        city=city,
        ledger=ledger,
        readings=readings,
        fields=fields,
        loop=loop,
        feed_id=feed_id,
        flood=_flood_watch(city, folder, loop, mark, settings),
    )


def _flood_watch(city: City, folder: RunFolder, loop: Loop, mark: RunMark, settings: Settings) -> FloodWatch | None:
    """The flood cycle, where the city has ground to run it on and the settings let it."""
    wanted = settings.flood == "on" or (settings.flood == "auto" and mark.mode != "replay")
    rules = loop.inputs.assess.rules.flood
    if not wanted or rules.every_min <= 0 or not (city.path / "terrain.tif").is_file():
        return None
    wall = mark.mode == "live"
    desk = FloodDesk(
        city=city.path,
        fields=folder.fields,
        raster_cells=rules.raster_cells,
        day_raster_cells=rules.day_raster_cells,
        polite=wall,
    )
    return FloodWatch(loop=loop, desk=desk, seed=mark.seed, wall=wall)


def _inputs(
    city: City,
    readings: DuckDbReadings,
    fields: FileFieldStore,
    mode: str,
    channels: tuple[str, ...],
    flood_rules: assess.FloodRules | None,
) -> Inputs:
    rules = assess.default_rules()
    if flood_rules is not None:
        rules = replace(rules, flood=flood_rules)
    response = respond.Inputs.of(city, simulate_units=mode != "live", close_when_reviewed=False, fields=fields)

    def role(duty: str, area: str) -> str:
        try:
            return response.organisation.resolve(duty, area)
        except NotFound:
            return ""

    return Inputs(
        sense=sense.Inputs(readings=readings, devices=device_registry(city)),
        assess=assess.Inputs(
            city=city,
            readings=readings,
            fields=fields,
            rules=rules,
            mode=mode,
            alarms=readings,
            detection=sense.detection_rules_of(city.path),
        ),
        warn=warn.inputs_for(city, fields, mode=CAP_STATUS[mode], channels=channels),
        respond=response,
        recover=recover.Inputs(
            city=city, fields=fields, relief=recover.read_relief(), roles={"water_lead": role("water_lead", "")}
        ),
        community=community.Inputs(cells=community.visit_cells(city), officer=lambda area: role("grid_officer", area)),
        evaluate=evaluate.Inputs(channels=len(city.table("channels")) if city.has("channels") else 0),
    )


def _rule_versions(inputs: Inputs) -> dict[str, str]:
    found: dict[str, Any] = {"assess": inputs.assess.rules.version, "relief": inputs.recover.relief.version}
    found |= {f"warn:{name}": version for name, version in inputs.warn.rules.versions.items()}
    found |= {f"index:{name}": tree.version for name, tree in evaluate.trees().items()}
    found |= {f"plan:{plan.id}": plan.version for plan in inputs.respond.plans.plans}
    return {name: str(version) for name, version in sorted(found.items())}
