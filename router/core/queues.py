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

from router.core.entities.ticket import Ticket

FIRST_LOOK, WIDER = 6, 3
"""So many heads of each queue are looked at first; so many times more with every further look."""

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


class Entry(NamedTuple):
    """What waits: its place in the order, and the kind of work. No two entries have one place."""

    order: datetime
    deadline: datetime
    ticket: str
    need: Need


class Line:
    """What waits in one queue: a heap for each kind of work, and the heaps' `heads` in order.

    `needs` are those of the heads: read without them, they are looked through in half the time.
    `holds` says whether an entry still stands: what has left is skipped when it comes up.
    """

    def __init__(self, holds: Callable[[Entry], bool]) -> None:
        self._holds = holds
        self._heaps: dict[Need, list[Entry]] = {}
        self._led: dict[Need, Entry] = {}
        self.heads: list[Entry] = []
        self.needs: list[Need] = []

    def come(self, entry: Entry) -> None:
        """A ticket begins to wait."""
        heap = self._heaps.setdefault(entry.need, [])
        heapq.heappush(heap, entry)
        if heap[0] is entry:
            self._lead(entry)

    def gone(self, entry: Entry) -> None:
        """A ticket no longer waits."""
        need = entry.need
        if self._led[need] != entry:
            return
        heap = self._heaps[need]
        while heap and not self._holds(heap[0]):
            heapq.heappop(heap)
        if heap:
            self._lead(heap[0])
        else:
            self._unlead(need)
            del self._heaps[need]

    def first(self, head: Entry, refused: Callable[[Entry], bool]) -> Entry | None:
        """The first of a head's kind of work that is not refused: mostly the head itself."""
        if not refused(head):
            return head
        return next((entry for entry in self.in_order(head.need) if not refused(entry)), None)

    def in_order(self, need: Need) -> Iterator[Entry]:
        """All that waits of one kind of work, for the rare search past a head."""
        before: Entry | None = None
        for entry in sorted(self._heaps.get(need, ())):
            if entry != before and self._holds(entry):
                yield entry
            before = entry

    def _lead(self, entry: Entry) -> None:
        self._unlead(entry.need)
        self._led[entry.need] = entry
        number = bisect_left(self.heads, entry)
        self.heads.insert(number, entry)
        self.needs.insert(number, entry.need)

    def _unlead(self, need: Need) -> None:
        old = self._led.pop(need, None)
        if old is not None:
            number = bisect_left(self.heads, old)
            del self.heads[number], self.needs[number]


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
        self._entries: dict[str, Entry] = {}
        self._lines: dict[str, Line] = {}

    def changed(self, key: str, old: Ticket | None, new: Ticket | None) -> None:
        """Follow one ticket's change."""
        entry = None
        if new is not None and new.waits and self._placed(new):
            entry = Entry(*self.place(new), self._need_of(new))
        former = self._entries.get(key)
        if entry == former:
            return
        if entry is not None:
            self._entries[key] = entry
        else:
            del self._entries[key]
        if former is not None:
            for queue in former.need.places:
                self._lines[queue].gone(former)
        if entry is not None:
            for queue in entry.need.places:
                self.line(queue).come(entry)

    def need(self, ticket: str) -> Need:
        """What a ticket that waits asks of an agent."""
        return self._entries[ticket].need

    def _holds(self, entry: Entry) -> bool:
        return self._entries.get(entry.ticket) == entry

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

    def first(
        self,
        queues: Iterable[str],
        open_of: Callable[[list[Need]], Iterable[int]],
        refused: Callable[[Entry], bool],
    ) -> Entry | None:
        """The first in order, in these queues, of an open kind of work, that is not refused.

        `open_of` says which of some needs are open, by their numbers. The first heads of every
        queue are looked at before the next ones: mostly the best is among few.
        """
        best: Entry | None = None
        left, width = [(self.line(queue), 0) for queue in queues], FIRST_LOOK
        while left:
            further = []
            for line, start in left:
                end = start + width
                if best is not None:
                    end = bisect_left(line.heads, best, start, min(end, len(line.heads)))
                for number in open_of(line.needs[start:end]):
                    head = line.heads[start + number]
                    if best is not None and head >= best:
                        break
                    found = line.first(head, refused)
                    if found is not None and (best is None or found < best):
                        best = found
                if end == start + width and end < len(line.heads):
                    further.append((line, end))
            left, width = further, width * WIDER
        return best

    def line(self, queue: str) -> Line:
        """What waits in `queue`."""
        if queue not in self._lines:
            self._lines[queue] = Line(self._holds)
        return self._lines[queue]
