"""How many automatic messages may leave: the last brake against a loop of machines. Pure.

Triage counts exactly, within a conversation. Only the senders see all of them together: what goes
to one address from every account, and what goes out at all.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from channels.identity import conversation_key
from channels.outbound import OutboundMessage
from rules.model import AckPolicy, Budget

AUTOMATIC = frozenset({"ack", "survey"})
"""Kinds that no person wrote: capped, and never sent twice."""

OVERALL = (
    Budget(limit=5_000, within=timedelta(minutes=10)),
    Budget(limit=100_000, within=timedelta(days=1)),
)


class Caps:
    """Counts automatic messages by address and in all; `each` and `overall` are what is allowed."""

    def __init__(
        self,
        each: Sequence[Budget] = tuple(AckPolicy().budgets),
        overall: Sequence[Budget] = OVERALL,
        spent: Iterable[tuple[str, datetime]] = (),
    ) -> None:
        self._each = each
        self._overall = overall
        self._longest = max(budget.within for budget in (*each, *overall))
        self._all: deque[tuple[datetime, str]] = deque()
        self._times: deque[datetime] = deque()
        self._by_address: dict[str, deque[datetime]] = {}
        for address, at in spent:
            self._spend(address, at)

    def take(self, message: OutboundMessage, now: datetime) -> str | None:
        """Count `message`; or say which budget is used up, and count nothing."""
        if message.kind not in AUTOMATIC:
            return None
        self._expire(now)
        address = address_key(message)
        times = self._by_address.get(address, deque())
        for budget in self._each:
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
