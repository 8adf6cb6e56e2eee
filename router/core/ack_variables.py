"""What the template of an acknowledgement may name."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from channels.request import CustomerRequest
from rules.decision import Decision
from rules.index import Compiled


class Variables(Mapping[str, Any]):
    """What a template may name (`rules.templates.VARIABLES`), worked out when it does."""

    def __init__(
        self, compiled: Compiled, request: CustomerRequest, decision: Decision, ticket: str
    ) -> None:
        self._rulebook = compiled.rulebook
        self._request = request
        self._decision = decision
        self._ticket = ticket
        self._at = request.received_at
        self._sla = self._rulebook.slas.get(decision.sla) if decision.sla else None
        self._calendar = compiled.calendars[self._sla.calendar] if self._sla else None

    def __getitem__(self, name: str) -> Any:
        return self._ASKED[name](self)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ASKED)

    def __len__(self) -> int:
        return len(self._ASKED)

    def _queue(self) -> str:
        return self._rulebook.queues[self._decision.queue].name or self._decision.queue

    def _type(self) -> str:
        name = self._decision.type
        found = self._rulebook.types.get(name) if name else None
        return (found.name if found and found.name else name) or ""

    def _open(self) -> bool:
        return self._calendar is None or self._calendar.is_open(self._at)

    def _due_at(self) -> datetime | None:
        if self._sla is None or self._calendar is None:
            return None
        decided = self._decision
        within = self._sla.promised(
            tier=decided.tier, type=decided.type, priority=decided.priority,
            channel=self._request.channel, queue=decided.queue,
        ).get("first_response")  # fmt: skip
        return None if within is None else self._calendar.due(self._at, within)

    def _next_open(self) -> datetime | None:
        if self._calendar is None or self._open():
            return None
        return self._calendar.next_open(self._at)

    def _timezone(self) -> str:
        return self._rulebook.calendars[self._sla.calendar].timezone if self._sla else "UTC"

    _ASKED: ClassVar[Mapping[str, Callable[["Variables"], Any]]] = {
        "ticket": lambda self: self._ticket,
        "customer": lambda self: self._request.sender.name or "",
        "queue": lambda self: self._queue(),
        "type": lambda self: self._type(),
        "open": lambda self: self._open(),
        "due_at": lambda self: self._due_at(),
        "next_open": lambda self: self._next_open(),
        "timezone": lambda self: self._timezone(),
    }
