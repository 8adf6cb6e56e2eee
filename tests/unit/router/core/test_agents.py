"""Each reason why an agent is not given a ticket, and what an agent may take nevertheless."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from router.core.agents import (
    WHOLE,
    absent,
    full,
    guarded,
    has_room,
    unable,
    unfit,
    unsuited,
    weight_of,
)
from router.core.entities.agent import AgentState
from router.core.entities.ticket import Refusal, Ticket
from router.core.lifecycle import TicketState
from router.core.queues import Need
from rules.people import Agent
from tests.unit.router.core.story import START

LATER = START + timedelta(minutes=5)


def agent(**fields: Any) -> Agent:
    """An agent of `billing` with a capacity of 2."""
    usual = {"pool": "service", "queues": ["billing"], "capacity": 2}
    return Agent.model_validate(usual | fields)


def state(**fields: Any) -> AgentState:
    """An available agent's state."""
    usual: dict[str, Any] = {"presence": "available", "since": START, "idle_since": START}
    return AgentState(id="ann", **(usual | fields))


def need(**fields: Any) -> Need:
    """A plain SMS in `billing`."""
    plain: dict[str, Any] = {
        "places": ("billing",), "skills": (), "channel": "sms", "push": True, "barred": (),
        "hard": False, "tier": None,
    }  # fmt: skip
    return Need(**(plain | fields))


def ticket(**fields: Any) -> Ticket:
    """A ticket that waits."""
    return Ticket(
        id="t", conversation="c-1", pool="service", queue="billing", channel="sms", account="shop",
        external_id="x", rulebook="r", state=TicketState.QUEUED, created_at=START,
        enqueued_at=START, chain_since=START, **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "load", "reason"),
    [
        ({}, 0, None),
        ({"presence": "busy"}, 0, "busy"),
        ({"presence": "away", "off_shift": True}, 0, "away"),
        ({"off_shift": True}, 0, "off_shift"),
        ({"pause_until": LATER}, 0, "pause"),
        ({"room": 1}, 0, None),
        ({"room": 1}, 1, "ramp"),
        ({"room": 2}, 1, None),
        ({"room": 1}, WHOLE, "ramp"),
        ({"rests": True, "hard": 3}, 0, None),
    ],
)
def test_an_agent_is_absent_for_a_named_reason(
    fields: dict[str, Any], load: int, reason: str | None
) -> None:
    """Presence, shift, pause, ramp: what is so whatever the ticket."""
    assert absent(state(**fields), load) == reason


@pytest.mark.parametrize(
    ("spec", "asked", "reason"),
    [
        ({}, {}, None),
        ({}, {"places": ("repairs",)}, "other_queues"),
        ({"queues": {"repairs": 2, "billing": 1}}, {"places": ("repairs", "x")}, None),
        ({"skills": {"zh": 2}}, {"skills": (("zh", 3),)}, "skills"),
        ({"skills": {"zh": 3}}, {"skills": (("zh", 3),)}, None),
        ({"stage": "newcomer"}, {"barred": ("newcomer",)}, "stage"),
        ({"stage": "senior"}, {"barred": ("newcomer",)}, None),
    ],
)
def test_an_agent_is_unsuited_for_a_named_reason(
    spec: dict[str, Any], asked: dict[str, Any], reason: str | None
) -> None:
    """Queues, skills, stage: what is so as long as the rulebook says so."""
    assert unsuited(agent(**spec), need(**asked)) == reason


@pytest.mark.parametrize(
    ("spec", "load", "channel", "reason"),
    [
        ({}, 1, "sms", None),
        ({}, 2, "sms", "capacity"),
        ({"weights": {"sms": 2}}, 1, "sms", "capacity"),
        ({"weights": {"sms": 0}}, 2, "sms", None),
        ({"weights": {"hotline": "all"}}, 0, "hotline", None),
        ({"weights": {"hotline": "all"}}, 1, "hotline", "capacity"),
        ({"weights": {"hotline": "all"}}, WHOLE, "sms", "capacity"),
        ({"weights": {"hotline": "all", "sms": 0}}, WHOLE, "sms", "capacity"),
        ({"weights": {"hotline": "all"}}, WHOLE, "hotline", "capacity"),
        ({"weights": {"hotline": "all"}, "capacity": 0}, 0, "hotline", "capacity"),
    ],
)
def test_an_agent_is_full(
    spec: dict[str, Any], load: int, channel: str, reason: str | None
) -> None:
    """By the weight of the channel; what takes all needs empty hands and leaves no room."""
    assert full(agent(**spec), load, channel) == reason


def test_no_capacity_is_as_large_as_what_takes_all() -> None:
    """Whatever a supervisor sets meanwhile, a call stays alone."""
    assert weight_of(agent(weights={"hotline": "all"}), "hotline") == WHOLE
    assert not has_room(agent(capacity=1000), WHOLE, 1)


@pytest.mark.parametrize(
    ("spec", "fields", "asked", "reason"),
    [
        ({}, {}, {"hard": True}, None),
        ({}, {"rests": True}, {"hard": True}, "rest"),
        ({}, {"rests": True}, {}, None),
        ({"reserve": {"tiers": "vip"}}, {}, {}, "reserved"),
        ({"reserve": {"tiers": "vip"}}, {}, {"tier": "gold"}, "reserved"),
        ({"reserve": {"tiers": ["gold", "vip"]}}, {}, {"tier": "vip"}, None),
        ({"reserve": {"tiers": "vip"}}, {"lends": True}, {}, None),
    ],
)
def test_an_agent_is_spared_or_kept_free(
    spec: dict[str, Any], fields: dict[str, Any], asked: dict[str, Any], reason: str | None
) -> None:
    """From hard tickets while they rest; for their tiers while they do not lend."""
    assert guarded(agent(**spec), state(**fields), need(**asked)) == reason


@pytest.mark.parametrize(
    ("spec", "fields", "load", "offered", "taken"),
    [
        ({}, {}, 0, None, None),
        ({}, {"presence": "busy"}, 0, "busy", "busy"),
        ({}, {"off_shift": True}, 0, "off_shift", None),
        ({}, {"pause_until": LATER}, 0, "pause", None),
        ({}, {"room": 1}, 1, "ramp", None),
        ({}, {"rests": True}, 0, "rest", None),
        ({"reserve": {"tiers": "vip"}}, {}, 0, "reserved", None),
        ({"stage": "newcomer"}, {}, 0, "stage", "stage"),
        ({"queues": []}, {}, 0, "other_queues", "other_queues"),
        ({}, {}, 2, "capacity", "capacity"),
    ],
)
def test_what_spares_an_agent_does_not_bind_them(
    spec: dict[str, Any], fields: dict[str, Any], load: int, offered: str | None, taken: str | None
) -> None:
    """Who is there, suited and has room may take what they would not be offered."""
    asked = need(hard=True, barred=("newcomer",))
    given = agent(**spec), state(**fields), load, asked, ticket()
    assert (unfit(*given), unable(*given)) == (offered, taken)


def test_a_refusal_is_the_last_reason() -> None:
    """It alone is the ticket's own: whoever is full is full for every ticket of the kind."""
    refused = ticket(refusals=(Refusal("ann", LATER),))
    assert unfit(agent(), state(), 0, need(), refused) == "refused"
    assert unable(agent(), state(), 0, need(), refused) == "refused"
    assert unfit(agent(), state(), 2, need(), refused) == "capacity"


def test_an_agent_is_woken_at_the_first_of_what_is_due() -> None:
    """One timer an agent, whatever they wait for."""
    assert state().next_wake() is None
    both = state(pause_until=LATER, shift_at=START)
    assert both.next_wake() == START


def test_a_lease_of_an_older_program_still_ends() -> None:
    """It was stored as the instant of waking alone."""
    stored = b'{"id":"ann","presence":"available","since":"2027-03-01T09:00:00Z",'
    stored += b'"idle_since":"2027-03-01T09:00:00Z","lease":"PT60S",'
    stored += b'"wake_at":"2027-03-01T09:01:00Z"}'
    found = msgspec.json.decode(stored, type=AgentState)
    assert found.lease_until == START + timedelta(minutes=1) == found.next_wake()
