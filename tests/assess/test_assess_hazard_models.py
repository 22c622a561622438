"""Every registered hazard model keeps the contract; a model that breaks a promise is caught at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rencheng.assess import Card, HazardModel, ModelInputs, Outlook, check_hazard_model, hazard_models
from rencheng.assess.facts import Evidence
from rencheng.assess.models.rainstorm import CARD
from rencheng.assess.stage_card import STAGE_CARD
from rencheng.city import City
from rencheng.kernel import InvalidInput


@pytest.mark.parametrize("name", list(hazard_models()))
def test_a_registered_model_keeps_the_contract(name: str, river_town: City, flat_town: City) -> None:
    check_hazard_model(hazard_models()[name], river_town)
    check_hazard_model(hazard_models()[name], flat_town)


class _Broken:
    """A model that breaks one promise."""

    def __init__(self, promise: str) -> None:
        self.promise = promise

    @property
    def card(self) -> Card:
        """A card, incomplete where that is the promise broken."""
        return replace(CARD, sources=()) if self.promise == "card" else CARD

    def assess(self, inputs: ModelInputs) -> Outlook:
        """Judge wrongly."""
        shape = (len(CARD.horizons_h), len(inputs.cells))
        wet = float(np.nanmax(inputs.rain.cell_mm, initial=0.0))
        p = np.full(shape, min(wet / 500.0, 1.0))
        intensity = np.zeros(shape)
        match self.promise:
            case "range":
                p = p - 0.1
            case "horizons":
                p = p[:1]
            case "monotone":
                p = np.where(p > 0, 0.5 - p / 2, 0.0)
            case "calm":
                p = np.maximum(p, 0.5)
            case "finite":
                intensity[:] = np.nan
        evidence = () if self.promise == "evidence" else (Evidence(kind="accumulation"),)
        return Outlook(probability=p, intensity=intensity, evidence=evidence)


@pytest.mark.parametrize(
    ("promise", "message"),
    [
        ("card", "card is complete"),
        ("range", "from 0 to 1"),
        ("horizons", "every declared horizon"),
        ("monotone", "does not lessen"),
        ("calm", "nothing happening is no danger"),
        ("finite", "finite"),
        ("evidence", "with its evidence"),
    ],
)
def test_a_broken_promise_is_named(promise: str, message: str, river_town: City) -> None:
    model: HazardModel = _Broken(promise)
    with pytest.raises(InvalidInput, match=message):
        check_hazard_model(model, river_town)


def test_the_reference_page_tells_every_limit_of_every_model() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "hazard-models.md").read_text(encoding="utf-8")
    for card in [*(model.card for model in hazard_models().values()), STAGE_CARD]:
        for words in (card.name, card.skill, card.damaging, *card.limits, *card.sources):
            assert words in page, f"docs/reference/hazard-models.md does not say of {card.name}: {words}"
