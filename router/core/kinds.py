"""What rules about agents ask of a ticket: which stages do not get it, is it hard, whose is it.

Only what some rule of the rulebook asks for is told apart, so that kinds of work remain few.
"""

from typing import NamedTuple

from router.core.entities.ticket import Ticket
from rules.model import Rulebook


class Kind(NamedTuple):
    """The last fields of a `Need`: stages that do not get the ticket, hard or not, its tier."""

    barred: tuple[str, ...] = ()
    hard: bool = False
    tier: str | None = None


PLAIN = Kind()
"""The kind of every ticket where no rule asks."""


class Kinds:
    """The kinds of one rulebook."""

    def __init__(self, rulebook: Rulebook) -> None:
        protection = rulebook.protection
        self._stages = rulebook.stages
        self._hard_types = frozenset(protection.types)
        self._hard_tags = frozenset(protection.tags)
        self._tiers = frozenset(
            tier
            for agent in rulebook.agents.values()
            if agent.reserve is not None
            for tier in agent.reserve.tiers
        )
        self._barred: dict[str | None, tuple[str, ...]] = {}
        self.asked = bool(self._stages or self._hard_types or self._hard_tags or self._tiers)
        """Whether any rule tells tickets apart."""
        self.protects = bool(self._hard_types or self._hard_tags)
        """Whether any ticket is a hard one."""

    def of(self, ticket: Ticket) -> Kind:
        """The ticket's kind; `PLAIN` where nothing is asked, which is not worth a call."""
        tier = ticket.tier if ticket.tier in self._tiers else None
        return Kind(self._barred_from(ticket.type), self.hard(ticket), tier)

    def hard(self, ticket: Ticket) -> bool:
        """Whether the ticket is one that agents are protected from."""
        return ticket.type in self._hard_types or not self._hard_tags.isdisjoint(ticket.tags)

    def _barred_from(self, kind: str | None) -> tuple[str, ...]:
        found = self._barred.get(kind)
        if found is None:
            found = self._barred[kind] = tuple(
                name
                for name, stage in sorted(self._stages.items())
                if kind in stage.not_types or (stage.types and kind not in stage.types)
            )
        return found
