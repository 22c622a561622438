"""Plans are files: the most specific one is chosen, and a wrong one is refused where it is wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.respond.respond_town import START, World

from rencheng.city import City, Organisation
from rencheng.kernel import InvalidConfig, NotFound, ResponseLevel
from rencheng.respond import Inputs, check_duties, read_plans
from rencheng.respond.plans import PlanBook, Resolution
from rencheng.respond.rules import read_rules

PLAN = """\
id: own
version: "1"
title: {zh: 本市预案, en: Own plan}
jurisdiction: CN-42
valid_from: 2024-01-01
source: 江城防汛办
trigger: {hazard: rainstorm}
steps:
  - id: first
    title: {zh: 第一步, en: First}
    duty: commander
    measure: establish_command
    deadline_min: 30
  - id: second
    title: {zh: 第二步, en: Second}
    duty: water_lead
    level: district
    measure: pump_out
    deadline_min: 60
    depends_on: [first]
"""


@pytest.fixture
def with_plan(town: City, tmp_path: Path) -> Callable[..., City]:
    def write(text: str, name: str = "own.yaml") -> City:
        folder = tmp_path / "town"
        if not folder.exists():
            shutil.copytree(town.path, folder)
        (folder / "plans").mkdir(exist_ok=True)
        (folder / "plans" / name).write_text(text, encoding="utf-8")
        return City(path=folder, manifest=town.manifest)

    return write


def resolve(
    book: PlanBook, city: City, hazard: str = "rainstorm", level: str = "III", areas: tuple[str, ...] = ()
) -> Resolution:
    return book.resolve(
        hazard=hazard, level=ResponseLevel(level), colour="yellow", area_ids=areas, areas=Organisation.of(city).areas,
        jurisdiction="CN-42", at=START,
    )  # fmt: skip


def test_each_level_has_its_plan_and_anything_else_the_generic_one(town: City) -> None:
    book = read_plans()
    for hazard, prefix in (("rainstorm", "rainstorm"), ("river_flood", "river-flood")):
        for level in ("IV", "III", "II", "I"):
            assert resolve(book, town, hazard, level).plan.id == f"{prefix}-{level}"
    assert resolve(book, town, "waterlogging").plan.id == "waterlogging"
    assert resolve(book, town, "earthquake").plan.id == "any-hazard"


def test_a_higher_level_asks_for_all_that_the_lower_does() -> None:
    steps = {p.id: {s.id for s in p.steps} for p in read_plans().plans}
    for name in ("rainstorm", "river-flood"):
        assert steps[f"{name}-IV"] < steps[f"{name}-III"] < steps[f"{name}-II"] < steps[f"{name}-I"]


def test_shipped_plans_are_in_both_languages_and_name_their_source() -> None:
    for plan in read_plans().plans:
        assert plan.source
        for step in plan.steps:
            assert step.title.zh
            assert step.title.en


def test_the_citys_own_plan_goes_before_the_shipped_one(with_plan: Callable[..., City]) -> None:
    city = with_plan(PLAN)
    assert resolve(read_plans(city.path), city).plan.id == "own"


def test_order_of_specificity(with_plan: Callable[..., City]) -> None:
    city = with_plan(PLAN.replace("jurisdiction: CN-42", 'jurisdiction: "*"').replace("id: own", "id: plain"))

    def own(name: str, trigger: str, jurisdiction: str = '"*"', valid_from: str = "2024-01-01") -> None:
        data = yaml.safe_load(PLAN)
        data |= {"id": name, "trigger": yaml.safe_load(trigger), "jurisdiction": jurisdiction.strip('"')}
        text = yaml.safe_dump(data, allow_unicode=True).replace("2024-01-01", valid_from)
        with_plan(text, f"{name}.yaml")

    def chosen(areas: tuple[str, ...] = ("east-1-c",)) -> str:
        return resolve(read_plans(city.path), city, areas=areas).plan.id

    assert chosen() == "rainstorm-III", "the very level goes before any level"
    own("country", "{hazard: rainstorm}", "CN")
    assert chosen() == "country", "the closer jurisdiction goes before the level"
    own("province", "{hazard: rainstorm}", "CN-42")
    assert chosen() == "province"
    own("elsewhere", "{hazard: rainstorm}", "CN-41")
    assert chosen() == "province", "another province's plan does not hold"
    own("kind", "{hazard: rainstorm, area: {kinds: [community]}}")
    assert chosen() == "kind", "a kind of area goes before the jurisdiction"
    assert chosen(("east-1-c", "east-2-c")) == "province", "two communities are no longer one community"
    own("district", "{hazard: rainstorm, area: {ids: [east]}}")
    assert chosen() == "district"
    own("street", "{hazard: rainstorm, area: {ids: [east-1]}}")
    assert chosen() == "street", "the smaller area goes first"
    assert chosen(("west-1-c",)) == "kind", "a plan for the east does not hold in the west"
    own("generic", "{hazard: any, area: {ids: [east-1-c]}}")
    assert chosen() == "street", "the very hazard goes before any hazard"
    own("future", "{hazard: rainstorm, area: {ids: [east-1]}}", valid_from="2030-01-01")
    assert chosen() == "street", "a plan that is not in force yet does not hold"
    own("newer", "{hazard: rainstorm, area: {ids: [east-1]}}", valid_from="2024-03-01")
    assert chosen() == "newer"


def test_resolving_among_hundreds_of_plans_takes_well_under_a_tenth_of_a_second(town: City) -> None:
    book = read_plans()
    many = PlanBook(plans=book.plans * 50)
    resolve(many, town)
    begin = time.perf_counter()
    resolve(many, town, areas=("east-1-c", "west-1-c"))
    assert time.perf_counter() - begin < 0.1


def test_no_plan_at_all_is_said_so(town: City) -> None:
    with pytest.raises(NotFound, match="no plan holds for rainstorm"):
        resolve(PlanBook(plans=()), town)


WRONG = [
    (PLAN.replace("deadline_min: 30", "deadline_min: soon"), r"own.yaml line 13, steps\[0\].deadline_min: Expected"),
    (PLAN.replace("    duty: commander\n", ""), r"line 9, steps\[0\]: .*missing required field `duty`"),
    (PLAN.replace("measure: pump_out", "measur: pump_out"), "unknown field `measur`"),
    (
        PLAN.replace("[first]", "[third]"),
        r"line 14, steps\[1\] 'second', depends_on: .*'third'.*Use one of: first, second",
    ),
    (PLAN.replace("id: second", "id: first").replace("[first]", "[]"), "has step 'first' twice"),
    (PLAN.replace("hazard: rainstorm", "hazard: meteor"), "line 7, trigger.hazard: .*unknown hazard 'meteor'"),
    (PLAN.replace("steps:", "includes: nothing\nsteps:"), "includes unknown plan 'nothing'"),
    (PLAN.replace("steps:", "includes: own\nsteps:"), "include one another: own → own"),
    (PLAN.replace("{hazard: rainstorm}", "{hazard: rainstorm"), "own.yaml line 8: not YAML"),
    (
        PLAN.replace("measure: establish_command\n", "measure: establish_command\n    depends_on: [second]\n"),
        "wait for one another: first → second → first",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[m[:40] for _, m in WRONG])
def test_a_wrong_plan_is_refused_by_file_line_and_key(with_plan: Callable[..., City], text: str, message: str) -> None:
    city = with_plan(text)
    with pytest.raises(InvalidConfig, match=message):
        read_plans(city.path)


def test_an_unknown_duty_names_plan_step_and_duty(with_plan: Callable[..., City]) -> None:
    city = with_plan(PLAN.replace("duty: water_lead", "duty: dragon_tamer"))
    with pytest.raises(InvalidConfig, match="plan 'own', step 'second' names unknown duty 'dragon_tamer'"):
        Inputs.of(city)


def test_a_duty_of_the_citys_own_is_known(with_plan: Callable[..., City]) -> None:
    city = with_plan(PLAN)
    check_duties(read_plans(city.path).plans, Organisation.of(city))


def test_a_warning_puts_the_citys_own_plan_in_force(with_plan: Callable[..., City]) -> None:
    world = World(Inputs.of(with_plan(PLAN)))
    world.warn("yellow")
    assert world.said("PlanActivated")[0].plan_id == "own"
    assert [t.step_id for t in world.said("TaskCreated")] == ["first"]


def test_levels_by_colour_are_data_that_a_city_may_change(tmp_path: Path) -> None:
    assert read_rules().level_of("orange", "CN-42") == "II"
    folder = tmp_path / "rules" / "respond"
    folder.mkdir(parents=True)
    (folder / "levels.yaml").write_text(
        """\
- {jurisdiction: "*", valid_from: 2022-01-01, source: a, levels: {blue: IV, yellow: III, orange: II, red: I}}
- {jurisdiction: CN-42, valid_from: 2024-01-01, source: b, levels: {blue: IV, yellow: II, orange: I, red: I}}
""",
        encoding="utf-8",
    )
    rules = read_rules(tmp_path)
    assert (rules.level_of("yellow", "CN-42"), rules.level_of("yellow", "CN-41")) == ("II", "III")
    (folder / "levels.yaml").write_text("- {jurisdiction: CN}\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"levels.yaml line 1, \[0\]"):
        read_rules(tmp_path)
