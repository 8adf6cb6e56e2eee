"""Merged and moved in any order, between two pools, with slow news: nothing written is lost."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import encode
from router.core.events import TicketTriaged
from router.core.outputs import Output
from router.topics import TICKETS_EVENTS, TICKETS_FEEDBACK, TICKETS_TRIAGED
from tests.unit.router.core.cores import Core, fields_of, message, triaged

BOOK = """
agents:
  sue: {pool: service, queues: [], role: supervisor}
  pat: {pool: office, queues: [], role: supervisor}
"""
SUPERVISORS = {"service": "sue", "office": "pat"}
OTHER = {"service": "claims", "office": "billing"}
"""Of each pool, a queue of the other one."""
TICKETS = 5

NUMBER = st.integers(0, TICKETS - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), NUMBER, NUMBER),
        st.tuples(st.just("transfer"), NUMBER),
        st.tuples(st.just("message"), NUMBER),
        st.tuples(st.just("deliver"), st.sampled_from(["service", "office", "triage"])),
    ),
    min_size=10,
    max_size=60,
)


class Town:
    """Two dispatch shards, and what triage knows; each has its inbox, read in order."""

    def __init__(self) -> None:
        self.cores = {pool: Core(BOOK) for pool in SUPERVISORS}
        self.inboxes: dict[str, deque[Output]] = {
            name: deque() for name in (*SUPERVISORS, "triage")
        }
        self.orders = [self._opened(number) for number in range(TICKETS)]
        self.homes = {one.conversation: (one.ticket, one.pool) for one in self.orders}
        self.sent: Counter[str] = Counter()
        self.told: Counter[tuple[str, int]] = Counter()
        self.teller: dict[tuple[str, int], str] = {}
        self.into: dict[str, str] = {}

    def _opened(self, number: int) -> TicketTriaged:
        pool, queue = ("office", "claims") if number == 0 else ("service", "billing")
        order = msgspec.structs.replace(
            triaged(f"x{number}", queue, pool), conversation=f"k{number}-1"
        )
        self.cores[pool].step(order)
        return order

    def merge(self, one: int, other: int) -> None:
        """The supervisor of the pool where it is tries to merge a ticket into another."""
        ticket, into = self.orders[one].ticket, self.orders[other].ticket
        self._command(ticket, "merge", into=into)

    def transfer(self, one: int) -> None:
        """A ticket goes to the other pool."""
        ticket = self.orders[one].ticket
        pool = self._pool(ticket)
        if pool is not None:
            self._command(ticket, "transfer", queue=OTHER[pool])

    def message(self, one: int) -> None:
        """The customer writes: triage sends it where it believes the ticket is."""
        order = self.orders[one]
        self.sent[order.conversation] += 1
        ticket, pool = self.homes[order.conversation]
        number = self.sent[order.conversation] + 1
        event = msgspec.structs.replace(message(order, number), ticket=ticket, pool=pool)
        self.inboxes[pool].append(
            Output(TICKETS_TRIAGED, pool, event.TYPE, f"m/{one}/{number}", self._now, event)
        )

    def deliver(self, reader: str) -> None:
        """One record is read."""
        if not self.inboxes[reader]:
            return
        record = self.inboxes[reader].popleft()
        if reader != "triage":
            self._take(self.cores[reader].take_in(record))
            return
        data = fields_of(record)
        ticket, _ = self.homes[data["conversation"]]
        self.homes[data["conversation"]] = data.get("into") or ticket, data["pool"]

    def settle(self) -> None:
        """Everything is read."""
        while any(self.inboxes.values()):
            for reader in self.inboxes:
                self.deliver(reader)

    def survivor(self, ticket: str) -> str:
        """The ticket at the end of the merges."""
        while ticket in self.into:
            ticket = self.into[ticket]
        return ticket

    @property
    def _now(self) -> Any:
        return self.orders[0].request.received_at

    def _pool(self, ticket: str) -> str | None:
        found = [name for name, one in self.cores.items() if ticket in one.core.desk.tickets.rows]
        assert len(found) <= 1, "a ticket is in one pool"
        return found[0] if found else None

    def _command(self, ticket: str, command: str, **fields: Any) -> None:
        pool = self._pool(ticket)
        if pool is not None:
            core = self.cores[pool]
            self._take(core.command(SUPERVISORS[pool], command, ticket=ticket, **fields))

    def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            if output.topic == TICKETS_TRIAGED:
                value = output.data if isinstance(output.data, bytes) else encode(output.data)
                self.inboxes[output.key].append(msgspec.structs.replace(output, data=value))
            elif output.topic == TICKETS_FEEDBACK:
                self.inboxes["triage"].append(output)
            elif output.topic == TICKETS_EVENTS:
                self._hear(output)

    def _hear(self, output: Output) -> None:
        data = fields_of(output)
        if output.type == "ticket.merged":
            self.into[data["ticket"]] = data["into"]
        elif output.type == "ticket.message":
            told = data["joined"] or data["ticket"], data["number"]
            self.told[told] += 1
            self.teller[told] = data["ticket"]
            assert data["ticket"] not in self.into, "a merged ticket tells nothing more"


@settings(max_examples=300, deadline=None)
@given(steps=STEPS)
def test_every_message_reaches_the_surviving_ticket_once(steps: list[tuple[Any, ...]]) -> None:
    """Whatever was merged, moved, forwarded, and learned late, in whatever order."""
    town = Town()
    acts: dict[str, Callable[..., None]] = {
        "merge": town.merge, "transfer": town.transfer, "message": town.message,
        "deliver": town.deliver,
    }  # fmt: skip
    for name, *arguments in steps:
        acts[name](*arguments)
    town.settle()
    written = {
        (order.ticket, number + 2)
        for order in town.orders
        for number in range(town.sent[order.conversation])
    }
    assert set(town.told) == written
    assert set(town.told.values()) <= {1}
    open_tickets = {ticket for one in town.cores.values() for ticket in one.core.desk.tickets}
    assert open_tickets == {town.survivor(order.ticket) for order in town.orders}
    for order in town.orders:
        assert town.homes[order.conversation] == (
            town.survivor(order.ticket), town._pool(town.survivor(order.ticket)),
        )  # fmt: skip
