"""Traffic as the log has recorded it: requests, agents' commands, what is known of customers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from channels.contract import decode
from channels.errors import Malformed
from channels.request import CustomerRequest
from router.core.commands import Command
from router.core.events import CustomerChanged
from router.log.protocol import Log, Record
from router.log.reading import stored
from router.topics import AGENT_COMMANDS, CUSTOMERS, REQUESTS_INBOUND
from router.whatif.traffic import Arrival, Order, Traffic

T = TypeVar("T")
Noticed = Callable[[str], None]


async def recorded(
    log: Log, since: datetime | None, until: datetime | None, noticed: Noticed
) -> Traffic:
    """What came from `since` on and before `until`, by the log's clock, of every partition.

    Customers are taken as they are known now. What is not of its contract is counted: no shard
    could read it either. Raises `Malformed` when no request is recorded in that time.
    """
    traffic = Traffic(f"the log{_period(since, until)}", until=until)
    found: list[tuple[datetime, int, Arrival | Order]] = []
    async for record in _between(log, REQUESTS_INBOUND, since, until):
        noticed("requests")
        request = _read(CustomerRequest, record, traffic)
        if request is not None:
            found.append((record.stored_at, 0, Arrival(record.stored_at, request)))
    async for record in _between(log, AGENT_COMMANDS, since, until):
        noticed("commands")
        command = _read(Command, record, traffic)
        if command is not None:
            # Its offer is named by a ticket's version, which differs from run to run.
            command = replace(command, offer=None)
            found.append((record.stored_at, 1, Order(record.stored_at, command)))
    found.sort(key=lambda one: one[:2])
    traffic.inputs = [one for _, _, one in found]
    if not traffic.arrivals:
        raise Malformed(f"no request in the log{_period(since, until)}")
    traffic.customers = await customers(log, traffic)
    return traffic


async def _between(
    log: Log, topic: str, since: datetime | None, until: datetime | None
) -> AsyncIterator[Record]:
    async for record in stored(log, topic):
        after = since is None or record.stored_at >= since
        if after and (until is None or record.stored_at < until):
            yield record


def _read(contract: type[T], record: Record, traffic: Traffic) -> T | None:
    try:
        return decode(contract, record.value)
    except Malformed:
        traffic.unreadable += 1
        return None


async def customers(log: Log, traffic: Traffic) -> list[CustomerChanged]:
    """The newest word on each customer; what cannot be read is counted in `traffic`."""
    newest: dict[str, CustomerChanged] = {}
    async for record in stored(log, CUSTOMERS):
        changed = _read(CustomerChanged, record, traffic) if record.value else None
        if changed is not None:
            newest[changed.id] = changed
    return [newest[key] for key in sorted(newest)]


def _period(since: datetime | None, until: datetime | None) -> str:
    parts = [f"from {since.isoformat()}"] if since else []
    parts += [f"to {until.isoformat()}"] if until else []
    return f" {' '.join(parts)}" if parts else ""
