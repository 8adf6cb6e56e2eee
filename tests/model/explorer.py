"""Every way in which a few events can interleave, on the real dispatch core.

A world is a core, an instant, and what may still happen. An explorer tries each thing that may
happen next, looks at what it made, and undoes it by the core's own journal; a state that was seen
before is not followed again. States are compared by what is stored, with instants relative to the
present, without what only names things (versions, ids of offers).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from channels.contract import encode
from router.core.commands import Command
from router.core.dispatch import Dispatch
from router.core.entities.clock import Clock
from router.core.entities.ticket import Ticket
from router.core.events import TicketClose, TicketMessage, TicketMoved, TicketTriaged
from router.core.outputs import Given, Output
from router.world import LETTERHEAD, TICK
from tests.unit.router.core.cores import activation, message
from tests.unit.router.core.story import START, Rules

R = TypeVar("R", TicketTriaged, TicketMessage)

HORIZON = timedelta(hours=1)
"""What is due later is forgetting, and not waited for."""

DOWNTIME = timedelta(seconds=45)
"""Longer than an offer, a grace or a lease lasts."""


class Order(NamedTuple):
    """A command that an agent may give; `ticket` by its name, None where it has none.

    Of its `fields`, `into` is a ticket by its name and `until` seconds from now.
    """

    name: str
    ticket: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


class Happening(NamedTuple):
    """One thing that may happen next."""

    what: str
    who: str | None = None
    order: Order | None = None
    lost: "Happening | None" = None


FIRE, TIME = Happening("fire"), Happening("time")
INPUTS = frozenset({"command", "arrives", "writes", "closes", "delivered", "activation"})
"""What the log has, and brings again after a crash."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The rulebook, who may give which orders how often, and what else may happen."""

    rules: Rules
    menu: Mapping[str, Sequence[Order]]
    tickets: Mapping[str, TicketTriaged]
    commands: int = 3
    writes: int = 0
    crashes: int = 1
    closes: bool = False
    then: Rules | None = None
    begins: tuple[tuple[str, Order], ...] = ()


@dataclass(frozen=True)
class Budget:
    """What may still happen, and what is on its way."""

    commands: tuple[tuple[str, int], ...]
    arrivals: tuple[str, ...]
    writes: int
    crashes: int
    activations: int
    inflight: tuple[Output, ...] = ()


@dataclass
class Step:
    """What came of one happening; `coming` are the tickets that were between two pools."""

    before: Mapping[str, Ticket]
    coming: Mapping[str, Ticket]
    outputs: list[Output] = field(default_factory=list)
    rejected: bool = False


class World:
    """One state of the exploration, which `trying` brings back."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.now = START
        self.core = Dispatch(LETTERHEAD)
        self.base: dict[str, bytes] = {}
        self.budget = Budget(
            tuple((agent, 0) for agent in scenario.menu), tuple(scenario.tickets),
            scenario.writes, scenario.crashes, 0 if scenario.then is None else 1,
        )  # fmt: skip
        self._step("rules", activation(1, scenario.rules))
        for number, (agent, order) in enumerate(scenario.begins):
            self.say(agent, order, f"begin/{number}")
        self.base = self.stored()
        self.core.journal.committed()

    def stored(self) -> dict[str, bytes]:
        """What a log would hold of the core's state."""
        state: dict[str, bytes | None] = {**self.base, **self.core.journal.changes()}
        return {key: data for key, data in state.items() if data is not None}

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Whatever happens in here is undone."""
        core, base, now, budget = self.core, self.base, self.now, self.budget
        mark = core.journal.mark()
        try:
            yield
        finally:
            core.journal.rollback(mark)
            self.core, self.base, self.now, self.budget = core, base, now, budget

    def id(self, name: str) -> str:
        """The id of the ticket of that name."""
        return self.scenario.tickets[name].ticket

    def tickets(self) -> dict[str, Ticket]:
        """The tickets that the core has."""
        return dict(self.core.desk.tickets.rows)

    def happenings(self) -> Iterator[Happening]:
        """All that may happen next."""
        due = self.core.next_at()
        if due is not None and due <= self.now:
            yield FIRE
        elif due is not None and due <= self.now + HORIZON:
            yield TIME
        inputs = list(self._inputs())
        yield from inputs
        if self.budget.crashes:
            yield Happening("crash")
            yield Happening("downtime")
            for one in inputs:
                yield Happening("crash", lost=one)

    def _inputs(self) -> Iterator[Happening]:
        budget = self.budget
        if budget.arrivals:
            yield Happening("arrives", budget.arrivals[0])
        yield from self._commands()
        yield from self._customers()
        if budget.inflight:
            yield Happening("delivered")
        if budget.activations:
            yield Happening("activation")

    def _commands(self) -> Iterator[Happening]:
        here = self.core.desk.tickets.rows
        for agent, used in self.budget.commands:
            if used < self.scenario.commands:
                for order in self.scenario.menu[agent]:
                    if order.ticket is None or self.id(order.ticket) in here:
                        yield Happening("command", agent, order)

    def _customers(self) -> Iterator[Happening]:
        for name in self.scenario.tickets:
            ticket = self.core.desk.tickets.get(self.id(name))
            if ticket is not None and self.budget.writes:
                yield Happening("writes", name)
            if ticket is not None and self.scenario.closes and ticket.resolved_at is not None:
                yield Happening("closes", name)

    def later(self, seconds: float) -> None:
        """Time passes, whatever is due meanwhile."""
        self.now += timedelta(seconds=seconds)

    def happen(self, one: Happening) -> Step:
        """Let it happen."""
        coming = {out.data.ticket.id: out.data.ticket for out in self.budget.inflight}
        step = Step(self.tickets(), coming)
        if one.what == "time":
            due = self.core.next_at()
            assert due is not None
            self.now = due
        elif one.what == "fire":
            step.outputs = self.core.fire(self.now + TICK, self.now) or []
        elif one.what in {"crash", "downtime"}:
            step.outputs = self._crash(one)
        else:
            step.outputs = self._input(one)
        moved = tuple(out for out in step.outputs if out.type == TicketMoved.TYPE)
        if moved:
            self.budget = replace(self.budget, inflight=(*self.budget.inflight, *moved))
        step.rejected = any(out.type == "command.rejected" for out in step.outputs)
        return step

    def _input(self, one: Happening) -> list[Output]:
        cause, event = self._event(one)
        outputs = self._step(cause, event)
        if one.what == "command":
            self._again(cause, event, outputs)
        return outputs

    def _again(self, cause: str, event: object, outputs: list[Output]) -> None:
        """What is sent again is answered as before, and changes nothing."""
        mark = self.core.journal.mark()
        (answer,) = self._step(cause, event)
        assert answer.data == next(out.data for out in outputs if out.type == answer.type)
        assert self.core.journal.mark() == mark, "a repeated command changed the state"

    def _event(self, one: Happening) -> tuple[str, object]:
        """What the log brings, and its id; it is taken off the budget."""
        budget, who = self.budget, one.who or ""
        if one.order is not None:
            used = dict(budget.commands)
            used[who] += 1
            self.budget = replace(budget, commands=tuple(used.items()))
            return f"command/{who}{used[who]}", self.command(who, one.order, f"{who}{used[who]}")
        if one.what == "arrives":
            self.budget = replace(budget, arrivals=budget.arrivals[1:])
            return f"triaged/{who}", _received(self.scenario.tickets[who], self.now)
        if one.what == "writes":
            self.budget = replace(budget, writes=budget.writes - 1)
            ticket = self.core.desk.tickets.rows[self.id(who)]
            said = message(self.scenario.tickets[who], ticket.number + 1)
            return f"message/{who}/{said.number}", _received(said, self.now)
        if one.what == "closes":
            ticket = self.core.desk.tickets.rows[self.id(who)]
            return f"close/{who}", _closing(ticket)
        if one.what == "delivered":
            first, *rest = budget.inflight
            self.budget = replace(budget, inflight=tuple(rest))
            return first.id, first.data
        assert self.scenario.then is not None
        self.budget = replace(budget, activations=0)
        return "rules/2", activation(2, self.scenario.then)

    def command(self, agent: str, order: Order, id: str) -> Command:
        """The command that an order becomes."""
        ticket = None if order.ticket is None else self.id(order.ticket)
        fields: dict[str, Any] = dict(order.fields)
        if "lease_seconds" in fields:
            fields["lease_seconds"] = float(fields["lease_seconds"])
        if "into" in fields:
            fields["into"] = self.id(fields["into"])
        if "until" in fields:
            fields["until"] = self.now + timedelta(seconds=float(fields["until"]))
        name: Any = order.name
        return Command(id=id, agent=agent, command=name, ticket=ticket, **fields)

    def say(self, agent: str, order: Order, id: str) -> list[Output]:
        """An agent gives an order that is on nobody's budget."""
        return self._step(f"command/{id}", self.command(agent, order, id))

    def _step(self, cause: str, event: object) -> list[Output]:
        given = Given(cause, self.now, encode(event))
        return self.core.step(event, given, self.now)

    def _crash(self, one: Happening) -> list[Output]:
        """All that is not stored is lost; what the log still has comes again."""
        self.budget = replace(self.budget, crashes=self.budget.crashes - 1)
        lost: list[Output] = []
        budget, stored, known = self.budget, self.stored(), tables(self.core)
        if one.lost is not None:
            mark = self.core.journal.mark()
            lost = self._input(one.lost)
            known = tables(self.core)
            self.core.journal.rollback(mark)
            self.budget = budget
        self.core, self.base = Dispatch(LETTERHEAD), stored
        for key, data in stored.items():
            self.core.journal.load(key, data)
        outputs = [] if one.lost is None else self._input(one.lost)
        assert outputs == lost, "the step that was lost is done otherwise"
        assert tables(self.core) == known, "what was remembered was not stored"
        if one.what == "downtime":
            self.now += DOWNTIME
        return outputs + self.core.caught_up(self.now)

    def key(self) -> tuple[object, ...]:
        """The state, such that two of them with one key have the same future."""
        return (self.situation(), self.budget.commands, self.budget.arrivals, self.budget.writes,
                self.budget.crashes, self.budget.activations)  # fmt: skip

    def situation(self) -> tuple[object, ...]:
        """The same, whatever may still happen."""
        desk, now = self.core.desk, self.now
        tickets, agents = sorted(desk.tickets.rows.items()), sorted(desk.agents.rows.items())
        placed = [one for _, one in tickets if desk.placed(one)]
        return (
            desk.activation,
            *((key, relative(one, now)) for key, one in tickets),
            *((key, relative(one, now)) for key, one in agents),
            _ranks([desk.order(one) for one in placed]),
            _ranks([one.idle_since for _, one in agents]),
            *(now - one.chain_since for one in placed if desk.queue(one.queue).targets),
            *sorted(desk.stubs.rows),
            *(relative(out.data, now) for out in self.budget.inflight),
        )


def _ranks(instants: list[datetime]) -> tuple[int, ...]:
    """Which of them are earlier than which."""
    order = sorted(set(instants))
    return tuple(order.index(one) for one in instants)


def _received(event: R, at: datetime) -> R:
    return msgspec.structs.replace(event, request=replace(event.request, received_at=at))


def _closing(ticket: Ticket) -> TicketClose:
    assert ticket.resolved_at is not None
    return TicketClose(
        ticket=ticket.id, conversation=ticket.conversation, pool=ticket.pool,
        resolved_at=ticket.resolved_at,
    )  # fmt: skip


def tables(core: Dispatch) -> dict[str, dict[str, Any]]:
    """Every table of a core by name."""
    found: dict[str, Any] = core.journal._tables
    return {name: dict(table.rows) for name, table in found.items()}


NAMES = frozenset({
    "version", "wake_at", "id", "conversation", "external_id", "channel", "account", "rulebook",
    "sender", "sender_name", "answer_to", "answer_name", "subject", "text", "created_at",
    "last_message_id", "references", "started_at", "since", "at",
})  # fmt: skip
"""Fields that name something, follow from others, or never change: no state differs by them."""

PAST = "past"
_fields: dict[type[Any], tuple[str, ...]] = {}


def relative(value: Any, now: datetime) -> object:
    """`value` with its instants as seen from `now`.

    How far ahead they are matters. What is past has happened: how long ago matters to the order in
    a queue, to who idles longest and to a queue's chain, which `World.situation` adds, and to how
    long a clock has been stopped.
    """
    if isinstance(value, datetime):
        return value - now if value > now else PAST
    if isinstance(value, msgspec.Struct):
        found = [relative(getattr(value, name), now) for name in _names(type(value))]
        if isinstance(value, Clock) and value.paused_at is not None:
            found.append(now - value.paused_at)
        return tuple(found)
    if isinstance(value, tuple | list):
        return tuple([relative(one, now) for one in value])
    if isinstance(value, dict):
        return tuple([(key, relative(one, now)) for key, one in sorted(value.items())])
    return value


def _names(kind: type[Any]) -> tuple[str, ...]:
    names = _fields.get(kind)
    if names is None:
        names = tuple(one for one in kind.__struct_fields__ if one not in NAMES)
        _fields[kind] = names
    return names


class Broken(AssertionError):
    """A truth that does not hold, and how the world came there."""


class Explorer:
    """Follows a scenario to its ends; `states` and `transitions` say how much there was."""

    def __init__(
        self,
        scenario: Scenario,
        after_step: Callable[[World, Happening, Step], None],
        in_state: Callable[[World], None],
    ) -> None:
        self.world = World(scenario)
        self.transitions = 0
        self._after_step = after_step
        self._in_state = in_state
        self._seen: set[tuple[object, ...]] = set()
        self._path: list[Happening] = []

    @property
    def states(self) -> int:
        """How many different states were reached."""
        return len(self._seen)

    def run(self) -> None:
        """Explore everything. Raises `Broken` with the path to what does not hold."""
        try:
            self._explore()
        except Exception as error:
            way = "\n".join(f"  {_told(one)}" for one in self._path)
            raise Broken(f"{type(error).__name__}: {error}\nafter\n{way}") from error

    def _explore(self) -> None:
        world = self.world
        key = world.key()
        if key in self._seen:
            return
        self._seen.add(key)
        self._in_state(world)
        for one in list(world.happenings()):
            self._path.append(one)
            with world.trying():
                step = world.happen(one)
                self.transitions += 1
                self._after_step(world, one, step)
                if not (step.rejected and one.lost is None):
                    self._explore()
            self._path.pop()


def _told(one: Happening) -> str:
    parts = [one.what, one.who or ""]
    if one.order is not None:
        fields = [f"{key}={value}" for key, value in one.order.fields]
        parts += [one.order.name, one.order.ticket or "", *fields]
    if one.lost is not None:
        parts += ["and, done again,", _told(one.lost)]
    return " ".join(filter(None, parts))
