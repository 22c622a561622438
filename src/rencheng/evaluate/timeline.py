"""The timeline of a report: facts that a person would tell, in words, with what caused them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from rencheng.kernel import Bilingual
from rencheng.ledger import Entry

__all__ = ["Moment", "in_words", "timeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of the timeline."""

    seq: int
    at: datetime
    kind: str
    text: Bilingual
    actor: str
    causes: tuple[int, ...]
    """Positions of the facts that led to it."""


def timeline(entries: Iterable[Entry], *, most: int = 2000) -> list[Moment]:
    """Tell the story of a stretch of the ledger; the first ``most`` moments."""
    seq_of: dict[str, int] = {}
    moments: list[Moment] = []
    for entry in entries:
        seq_of[entry.id] = entry.seq
        text = in_words(entry)
        if text is not None and len(moments) < most:
            causes = tuple(sorted({seq_of[c] for c in entry.cause if c in seq_of}))
            moments.append(
                Moment(
                    seq=entry.seq, at=entry.occurred_at, kind=entry.kind, text=text, actor=entry.actor, causes=causes
                )
            )
    return moments


def in_words(entry: Entry) -> Bilingual | None:
    """One fact in Chinese and English; ``None`` for facts that only machines care for."""
    if entry.kind in _SPECIAL:
        return _SPECIAL[entry.kind](entry.body)
    words = _words().get(entry.kind)
    return words.format(f=entry.body) if words else None


@cache
def _words() -> dict[str, Bilingual]:
    text = (files("rencheng.evaluate") / "data" / "words.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, Bilingual])


def _signal(body: Any) -> Bilingual:
    e = body.evidence[0] if body.evidence else None
    value = f" {e.value:g} {e.unit}" if e is not None and e.value is not None else ""
    return Bilingual(
        zh=f"研判信号 {body.name}({body.sensor_id}{value})", en=f"Signal {body.name} ({body.sensor_id}{value})"
    )


def _damage(body: Any) -> Bilingual:
    zh = en = ""
    if body.loss_cny is not None:
        zh, en = f",损失 {body.loss_cny / 1e4:,.0f} 万元", f", loss {body.loss_cny / 1e4:,.0f} ×10,000 CNY"
    return Bilingual(
        zh=f"损失评估:受损建筑 {body.buildings_damaged} 栋{zh}",
        en=f"Damage assessed: {body.buildings_damaged} buildings{en}",
    )


def _need(body: Any) -> Bilingual:
    zh, en = (f"({body.people} 人)", f" ({body.people} people)") if body.people else ("", "")
    return Bilingual(zh=f"需求:{body.kind}{zh}", en=f"Need: {body.kind}{en}")


_SPECIAL: dict[str, Callable[[Any], Bilingual]] = {
    "SignalRaised": _signal,
    "DamageAssessed": _damage,
    "NeedRaised": _need,
}
