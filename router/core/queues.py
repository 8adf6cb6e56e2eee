"""What waits, in order: an index over the tickets, told of every change.

Tickets of one queue that ask the same of an agent (same places, skills, channel) wait in one heap;
so the best ticket for an agent is the first head, among the kinds of work, that the agent can do,
whatever the number of tickets that wait.
"""

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from router.core.tickets import Ticket

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False, slots=True, kw_only=True)
class Need:
    """A kind of work: what waiting tickets ask for, an agent of one of `places` with `skills`.

    `push` says whether it is offered; what is not waits to be taken. Agents of the `barred` stages
    do not get it, who rests from `hard` tickets neither; who is reserved may ask for its `tier`.
    `suited` has a bit for each agent of the roster, least first. Each kind is one object, made by
    `Desk.need`.
    """

    places: tuple[str, ...]
    skills: tuple[tuple[str, int], ...]
    channel: str
    push: bool
    barred: tuple[str, ...]
    hard: bool
    tier: str | None
    suited: bytes = b""


class Place(NamedTuple):
    """A ticket's place in the order: linear key, nearest deadline, id."""

    order: datetime
    deadline: datetime
    ticket: str


class Line:
    """What waits in one queue: a heap for each kind of work, and the heaps' heads in order.

    The first ticket of `needs[n]` stands at `places[n]`. `holds` says whether an entry still
    stands: what has left is skipped when it comes up.
    """

    def __init__(self, holds: Callable[[Need, Place], bool]) -> None:
        self._holds = holds
        self._heaps: dict[Need, list[Place]] = {}
        self._heads: dict[Need, Place] = {}
        self.places: list[Place] = []
        self.needs: list[Need] = []

    def come(self, need: Need, place: Place) -> None:
        """A ticket begins to wait at this place."""
        heap = self._heaps.setdefault(need, [])
        heapq.heappush(heap, place)
        if heap[0] is place:
            self._lead(need, place)

    def gone(self, need: Need, place: Place) -> None:
        """A ticket no longer waits at this place."""
        if self._heads[need] != place:
            return
        heap = self._heaps[need]
        while heap and not self._holds(need, heap[0]):
            heapq.heappop(heap)
        if heap:
            self._lead(need, heap[0])
        else:
            self._unlead(need)
            del self._heaps[need]

    def in_order(self, need: Need) -> Iterator[Place]:
        """All tickets of one kind of work, for the rare search past a head."""
        before: Place | None = None
        for place in sorted(self._heaps.get(need, ())):
            if place != before and self._holds(need, place):
                yield place
            before = place

    def _lead(self, need: Need, place: Place) -> None:
        self._unlead(need)
        self._heads[need] = place
        number = bisect_left(self.places, place)
        self.places.insert(number, place)
        self.needs.insert(number, need)

    def _unlead(self, need: Need) -> None:
        old = self._heads.pop(need, None)
        if old is not None:
            number = bisect_left(self.places, old)
            del self.places[number], self.needs[number]


class Waiting:
    """The tickets that wait, by queue, kind of work and place.

    `placed`, `need_of` and `order_of` are functions of a ticket under the rulebook in force: they
    are asked when a ticket changes, and again for all when the rulebook does (`rebuild`).
    """

    def __init__(
        self,
        placed: Callable[[Ticket], bool],
        need_of: Callable[[Ticket], Need],
        order_of: Callable[[Ticket], tuple[datetime, datetime | None]],
    ) -> None:
        self._placed = placed
        self._need_of = need_of
        self._order_of = order_of
        self._entries: dict[str, tuple[Need, Place]] = {}
        self._lines: dict[str, Line] = {}

    def changed(self, key: str, old: Ticket | None, new: Ticket | None) -> None:
        """Follow one ticket's change."""
        entry = None
        if new is not None and new.waits and self._placed(new):
            entry = self._need_of(new), self.place(new)
        former = self._entries.get(key)
        if entry == former:
            return
        if entry is not None:
            self._entries[key] = entry
        else:
            del self._entries[key]
        if former is not None:
            for queue in former[0].places:
                self._lines[queue].gone(*former)
        if entry is not None:
            for queue in entry[0].places:
                self.line(queue).come(*entry)

    def _holds(self, need: Need, place: Place) -> bool:
        return self._entries.get(place.ticket) == (need, place)

    def place(self, ticket: Ticket) -> Place:
        """The ticket's place in the order of whatever queue it waits in."""
        order, deadline = self._order_of(ticket)
        return Place(order, deadline or _NEVER, ticket.id)

    def rebuild(self, tickets: Iterable[Ticket]) -> None:
        """Start anew from all tickets: the rulebook has changed."""
        self._entries.clear()
        self._lines.clear()
        for ticket in tickets:
            self.changed(ticket.id, None, ticket)

    def line(self, queue: str) -> Line:
        """What waits in `queue`."""
        if queue not in self._lines:
            self._lines[queue] = Line(self._holds)
        return self._lines[queue]
