"""Orders that a gateway gives by itself: when, once, and how they end. Pure; the core is not asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rencheng.edge.settings import OrderSettings, SensorSettings
from rencheng.edge.watch import LocalAlarm
from rencheng.kernel import Bilingual, OrderRefused, derived_id, format_instant, from_micros

__all__ = ["LocalOrder", "OrderBook", "OrderChange"]

_RANK = {"": 0, "blue": 1, "yellow": 2, "orange": 3, "red": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOrder:
    """An order as given here."""

    order_id: str
    rule: str
    action: str
    hazard: str
    severity: str
    text: Bilingual
    cancel_text: Bilingual
    channels: tuple[str, ...]
    sensor_id: str
    alarm_ids: tuple[str, ...]
    open_alarms: tuple[str, ...]
    given_at: int
    quiet_since: int
    """When its last alarm cleared; 0 while one stands."""
    stands_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What became of an order: ``given``, ``joined`` by an alarm, ``cancelled`` or ``lapsed``."""

    what: str
    order: LocalOrder
    at: int
    by: str = ""
    reason: str = ""


class OrderBook:
    """Standing orders.

    Parameters
    ----------
    edge_id : str
        The gateway.
    rules : sequence of OrderSettings
        When orders are given.
    sensors : mapping of str to SensorSettings
        Places, for the text.
    standing : sequence of LocalOrder
        Orders that stood when the agent stopped.
    spent : sequence of str
        Alarms of orders that have ended: they lead to no order again, whatever is read of them.
    """

    def __init__(
        self,
        edge_id: str,
        rules: Sequence[OrderSettings],
        sensors: Mapping[str, SensorSettings],
        standing: Sequence[LocalOrder] = (),
        spent: Sequence[str] = (),
    ) -> None:
        self._edge_id, self._rules, self._sensors = edge_id, tuple(rules), sensors
        self.standing: dict[str, LocalOrder] = {order.rule: order for order in standing}
        """By rule: one order of a rule stands at a time."""
        self._spent = dict.fromkeys(spent)

    def judge(self, alarms: Sequence[LocalAlarm], now_us: int) -> list[OrderChange]:
        """Give what alarms lead to; an alarm whose order stands leads to nothing more."""
        changes: list[OrderChange] = []
        for alarm in alarms:
            for rule in self._rules:
                if alarm.state == "cleared":
                    self._quieten(rule.id, alarm)
                elif (
                    alarm.alarm_id not in self._spent
                    and alarm.hazard in rule.hazards
                    and _RANK[alarm.severity] >= _RANK[rule.severity]
                    and (not rule.sensors or alarm.sensor_id in rule.sensors)
                ):
                    changes += self._raise(rule, alarm, now_us)
        return changes

    def lapse(self, now_us: int) -> list[OrderChange]:
        """End the orders whose alarms have been quiet for long enough."""
        over = [o for o in self.standing.values() if o.quiet_since and now_us - o.quiet_since >= o.stands_us]
        for order in over:
            self._end(order)
        return [OrderChange(what="lapsed", order=order, at=now_us, by="clock") for order in over]

    def cancel(self, order_id: str, *, by: str, reason: str, now_us: int) -> OrderChange:
        """End an order at an officer's word.

        Raises
        ------
        OrderRefused
            If no such order stands, or nobody says who and why.
        """
        order = next((o for o in self.standing.values() if o.order_id == order_id), None)
        if order is None:
            known = ", ".join(o.order_id for o in self.standing.values()) or "none"
            raise OrderRefused(f"no order {order_id!r} stands", mend=f"Standing orders: {known}")
        if not by.strip() or not reason.strip():
            raise OrderRefused("who cancels and why is missing", where=order_id, mend="Give --by and --reason")
        self._end(order)
        return OrderChange(what="cancelled", order=order, at=now_us, by=by.strip(), reason=reason.strip())

    def _end(self, order: LocalOrder) -> None:
        del self.standing[order.rule]
        self._spent.update(dict.fromkeys(order.alarm_ids))

    def _raise(self, rule: OrderSettings, alarm: LocalAlarm, now_us: int) -> list[OrderChange]:
        known = self.standing.get(rule.id)
        if known is None:
            order = self._order(rule, alarm, now_us)
            self.standing[rule.id] = order
            return [OrderChange(what="given", order=order, at=now_us)]
        if alarm.alarm_id in known.open_alarms:
            return []
        joined = replace(
            known,
            open_alarms=(*known.open_alarms, alarm.alarm_id),
            alarm_ids=tuple(dict.fromkeys((*known.alarm_ids, alarm.alarm_id))),
            quiet_since=0,
        )
        self.standing[rule.id] = joined
        return [OrderChange(what="joined", order=joined, at=now_us)]

    def _quieten(self, rule_id: str, alarm: LocalAlarm) -> None:
        known = self.standing.get(rule_id)
        if known is not None and alarm.alarm_id in known.open_alarms:
            still = tuple(name for name in known.open_alarms if name != alarm.alarm_id)
            quiet = 0 if still else alarm.at
            self.standing[rule_id] = replace(known, open_alarms=still, quiet_since=quiet)

    def _order(self, rule: OrderSettings, alarm: LocalAlarm, now_us: int) -> LocalOrder:
        sensor = self._sensors.get(alarm.sensor_id, SensorSettings())
        said = {
            "sensor": alarm.sensor_id,
            "value": f"{alarm.value:.4g}",
            "time": format_instant(from_micros(now_us // 1_000_000 * 1_000_000)),
        }
        zh = rule.text.zh.format(place=sensor.place.zh or alarm.sensor_id, name=alarm.name.zh, **said)
        en = rule.text.en.format(place=sensor.place.en or alarm.sensor_id, name=alarm.name.en, **said)
        return LocalOrder(
            order_id=derived_id("edge-order", self._edge_id, rule.id, alarm.alarm_id),
            rule=rule.id,
            action=rule.action,
            hazard=alarm.hazard,
            severity=alarm.severity,
            text=Bilingual(zh=zh, en=en),
            cancel_text=rule.cancel_text,
            channels=rule.channels,
            sensor_id=alarm.sensor_id,
            alarm_ids=(alarm.alarm_id,),
            open_alarms=(alarm.alarm_id,),
            given_at=now_us,
            quiet_since=0,
            stands_us=round(rule.stands_s * 1e6),
        )
