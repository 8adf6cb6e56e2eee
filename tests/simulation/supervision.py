"""The commands about the work of others, and the rarer ones about one's own, as they are drawn."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from router.core.commands import Command, Name

SUPERVISOR = "sue"
QUEUES = ("billing", "complaints", "rescue")
TARGETS = ("first_response", "next_response", "resolution", "queue_time")
RARE: tuple[Name, ...] = (
    "hold", "hold", "hold", "pending", "split", "update", "merge", "merge", "consult",
    "flag_decision",
)  # fmt: skip
OF_SUPERVISORS: tuple[Name, ...] = (
    "assign", "assign", "assign", "transfer", "transfer", "merge", "merge", "update",
    "escalation_acknowledge", "split",
)  # fmt: skip


class Drawn:
    """Draws commands from what the desktops have seen: who owns what, which tickets are open."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.open: dict[str, None] = {}

    def see(self, kind: str, ticket: str) -> None:
        """Follow a ticket's event."""
        if kind == "ticket.opened":
            self.open[ticket] = None
        elif kind in {"ticket.closed", "ticket.merged"} and self.chance.random() < 0.8:
            self.open.pop(ticket, None)  # else somebody acts on what is over

    def own(self, identity: str, owned: Mapping[str, str], now: datetime) -> Command:
        """Something rarer that an agent does with their own ticket."""
        ticket = self.chance.choice(sorted(owned))
        name = self.chance.choice(RARE)
        return Command(
            id=identity, command=name, agent=owned[ticket], ticket=ticket,
            **self._fields(name, ticket, sorted(owned), now),
        )  # fmt: skip

    def supervised(self, identity: str, agents: Sequence[str], now: datetime) -> Command:
        """Something that a supervisor does; now and then one who is none tries it."""
        tickets = sorted(self.open)
        name = self.chance.choice(OF_SUPERVISORS)
        agent = self.chance.choice(agents) if self.chance.random() < 0.05 else SUPERVISOR
        if name == "transfer" and self.chance.random() < 0.5:
            return self._many(identity, agent, tickets)
        ticket = self.chance.choice(tickets)
        fields = self._fields(name, ticket, tickets, now)
        if name == "assign":
            fields = {"to": self.chance.choice(agents), "force": self.chance.random() < 0.4}
        return Command(id=identity, command=name, agent=agent, ticket=ticket, **fields)

    def _many(self, identity: str, agent: str, tickets: list[str]) -> Command:
        """A queue, or some tickets of whatever state."""
        common: dict[str, Any] = {
            "id": identity, "command": "transfer", "agent": agent,
            "queue": self.chance.choice(QUEUES),
        }  # fmt: skip
        if self.chance.random() < 0.5:
            kind = self.chance.choice([None, "complaint"])
            return Command(from_queue=self.chance.choice(QUEUES), type=kind, **common)
        some = self.chance.sample(tickets, min(len(tickets), 3))
        return Command(tickets=tuple(some), **common)

    def _fields(self, name: Name, ticket: str, others: list[str], now: datetime) -> dict[str, Any]:
        """What goes with a command of this name."""
        choice = self.chance.choice
        later = now + timedelta(seconds=choice([1, 5, 20, 90]))
        fields: dict[str, dict[str, Any]] = {
            "hold": {"until": choice([None, later, later]), "reason": "a courier"},
            "pending": {"until": choice([None, later])},
            "split": {"text": choice(["hello", "a complaint", "casino", "a repair"])},
            "update": choice([
                {"priority": choice([0, 3, 9])}, {"tags": ("late",)}, {"skills": {"complaints": 2}},
                {"skills": {}}, {"language": "zh"},
            ]),
            "merge": {"into": choice(others)},
            "consult": {"to": choice(["bob", "cat"]), "text": "do you know?"},
            "flag_decision": {"reason": "no"},
            "transfer": {"queue": choice(QUEUES)},
            "escalation_acknowledge": {"target": choice(TARGETS)},
        }  # fmt: skip
        return fields.get(name, {})
