"""How soon and how falsely the shipped rules alarm: twelve kinds of community event, a thousand trials each.

Run with ``python -m benchmarks.detect_events [devices]``. Signals come from
:mod:`rencheng.rehearse.community_events`, which knows no rule.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from rencheng.rehearse.community_events import COMMUNITY_EVENTS, CommunityEvent, event_trials
from rencheng.science.quality import CHECK_DTYPE, check_readings, new_states
from rencheng.sense import Channel, default_detection_rules
from rencheng.sense.checks import checks_of_channel
from rencheng.sense.detection import DetectionDesk

GRACE_S = 1800.0
"""An alarm that begins later than so long after the onset is not of the event."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the trials of one kind."""

    trials: int
    found: int
    delay_s: np.ndarray
    false: int
    device_days: float

    @property
    def false_share(self) -> float:
        """False alarms among all alarms."""
        return self.false / max(self.false + self.found, 1)


def run_trials(event: CommunityEvent, devices: int, rng: np.random.Generator) -> Outcome:
    """Give trials to quality control and to the rules as a store does, and compare the alarms with the truth."""
    trials = event_trials(event, devices, rng)
    desk = DetectionDesk(default_detection_rules())
    channels = [
        Channel(sensor_id=f"d{n}", quantity=event.quantity, kind=event.sensor_kind, interval_s=event.every_s)
        for n in range(devices)
    ]
    for channel in channels:
        desk.add(channel)
    checks = np.array([checks_of_channel(channels[0]).record()] * devices, dtype=CHECK_DTYPE)
    flags = check_readings(
        trials.channel,
        trials.at_us,
        trials.value,
        outside=np.zeros(len(trials.at_us), bool),
        state=new_states(devices),
        checks=checks,
    )
    rows = desk.table(desk.take(trials.channel, trials.at_us, trials.value, flags)).to_pylist()
    delay = np.full(devices, np.inf)
    false = 0
    for row in rows:
        if row["state"] != "raised" or row["kind"] == "no_data":
            continue
        device = int(row["sensor_id"][1:])
        after = row["at"].timestamp() - trials.onset_us[device] / 1e6
        if 0 <= after <= GRACE_S:
            delay[device] = min(delay[device], after)
        else:
            false += 1
    found = np.isfinite(delay)
    return Outcome(
        trials=devices,
        found=int(found.sum()),
        delay_s=delay,
        false=false,
        device_days=float((trials.at_us.max() - trials.at_us.min()) / 8.64e10 * devices),
    )


def main() -> None:
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(
        "| event | trials | found | median s | p99 s | within 30 s | false alarms | per device-day | share of alarms |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    total_false = total_found = 0
    for name, event in COMMUNITY_EVENTS.items():
        o = run_trials(event, devices, np.random.default_rng([20260601, len(name), ord(name[0])]))
        total_false += o.false
        total_found += o.found
        middle, slow = np.quantile(o.delay_s, [0.5, 0.99], method="higher")
        print(
            f"| {name} | {o.trials} | {o.found} | {middle:.1f} | {slow:.1f} | {np.mean(o.delay_s <= 30):.1%} |"
            f" {o.false} | {o.false / o.device_days:.4f} | {o.false_share:.2%} |"
        )
    print(f"| all | | {total_found} | | | | {total_false} | | {total_false / (total_false + total_found):.2%} |")


if __name__ == "__main__":
    main()
