"""Agents who work by a simple model, the same for both rulebooks. Pure and deterministic.

Each is available while their calendar is open (always, without one), accepts every offer
`accept` after it was made and at the last instant at most, replies `reply` after that, resolves
`resolve` after the reply, and answers a further message `reply` after it came. Several tickets go
on at a time, as far as the agent's capacity goes. What waits in a `pull` queue is taken by the
agent with the least in hand, `accept` after somebody could. The first step of a procedure is done
with the reply, the others with the resolution.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.core import events as e
from router.core.commands import Command
from router.core.outputs import Output
from router.topics import TICKETS_EVENTS
from rules.calendar import Period
from rules.index import Compiled

ANSWER = "…"


@dataclass(frozen=True)
class Pace:
    """How long things take."""

    accept: timedelta = timedelta(seconds=20)
    reply: timedelta = timedelta(minutes=5)
    resolve: timedelta = timedelta(minutes=10)


USUAL = Pace()
"""What is taken where nobody says how long things take."""


@dataclass(order=True)
class _Task:
    """A command to be given at `at`, if the ticket is still as it was then."""

    at: datetime
    number: int
    agent: str = field(compare=False)
    command: str = field(compare=False)
    fields: dict[str, Any] = field(compare=False)
    stamp: int = field(compare=False, default=0)


class Staff:
    """All agents of a rulebook. `heard` is told every output; `next_at` and `due` say what they do.

    Args:
        compiled: The rulebook.
        start: When they may come.
        until: Nobody's shift is worked out further.
        pace: How long things take.
        own: The pace of tickets of which more is known.
        absent: Agents whose presence is given otherwise.
    """

    def __init__(
        self,
        compiled: Compiled,
        start: datetime,
        until: datetime,
        pace: Pace,
        *,
        own: Mapping[str, Pace] | None = None,
        absent: frozenset[str] = frozenset(),
    ) -> None:
        self._rulebook = compiled.rulebook
        self._pace = pace
        self._own = own or {}
        self._tasks: list[_Task] = []
        self._number = 0
        self._available: set[str] = set()
        self._hands: dict[str, tuple[str, int]] = {}
        self._load: dict[str, int] = dict.fromkeys(self._rulebook.agents, 0)
        self._reaching: dict[str, int] = dict.fromkeys(self._rulebook.agents, 0)
        self._types: dict[str, str | None] = {}
        self._replying: set[str] = set()
        self._pull = {name for name, one in self._rulebook.queues.items() if one.mode == "pull"}
        self._heard: dict[type[Any], Callable[[Any, datetime], None]] = {
            e.AgentPresence: self._presence,
            e.TicketQueued: self._queued,
            e.TicketRequeued: self._requeued,
            e.TicketOverflowed: self._queued,
            e.TicketOffered: self._offered,
            e.TicketAssigned: self._assigned,
            e.TicketMessageReceived: self._message,
            e.TicketTransferred: self._lost,
            e.TicketResolved: self._lost,
            e.TicketWrappedUp: self._wrapped_up,
        }
        for name in sorted(self._rulebook.agents):
            if name not in absent:
                self._shifts(compiled, name, start, until)

    def heard(self, output: Output) -> None:
        """Hear what has happened, and make up one's mind."""
        if output.topic == TICKETS_EVENTS:
            react = self._heard.get(type(output.data))
            if react is not None:
                react(output.data, output.time)

    def next_at(self) -> datetime | None:
        """When somebody does something next."""
        while self._tasks and self._stale(self._tasks[0]):
            heapq.heappop(self._tasks)
        return self._tasks[0].at if self._tasks else None

    def next(self) -> Command:
        """The command that is given at `next_at`."""
        task = heapq.heappop(self._tasks)
        if task.command == "reply":
            self._replying.discard(task.fields["ticket"])
        elif task.command == "take":
            self._reaching[task.agent] -= 1
        identity = f"model-{task.number}"
        command: Any = task.command
        return Command(id=identity, agent=task.agent, command=command, **task.fields)

    # -- shifts

    def _shifts(self, compiled: Compiled, name: str, start: datetime, until: datetime) -> None:
        calendar = self._rulebook.agents[name].calendar
        if calendar is None:
            self._plan(start, name, "presence", state="available")
            return
        for begins, ends in merged(compiled.calendars[calendar].periods(start), until):
            self._plan(begins, name, "presence", state="available")
            self._plan(ends, name, "presence", state="offline")

    def _presence(self, data: e.AgentPresence, at: datetime) -> None:
        if data.state == "available":
            self._available.add(data.agent)
            self._look(data.agent, at)
        else:
            self._available.discard(data.agent)

    # -- tickets

    def _offered(self, data: e.TicketOffered, at: datetime) -> None:
        then = min(at + self._of(data.ticket).accept, data.expires_at)
        self._plan(then, data.agent, "accept", ticket=data.ticket, offer=data.offer)

    def _assigned(self, data: e.TicketAssigned, at: datetime) -> None:
        self._take(data.ticket, data.agent)
        self._answer(data.ticket, at)

    def _message(self, data: e.TicketMessageReceived, at: datetime) -> None:
        if data.automatic is None and data.ticket in self._hands:
            self._answer(data.ticket, at)

    def _answer(self, ticket: str, at: datetime) -> None:
        """Reply, and then resolve; who is about to reply answers both messages at once."""
        if ticket in self._replying:
            return
        agent, _ = self._hands[ticket]
        stamp = self._take(ticket, agent)
        pace = self._of(ticket)
        self._replying.add(ticket)
        first, *others = [*self._steps(ticket), ""]
        then = at + pace.reply
        self._plan(then, agent, "reply", stamp, ticket=ticket, text=ANSWER)
        self._steps_done(then, agent, stamp, ticket, [first])
        then += pace.resolve
        self._steps_done(then, agent, stamp, ticket, others)
        self._plan(then, agent, "resolve", stamp, ticket=ticket)

    def _steps_done(
        self, at: datetime, agent: str, stamp: int, ticket: str, steps: list[str]
    ) -> None:
        for step in filter(None, steps):
            self._plan(at, agent, "step_done", stamp, ticket=ticket, step=step)

    def _steps(self, ticket: str) -> list[str]:
        kind = self._rulebook.types.get(self._types.get(ticket) or "")
        return [step.id for step in kind.steps] if kind is not None else []

    def _of(self, ticket: str) -> Pace:
        return self._own.get(ticket, self._pace)

    def _take(self, ticket: str, agent: str) -> int:
        """The ticket is in the agent's hands, as from now; what was planned before is not done."""
        self._drop(ticket)
        self._number += 1
        self._hands[ticket] = agent, self._number
        self._load[agent] = self._load.get(agent, 0) + 1
        return self._number

    def _drop(self, ticket: str) -> str | None:
        held = self._hands.pop(ticket, None)
        self._replying.discard(ticket)
        if held is None:
            return None
        self._load[held[0]] -= 1
        return held[0]

    def _lost(self, data: e.TicketEvent, at: datetime) -> None:
        agent = self._drop(data.ticket)
        if agent is not None:
            self._look(agent, at)

    def _wrapped_up(self, data: e.TicketWrappedUp, at: datetime) -> None:
        self._look(data.agent, at)

    # -- queues from which agents take

    def _queued(self, data: e.TicketEvent, at: datetime) -> None:
        if isinstance(data, e.TicketQueued):
            self._types[data.ticket] = data.type
        if data.queue in self._pull:
            self._somebody_takes(data.queue, at)

    def _requeued(self, data: e.TicketRequeued, at: datetime) -> None:
        self._lost(data, at)
        self._queued(data, at)

    def _somebody_takes(self, queue: str, at: datetime) -> None:
        agents = self._rulebook.agents
        busy = {name: self._load[name] + self._reaching[name] for name in self._available}
        able = [
            (load, name)
            for name, load in busy.items()
            if queue in agents[name].queues and load < agents[name].capacity
        ]
        if able:
            self._reach(min(able)[1], queue, at)

    def _look(self, agent: str, at: datetime) -> None:
        """Who is there and has done something looks into the queues that nobody is offered."""
        if agent in self._available:
            for queue in self._rulebook.agents[agent].queues:
                if queue in self._pull:
                    self._reach(agent, queue, at)

    def _reach(self, agent: str, queue: str, at: datetime) -> None:
        self._reaching[agent] += 1
        self._plan(at + self._pace.accept, agent, "take", queue=queue)

    # -- plans

    def _plan(self, at: datetime, agent: str, command: str, stamp: int = 0, **fields: Any) -> None:
        self._number += 1
        heapq.heappush(self._tasks, _Task(at, self._number, agent, command, fields, stamp))

    def _stale(self, task: _Task) -> bool:
        if not task.stamp:
            return False
        return self._hands.get(task.fields["ticket"]) != (task.agent, task.stamp)


def merged(periods: Iterator[Period], until: datetime) -> Iterator[Period]:
    """The periods that begin before `until`; those that touch are one."""
    begins: datetime | None = None
    ends = until
    for period in periods:
        if begins is not None and period.start == ends:
            ends = period.end
        else:
            if begins is not None:
                yield Period(begins, ends)
            begins, ends = period
        if ends >= until:
            break
    if begins is not None and begins < until:
        yield Period(begins, ends)
