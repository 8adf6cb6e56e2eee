"""Decisions as the log has recorded them, and requests that are decided anew."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from channels.contract import decode
from channels.errors import Malformed
from channels.request import CustomerRequest
from router.core.customers import Customers
from router.core.events import CustomerChanged, RequestFiled, TicketOpened
from router.core.state import Journal
from router.core.triage import facts_of
from router.log.protocol import Log, Record
from router.log.reading import stored
from router.rule_stats.figures import Decided
from router.topics import REQUESTS_INBOUND, TICKETS_EVENTS
from rules.decide import decide
from rules.decision import Facts
from rules.index import Compiled

T = TypeVar("T")


@dataclass(slots=True)
class Besides:
    """What is no decision that can be counted, and is not to be silent about.

    `undecided` are requests that no rule is asked about, by reason; `missing` are decisions whose
    requests the log has no more, where they are to be made anew.
    """

    undecided: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    repeated: int = 0
    missing: int = 0


async def recorded(
    log: Log, since: datetime | None, until: datetime | None, besides: Besides
) -> AsyncIterator[Decided]:
    """The decisions that the log took from `since` on and before `until`, by its own clock."""
    async for record in stored(log, TICKETS_EVENTS):
        at = record.stored_at
        if (since is not None and at < since) or (until is not None and at >= until):
            continue
        try:
            decision = _decision(record, besides)
        except Malformed:
            besides.unreadable += 1
            continue
        if decision is not None:
            yield decision


def _decision(record: Record, besides: Besides) -> Decided | None:
    """What the record says was decided, if it does."""
    if record.envelope.type == TicketOpened.TYPE:
        opened = decode(TicketOpened, record.value)
        return Decided(
            opened.request, record.stored_at, opened.rulebook, opened.rule, opened.queue, None,
            opened.explanation,
        )  # fmt: skip
    if record.envelope.type != RequestFiled.TYPE:
        return None
    filed = decode(RequestFiled, record.value)
    if filed.rule is None:
        besides.undecided[filed.reason] += 1
        return None
    return Decided(
        filed.request, record.stored_at, filed.rulebook or "", filed.rule, None, filed.reason,
        filed.explanation,
    )  # fmt: skip


async def requests(log: Log) -> AsyncIterator[CustomerRequest]:
    """Every request that the log still has; about what cannot be read nothing was decided."""
    async for record in stored(log, REQUESTS_INBOUND):
        try:
            yield decode(CustomerRequest, record.value)
        except Malformed:
            continue


class Desk:
    """Decides about each request by itself: no conversation, no earlier tickets, no queues."""

    def __init__(self, compiled: Compiled, known: Iterable[CustomerChanged] = ()) -> None:
        self._compiled = compiled
        self._customers = Customers(Journal())
        for one in known:
            self._customers.change(one)
        self._customers.enforce(compiled.rulebook)

    def facts(self, request: CustomerRequest) -> Facts:
        """What is decided by, as of when the request was received."""
        customer = self._customers.identify(request)
        return facts_of(self._compiled, request, customer, request.received_at)

    def decided(self, facts: Facts, at: datetime) -> Decided:
        """The decision, and what triage makes of it: receipts of texts open no ticket."""
        request, made = facts.request, decide(self._compiled, facts)
        receipt = request.kind == "receipt" and request.channel == "sms"
        filed = made.drop or ("receipt" if receipt else None)
        queue = None if filed else made.queue
        return Decided(request.id, at, made.rulebook, made.rule, queue, filed, made.explanation)


class Sample(Generic[T]):
    """At most `most` of what is added, evenly spread over all of it; the same each time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._every = 1
        self._added = 0
        self._kept: list[T] = []

    def add(self, one: T) -> None:
        """Another one."""
        if self._most and self._added % self._every == 0:
            self._kept.append(one)
            if len(self._kept) >= 2 * self._most:
                self._kept = self._kept[::2]
                self._every *= 2
        self._added += 1

    @property
    def items(self) -> list[T]:
        """Those that were kept, in their order."""
        count = min(self._most, len(self._kept))
        return [self._kept[number * len(self._kept) // count] for number in range(count)]
