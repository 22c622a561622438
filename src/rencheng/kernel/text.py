"""Text that people read, in Chinese and English side by side."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bilingual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bilingual:
    """One message in Chinese (``zh``) and English (``en``)."""

    zh: str
    en: str

    def format(self, **values: object) -> Bilingual:
        """Fill ``{name}`` fields in both languages."""
        return Bilingual(zh=self.zh.format(**values), en=self.en.format(**values))
