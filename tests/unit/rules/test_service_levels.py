"""Rows of targets: which tickets they are for, and what is odd about them."""

from datetime import timedelta
from typing import Any

import pytest

from rules.service_levels import Sla, TicketFacts
from tests.unit.rules.test_lint import CLEAN, warnings

TICKET: dict[str, Any] = {
    "tier": "vip", "type": "complaint", "priority": 3, "channel": "chat", "queue": "billing",
}  # fmt: skip


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"tier": "vip"}, True),
        ({"tier": ["gold", "vip"]}, True),
        ({"tier": "gold"}, False),
        ({"type": "complaint", "channel": "chat", "queue": "billing"}, True),
        ({"type": "complaint", "channel": "sms"}, False),
        ({"queue": "rescue"}, False),
        ({"priority": {"at_least": 3}}, True),
        ({"priority": {"at_least": 4}}, False),
        ({"priority": {"at_most": 3}}, True),
        ({"priority": {"at_most": 2}}, False),
        ({"priority": {"at_least": 3, "at_most": 3}, "tier": "gold"}, False),
    ],
)
def test_all_that_a_row_asks_must_hold(when: dict[str, Any], holds: bool) -> None:
    """Of a list one; a priority in the range, its ends included."""
    assert TicketFacts.model_validate(when).hold(**TICKET) is holds


@pytest.mark.parametrize("field", ["tier", "type"])
def test_a_ticket_without_it_is_none_of_a_row_that_asks_for_it(field: str) -> None:
    """A customer without a tier, a request of no type."""
    facts = TicketFacts.model_validate({field: TICKET[field]})
    assert not facts.hold(**(TICKET | {field: None}))


def test_the_first_row_that_holds_replaces_what_it_names() -> None:
    """The rest stays the SLA's own; later rows add nothing."""
    sla = Sla.model_validate(
        {
            "calendar": "desk",
            "first_response": "1h",
            "resolution": "1d",
            "targets": [
                {"when": {"tier": "gold"}, "first_response": "1m"},
                {"when": {"tier": "vip"}, "first_response": "5m", "queue_time": "30s"},
                {"when": {"channel": "chat"}, "resolution": "2h"},
            ],
        }
    )
    assert sla.promised(**TICKET) == {
        "first_response": timedelta(minutes=5),
        "queue_time": timedelta(seconds=30),
        "resolution": timedelta(days=1),
    }


def sla(**changes: Any) -> dict[str, Any]:
    """The clean rulebook's SLA with changes."""
    return {"usual": {**CLEAN["slas"]["usual"], **changes}}


def of(wide: dict[str, Any], narrow: dict[str, Any]) -> list[str]:
    """What is said of two rows of targets, by their conditions."""
    rows = [{"when": when, "first_response": "5m"} for when in (wide, narrow)]
    found = warnings(slas=sla(targets=rows), tiers={"vip": {}, "gold": {}})
    return [one for one in found if "row" in one]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"tier": "vip"}, {"tier": "vip"}),
        ({"tier": ["vip", "gold"]}, {"tier": "gold"}),
        ({"tier": "vip"}, {"tier": "vip", "channel": "chat"}),
        ({"priority": {"at_least": 2}}, {"priority": {"at_least": 3, "at_most": 5}}),
        ({"priority": {}}, {"tier": "vip"}),
        ({"queue": ["one", "two"]}, {"queue": "two", "type": "matter"}),
    ],
)
def test_a_row_that_an_earlier_one_takes_everything_from(
    wide: dict[str, Any], narrow: dict[str, Any]
) -> None:
    """It can never win, and is said to."""
    assert of(wide, narrow) == ["sla 'usual': row 2 never holds: row 1 has all its tickets"]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"tier": "vip"}, {"tier": ["vip", "gold"]}),
        ({"tier": "vip"}, {"channel": "chat"}),
        ({"tier": "vip", "channel": "chat"}, {"tier": "vip"}),
        ({"priority": {"at_least": 3}}, {"priority": {"at_least": 2}}),
        ({"priority": {"at_least": 3, "at_most": 5}}, {"priority": {"at_least": 3}}),
    ],
)
def test_a_row_that_wins_some_tickets_is_not_odd(
    wide: dict[str, Any], narrow: dict[str, Any]
) -> None:
    """Only what can be proved is said."""
    assert of(wide, narrow) == []


@pytest.mark.parametrize(
    ("warn", "count"), [(["10m"], 0), (["59m"], 0), (["1h"], 1), (["50%", "2h"], 1)]
)
def test_a_warning_so_early_that_no_target_has_begun_is_said(warn: list[str], count: int) -> None:
    """The longest target is an hour."""
    said = [one for one in warnings(slas=sla(warn=warn)) if "warns of nothing" in one]
    assert len(said) == count


def test_a_step_is_a_target_too() -> None:
    """A warning two hours before the end of a step of three is none too early."""
    steps = {"matter": {"sla": "usual", "steps": [{"id": "call", "within": "3h"}]}}
    found = warnings(slas=sla(warn=["2h"]), types=steps)
    assert not [one for one in found if "warns of nothing" in one]
