"""The agent: everything put together, started, told and ended."""

from __future__ import annotations

import json
import logging
import resource
import threading
import time
from contextlib import suppress
from typing import Any

import msgspec

from rencheng.edge.channels import Sender, unpacked_message
from rencheng.edge.desk import Desk, Offer
from rencheng.edge.folder import FolderIntake
from rencheng.edge.hand_over import HandOver
from rencheng.edge.journal import Body, Journal
from rencheng.edge.listener import Listener
from rencheng.edge.mqtt_intake import MqttIntake
from rencheng.edge.orders import LocalOrder, OrderBook
from rencheng.edge.readings import read_edge_feed, unfolded
from rencheng.edge.rules import read_local_rules
from rencheng.edge.settings import EdgeSettings
from rencheng.edge.watch import AlarmWatch
from rencheng.kernel import InvalidConfig, InvalidInput, NotFound, format_instant, from_micros

__all__ = ["ADDRESS_FILE", "JOURNAL_FILE", "Agent"]

_LOG = logging.getLogger(__name__)
JOURNAL_FILE = "journal.sqlite"
ADDRESS_FILE = "address"
"""In the store: where the running agent listens."""
_PATIENCE_S = 10.0
_LOOK_S = 0.5


def _now_us() -> int:
    return time.time_ns() // 1000


class Agent:
    """An edge agent.

    Parameters
    ----------
    settings : EdgeSettings
        All it is told.

    Raises
    ------
    InvalidConfig, NotFound
        If a feed's or rule's file is wrong or absent.
    StorageFailed
        If the journal cannot be opened.
    """

    def __init__(self, settings: EdgeSettings) -> None:
        self.settings = settings
        self._begun = time.monotonic()
        self._decoding = threading.Lock()
        files = [(feed, read_edge_feed(settings.folder / feed.config)) for feed in settings.feeds]
        self.feeds = {feed.id: feed for _, feed in files}
        if len(self.feeds) < len(files):
            raise InvalidConfig("two feeds have the same id", where="[[feeds]]", mend="Give every feed its own")
        self.rules = read_local_rules(settings.rules)
        with self._journal() as journal:
            kept, messages = journal.memory(), journal.messages()
            standing = [msgspec.msgpack.decode(p, type=LocalOrder) for p in journal.orders(standing=True)]
            ended = [msgspec.msgpack.decode(p, type=LocalOrder) for p in journal.orders(standing=False)]
        spent = [alarm for order in ended for alarm in order.alarm_ids]
        self._watch = AlarmWatch(
            self.rules, settings.sensors, clock_ahead_us=round(settings.clock_ahead_s * 1e6), kept=kept
        )
        self._book = OrderBook(settings.id, settings.orders, settings.sensors, standing, spent)
        self._sender = Sender(settings.channels, settings.folder, note=self._noted, clock=_now_us)
        unsent = [unpacked_message(packed) for _, packed in messages]
        self._sender.send(sorted(unsent, key=lambda message: message.at))  # an all-clear after its order
        self._desk = Desk(
            settings.id,
            self._journal,
            self._watch,
            self._book,
            most_bytes=round(settings.max_backlog_mb * 1e6),
            lag_us=round(self.rules.clock_lag_s * 1e6),
            clock=_now_us,
            send=self._sender.send,
        )
        self._hand_over = HandOver(settings.id, settings.core, self.feeds, self._journal, clock=_now_us)
        self._most_bytes = round(settings.max_body_mb * 1e6)
        try:
            self._listener = Listener(settings.listen, take=self.take, status=self.status, most_bytes=self._most_bytes)
        except OSError as error:
            where = f"[listen] {settings.listen.host}:{settings.listen.port}"
            raise InvalidConfig(f"cannot listen: {error}", where=where, mend="Choose another port") from error
        self._intakes: list[FolderIntake | MqttIntake] = []
        for feed, read in files:
            if feed.folder:
                self._intakes.append(FolderIntake(read.id, settings.folder / feed.folder, feed.pattern, self.take))
            if feed.mqtt is not None:
                self._intakes.append(MqttIntake(settings.id, read.id, feed.mqtt, self.take))

    @property
    def address(self) -> str:
        """Where devices hand readings in."""
        return self._listener.address

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; returns once all that was acknowledged is on the disk.

        Raises
        ------
        RuntimeError
            If the desk died: whatever watches over the agent is to start it anew.
        """
        for part in (self._sender, self._desk, self._hand_over, self._listener, *self._intakes):
            part.start()
        with suppress(OSError):  # a full disk; the status is then asked for by its address
            (self.settings.store / ADDRESS_FILE).write_text(self.address)
        try:
            while not stop.wait(_LOOK_S):
                if not self._desk.is_alive():
                    raise RuntimeError("the desk of the agent died; see the log above")
        finally:
            for part in (*self._intakes, self._listener, self._desk, self._sender, self._hand_over):
                part.close()

    def take(self, feed_id: str, body: bytes, encoding: str, headers: str) -> dict[str, Any]:
        """Take a body; when this returns it is on the disk.

        Raises
        ------
        NotFound
            If there is no such feed.
        InvalidInput
            If its encoding is unknown or broken.
        StorageFailed
            If it was not kept.
        """
        feed = self.feeds.get(feed_id)
        if feed is None:
            known = ", ".join(sorted(self.feeds))
            raise NotFound(f"this gateway has no feed {feed_id!r}", mend=f"Known feeds: {known}")
        if encoding == "gzip" and not headers:
            body = unfolded(body, most_bytes=self._most_bytes)
        elif encoding not in {"", "identity", "gzip"}:
            raise InvalidInput(f"content encoding {encoding!r} is not taken", mend="Send gzip or plain")
        plain = body
        if encoding == "gzip" and headers:  # signed as it is: it stays so
            plain = unfolded(body, most_bytes=self._most_bytes)
            headers = json.dumps({**json.loads(headers), "Content-Encoding": "gzip"})
        if not plain.strip():
            return {"feed_id": feed_id, "kept": 0}
        with self._decoding:  # one at a time: the readings of a body are larger than the body
            readings = [reading for reading in feed.readings(plain) if self._watch.follows(reading.quantity)]
        kept = Body(feed=feed_id, body=body, rows=feed.rows(plain), headers=headers, at=_now_us())
        rows = self._desk.offer(Offer(body=kept, readings=readings), timeout_s=_PATIENCE_S)
        return {"feed_id": feed_id, "kept": rows}

    def status(self) -> dict[str, Any]:
        """How the agent is."""
        with self._journal() as journal:
            counts, aside, oldest = journal.counts(), journal.aside(), journal.oldest_waiting()
            standing = [msgspec.msgpack.decode(p, type=LocalOrder) for p in journal.orders(standing=True)]
            records, unsent = len(journal.log(waiting=True)), [name for name, _ in journal.messages()]
        return {
            "edge_id": self.settings.id,
            "address": self.address,
            "up_s": round(time.monotonic() - self._begun, 1),
            "memory_mib": _resident_mib(),
            "rows_kept": counts.get("kept", 0),
            "rows_handed_over": counts.get("handed", 0),
            "waiting_mb": round(counts.get("waiting_bytes", 0) / 1e6, 3),
            "most_waiting_mb": self.settings.max_backlog_mb,
            "oldest_waiting": None if oldest is None else format_instant(from_micros(oldest)),
            "records_waiting": records,
            "refused_by_core": [{"feed": p.feed, "rows": p.rows, "why": p.aside} for p in aside],
            "core": {"url": self.settings.core.url, "errors": self._hand_over.errors},
            "clock_ahead_s": self._hand_over.clock_ahead_s,
            "disk": self._desk.failure,
            "channels_followed": self._watch.channels,
            "rules_left_to_core": list(self.rules.left),
            "orders": [_order_status(order) for order in standing],
            "unsent": unsent,
        }

    def _noted(self, note: Any, sent: str) -> None:
        self._desk.note(note, sent)

    def _journal(self) -> Journal:
        return Journal(self.settings.store / JOURNAL_FILE, self.settings.id)


def _order_status(order: LocalOrder) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "action": order.action,
        "given_at": format_instant(from_micros(order.given_at)),
        "sensor_id": order.sensor_id,
        "text": {"zh": order.text.zh, "en": order.text.en},
        "alarms": len(order.alarm_ids),
        "open_alarms": len(order.open_alarms),
    }


def _resident_mib() -> float:
    """Resident memory now, where the system tells; else the most so far."""
    with suppress(OSError, ValueError, IndexError), open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 — a file of the kernel
        return round(int(file.read().split()[1]) * resource.getpagesize() / 2**20, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
