"""Measures of the running application in the Prometheus text exposition format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rencheng.web.context import Context

__all__ = ["exposition"]


def exposition(context: Context) -> str:
    """Give all measures as text: facts by kind, ledger head, open streams, responses by status, clock, warnings."""
    keeper = context.keeper
    keeper.catch_up()
    clock = context.session.clock()
    in_force = [w for w in keeper.all_warnings() if w.state == "in_force"]
    by_colour = dict.fromkeys(("blue", "yellow", "orange", "red"), 0.0)
    for warning in in_force:
        by_colour[warning.colour] = by_colour.get(warning.colour, 0.0) + 1
    lines = [
        *_measure(
            "rencheng_ledger_head", "gauge", "Last sequence number of the ledger", {"": context.session.ledger.head}
        ),
        *_measure("rencheng_facts_total", "counter", "Facts recorded by kind", keeper.counts, "kind"),
        *_measure("rencheng_warnings_in_force", "gauge", "Warnings in force by colour", by_colour, "colour"),
        *_measure("rencheng_event_streams", "gauge", "Open event streams", {"": context.hub.clients}),
        *_measure("rencheng_http_responses_total", "counter", "Responses by status", context.requests, "status"),
        *_measure("rencheng_clock_seconds", "gauge", "Instant of the run, Unix time", {"": clock.now.timestamp()}),
        *_measure("rencheng_phase", "gauge", "1 for the phase the run is in", {clock.phase: 1}, "phase"),
    ]
    return "\n".join(lines) + "\n"


def _measure(
    name: str, kind: str, meaning: str, values: Mapping[str, float] | Mapping[int, int], label: str = ""
) -> Iterable[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
    for key, value in sorted((str(k), v) for k, v in values.items()):
        yield f'{name}{{{label}="{key}"}} {value}' if label else f"{name} {value}"
