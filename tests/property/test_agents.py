"""Whatever agents, supervisors, customers and time do: nobody gets too much, or what is not theirs.

After every step: no more in hands than fits, no offer to whom it may not be made, nobody idle
beside work that they could be offered, and nothing about an agent that no timer would end.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from router.core.agents import unfit
from router.core.commands import Command
from router.core.desk import Desk
from router.core.dispatch import Dispatch
from router.core.entities.ticket import Ticket
from router.core.outputs import Given
from router.world import LETTERHEAD
from tests.simulation.invariants import (
    fits,
    idle_beside_waiting,
    in_hands,
    is_hard,
    remembered,
    stuck,
    why_not,
    wrongly_placed,
)
from tests.unit.router.core.cores import activation, triaged
from tests.unit.router.core.story import START, merged, rules

RULES = rules("""
calendars: {shift: {timezone: UTC, hours: {mon-sun: ["09:02-09:10", "09:12-09:40"]}}}
tiers: {vip: {}}
types: {inquiry: {}, complaint: {}}
queues:
  billing: {offer_timeout: 10s, wrap_up: 20s}
  repairs: {wrap_up: {hotline: 90s}, targets: [{for: 30s}, {queues: [rescue]}]}
  rescue: {mode: pull}
agents:
  ann: {queues: {billing: 2, repairs: 1}, capacity: 3, weights: {hotline: all, email: 2}}
  bob: {capacity: 2, stage: newcomer}
  dan: {queues: [rescue, repairs], capacity: 2, reserve: {tiers: vip, lend_after: 60s}}
  eve: {pool: service, queues: [billing, rescue], capacity: 2, calendar: shift}
  sue: {pool: service, queues: [], role: supervisor}
pools: {office: {queues: [claims]}}
stages: {newcomer: {capacity: 1, types: [inquiry]}, junior: {not_types: [complaint]}}
protection: {types: [complaint], tags: [legal], in_a_row: 2, rest: 2m, pause: 15s}
presence: {ramp: {start: 1, every: 30s}, reasons: {lunch: {state: away, at_most: 1m}}}
""")
OTHER_RULES = merged(
    RULES,
    {
        "agents": {"dan": {"reserve": {"lend_after": "30s"}}, "eve": None, "ann": {"capacity": 1}},
        "protection": {"in_a_row": 1, "pause": "0s"},
        "presence": {"ramp": None},
        "stages": {"newcomer": {"capacity": 2}},
    },
)
BOOKS = (RULES, OTHER_RULES)

AGENTS = st.sampled_from(["ann", "bob", "dan", "eve"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "capacity": st.sampled_from([None, 0, 1, 4]),
        "queues": st.sampled_from([None, ["billing"], {"repairs": 1, "billing": 3}, []]),
        "stage": st.sampled_from([None, "newcomer", "junior", "senior"]),
        "weights": st.sampled_from([None, {"sms": "all"}, {"email": 0, "hotline": 4}]),
    },
)


class Rows:
    """Hard tickets in a row by agent, counted from what happens to tickets alone."""

    def __init__(self) -> None:
        self.row: Counter[str] = Counter()
        self.ended_at: dict[str, datetime] = {}

    def changed(self, desk: Desk, old: Ticket, new: Ticket, now: datetime) -> None:
        """A ticket has come into somebody's hands, or left them."""
        hard = is_hard(desk.compiled.rulebook, new)
        was = old.agent if old.state == "assigned" else None
        softened = is_hard(desk.compiled.rulebook, old) and not hard
        if was is not None and (softened or (hard and new.state != "assigned")):
            self.ended_at[was] = now
        if (
            new.state == "assigned"
            and new.agent
            and old.state not in {"assigned", "pending", "on_hold"}
        ):
            self._rest(desk, new.agent, now, but=new.id)
            self.row[new.agent] = self.row[new.agent] + 1 if hard else 0

    def too_many(self, desk: Desk, offered: Ticket, now: datetime) -> bool:
        """Whether the agent has had enough, with what else is on offer, before this one."""
        rules = desk.compiled.rulebook.protection
        name = offered.holder or ""
        if not is_hard(desk.compiled.rulebook, offered) or rules.in_a_row is None:
            return False
        self._rest(desk, name, now, but=offered.id)
        hands = in_hands(desk, name, but=offered.id)
        offers = sum(
            one.offer is not None and is_hard(desk.compiled.rulebook, one) for one in hands
        )
        return self.row[name] + offers >= rules.in_a_row

    def _rest(self, desk: Desk, name: str, now: datetime, *, but: str) -> None:
        """Who had no hard ticket for the time of a rest begins to count anew."""
        hands = in_hands(desk, name, but)
        rulebook = desk.compiled.rulebook
        busy = any(one.state == "assigned" and is_hard(rulebook, one) for one in hands)
        since = self.ended_at.get(name)
        if not busy and since is not None and since + rulebook.protection.rest <= now:
            self.row[name] = 0


class Floor(RuleBasedStateMachine):
    """Dispatch's core by itself, watched from beside its tables."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.count = 0
        self.activations = 0
        self.wrong: list[str] = []
        self.rows = Rows()
        self.core = self._fresh()
        self._activate(0)

    def _fresh(self) -> Dispatch:
        core = Dispatch(LETTERHEAD)
        core.desk.tickets.watch(self._watch)
        return core

    def _watch(self, _: str, old: Ticket | None, new: Ticket | None) -> None:
        """What comes into somebody's hands must fit there, and an offer must be one for them."""
        if new is None or old is None:
            return
        self.rows.changed(self.core.desk, old, new, self.now)
        accepted = old.state == "offered" and new.state == "assigned"
        if new.holder is None or (new.holder == old.holder and not accepted):
            return
        if not fits(self.core.desk, new.holder, new):
            self.wrong.append(f"{new.holder} has no room for {new.id}")
        if new.state == "offered":
            reason = why_not(self.core.desk, new.holder, old)
            if reason is not None:
                self.wrong.append(f"{new.id} is offered to {new.holder}: {reason}")
            if self.rows.too_many(self.core.desk, new, self.now):
                self.wrong.append(f"{new.holder} has too many hard tickets in a row: {new.id}")

    def _step(self, event: object) -> None:
        self.count += 1
        self.core.step(event, Given(f"cause-{self.count}", self.now), self.now)
        self.core.journal.committed()

    def _order(self, agent: str, command: Any, **fields: Any) -> None:
        self._step(Command(id=f"c{self.count}", agent=agent, command=command, **fields))

    def _activate(self, book: int) -> None:
        self.activations += 1
        self._step(activation(self.activations, BOOKS[book]))

    def _fire(self) -> None:
        while self.core.fire(self.now, self.now) is not None:
            self.core.journal.committed()

    @property
    def _tickets(self) -> list[Ticket]:
        return [one for _, one in sorted(self.core.desk.tickets.rows.items())]

    @initialize()
    def morning(self) -> None:
        """Everybody comes, and work waits for each of them."""
        for agent in ("ann", "bob", "dan", "eve"):
            self._order(agent, "presence", state="available")
        for kind in ("complaint", "inquiry", "complaint"):
            self.customer_writes("billing", "sms", kind=kind, tier=None, tags=())

    @precondition(lambda self: self.count % 8 == 0)
    @rule(book=st.sampled_from([0, 1]))
    def rulebook_changes(self, book: int) -> None:
        """Another one is in force; Eve is not in the second one."""
        self._activate(book)
        if book == 1:
            self.rows.row.pop("eve", None)

    @rule(
        queue=st.sampled_from(["billing", "repairs", "rescue"]),
        channel=st.sampled_from(["sms", "email", "hotline"]),
        kind=st.sampled_from([None, "inquiry", "complaint"]),
        tier=st.sampled_from([None, "vip"]),
        tags=st.sampled_from([(), ("legal",)]),
    )
    def customer_writes(self, queue: str, channel: Any, **decided: Any) -> None:
        """A ticket begins to wait."""
        decided["type"] = decided.pop("kind")
        order = triaged(f"x{self.count}", queue, sla=None, **decided)
        self._step(msgspec.structs.replace(order, request=replace(order.request, channel=channel)))

    @rule(
        agent=AGENTS,
        state=st.sampled_from(["available"] * 5 + ["busy", "away", "offline"]),
        lease=st.sampled_from([None, None, 45.0]),
    )
    def agent_comes_or_goes(self, agent: str, state: Any, lease: float | None) -> None:
        """Away is for lunch."""
        reason = "lunch" if state == "away" else None
        self._order(agent, "presence", state=state, lease_seconds=lease, reason=reason)

    @rule(agent=AGENTS, state=st.sampled_from(["available", "busy", "offline"]))
    def supervisor_says_who_is_there(self, agent: str, state: Any) -> None:
        """Sue, of somebody else."""
        self._order("sue", "presence", state=state, target=agent)

    @rule(agent=AGENTS, changes=SETTINGS)
    def supervisor_changes_an_agent(self, agent: str, changes: dict[str, Any]) -> None:
        """Sue lays fields over the rulebook's, or takes them back."""
        self._order("sue", "agent_set", target=agent, changes=changes)

    @rule(agent=AGENTS, number=st.integers(0, 30), chosen=st.booleans())
    def agent_takes(self, agent: str, number: int, *, chosen: bool) -> None:
        """The next, or a certain one."""
        ticket = self._tickets[number % len(self._tickets)].id if self._tickets and chosen else None
        self._order(agent, "take", ticket=ticket)

    @precondition(lambda self: any(one.offer for one in self._tickets))
    @rule(number=st.integers(0, 30), verb=st.sampled_from(["accept", "accept", "decline"]))
    def agent_answers(self, number: int, verb: str) -> None:
        """What is on offer is taken, or not."""
        offered = [one for one in self._tickets if one.offer is not None]
        ticket = offered[number % len(offered)]
        self._order(ticket.holder or "", verb, ticket=ticket.id)

    @precondition(lambda self: any(one.agent for one in self._tickets))
    @rule(
        number=st.integers(0, 30),
        verb=st.sampled_from(
            ["resolve", "resolve", "pending", "hold", "resume", "transfer", "wrap_up", "reopen"]
        ),
    )
    def agent_works(self, number: int, verb: str) -> None:
        """With what is theirs."""
        owned = [one for one in self._tickets if one.agent is not None]
        ticket = owned[number % len(owned)]
        queue = "billing" if verb == "transfer" else None
        self._order(ticket.agent or "", verb, ticket=ticket.id, queue=queue)

    @precondition(lambda self: len(self._tickets) > 1)
    @rule(
        number=st.integers(0, 30),
        other=st.integers(0, 30),
        agent=AGENTS,
        what=st.sampled_from(["assign", "merge", "update", "transfer"]),
        kind=st.sampled_from(["inquiry", "complaint"]),
    )
    def supervisor_steps_in(
        self, number: int, other: int, agent: str, what: Any, kind: str
    ) -> None:
        """Sue gives a ticket to somebody, joins two, calls one hard or not, or moves it."""
        ticket, into = (self._tickets[one % len(self._tickets)].id for one in (number, other))
        fields: dict[str, dict[str, Any]] = {
            "assign": {"to": agent},
            "merge": {"into": into},
            "update": {"type": kind},
            "transfer": {"queue": "repairs"},
        }
        self._order("sue", what, ticket=ticket, **fields[what])

    @rule(seconds=st.sampled_from([1, 7, 16, 31, 61, 125, 400]))
    def time_passes(self, seconds: int) -> None:
        """What is due on the way happens, each at its instant."""
        until = self.now + timedelta(seconds=seconds)
        while (due := self.core.next_at()) is not None and due < until:
            self.now = due + timedelta(milliseconds=1)
            self._fire()
        self.now = until

    @rule(seconds=st.sampled_from([0, 45, 500]))
    def router_restarts(self, seconds: int) -> None:
        """It is down for a while, and comes up with what was stored."""
        before, self.core = self.core, self._fresh()
        tables: dict[str, Any] = before.journal._tables
        for name, table in tables.items():
            for key in table:
                self.core.journal.load(f"{name}:{key}", table.stored(key))
        assert remembered(self.core) == remembered(before)
        self.now += timedelta(seconds=seconds)
        self.core.caught_up(self.now)
        self.core.journal.committed()
        self._fire()

    @invariant()
    def nobody_gets_what_is_not_theirs(self) -> None:
        """What was seen on the way."""
        assert self.wrong == []

    @invariant()
    def nobody_idles(self) -> None:
        """Beside what they could be offered; and nothing holds for ever."""
        assert idle_beside_waiting(self.core) + wrongly_placed(self.core) == []
        assert stuck(self.core, self.now) == []

    @invariant()
    def fitness_is_what_the_rulebook_says(self) -> None:
        """Worked out from the tables alone it is the same, for every agent and waiting ticket."""
        desk = self.core.desk
        for ticket in self._tickets:
            for name, agent in desk.roster.agents.items():
                if ticket.waits:
                    given = desk.agent(name), desk.loads.load(name), desk.need(ticket), ticket
                    reasons = unfit(agent, *given), why_not(desk, name, ticket)
                    assert (reasons[0] is None) == (reasons[1] is None), (name, reasons)


def test_no_sequence_of_steps_overfills_misplaces_or_forgets() -> None:
    """Any order of what customers, agents, supervisors, rulebooks, restarts and time do."""
    run(Floor, settings=settings(max_examples=150, stateful_step_count=50, deadline=None))


def test_the_floor_is_where_things_happen() -> None:
    """A day's events come up in it: no property holds because there is nothing to hold for."""
    floor = Floor()
    floor.agent_comes_or_goes("bob", "available", None)
    floor.customer_writes("billing", "sms", kind="inquiry", tier=None, tags=())
    floor.agent_answers(0, "accept")
    floor.agent_works(0, "resolve")
    (ticket,) = floor._tickets
    assert (ticket.state, ticket.holder) == ("resolved", "bob")
    ends: datetime = START + timedelta(seconds=20)
    assert ticket.wrapping_until == ends
    floor.time_passes(31)
    assert floor._tickets[0].holder is None
