"""Feeds and deliveries that the tests of decoders share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rencheng.sense import Decoded, Delivery, FeedConfig, feed_config_from_dict

NOON = datetime(2024, 4, 15, 12, tzinfo=UTC)
NOON_MS = 1_713_182_400_000


def feed(format_: str, **section: Any) -> FeedConfig:
    """A feed of a format, made as from its file."""
    return feed_config_from_dict({"id": "test", "format": format_, **section}, where="test")


def at_noon(topic: str = "", **more: Any) -> Delivery:
    """A delivery that arrives at noon."""
    return Delivery(arrived_at=NOON, topic=topic, **more)


def readings(decoded: Decoded) -> list[tuple[str, str, datetime, float]]:
    """What was taken, in order."""
    return [(r["sensor_id"], r["quantity"], r["at"], round(r["value"], 6)) for r in decoded.good.to_pylist()]


def reasons(decoded: Decoded) -> list[str]:
    """Why things were refused, in order."""
    return [str(row["reason"]) for row in decoded.refused.to_pylist()]


def details(decoded: Decoded) -> list[str]:
    """What is told of refusals, in order."""
    return [str(row["detail"]) for row in decoded.refused.to_pylist()]


def columns(**words: str) -> list[dict[str, str]]:
    """Columns by word: ``"quantity unit"``."""
    return [
        {"column": word, "quantity": said.split()[0], "unit": said.split()[1] if " " in said else ""}
        for word, said in words.items()
    ]
