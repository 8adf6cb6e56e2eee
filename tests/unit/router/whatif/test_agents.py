"""The model's agents: what they do, and when, to the second."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from channels.defaults import fill
from router.core.commands import Command
from router.core.outputs import Output
from router.topics import TICKETS_EVENTS
from router.whatif.agents import Pace, Staff, merged
from router.whatif.engine import Engine
from router.whatif.replay import own_paces, work
from router.whatif.traffic import Order
from rules.calendar import Period
from rules.index import compile_rulebook
from tests.unit.router.core.story import START, rules, written

PACE = Pace(timedelta(seconds=5), timedelta(seconds=30), timedelta(seconds=60))


def at(seconds: float) -> datetime:
    """The instant so many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def worked(
    changes: str,
    messages: Mapping[float, str],
    end: float = 600,
    *,
    own: Mapping[str, Pace] | None = None,
    absent: frozenset[str] = frozenset(),
) -> list[tuple[float, str, str]]:
    """What agents did: seconds, event, agent; `messages` are of one customer."""
    files = written(rules(changes))
    staff = Staff(compile_rulebook(files), START, at(end), PACE, own=own, absent=absent)
    done: list[tuple[float, str, str]] = []

    def heard(output: Output) -> None:
        staff.heard(output)
        agent = getattr(output.data, "agent", None) or getattr(output.data, "by", None)
        if output.topic == TICKETS_EVENTS and agent:
            seconds = (output.time - START).total_seconds()
            done.append((seconds, output.type, agent))

    engine = Engine(files, START, heard)
    for seconds, text in [*messages.items(), (end, "")]:
        work(engine, staff, at(seconds))
        if text:
            given = {"channel": "sms", "account": "s", "external_id": text, "sender": "+8610"}
            engine.request(fill(given | {"text": text}, at=at(seconds)))
    assert engine.dead_letters == {}
    return done


def of(done: list[tuple[float, str, str]], *kinds: str) -> list[tuple[float, str, str]]:
    """What is of these kinds."""
    return [one for one in done if one[1] in kinds]


ALONE = "agents: {bob: null}"
WORK = ("ticket.offered", "ticket.assigned", "ticket.replied", "ticket.resolved")


def test_an_offer_is_accepted_answered_and_settled() -> None:
    """Each so long after the one before."""
    assert of(worked(ALONE, {10: "a bill"}), *WORK) == [
        (10, "ticket.offered", "ann"),
        (15, "ticket.assigned", "ann"),
        (45, "ticket.replied", "ann"),
        (105, "ticket.resolved", "ann"),
    ]


def test_an_offer_never_lapses_for_being_short() -> None:
    """It is accepted at its last instant."""
    done = worked("agents: {bob: null}\nqueues: {billing: {offer_timeout: 2s}}", {10: "a bill"})
    assert of(done, "ticket.assigned") == [(12, "ticket.assigned", "ann")]


def test_what_a_timer_offers_is_accepted_in_time() -> None:
    """Though nobody had anything in mind until long afterwards: 40 s later skills are relaxed."""
    chain = "queues: {billing: {targets: [{skills: {law: 1}, for: 40s}, {skills: {law: 0}}]}}"
    done = worked(f"{ALONE}\n{chain}", {10: "a bill"})
    assert of(done, "ticket.assigned") == [(55, "ticket.assigned", "ann")]


def test_a_further_message_is_answered_too() -> None:
    """Before the reply by the same one; after it by another, and settled later."""
    early = worked(ALONE, {10: "a bill", 20: "and this"})
    assert of(early, "ticket.replied", "ticket.resolved") == [
        (45, "ticket.replied", "ann"),
        (105, "ticket.resolved", "ann"),
    ]
    late = worked(ALONE, {10: "a bill", 60: "and this"})
    assert of(late, "ticket.replied", "ticket.resolved") == [
        (45, "ticket.replied", "ann"),
        (90, "ticket.replied", "ann"),
        (150, "ticket.resolved", "ann"),
    ]


def test_a_reopened_ticket_is_worked_on_again() -> None:
    """As if it were new."""
    done = worked(ALONE, {10: "a bill", 200: "not settled"})
    assert of(done, "ticket.resolved") == [
        (105, "ticket.resolved", "ann"),
        (295, "ticket.resolved", "ann"),
    ]


def test_steps_are_done_with_the_reply_and_the_resolution() -> None:
    """The first with the reply, the others before it is settled."""
    done = worked(
        """
        agents: {bob: null}
        types: {matter: {steps: [{id: one, within: 1m}, {id: two}, {id: three}]}}
        routes: [{id: default, then: {queue: billing, type: matter}}]
        """,
        {0: "a bill"},
    )
    assert [seconds for seconds, *_ in of(done, "ticket.step_done")] == [35, 95, 95]


PULL = """
agents: {bob: {queues: [billing]}, ann: {queues: [billing], capacity: 1}}
queues: {billing: {mode: pull}}
"""


def test_what_nobody_is_offered_is_taken() -> None:
    """By the agent with the least in hand; what then waits, by who is free first."""
    done = worked(PULL, {0: "a bill"})
    assert of(done, *WORK) == [
        (5, "ticket.assigned", "ann"),
        (35, "ticket.replied", "ann"),
        (95, "ticket.resolved", "ann"),
    ]


@pytest.mark.parametrize(
    ("queue", "instants"),
    [("{mode: pull}", [5, 100, 195]), ("{mode: pull, wrap_up: 20s}", [5, 120, 235])],
)
def test_who_comes_free_looks_for_more(queue: str, instants: list[float]) -> None:
    """Three matters and one agent for one at a time: each is taken when the one before is done.

    That is when it is wrapped up, where there is such a time.
    """
    files = written(
        rules(f"agents: {{bob: null, ann: {{capacity: 1}}}}\nqueues: {{billing: {queue}}}")
    )
    staff = Staff(compile_rulebook(files), START, at(900), PACE)
    taken: list[float] = []

    def heard(output: Output) -> None:
        staff.heard(output)
        if output.topic == TICKETS_EVENTS and output.type == "ticket.assigned":
            taken.append((output.time - START).total_seconds())

    engine = Engine(files, START, heard)
    for number in range(3):
        given = {"channel": "sms", "external_id": f"x{number}", "sender": f"+861{number}"}
        engine.request(fill(given, at=START))
    work(engine, staff, at(900))
    assert taken == instants


SHIFTS = """
calendars:
  early: {timezone: UTC, hours: {mon-sun: ["09:00-09:01", "09:03-09:05"]}}
agents: {bob: null, dan: null, eve: null, ann: {calendar: early}}
"""


def test_shifts_follow_the_calendar() -> None:
    """Who is closed is not offered anything; what was in hand goes back after the grace."""
    done = worked(SHIFTS, {0: "a bill", 100: "and this"}, 400)
    assert of(done, "agent.presence", "ticket.assigned", "ticket.requeued") == [
        (0, "agent.presence", "ann"),
        (5, "ticket.assigned", "ann"),
        (60, "agent.presence", "ann"),
        (75, "ticket.requeued", "ann"),
        (180, "agent.presence", "ann"),
        (185, "ticket.assigned", "ann"),
        (300, "agent.presence", "ann"),
    ]


def test_who_is_absent_does_nothing_by_themselves() -> None:
    """Their presence is given by others."""
    assert worked(ALONE, {0: "a bill"}, absent=frozenset({"ann", "dan", "eve"})) == []


@pytest.mark.parametrize(
    ("periods", "until", "found"),
    [
        ([(0, 10), (10, 20), (30, 40)], 100, [(0, 20), (30, 40)]),
        ([(0, 10), (10, 20), (20, 30)], 15, [(0, 20)]),
        ([(50, 60)], 15, []),
        ([], 15, []),
    ],
)
def test_periods_that_touch_are_one_shift(
    periods: list[tuple[float, float]], until: float, found: list[tuple[float, float]]
) -> None:
    """And nothing is worked out that begins after the end."""
    given = iter([Period(at(start), at(end)) for start, end in periods])
    assert list(merged(given, at(until))) == [Period(at(start), at(end)) for start, end in found]


def order(seconds: float, command: Any, ticket: str | None = "t") -> Order:
    """A recorded command."""
    return Order(
        at(seconds), Command(id=f"c{seconds}", agent="ann", command=command, ticket=ticket)
    )


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        ([("accept", 0), ("reply", 40), ("reply", 50), ("resolve", 100)], (40, 60)),
        ([("take", 0), ("reply", 40), ("resolve", 100), ("resolve", 200)], (40, 60)),
        ([("accept", 0), ("reply", 40)], None),
        ([("accept", 0), ("resolve", 100)], None),
        ([("reply", 40), ("resolve", 100)], None),
    ],
)
def test_recorded_times_are_kept(
    orders: list[tuple[str, float]], found: tuple[float, float] | None
) -> None:
    """Of tickets that were taken, answered and settled: from taken to reply, from there on."""
    paces = own_paces([order(seconds, command) for command, seconds in orders], PACE)
    if found is None:
        assert paces == {}
    else:
        reply, resolve = (timedelta(seconds=one) for one in found)
        assert paces == {"t": Pace(PACE.accept, reply, resolve)}
