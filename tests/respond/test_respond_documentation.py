"""The plan format page lists every field, and the plan of the guide can be used as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from rencheng.city import City
from rencheng.city.organisation import DUTIES
from rencheng.respond import Inputs
from rencheng.respond.plans import AreaTrigger, Plan, Step, Trigger

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("kind", [Plan, Trigger, AreaTrigger, Step], ids=lambda k: k.__name__)
def test_every_field_of_a_plan_is_documented(kind: type[msgspec.Struct]) -> None:
    page = (DOCS / "reference" / "plans.md").read_text(encoding="utf-8")
    listed = {name.removeprefix("area.") for name in re.findall(r"^\| `([a-z_.]+)` \|", page, flags=re.MULTILINE)}
    fields = {f.name for f in msgspec.structs.fields(kind)} - {"area"}
    assert fields <= listed, f"add to docs/reference/plans.md: {sorted(fields - listed)}"


def test_every_duty_is_documented() -> None:
    page = (DOCS / "reference" / "plans.md").read_text(encoding="utf-8")
    assert all(f"`{duty}`" in page for duty in DUTIES)


def test_the_plan_of_the_guide_can_be_used(town: City, tmp_path: Path) -> None:
    guide = (DOCS / "how-to" / "write-a-plan.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", guide, flags=re.DOTALL)
    assert block
    shutil.copytree(town.path, tmp_path / "town")
    (tmp_path / "town" / "plans").mkdir()
    (tmp_path / "town" / "plans" / "guide.yaml").write_text(dedent(block[1]), encoding="utf-8")
    inputs = Inputs.of(City(path=tmp_path / "town", manifest=town.manifest))
    assert len(inputs.plans.plan("east-river", "1").steps) == 10
