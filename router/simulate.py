"""A script of requests, commands and passing time through both stages, in virtual time.

One JSON object a line, in time order:

    {"at": T, "request": {CustomerRequest, missing fields filled with defaults}}
    {"at": T, "agent": "ann", "command": "accept", "ticket": "@EXTERNAL_ID", ...}
    {"at": T}                                                   let time pass

`@x` is the ticket that the request with that `external_id` belongs to; where two channels have
the same, `@channel:x`; `@split/c` is what the command `c` has split off. The same script makes the
same bytes.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from channels.contract import validate
from channels.defaults import fill
from channels.errors import Malformed
from channels.request import CustomerRequest
from router import records
from router.core.commands import Command
from router.edges.intake import request_message
from router.log.protocol import Message
from router.world import World
from rules.index import Compiled

_COMMAND_FIELDS = {field.name for field in fields(Command)}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the script, with its number for messages."""

    number: int
    at: datetime
    data: dict[str, Any]


def read_script(lines: Iterator[str], name: str) -> Iterator[Line]:
    """The script's lines. Raises `Malformed` with file and line."""
    last: datetime | None = None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        where = f"{name}:{number}"
        data = json_object(text, where)
        at = instant(data.get("at"), where)
        if last is not None and at < last:
            raise Malformed(f"{where}: at: {at.isoformat()} is earlier than the line before")
        last = at
        yield Line(number, at, data)


def json_object(text: str, where: str) -> dict[str, Any]:
    """The object that a line is. Raises `Malformed` with `where`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise Malformed(f"{where}: not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Malformed(f"{where}: expected a JSON object")
    return data


def instant(value: object, where: str) -> datetime:
    """An RFC 3339 instant, in UTC. Raises `Malformed` with `where`."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise Malformed(f"{where}: at: {value!r} is not an RFC 3339 instant") from None
    if at.tzinfo is None:
        raise Malformed(f"{where}: at: {value!r} has no offset from UTC (write ...Z)")
    return at.astimezone(UTC)


def only_time(line: Line, where: str) -> None:
    """A line that lets time pass says nothing else. Raises `Malformed`."""
    unknown = set(line.data) - {"at"}
    if unknown:
        raise Malformed(f"{where}: {sorted(unknown)[0]}: expected request, agent or only at")


def request_of(line: Line, where: str) -> CustomerRequest:
    """The request of a line, missing fields filled in. Raises `Malformed`."""
    given = line.data["request"]
    if not isinstance(given, dict):
        raise Malformed(f"{where}: request: expected a CustomerRequest object")
    try:
        return fill(given, at=line.at)
    except Malformed as error:
        raise Malformed(f"{where}: request: {error}") from None


def command_of(line: Line, where: str) -> Command:
    """The command of a line, its ticket as it is written there. Raises `Malformed`."""
    data = {key: value for key, value in line.data.items() if key != "at"}
    data.setdefault("id", f"line-{line.number}")
    unknown = set(data) - _COMMAND_FIELDS
    if unknown:
        raise Malformed(f"{where}: {sorted(unknown)[0]}: no such field of a command")
    try:
        return validate(Command, data)
    except Malformed as error:
        raise Malformed(f"{where}: {error}") from None


class Simulation:
    """One run of a script. `events` yields what is printed."""

    def __init__(self, compiled: Compiled, files: Mapping[str, str], name: str) -> None:
        self._pool_of = {key: agent.pool for key, agent in compiled.rulebook.agents.items()}
        self._files = files
        self._name = name
        self._pending: list[Message] = []
        self._first: dict[str, str] = {}
        self._tickets: dict[str, set[str]] = {}
        self._requests: dict[str, tuple[str, str]] = {}

    async def events(self, script: Iterator[Line]) -> AsyncIterator[dict[str, Any]]:
        """Every emitted event in order. Raises `Malformed` for a line that cannot be played."""
        world: World | None = None
        for line in script:
            if world is None:
                world = World(line.at, self._pending.append)
                await world.activate(self._files)
            await world.advance(line.at)
            message = self._message(line)
            if message is not None:
                await world.publish([message])
            for event in self._drain():
                yield event
        if world is not None:
            await world.finish()
            for event in self._drain():
                yield event

    def _message(self, line: Line) -> Message | None:
        where = f"{self._name}:{line.number}"
        if "request" in line.data:
            return self._request(line, where)
        if "agent" in line.data or "command" in line.data:
            return self._command(line, where)
        only_time(line, where)
        return None

    def _request(self, line: Line, where: str) -> Message:
        request = request_of(line, where)
        self._requests[request.id] = request.channel, request.external_id
        return request_message(request)

    def _command(self, line: Line, where: str) -> Message:
        command = command_of(line, where)
        command = replace(
            command,
            ticket=self._named_ticket(command.ticket, where),
            into=self._named_ticket(command.into, where),
            tickets=tuple(self._named_ticket(one, where) or "" for one in command.tickets),
        )
        pool = command.pool or self._pool_of.get(command.agent, "")
        return records.command(command, pool, line.at)

    def _named_ticket(self, name: str | None, where: str) -> str | None:
        return self._ticket(name[1:], where) if name is not None and name.startswith("@") else name

    def _ticket(self, name: str, where: str) -> str:
        found = self._tickets.get(name, set())
        if len(found) > 1:
            raise Malformed(f"{where}: ticket: @{name} is ambiguous, write @channel:{name}")
        if not found:
            raise Malformed(f"{where}: ticket: @{name}: no request of that external_id has one")
        return next(iter(found))

    def _drain(self) -> Iterator[dict[str, Any]]:
        pending, self._pending[:] = list(self._pending), []
        for message in pending:
            data = json.loads(message.value or b"null")
            self._learn(message.envelope.type, data)
            yield self._printed(message, data)

    def _learn(self, kind: str, data: dict[str, Any]) -> None:
        """Which ticket a request belongs to."""
        if kind == "ticket.opened":
            self._first.setdefault(data["ticket"], data["external_id"])
            self._named(data["channel"], data["external_id"], data["ticket"])
        elif kind == "ticket.message" and data["request"] in self._requests:
            self._named(*self._requests[data["request"]], data["ticket"])

    def _named(self, channel: str, external_id: str, ticket: str) -> None:
        self._tickets.setdefault(external_id, set()).add(ticket)
        self._tickets.setdefault(f"{channel}:{external_id}", set()).add(ticket)

    def _printed(self, message: Message, data: dict[str, Any]) -> dict[str, Any]:
        ticket = data.get("ticket")
        if isinstance(ticket, dict):
            ticket = ticket.get("id")
        return {
            "at": message.envelope.time,
            "type": message.envelope.type,
            "topic": message.topic,
            "ticket": ticket,
            "external_id": self._first.get(ticket or "") or data.get("external_id"),
            "id": message.envelope.id,
            "data": data,
        }
