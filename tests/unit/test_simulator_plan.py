from __future__ import annotations

from pathlib import Path

import pytest

from simulator import Fault, Plan, PlanFaulty, parse_plan
from simulator.plan import LivePlan
from simulator.reader import REQUEST_COLUMNS, RequestLine

LINE = RequestLine(*[""] * len(REQUEST_COLUMNS))._replace(imei="490154203237518", customer_id="ORG-77")


def test_every_key_is_optional() -> None:
    assert parse_plan("") == Plan()


def test_a_whole_plan() -> None:
    plan = parse_plan(
        """
        delay_seconds = 1.5
        split_answers = 3
        answer_duplicates = true
        faults = ["trailer_lies", "hostile_name"]
        [[code]]
        field = "device_id"
        pattern = "4901.*"
        outcome = "UNCHANGED"
        code = "ACME-1"
        [[reject]]
        field = "customer_id"
        pattern = "ORG-7"
        code = "OR-4102"
        message = "Customer is invalid"
        level = "ORDER"
        """
    )
    assert (plan.delay_seconds, plan.split_answers, plan.answer_duplicates) == (1.5, 3, True)
    assert plan.faults == {Fault.TRAILER_LIES, Fault.HOSTILE_NAME}
    assert [(rule.level, rule.outcome, rule.leaves_state) for rule in plan.rules] == [
        ("ORDER", "ERROR", True),
        ("DEVICE", "UNCHANGED", False),
    ]
    found = plan.rule_for(LINE, "DEVICE")
    assert found is not None
    assert found.code == "ACME-1"
    assert plan.rule_for(LINE, "ORDER") is None, "a pattern must match the whole cell"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("delay_seconds = -1", "delay_seconds"),
        ("delay_seconds = true", "delay_seconds"),
        ("split_answers = 0", "split_answers"),
        ("split_answers = 1.5", "split_answers"),
        ("answer_duplicates = 1", "answer_duplicates"),
        ("colour = 'red'", "colour"),
        ("faults = 'trailer_lies'", "faults"),
        ("faults = ['x']", "no fault 'x'"),
        ("faults = [1]", "no fault 1"),
        ("reject = 1", "reject"),
        ("[[reject]]\nfield = 'colour'\npattern = '.*'", "reject 1: field"),
        ("[[reject]]\nfield = 'imei'\npattern = '('", "reject 1: pattern"),
        ("[[reject]]\nfield = 'imei'", "reject 1: pattern"),
        ("[[reject]]\nfield = 'imei'\npattern = 'x'\nlevel = 'FILE'", "reject 1: level"),
        ("[[reject]]\nfield = 'imei'\npattern = 'x'\nsize = 1", "reject 1: size"),
        ("[[code]]\nfield = 'imei'\npattern = 'x'", "code 1: outcome"),
        ("[[code]]\nfield = 'imei'\npattern = 'x'\noutcome = 'X'\nmessage = \"a\\nb\"", "code 1: message"),
        ("=", "line 1"),
    ],
)
def test_a_faulty_plan_names_the_key(text: str, named: str) -> None:
    with pytest.raises(PlanFaulty, match=named):
        parse_plan(text)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(PlanFaulty) as faulty:
        parse_plan("split_answers = 0\ncolour = 1\nfaults = ['x']")
    assert len(faulty.value.faults) == 3


def test_a_rewritten_file_replaces_the_plan_given(tmp_path: Path) -> None:
    told: list[PlanFaulty] = []
    path = tmp_path / "plan.toml"
    path.write_text("split_answers = 9")
    live = LivePlan(path, Plan(split_answers=2), told.append)
    assert live.current().split_answers == 2
    path.write_text("split_answers = 30")
    assert live.current().split_answers == 30
    path.write_text("split_answers = no")
    assert [live.current().split_answers, live.current().split_answers] == [30, 30]
    assert len(told) == 1
    path.unlink()
    assert live.current() == Plan()


def test_a_fault_is_spent_once_per_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    live = LivePlan(path, Plan(faults=frozenset({Fault.DROP_AFTER_RENAME})), lambda faulty: None)
    assert [live.spend(Fault.DROP_AFTER_RENAME) for _ in range(2)] == [True, False]
    assert not live.spend(Fault.EAT_ON_ARRIVAL)
    path.write_text("faults = ['drop_after_rename']")
    assert live.spend(Fault.DROP_AFTER_RENAME)
