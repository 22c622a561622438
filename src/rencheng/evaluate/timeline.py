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

from rencheng.kernel import Bilingual, Colour
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
    standing: dict[str, str] = {}
    moments: list[Moment] = []
    for entry in entries:
        seq_of[entry.id] = entry.seq
        text = _eased(entry, standing) or in_words(entry)
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


def _eased(entry: Entry, standing: dict[str, str]) -> Bilingual | None:
    """Words for a signal that fell to a lower colour; keeps in ``standing`` the colour of every signal."""
    body: Any = entry.body
    if entry.kind == "SignalCleared":
        standing.pop(body.signal_id, None)
    if entry.kind != "SignalRaised":
        return None
    before = standing.get(body.signal_id, "")
    standing[body.signal_id] = body.colour
    if _rank(body.colour) >= _rank(before):
        return None
    return _signal_words(body, Bilingual(zh="信号回落", en="Signal eased"))


def _signal(body: Any) -> Bilingual:
    return _signal_words(body, Bilingual(zh="研判信号", en="Signal"))


def _signal_words(body: Any, verb: Bilingual) -> Bilingual:
    """The verb, the colour that holds, and the evidence that reached its level, or was last held to it."""
    valued = [e for e in body.evidence if e.value is not None]
    judged = [e for e in valued if e.threshold is not None]
    reached = [e for e in judged if e.value >= e.threshold]
    shown = (reached or judged or valued)[:1]
    value = "".join(f"{e.value:g} {e.unit}" for e in shown)
    window = "".join(f" / {e.note.partition(',')[0]}" for e in shown if e.kind == "accumulation" and e.note)
    about = " ".join(part for part in (body.sensor_id, value + window) if part)
    colour = _COLOURS.get(body.colour, Bilingual(zh="", en=""))
    return Bilingual(zh=f"{verb.zh}{colour.zh} {body.name}({about})", en=f"{verb.en}{colour.en} {body.name} ({about})")


def _rank(colour: str) -> int:
    return Colour(colour).rank if colour else 0


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


_COLOURS = {
    "blue": Bilingual(zh="(蓝色)", en=" (blue)"),
    "yellow": Bilingual(zh="(黄色)", en=" (yellow)"),
    "orange": Bilingual(zh="(橙色)", en=" (orange)"),
    "red": Bilingual(zh="(红色)", en=" (red)"),
}
_SPECIAL: dict[str, Callable[[Any], Bilingual]] = {
    "SignalRaised": _signal,
    "DamageAssessed": _damage,
    "NeedRaised": _need,
}
