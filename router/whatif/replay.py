"""Traffic through a rulebook in virtual time, and two such runs side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from channels.errors import Malformed
from channels.identity import ticket_id
from channels.request import CustomerRequest
from router.core.commands import Command
from router.core.customers import Customers
from router.core.events import CommandRejected
from router.core.outputs import Output
from router.core.state import Journal
from router.whatif import compare
from router.whatif.agents import USUAL, Pace, Staff
from router.whatif.compare import MODEL, NONE, RECORDED
from router.whatif.engine import Engine
from router.whatif.fates import Decider, Fate, Fates
from router.whatif.figures import Figures, RunFigures
from router.whatif.gauges import Buckets
from router.whatif.traffic import Arrival, Order, Traffic
from rules.index import Compiled, compile_rulebook

MOST_REFUSED = 0.05
"""Where more of the recorded commands apply under the old rulebook alone, the model takes over."""
NO_TICKET = "-"
"""A command about a request that has no ticket in this run: dispatch refuses it."""
TAIL = timedelta(days=1)
"""So long the model goes on after the last request: what came last is answered, or lapses."""

Noticed = Callable[[str], None]


@dataclass(frozen=True)
class Book:
    """A rulebook that is tried: its files, where they came from, and what they compile to."""

    source: str
    files: Mapping[str, str]
    compiled: Compiled

    @classmethod
    def of(cls, source: str, files: Mapping[str, str]) -> "Book":
        """Compile `files`. Raises `RulebookError`."""
        return cls(source, files, compile_rulebook(files))


@dataclass(frozen=True)
class Wishes:
    """How it is to be replayed; None lets the traffic decide."""

    agents: str | None = None
    pace: Pace = USUAL
    tail: timedelta | None = None
    bucket: timedelta | None = None
    examples: int = 10
    decisions_only: bool = False


@dataclass(frozen=True)
class Run:
    """What came of one run; `refused` are the ids of the commands that did not apply."""

    fates: Mapping[str, Fate]
    figures: RunFigures | None
    refused: frozenset[str] = frozenset()


def whatif(
    old: Book, new: Book, traffic: Traffic, wishes: Wishes, noticed: Noticed
) -> compare.Report:
    """What would change under `new`. `noticed` is told the run's name and each input of it."""
    requests = list({one.request.id: one.request for one in traffic.arrivals}.values())
    if wishes.decisions_only:
        agents, end = compare.Agents(NONE), traffic.end
        runs = [_decided(book, traffic, requests, side, noticed) for side, book in _sides(old, new)]
    else:
        agents, end, runs = _Play(old, new, traffic, wishes, noticed).played()
    buckets = Buckets.of(traffic.start, end, wishes.bucket)
    found = compare.decisions(requests, runs[0].fates, runs[1].fates, wishes.examples)
    return compare.Report(
        same=not found.changed and runs[0].figures == runs[1].figures,
        traffic=compare.Replayed(
            source=traffic.source,
            requests=len(requests),
            repeated=len(traffic.arrivals) - len(requests),
            customers=len(traffic.customers),
            unreadable=traffic.unreadable,
            start=traffic.start,
            last=traffic.inputs[-1].at,
            end=end,
            timezone=_timezone(new.compiled),
            ends=buckets.ends,
        ),
        agents=agents,
        decisions=found,
        old=_side(old, runs[0]),
        new=_side(new, runs[1]),
    )


def _sides(old: Book, new: Book) -> tuple[tuple[str, Book], tuple[str, Book]]:
    return ("old", old), ("new", new)


def _side(book: Book, run: Run) -> compare.Side:
    rulebook = book.compiled.rulebook
    queues = {name: one.name for name, one in rulebook.queues.items()}
    agents = {name: one.name for name, one in rulebook.agents.items()}
    named = {name: said for name, said in (agents | queues).items() if said}
    return compare.Side(book.source, book.compiled.version, named, run.figures)


def _timezone(compiled: Compiled) -> str:
    """Where instants are shown: the zone of the first calendar."""
    return next((one.timezone for one in compiled.rulebook.calendars.values()), "UTC")


# -- the rules alone


def _decided(
    book: Book, traffic: Traffic, requests: Sequence[CustomerRequest], side: str, noticed: Noticed
) -> Run:
    customers = Customers(Journal())
    for one in traffic.customers:
        customers.change(one)
    decider = Decider(book.compiled, customers)
    fates: dict[str, Fate] = {}
    for request in requests:
        fates[request.id] = decider.fate(request)
        noticed(side)
    return Run(fates, None)


# -- both stages, with agents


class _Play:
    """One what-if through both stages: who answers, until when, and the two runs."""

    def __init__(
        self, old: Book, new: Book, traffic: Traffic, wishes: Wishes, noticed: Noticed
    ) -> None:
        self._books = _sides(old, new)
        self._traffic = traffic
        self._wishes = wishes
        self._noticed = noticed

    def played(self) -> tuple[compare.Agents, datetime, list[Run]]:
        """Who answered, the last instant, the two runs. Raises `Malformed`."""
        orders = self._traffic.orders
        asked = {one.command.id for one in orders if one.command.command != "presence"}
        if not asked and self._wishes.agents == RECORDED:
            raise Malformed("--agents recorded: no command of an agent is recorded here")
        if not asked or self._wishes.agents == MODEL:
            return self._by_model(compare.Agents(MODEL, len(asked)))
        end = self._traffic.end + (self._wishes.tail or timedelta(0))
        runs = [self._run(*side, self._traffic.inputs, end) for side in self._books]
        before, after = (run.refused & asked for run in runs)
        agents = compare.Agents(RECORDED, len(asked), len(before), len(after))
        if self._wishes.agents == RECORDED or len(after) <= MOST_REFUSED * len(asked):
            return agents, end, runs
        return self._by_model(msgspec.structs.replace(agents, mode=MODEL))

    def _by_model(self, agents: compare.Agents) -> tuple[compare.Agents, datetime, list[Run]]:
        """Both runs with the model, which goes by what the record says of times and presence."""
        pace = self._wishes.pace
        orders = self._traffic.orders
        own = own_paces(orders, pace)
        shifts = [one for one in orders if one.command.command == "presence"]
        present = frozenset(one.command.agent for one in shifts)
        usual = timedelta(0) if present else TAIL
        end = self._traffic.end + (usual if self._wishes.tail is None else self._wishes.tail)
        inputs = [
            one
            for one in self._traffic.inputs
            if isinstance(one, Arrival) or one.command.command == "presence"
        ]
        runs = []
        for side, book in self._books:
            staff = Staff(book.compiled, self._traffic.start, end, pace, own=own, absent=present)
            runs.append(self._run(side, book, inputs, end, staff))
        agents = msgspec.structs.replace(
            agents,
            accept_seconds=pace.accept.total_seconds(),
            reply_seconds=pace.reply.total_seconds(),
            resolve_seconds=pace.resolve.total_seconds(),
            own_times=len(own),
            own_presence=len(present),
        )
        return agents, end, runs

    def _run(
        self,
        side: str,
        book: Book,
        inputs: Sequence[Arrival | Order],
        end: datetime,
        staff: Staff | None = None,
    ) -> Run:
        """One rulebook's run until `end`."""
        traffic = self._traffic
        fates = Fates()
        figures = Figures(Buckets.of(traffic.start, end, self._wishes.bucket))
        refused: set[str] = set()

        def heard(output: Output) -> None:
            figures.take(output)
            fates.take(output)
            if isinstance(output.data, CommandRejected):
                refused.add(output.data.id)
            if staff is not None:
                staff.heard(output)

        engine = Engine(book.files, traffic.start, heard)
        for customer in traffic.customers:
            engine.customer(customer)
        for one in inputs:
            work(engine, staff, one.at)
            if isinstance(one, Arrival):
                engine.request(one.request)
            else:
                engine.command(_addressed(one, fates))
            self._noticed(side)
        work(engine, staff, end)
        engine.finish()
        found = figures.finish(end, engine.dead_letters)
        return Run(fates.of, found, frozenset(refused))


def work(engine: Engine, staff: Staff | None, until: datetime) -> None:
    """Let time pass until `until`, and the model's agents do what they do before then.

    What is due may give them something to do before what they had in mind: each time they look.
    """
    while True:
        at = until
        if staff is not None and (planned := staff.next_at()) is not None:
            at = min(planned, until)
        if engine.tick(at):
            continue
        if staff is None or at == until:
            return
        engine.command(staff.next())


def _addressed(order: Order, fates: Fates) -> Command:
    """The command, about the ticket that its request has in this run."""
    if order.about is None:
        return order.command
    return replace(order.command, ticket=fates.ticket(order.about) or NO_TICKET)


def own_paces(orders: Iterable[Order], usual: Pace) -> dict[str, Pace]:
    """How long the tickets took that the record shows answered: from taken to replied to resolved.

    How long an offer waited is not in the commands: that is the usual time.
    """
    taken: dict[str, datetime] = {}
    replied: dict[str, datetime] = {}
    resolved: dict[str, datetime] = {}
    for at, command, about in orders:
        ticket = ticket_id(about) if about is not None else command.ticket
        if ticket is None:
            continue
        if command.command in {"accept", "take"}:
            taken.setdefault(ticket, at)
        elif command.command == "reply" and ticket in taken:
            replied.setdefault(ticket, at)
        elif command.command == "resolve" and ticket in replied:
            resolved.setdefault(ticket, at)
    return {
        ticket: Pace(usual.accept, replied[ticket] - taken[ticket], at - replied[ticket])
        for ticket, at in resolved.items()
    }
