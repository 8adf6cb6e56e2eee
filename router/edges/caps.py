"""How many automatic messages may leave: the last brake against a loop of machines. Pure.

Triage counts exactly, within a conversation. Only the senders see all of them together: what goes
to one address from every account, and what goes out at all.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from channels.identity import conversation_key
from channels.outbound import OutboundMessage
from rules.model import Budget

AUTOMATIC = frozenset({"ack", "survey"})
"""Kinds that no person wrote: capped, and never sent twice."""

REMEMBERED = timedelta(days=1)
"""No budget looks further back: the rulebook's may change at any time."""

OVERALL = (
    Budget(limit=5_000, within=timedelta(minutes=10)),
    Budget(limit=100_000, within=timedelta(days=1)),
)


class Caps:
    """Counts automatic messages by address and in all; `overall` is what is allowed in all."""

    def __init__(
        self,
        overall: Sequence[Budget] = OVERALL,
        spent: Iterable[tuple[str, datetime]] = (),
    ) -> None:
        self._overall = overall
        self._longest = max(REMEMBERED, *(budget.within for budget in overall))
        self._all: deque[tuple[datetime, str]] = deque()
        self._times: deque[datetime] = deque()
        self._by_address: dict[str, deque[datetime]] = {}
        for address, at in spent:
            self._spend(address, at)

    def take(self, message: OutboundMessage, each: Sequence[Budget], now: datetime) -> str | None:
        """Count `message`; or say which budget, of `each` address or overall, is used up."""
        if message.kind not in AUTOMATIC:
            return None
        self._expire(now)
        address = address_key(message)
        times = self._by_address.get(address, deque())
        for budget in each:
            if _used_up(budget, times, now):
                return f"withheld: {budget.limit} automatic messages to this address {_in(budget)}"
        for budget in self._overall:
            if _used_up(budget, self._times, now):
                return f"withheld: {budget.limit} automatic messages in all {_in(budget)}"
        self._spend(address, now)
        return None

    def _spend(self, address: str, at: datetime) -> None:
        self._all.append((at, address))
        self._times.append(at)
        self._by_address.setdefault(address, deque()).append(at)

    def _expire(self, now: datetime) -> None:
        while self._all and self._all[0][0] <= now - self._longest:
            _, address = self._all.popleft()
            self._times.popleft()
            self._by_address[address].popleft()
            if not self._by_address[address]:
                del self._by_address[address]


def address_key(message: OutboundMessage) -> str:
    """A short hash that stands for the recipient on the channel, whatever the account."""
    return conversation_key(message.channel, "*", message.to)


def _used_up(budget: Budget, times: deque[datetime], now: datetime) -> bool:
    if budget.limit == 0:
        return True
    return len(times) >= budget.limit and times[-budget.limit] > now - budget.within


def _in(budget: Budget) -> str:
    return f"within {budget.within}"
