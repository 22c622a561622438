"""The page of indicators tells what the platform reads, neither more nor less."""

from __future__ import annotations

from pathlib import Path

from scripts.docs import DOCS, indicators_page

from rencheng.assess.risk_index import risk_tree
from rencheng.evaluate import indicators, resilience_tree

PAGE: Path = DOCS / "reference" / "indicators.md"


def test_the_page_of_indicators_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == indicators_page(), "stale: run make docs"


def test_every_indicator_is_on_it_with_its_source() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for tree in (resilience_tree(), risk_tree()):
        for indicator in (i for d in tree.dimensions for i in d.indicators):
            assert f"`{indicator.id}`" in page
            assert indicator.source in page
    assert all(f"`{indicator.id}`" in page for indicator in indicators())
