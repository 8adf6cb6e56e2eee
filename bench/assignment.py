"""What one assignment costs, in a small and a large pool: whose ticket it is, which one is next.

A decision is the choice with its explanation; rows apart have what follows from it as well.
"""

import gc
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Literal, NamedTuple, get_args

from msgspec.structs import replace

from router.core import assign
from router.core.agents import unfit
from router.core.desk import Desk
from router.core.entities.agent import AgentState
from router.core.entities.inputs import Activation
from router.core.entities.ticket import Ticket
from router.core.lifecycle import TicketState, Trigger
from router.core.turn import Turn
from rules.load import version
from rules.people import Strategy

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
DECISIONS, POOLS = 3_000, 5
CAPACITY = 3
ROUTES = 20
MOST_SKILLED = 5
Asks = Literal["routes", "distinct", "more"]
CHANNELS = ("chat", "email", "sms")
TARGET_MICROSECONDS, TARGET_RATIO = 50, 3.0


@dataclass(frozen=True)
class Size:
    """How large a pool is."""

    agents: int
    queues: int
    skills: int
    waiting: int

    def __str__(self) -> str:
        return (
            f"{self.agents:,} agents, {self.queues} queues, {self.skills} skills, "
            f"{self.waiting:,} waiting"
        )


SMALL, LARGE = Size(50, 5, 10, 100), Size(5_000, 50, 100, 100_000)


class Figures(NamedTuple):
    """Microseconds of CPU: the median, and what one decision in a hundred exceeds."""

    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.1f} µs (p99 {self.high:.0f})"


class Pool:
    """A desk with agents who are all there; each has a tenth of queues and skills, or three.

    The tickets of a queue come by twenty routes, which ask for skills (`asks`); or each is
    `distinct`; or they ask for `more` than anybody has.
    """

    def __init__(
        self, size: Size, strategy: str = "spare-capacity", *, asks: Asks = "routes"
    ) -> None:
        self.chance = random.Random(1)  # noqa: S311 - a benchmark draws, it hides nothing
        self.size = size
        self.queues = [f"q{number}" for number in range(size.queues)]
        self.skills = [f"s{number}" for number in range(size.skills)]
        self.now = START
        self.desk = Desk()
        files = {"rules.yaml": json.dumps(self._rulebook(strategy))}
        self.desk.rulebooks.put(
            "current", Activation(activation=1, version=version(files), files=files)
        )
        for name in self.desk.roster.names:
            since = START - timedelta(seconds=self.chance.random() * 3600)
            self.desk.agents.put(
                name, AgentState(id=name, presence="available", since=since, idle_since=since)
            )
        self._count = 0
        self._asks = asks
        self._asked = {queue: [self._demand() for _ in range(ROUTES)] for queue in self.queues}

    def _some(self, names: list[str]) -> list[str]:
        return self.chance.sample(names, max(3, len(names) // 10))

    def _rulebook(self, strategy: str) -> dict[str, object]:
        agents = {
            f"a{number}": {
                "pool": "service",
                "queues": self._some(self.queues),
                "skills": {
                    skill: self.chance.randint(1, MOST_SKILLED) for skill in self._some(self.skills)
                },
                "capacity": CAPACITY,
            }
            for number in range(self.size.agents)
        }
        return {
            "pools": {"service": {"queues": self.queues}},
            "queues": {queue: {"strategy": strategy} for queue in self.queues},
            "agents": agents,
            "routes": [{"id": "default", "then": {"queue": self.queues[0]}}],
        }

    def _demand(self) -> dict[str, int]:
        asked = self.chance.sample(self.skills, self.chance.choice([1, 1, 2]))
        most = MOST_SKILLED + 1
        return {
            skill: most if self._asks == "more" else self.chance.randint(1, 3) for skill in asked
        }

    def ticket(self) -> Ticket:
        """A new ticket, which asks for one or two skills, as one of its queue's routes says."""
        self._count += 1
        queue = self.chance.choice(self.queues)
        came = START - timedelta(seconds=self.chance.random() * 36_000)
        return Ticket(
            id=f"t{self._count}", conversation=f"c{self._count}-1", pool="service",
            queue=queue, channel=self.chance.choice(CHANNELS),
            account="shop", external_id=str(self._count), rulebook="", state=TicketState.QUEUED,
            skills=self._demand() if self._asks == "distinct" else self._of_a_route(queue),
            created_at=came, enqueued_at=came, chain_since=came,
        )  # fmt: skip

    def _of_a_route(self, queue: str) -> dict[str, int]:
        return self.chance.choice(self._asked[queue])

    def fill(self) -> None:
        """Nobody has room for more, and the queues are full."""
        for name in self.desk.roster.names:
            self.occupy(name)
        for _ in range(self.size.waiting):
            ticket = self.ticket()
            self.desk.tickets.put(ticket.id, ticket)
        self.desk.journal.committed()

    def occupy(self, agent: str) -> None:
        """The agent has all that they can take."""
        for _ in range(CAPACITY - self.desk.loads.load(agent)):
            ticket = self.ticket()
            held = replace(ticket, state=TicketState.ASSIGNED, agent=agent, weight=1)
            self.desk.tickets.put(ticket.id, held)

    def turn(self) -> Turn:
        """The next step."""
        self.now += timedelta(seconds=1)
        self.desk.journal.committed()
        return Turn(self.desk, f"cause{self._count}", self.now, self.now)


Decision = Callable[[Turn], object]


def freed(pool: Pool, decide: Decision) -> Iterator[float]:
    """Seconds of the decision after each resolution: the best of all that waits for one agent."""
    names = pool.desk.roster.names
    for _ in range(DECISIONS):
        turn = pool.turn()
        more = pool.ticket()
        pool.desk.tickets.put(more.id, more)
        agent = pool.chance.choice(names)
        pool.occupy(agent)
        done = pool.desk.tickets.rows[pool.desk.loads.held(agent)[0]]
        if done.offer is not None:
            done = turn.save(done, Trigger.ASSIGNED, agent=agent, offer=None)
        turn.save(done, Trigger.RESOLVED, weight=0)
        turn.freed[agent] = None
        yield _seconds(decide, turn)


def came(pool: Pool, decide: Decision) -> Iterator[float]:
    """Seconds of the decision for a new ticket, which is then taken back: who of all gets it."""
    for _ in range(DECISIONS):
        turn = pool.turn()
        turn.save(pool.ticket())
        yield _seconds(decide, turn)
        pool.desk.journal.rollback()


def _seconds(decide: Decision, turn: Turn) -> float:
    before = time.process_time()
    decide(turn)
    return time.process_time() - before


def chosen(turn: Turn) -> object:
    """Whom the ticket that has come is for."""
    (ticket,) = (turn.desk.tickets.rows[key] for key in turn.seeking)
    return assign.choose(turn, ticket)


def looped(pool: Pool, _decide: Decision) -> Iterator[float]:
    """Seconds of the same choice by asking every agent, as the definition of fitness says it."""
    desk = pool.desk
    for _ in range(DECISIONS // 30):
        ticket = pool.ticket()
        before = time.process_time()
        need = desk.need(ticket)
        min(
            (
                (load - agent.capacity, state.idle_since, name)
                for name, agent in desk.roster.agents.items()
                if unfit(
                    agent, state := desk.agent(name), load := desk.loads.load(name), need, ticket
                )
                is None
            ),
            default=None,
        )
        yield time.process_time() - before


Measure = Callable[[Pool, Decision], Iterator[float]]


def found(
    measure: Measure, decide: Decision, size: Size, *, full: bool,
    strategy: str = "spare-capacity", asks: Asks = "routes",
) -> Figures:  # fmt: skip
    """The middle figures of some pools, each made anew: where things lie in memory matters."""
    several: list[Figures] = []
    for _ in range(POOLS):
        pool = Pool(size, strategy, asks=asks)
        if full:
            pool.fill()
        gc.collect()
        gc.freeze()
        seconds = list(measure(pool, decide))
        gc.unfreeze()
        several.append(Figures(median(seconds) * 1e6, quantiles(seconds, n=100)[-1] * 1e6))
    return sorted(several)[POOLS // 2]


ROWS: tuple[tuple[str, Measure, Decision, bool, Asks], ...] = (
    ("an agent comes free", freed, assign.best_for_freed, True, "routes"),
    ("the same, and it is offered, told, stored", freed, assign.match, True, "routes"),
    ("every ticket asks for something else", freed, assign.best_for_freed, True, "distinct"),
    ("nothing that waits suits", freed, assign.best_for_freed, True, "more"),
    ("a ticket comes, everybody is idle", came, chosen, False, "routes"),
    ("the same, and it is offered, told, stored", came, assign.match, False, "routes"),
    ("a ticket comes, nobody has room", came, chosen, True, "routes"),
)
"""What, how, with everybody at work, what the tickets ask for."""


def main() -> None:
    """Print the rows."""
    print(f"small: {SMALL}; large: {LARGE}")
    for what, measure, decide, full, asks in ROWS:
        small, large = (
            found(measure, decide, size, full=full, asks=asks) for size in (SMALL, LARGE)
        )
        print(
            f"{what}: small {small}, large {large} (target {TARGET_MICROSECONDS}); "
            f"{large.middle / small.middle:.2f} times (target {TARGET_RATIO:g})"
        )
    for strategy in get_args(Strategy):
        figures = found(came, chosen, LARGE, full=False, strategy=strategy)
        print(f"{strategy}, everybody idle: {figures}")
    print(f"asking every agent in turn: {found(looped, chosen, LARGE, full=False)}")


if __name__ == "__main__":
    main()
