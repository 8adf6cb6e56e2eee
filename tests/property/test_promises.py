"""A ticket's promises through any life, changes of the rulebook, and restarts of the router."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.dispatch import Dispatch
from router.core.outputs import Output
from router.topics import SLA_ESCALATIONS
from router.world import LETTERHEAD
from tests.unit.router.core.cores import Core, activation, at, fields_of, message, triaged
from tests.unit.router.core.story import Rules, rules

TARGETS = (
    "first_response", "next_response", "periodic", "resolution", "requester_wait", "agent_work",
    "queue_time",
)  # fmt: skip
times = st.integers(5, 400).map(lambda count: f"{count}s")
promises = st.dictionaries(st.sampled_from(TARGETS), times)
rows = st.builds(
    lambda queue, named: {"when": {"queue": queue}, **named},
    st.sampled_from(("billing", "repairs")),
    st.dictionaries(st.sampled_from(TARGETS), times, min_size=1),
)
slas = st.builds(
    lambda named, rows, pause, warn, desk: {
        **named, "targets": rows, "pause": pause, "warn": warn,
        "calendar": "desk" if desk else "always",
    },
    promises,
    st.lists(rows, max_size=2),
    st.lists(st.just("pending"), max_size=1),
    st.lists(st.sampled_from(("50%", "20s")), max_size=2, unique=True),
    st.booleans(),
)  # fmt: skip
steps = st.fixed_dictionaries({"call": st.none() | times, "visit": st.none() | times})

DESK = {"timezone": "UTC", "hours": {"mon-sun": ["09:00-09:01", "09:02-18:00"]}}


def rulebook(sla: Mapping[str, Any], steps: Mapping[str, str | None]) -> Rules:
    """The story's rulebook with this SLA, and a procedure with these times."""
    procedure = [
        {"id": one} | ({"within": within} if within else {}) for one, within in steps.items()
    ]
    changed = rules("queues: {billing: {targets: [{skills: {}, for: 90s}]}}")
    changed["slas"] = {"standard": dict(sla)}
    changed["calendars"]["desk"] = DESK
    changed["types"] = {"fault": {"steps": procedure}}
    return changed


rulebooks = st.builds(rulebook, slas, steps)
verbs = st.sampled_from(
    (
        "accept", "accept", "decline", "reply", "reply", "pending", "resume", "to repairs",
        "to billing", "resolve", "reopen", "customer", "customer", "call", "time",
    )
)  # fmt: skip
scripts = st.lists(st.tuples(st.integers(1, 60), verbs), max_size=15)
begun = st.one_of(scripts, scripts.map(lambda acts: [(3, "accept"), (3, "reply"), *acts]))
Script = list[tuple[int, str]]


class Life:
    """One ticket's life in a dispatch that may be restarted at any point."""

    def __init__(self, rulebook: Rules) -> None:
        self._core = Core()
        self._seconds = 0.0
        self._order = triaged(type="fault")
        self._messages = self._activations = 1
        self.told: list[Output] = []
        self.enforce(rulebook)
        self.told += self._core.command("ann", "presence", state="available")
        self.told += self._core.step(self._order)

    def play(self, seconds: int, verb: str) -> None:
        """Time passes, with all that is due in it; then somebody does something."""
        self._seconds += seconds
        self.told += self._core.fire(self._seconds)
        if verb == "customer":
            self._messages += 1
            wrote = message(self._order, self._messages)
            request = replace(wrote.request, received_at=at(self._seconds))
            event = msgspec.structs.replace(wrote, request=request)
            self.told += self._core.step(event, self._seconds)
        elif verb == "call":
            self._command("step_done", step="call")
        elif verb.startswith("to "):
            self._command("transfer", queue=verb[3:])
        elif verb != "time":
            self._command(verb, text="hello")

    def _command(self, verb: str, **fields: Any) -> None:
        ticket = self._order.ticket
        self.told += self._core.command("ann", verb, self._seconds, ticket=ticket, **fields)

    def enforce(self, rulebook: Rules) -> None:
        """Another rulebook, as of now."""
        self._activations += 1
        event = activation(self._activations, rulebook)
        self.told += self._core.step(event, self._seconds)

    def restart(self) -> None:
        """A new core knows what was stored, and nothing else."""
        desk, fresh = self._core.core.desk, Dispatch(LETTERHEAD)
        tables = (desk.rulebooks, desk.tickets, desk.agents, desk.commands, desk.gauges.table)
        for table in tables:
            for key in table:
                fresh.journal.load(f"{table.name}:{key}", table.stored(key) or b"")
        self._core.core = fresh

    def clocks(self) -> set[tuple[Any, ...]]:
        """What runs, in which cycle, since when, and when it is due."""
        ticket = self._core.core.desk.tickets.rows[self._order.ticket]
        return {
            (one.target, one.cycle, one.started_at, one.due_at)
            for one in ticket.clocks
            if not one.dropped
        }


@settings(max_examples=80)
@given(rulebooks, rulebooks, begun, scripts)
def test_a_ticket_under_a_new_rulebook_is_as_if_it_had_never_known_another(
    old: Rules, new: Rules, before: Script, after: Script
) -> None:
    """The same clocks in the same cycles, since the same instants, due at the same."""
    changed, constant = Life(old), Life(new)
    for act in before:
        changed.play(*act)
        constant.play(*act)
    changed.enforce(new)
    for act in after:
        changed.play(*act)
        constant.play(*act)
    assert changed.clocks() == constant.clocks()


@settings(max_examples=80)
@given(rulebooks, rulebooks, begun, scripts, st.sets(st.integers(0, 30)))
def test_a_restart_anywhere_changes_nothing_and_repeats_nothing(
    old: Rules, new: Rules, before: Script, after: Script, restarts: set[int]
) -> None:
    """What is due fires once, at the same instants, whatever the state was stored and restored."""
    lives = Life(old), Life(old)
    for number, act in enumerate([*before, None, *after]):
        for life in lives:
            life.enforce(new) if act is None else life.play(*act)
        if number in restarts:
            lives[1].restart()
    assert lives[0].told == lives[1].told
    told = [(one.topic, one.id) for one in lives[1].told if one.type.startswith("sla.")]
    assert len(told) == len(set(told))


@settings(max_examples=50)
@given(rulebooks, rulebooks, begun, scripts)
def test_no_lapse_is_told_before_it_is_due(
    old: Rules, new: Rules, before: Script, after: Script
) -> None:
    """Noticed after the instant, and with the instant's own time."""
    life = Life(old)
    for act in [*before, None, *after]:
        life.enforce(new) if act is None else life.play(*act)
    for one in life.told:
        if one.topic == SLA_ESCALATIONS and one.type != "sla.cleared":
            data = fields_of(one)
            assert data["lapsed_at"] <= data["detected_at"]
