"""What waits, in order: an index over the tickets, told of every change.

Tickets of one queue that ask the same of an agent (same places, skills, weight class) wait in one
heap; so the best ticket for an agent is the best head among the few kinds of work that the agent
can do, whatever the number of tickets that wait.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from router.core.tickets import Ticket

_NEVER = datetime.max.replace(tzinfo=UTC)


class Need(NamedTuple):
    """What a waiting ticket asks for: an agent of one of `places` with `skills`.

    `push` says whether it is offered; what is not waits to be taken. Agents of the `barred` stages
    do not get it, who rests from `hard` tickets neither; who is reserved may ask for its `tier`.
    """

    places: tuple[str, ...]
    skills: tuple[tuple[str, int], ...]
    channel: str
    push: bool = True
    barred: tuple[str, ...] = ()
    hard: bool = False
    tier: str | None = None


class Place(NamedTuple):
    """A ticket's place in the order: linear key, nearest deadline, id."""

    order: datetime
    deadline: datetime
    ticket: str


class Waiting:
    """The tickets that wait, by place and need.

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
        self._heaps: dict[str, dict[Need, list[Place]]] = {}

    def changed(self, key: str, old: Ticket | None, new: Ticket | None) -> None:
        """Follow one ticket's change."""
        if new is None or not new.waits or not self._placed(new):
            self._entries.pop(key, None)
            return
        entry = self._need_of(new), self.place(new)
        if self._entries.get(key) == entry:
            return
        self._entries[key] = entry
        for place in entry[0].places:
            heap = self._heaps.setdefault(place, {}).setdefault(entry[0], [])
            heapq.heappush(heap, entry[1])

    def place(self, ticket: Ticket) -> Place:
        """The ticket's place in the order of whatever queue it waits in."""
        order, deadline = self._order_of(ticket)
        return Place(order, deadline or _NEVER, ticket.id)

    def rebuild(self, tickets: Iterable[Ticket]) -> None:
        """Start anew from all tickets: the rulebook has changed."""
        self._entries.clear()
        self._heaps.clear()
        for ticket in tickets:
            self.changed(ticket.id, None, ticket)

    def heads(self, place: str) -> Iterator[tuple[Need, Place]]:
        """The first waiting ticket of each kind of work at `place`."""
        heaps = self._heaps.get(place, {})
        for need in list(heaps):
            head = self._head(heaps[need], need)
            if head is None:
                del heaps[need]
            else:
                yield need, head

    def in_need(self, place: str, need: Need) -> Iterator[Place]:
        """The tickets of one need in order, for the rare search past a head."""
        heap = self._heaps.get(place, {}).get(need, [])
        seen: set[str] = set()
        for entry in sorted(heap):
            if entry.ticket not in seen and self._entries.get(entry.ticket) == (need, entry):
                seen.add(entry.ticket)
                yield entry

    def _head(self, heap: list[Place], need: Need) -> Place | None:
        while heap:
            head = heap[0]
            if self._entries.get(head.ticket) == (need, head):
                return head
            heapq.heappop(heap)
        return None
