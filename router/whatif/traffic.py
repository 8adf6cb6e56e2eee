"""What is replayed: requests and commands with their instants, read from a file's lines. Pure.

A line is one of `switchboard simulate`'s (`{"at": T, "request": {...}}`, a command, `{"at": T}`),
or a bare `CustomerRequest` as `normalize` prints it, which came at its `received_at`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from channels.errors import Malformed
from channels.identity import request_id, ticket_id
from channels.request import Channel, CustomerRequest
from router.core.commands import Command
from router.core.events import CustomerChanged
from router.core.handlers.splits import split_name
from router.simulate import Line, command_of, instant, json_object, only_time, request_of

LAST_YEAR = 9_000
"""Of an instant: what is due years afterwards must be one too."""


class Arrival(NamedTuple):
    """A request, and when it came to us."""

    at: datetime
    request: CustomerRequest


class Order(NamedTuple):
    """An agent's command, and when the log took it.

    `about` is the request whose ticket is meant, where a script names it so (`@EXTERNAL_ID`).
    """

    at: datetime
    command: Command
    about: str | None = None


@dataclass
class Traffic:
    """All that comes from outside, in order. `unreadable` counts records of no contract."""

    source: str
    inputs: list[Arrival | Order] = field(default_factory=list)
    customers: list[CustomerChanged] = field(default_factory=list)
    unreadable: int = 0
    until: datetime | None = None

    @property
    def arrivals(self) -> list[Arrival]:
        """The requests in order."""
        return [one for one in self.inputs if isinstance(one, Arrival)]

    @property
    def orders(self) -> list[Order]:
        """The commands in order."""
        return [one for one in self.inputs if isinstance(one, Order)]

    @property
    def start(self) -> datetime:
        """The first instant."""
        return self.inputs[0].at

    @property
    def end(self) -> datetime:
        """The last instant that something is known of."""
        last = self.inputs[-1].at
        return last if self.until is None else max(last, self.until)


def read(lines: Iterable[str], name: str) -> Traffic:
    """The traffic in a file's lines, sorted by time. Raises `Malformed` with file and line."""
    traffic, names = Traffic(name), _Names()
    found = sorted(_lines(lines, name), key=lambda line: line.at)
    for line in found:
        where = f"{name}:{line.number}"
        if "request" in line.data:
            request = request_of(line, where)
            names.learn(request)
            traffic.inputs.append(Arrival(line.at, request))
        elif "agent" in line.data or "command" in line.data:
            traffic.inputs.append(_order(line, where, names))
        else:
            only_time(line, where)
    if not traffic.arrivals:
        raise Malformed(f"{name}: no request in it: expected a CustomerRequest a line")
    traffic.until = found[-1].at
    return traffic


def _lines(lines: Iterable[str], name: str) -> Iterator[Line]:
    for number, text in enumerate(lines, 1):
        if text.strip():
            where = f"{name}:{number}"
            data = json_object(text, where)
            if "at" not in data and "request" not in data and "command" not in data:
                at = _received(data.get("received_at"), where)
                data = {"request": data}
            else:
                at = instant(data.get("at"), where)
            if at.year > LAST_YEAR:
                raise Malformed(f"{where}: {at.isoformat()} is out of range")
            yield Line(number, at, data)


def _received(value: object, where: str) -> datetime:
    if value is None:
        raise Malformed(f"{where}: received_at: missing: when did this request come?")
    try:
        return instant(value, where)
    except Malformed as error:
        raise Malformed(str(error).replace(": at: ", ": received_at: ", 1)) from None


class _Names:
    """Which requests a script's `@x` and `@channel:x` may mean."""

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}
        self._accounts: dict[str, tuple[Channel, str]] = {}

    def learn(self, request: CustomerRequest) -> None:
        self._learn(request.id, request.channel, request.account, request.external_id)

    def split(self, command: Command, about: str) -> None:
        """The command splits a topic off the ticket of the request `about`."""
        channel, account = self._accounts[about]
        external_id = split_name(command.id)
        self._learn(request_id(channel, account, external_id), channel, account, external_id)

    def _learn(self, request: str, channel: Channel, account: str, external_id: str) -> None:
        self._accounts[request] = channel, account
        for name in (external_id, f"{channel}:{external_id}"):
            self._ids.setdefault(name, set()).add(request)

    def request(self, name: str, where: str) -> str:
        found = self._ids.get(name, set())
        if len(found) > 1:
            raise Malformed(f"{where}: ticket: @{name} is ambiguous, write @channel:{name}")
        if not found:
            raise Malformed(f"{where}: ticket: @{name}: no request of that external_id before it")
        return next(iter(found))


def _order(line: Line, where: str, names: _Names) -> Order:
    command = command_of(line, where)

    def opened(named: str) -> str:
        """The ticket that a request opens: further tickets of a command are named by that one."""
        return ticket_id(names.request(named[1:], where)) if named.startswith("@") else named

    command = replace(
        command,
        into=None if command.into is None else opened(command.into),
        tickets=tuple(map(opened, command.tickets)),
    )
    name = command.ticket
    if name is None or not name.startswith("@"):
        return Order(line.at, command)
    about = names.request(name[1:], where)
    if command.command == "split":
        names.split(command, about)
    return Order(line.at, replace(command, ticket=None), about)
