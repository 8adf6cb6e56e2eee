"""What is legal of agents, and most likely not meant."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.lint_calendars import no_shifts
from rules.model import Rulebook
from tests.unit.rules.test_lint import CLEAN, DEFAULT, warnings

HEAVY = {"email": 2, "sms": 2, "chat": 2, "hotline": 2}
VIP: dict[str, Any] = {"tiers": {"vip": {}}}
STAGE: dict[str, Any] = {"stages": {"new": {"capacity": 1}}}


def staff(**agents: Any) -> dict[str, Any]:
    """The clean rulebook's agents with these changed or added."""
    people = {**CLEAN["agents"]}
    for name, fields in agents.items():
        people[name] = {**people.get(name, {"pool": "front", "queues": ["one"]}), **fields}
    return {"agents": people}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            STAGE | staff(ann={"stage": "new", "weights": {"chat": 2}}),
            "agent 'ann' never gets chat: weight 2 > the capacity of stage 'new', 1",
        ),
        (
            STAGE | staff(ann={"stage": "new", "weights": HEAVY}),
            "agent 'ann' can never be assigned anything: every channel weighs more than "
            "the capacity of stage 'new', 1",
        ),
        (
            staff(ann={"capacity": 0, "weights": {"hotline": "all"}}),
            "agent 'ann' can never be assigned anything: no capacity",
        ),
        (
            {"stages": {"new": {"types": ["matter"], "not_types": ["matter"]}}},
            "stage 'new' gets nothing: each of its `types` is in `not_types` as well",
        ),
        (
            {"protection": {"pause": "5m"}},
            "protection does nothing: no `types` and no `tags` are hard",
        ),
        (
            {"protection": {"types": ["matter"]}},
            "protection does nothing: neither `in_a_row` nor `pause` is given",
        ),
        ({"protection": {"tags": ["legal"], "in_a_row": 2}}, "no route gives the tag 'legal'"),
        (
            VIP | staff(bo={"reserve": {"tiers": "vip"}}),
            "queue 'three': all who serve it are reserved for vip",
        ),
    ],
)
def test_what_agents_never_get(sections: dict[str, Any], said: str) -> None:
    """Weights, stages, protection and reserves that leave nothing, or do nothing."""
    assert said in warnings(**sections)


@pytest.mark.parametrize(
    "sections",
    [
        staff(ann={"weights": {"hotline": "all"}}),
        staff(ann={"weights": {"email": 2}}),
        {**staff(ann={"stage": "new"}), "stages": {"new": {"types": ["matter"], "capacity": 5}}},
        {"protection": {"types": ["matter"], "in_a_row": 2}},
        {
            "protection": {"tags": ["legal"], "pause": "5m"},
            "routes": [{**DEFAULT, "then": {**DEFAULT["then"], "tags": ["legal"]}}],
        },
        {"tiers": {"vip": {}}, **staff(ann={"reserve": {"tiers": "vip", "lend_after": "5m"}})},
        {
            "tiers": {"vip": {}},
            **staff(ann={"reserve": {"tiers": "vip"}}, cat={"queues": ["one", "two"]}),
        },
    ],
)
def test_what_agents_get_is_not_odd(sections: dict[str, Any]) -> None:
    """A call that takes all, a stage that is wide enough, a reserve that lends, or is not alone."""
    said = [one for one in warnings(**sections) if "not used" not in one]
    assert said == []


@pytest.mark.parametrize(
    ("hours", "over"),
    [
        ({"special": {"2027-01-04": ["09:00-12:00"]}, "hours": {}}, True),
        ({"special": {"2027-03-04": ["09:00-12:00"]}, "hours": {}}, False),
        ({"hours": {"mon": ["09:00-12:00"]}}, False),
        ({"hours": {"mon": ["09:00-12:00"]}, "overlay": "calendars/none.yaml"}, False),
    ],
)
def test_shifts_that_are_over_for_good(hours: dict[str, Any], over: bool) -> None:
    """An agent with such a calendar is offered nothing any more, whatever the agent does."""
    calendars = {**CLEAN["calendars"], "shift": {"timezone": "UTC", **hours}}
    document = {**CLEAN, **staff(ann={"calendar": "shift"}), "calendars": calendars}
    book = Rulebook.model_validate({**document, "routes": [DEFAULT]})
    said = [one for _, one in no_shifts(book, {}, datetime(2027, 2, 1, tzinfo=UTC))]
    assert said == (
        ["agent 'ann' has no shift any more: 'shift' does not open again"] if over else []
    )
