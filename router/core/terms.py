"""What a ticket is promised: the policy of each of its targets, under one rulebook."""

from collections.abc import Mapping
from datetime import timedelta

from router.core.entities.aftercare import MOST_ORDERS
from router.core.entities.clock import Policy, Rung
from router.core.entities.ticket import Ticket
from router.core.sla import ACCEPT, ALWAYS, QUEUE_TIME, marks
from rules.index import Compiled
from rules.service_levels import LadderLevel, Sla

Promised = Mapping[str, Policy]
"""Policies by target; `queue_time` is always there, for the end of a chain breaches it."""

_STILL = {
    "requester_wait": frozenset({"pending"}),
    "agent_work": frozenset({"pending", "on-hold"}),
}
"""Targets that are defined by when they stand still, whatever the SLA's `pause`."""


def _still(target: str, usual: frozenset[str]) -> frozenset[str]:
    """When the target stands still. A worker accepts, or not, whatever the customer is asked."""
    return frozenset() if target.startswith(ACCEPT) else _STILL.get(target, usual)


class Terms:
    """The promises of a rulebook's SLAs, worked out once for all tickets that are alike."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        slas = compiled.rulebook.slas
        self._by_rows = frozenset(name for name, sla in slas.items() if sla.targets)
        self._known: dict[tuple[object, ...], Promised] = {}

    def of(self, ticket: Ticket) -> Promised:
        """What the ticket is promised; one object for all tickets that are promised the same."""
        key: tuple[object, ...] = (ticket.sla, ticket.type)
        if ticket.sla in self._by_rows:
            key = (*key, ticket.tier, ticket.priority, ticket.channel, ticket.queue)
        promised = self._known.get(key)
        if promised is None:
            promised = self._known[key] = self._promised(ticket)
        return promised

    def _promised(self, ticket: Ticket) -> Promised:
        sla = self._compiled.rulebook.slas.get(ticket.sla) if ticket.sla else None
        if sla is None:
            return {QUEUE_TIME: Policy(ALWAYS, None)}
        calendar = self._compiled.calendars[sla.calendar]
        rungs = tuple(Rung(rung.level, rung.after) for rung in self.ladder(ticket.sla))
        usual = frozenset(sla.pause)
        promised = {
            target: Policy(
                calendar, within, marks(within, sla.warn), rungs,
                pause=_still(target, usual), later_pauses=target == "next_response",
            )
            for target, within in self._durations(sla, ticket).items()
        }  # fmt: skip
        promised.setdefault(QUEUE_TIME, Policy(ALWAYS, None, rungs=rungs))
        return promised

    def _durations(self, sla: Sla, ticket: Ticket) -> dict[str, timedelta]:
        steps = self.steps(ticket.type).items()
        return sla.promised(
            tier=ticket.tier, type=ticket.type, priority=ticket.priority,
            channel=ticket.channel, queue=ticket.queue,
        ) | {f"step:{name}": within for name, within in steps if within is not None} | (
            self._acceptances()
        )  # fmt: skip

    def _acceptances(self) -> dict[str, timedelta]:
        """What a worker has for accepting each order that a ticket may have."""
        within = self._compiled.rulebook.orders.accept_within
        numbers = range(1, MOST_ORDERS + 1) if within is not None else ()
        return {f"{ACCEPT}{number}": within for number in numbers if within is not None}

    def ladder(self, sla_name: str | None) -> list[LadderLevel]:
        """The rungs of an SLA's ladder, lowest first."""
        sla = self._compiled.rulebook.slas.get(sla_name) if sla_name else None
        if sla is None or sla.ladder is None:
            return []
        return sorted(self._compiled.rulebook.ladders[sla.ladder], key=lambda rung: rung.level)

    def steps(self, type_name: str | None) -> dict[str, timedelta | None]:
        """The steps of a request type's procedure, with the time that each may take."""
        found = self._compiled.rulebook.types.get(type_name) if type_name else None
        return {step.id: step.within for step in found.steps} if found else {}
