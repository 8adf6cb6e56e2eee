"""Dispatch's state, and the turn: what one step reads, changes and yields."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from router.core.agents import NEVER, AgentState, Loads, Roster, weight_of
from router.core.events import RulebookActivated, TicketEvent
from router.core.gauges import Gauges
from router.core.held import Held
from router.core.lifecycle import Trigger, move
from router.core.outputs import Outbox
from router.core.packing import unpacked
from router.core.queues import Need, Waiting
from router.core.sla import ALWAYS, QUEUE_TIME, ZERO, Policy, Rung
from router.core.state import Entity, Journal, Table, Timers
from router.core.tickets import Stub, Ticket, deadline, order_key
from router.topics import TICKETS_EVENTS, queue_topic
from rules.index import Compiled, compile_rulebook
from rules.people import Queue, QueueTarget
from rules.service_levels import LadderLevel


class Remembered(Entity, frozen=True, kw_only=True):
    """The outcome of a command, for whoever sends it again; `rejection` None: accepted.

    `content` is the command's fingerprint: another one under the same id is not that command.
    """

    content: str
    rejection: str | None


class Activation(Entity, frozen=True, kw_only=True):
    """The rulebook in force, whole, so that a restore needs nothing else."""

    activation: int
    version: str
    files: dict[str, str]
    packed: str = ""

    @classmethod
    def of(cls, event: RulebookActivated) -> "Activation":
        """What an event puts in force."""
        return cls(
            activation=event.activation,
            version=event.version,
            files=event.files,
            packed=event.packed,
        )


class Desk:
    """All that dispatch remembers, with the indexes over it and the rulebook in force.

    `activation` is the number of the activation in force; 0 before the first.
    """

    def __init__(self) -> None:
        self.activation = 0
        self.journal = Journal()
        self.tickets = Table("ticket", Ticket, self.journal)
        self.agents = Table("agent", AgentState, self.journal)
        self.stubs = Table("stub", Stub, self.journal)
        self.commands = Table("command", Remembered, self.journal)
        self.rulebooks = Table("rulebook", Activation, self.journal)
        self.gauges = Gauges(self.journal)
        self.held = Held(self.journal)
        self.timers = Timers()
        tables = (self.tickets, self.agents, self.stubs, self.commands, self.gauges.table)
        for table in (*tables, self.held.table):
            self.timers.watch(table)
        self.loads = Loads()
        self.waiting = Waiting(self.placed, self.need, self._order)
        self.tickets.watch(self.loads.changed)
        self.tickets.watch(self.waiting.changed)
        self.tickets.watch(self.gauges.changed)
        self.rulebooks.watch(self._activated)
        self._compiled: Compiled | None = None
        self._known: dict[str, Compiled] = {}
        self._roster: Roster | None = None
        self._policies: dict[tuple[str, str | None, str], Policy | None] = {}
        self._needs: dict[tuple[str, int, tuple[tuple[str, int], ...], str], Need] = {}

    @property
    def compiled(self) -> Compiled:
        """The rulebook in force."""
        if self._compiled is None:
            raise LookupError("no rulebook is in force yet")
        return self._compiled

    @property
    def roster(self) -> Roster:
        """The agents of the rulebook in force."""
        if self._roster is None:
            raise LookupError("no rulebook is in force yet")
        return self._roster

    def _activated(self, _: str, __: Activation | None, new: Activation | None) -> None:
        """Put a rulebook in force: everything that is a function of it is made anew."""
        compiled = None if new is None else self._compile(new)
        self.activation = 0 if new is None else new.activation
        self._compiled = compiled
        self._roster = Roster(compiled.rulebook) if compiled else None
        self._policies.clear()
        self._needs.clear()
        tickets = self.tickets.rows.values() if compiled else ()
        self.waiting.rebuild(tickets)
        self.gauges.ask(compiled.asked_queues if compiled else (), tickets)

    def _compile(self, activation: Activation) -> Compiled:
        if activation.version not in self._known:
            self._known = {activation.version: compile_rulebook(unpacked(activation))} | (
                {self._compiled.version: self._compiled} if self._compiled else {}
            )
        return self._known[activation.version]

    def placed(self, ticket: Ticket) -> bool:
        """Whether the ticket's queue exists in the rulebook in force."""
        return self._compiled is not None and ticket.queue in self._compiled.rulebook.queues

    def home(self, queue: str, pool: str) -> str:
        """`queue`, or the one that takes its work over when the rulebook has it no more.

        That is the first of its pool; of the first pool when that is gone as well.
        """
        rulebook = self.compiled.rulebook
        if queue in rulebook.queues:
            return queue
        pools = rulebook.pools
        return (pools.get(pool) or next(iter(pools.values()))).queues[0]

    def queue(self, name: str) -> Queue:
        """The rulebook's queue."""
        return self.compiled.rulebook.queues[name]

    def target(self, ticket: Ticket) -> QueueTarget | None:
        """The step of its queue's target chain that the ticket has reached."""
        targets = self.queue(ticket.queue).targets
        return targets[min(ticket.place, len(targets) - 1)] if targets else None

    def places(self, ticket: Ticket) -> tuple[str, ...]:
        """The queues whose agents may have the ticket: its own, and those the chain adds."""
        target = self.target(ticket) if self.placed(ticket) else None
        return tuple(dict.fromkeys((ticket.queue, *(target.queues if target else ()))))

    def need(self, ticket: Ticket) -> Need:
        """What the ticket asks of an agent: its own skills, overlaid by the chain's step."""
        asked = tuple(sorted(ticket.skills.items())) if ticket.skills else ()
        key = (ticket.queue, ticket.place, asked, ticket.channel)
        need = self._needs.get(key)
        if need is None:
            target = self.target(ticket)
            skills = ticket.skills | (target.skills if target else {})
            push = self.queue(ticket.queue).mode == "push"
            need = Need(self.places(ticket), tuple(sorted(skills.items())), ticket.channel, push)
            self._needs[key] = need
        return need

    def _order(self, ticket: Ticket) -> tuple[datetime, datetime | None]:
        return self.order(ticket), deadline(ticket)

    def order(self, ticket: Ticket) -> datetime:
        """The ticket's linear key in its queue."""
        tier = self.compiled.rulebook.tiers.get(ticket.tier) if ticket.tier else None
        bonus = tier.bonus if tier else timedelta(0)
        return order_key(ticket, self.queue(ticket.queue).aging, bonus)

    def policy(self, ticket: Ticket, target: str) -> Policy | None:
        """How `target` is measured for this ticket; None when its SLA does not name it."""
        if target == QUEUE_TIME:
            return self.queue_time(ticket)
        if ticket.sla is None:
            return None
        key = (ticket.sla, ticket.type, target)
        if key not in self._policies:
            self._policies[key] = self._policy(*key)
        return self._policies[key]

    def queue_time(self, ticket: Ticket) -> Policy:
        """How a ticket is measured for which nobody was found: by its SLA's ladder, at any hour."""
        return Policy(ALWAYS, ZERO, rungs=self._rungs(ticket.sla))

    def _policy(self, sla_name: str, type_name: str | None, target: str) -> Policy | None:
        sla = self.compiled.rulebook.slas.get(sla_name)
        if sla is None:
            return None
        durations = {
            "first_response": sla.first_response,
            "next_response": sla.next_response,
            "resolution": sla.resolution,
        } | {f"step:{name}": within for name, within in self.steps(type_name).items()}
        duration = durations.get(target)
        if duration is None:
            return None
        calendar = self.compiled.calendars[sla.calendar]
        return Policy(calendar, duration, tuple(sorted(sla.warn)), self._rungs(sla_name))

    def _rungs(self, sla_name: str | None) -> tuple[Rung, ...]:
        return tuple(Rung(rung.level, rung.after) for rung in self.ladder(sla_name))

    def ladder(self, sla_name: str | None) -> list[LadderLevel]:
        """The rungs of an SLA's ladder, lowest first."""
        sla = self.compiled.rulebook.slas.get(sla_name) if sla_name else None
        if sla is None or sla.ladder is None:
            return []
        return sorted(self.compiled.rulebook.ladders[sla.ladder], key=lambda rung: rung.level)

    def warned(self, sla_name: str | None) -> list[str]:
        """Whom a warning of an SLA notifies."""
        sla = self.compiled.rulebook.slas.get(sla_name) if sla_name else None
        return [] if sla is None else sla.warn_notify

    def steps(self, type_name: str | None) -> dict[str, timedelta | None]:
        """The steps of a request type's procedure, with the time that each may take."""
        found = self.compiled.rulebook.types.get(type_name) if type_name else None
        return {step.id: step.within for step in found.steps} if found else {}

    def pauses(self, ticket: Ticket) -> bool:
        """Whether the ticket's SLA stops its clocks while the ticket is pending."""
        sla = self.compiled.rulebook.slas.get(ticket.sla) if ticket.sla else None
        return sla is not None and "pending" in sla.pause

    def pools_of_agents(self) -> dict[str, str]:
        """The pool of each agent in the rulebook in force; empty before the first."""
        agents = self._roster.agents if self._roster else {}
        return {name: agent.pool for name, agent in agents.items()}

    def agent(self, name: str) -> AgentState:
        """What the agent does now; who never came is offline."""
        state = self.agents.get(name)
        return state or AgentState(id=name, since=NEVER, idle_since=NEVER)

    def change_agent(self, name: str, **changes: Any) -> None:
        """Store what is new of an agent who is in the books."""
        self.agents.put(name, msgspec.structs.replace(self.agents.rows[name], **changes))

    def weight(self, agent: str, ticket: Ticket) -> int:
        """How much of the agent's capacity the ticket takes."""
        return weight_of(self.compiled.rulebook.agents[agent], ticket.channel)


class Turn:
    """One step: the desk, the instants, and what comes of it.

    `at` is when the event happened (a command's time in the log, a request's arrival), `now` the
    shard's clock. `seeking` are tickets that need an agent, `freed` agents who may take more; both
    are settled at the end of the step (`router.core.assign.match`).
    """

    def __init__(
        self, desk: Desk, cause: str, at: datetime, now: datetime, raw: bytes = b"null"
    ) -> None:
        self.desk = desk
        self.at = at
        self.now = now
        self.out = Outbox(cause, now, raw)
        self.seeking: dict[str, None] = {}
        self.freed: dict[str, None] = {}

    def save(self, ticket: Ticket, trigger: Trigger | None = None, **changes: Any) -> Ticket:
        """Store the ticket with `changes`, moved by `trigger` if one is given."""
        if trigger is not None:
            changes["state"] = move(ticket.state, trigger)
        changed = msgspec.structs.replace(ticket, version=ticket.version + 1, **changes)
        # Nobody else has it yet: what follows from the rest needs no second copy.
        msgspec.structs.force_setattr(changed, "wake_at", changed.next_wake())
        if changed.waits:
            self.seeking[changed.id] = None
        else:
            self.seeking.pop(changed.id, None)
        return self.desk.tickets.put(changed.id, changed)

    def event(
        self, kind: type[TicketEvent], ticket: Ticket, /, queue: str | None = None, **fields: Any
    ) -> TicketEvent:
        """An event of `kind` about `ticket`, for its own queue or another."""
        return kind(
            ticket=ticket.id,
            conversation=ticket.conversation,
            external_id=ticket.external_id,
            channel=ticket.channel,
            account=ticket.account,
            pool=ticket.pool,
            queue=queue or ticket.queue,
            rulebook=ticket.rulebook,
            version=ticket.version,
            at=self.at,
            **fields,
        )

    def emit(
        self,
        kind: type[TicketEvent],
        ticket: Ticket,
        /,
        *topics: str,
        id: str | None = None,
        **fields: Any,
    ) -> str:
        """Yield an event about `ticket` to `tickets.events` and the further `topics`."""
        key = ticket.conversation.partition("-")[0]
        data = self.event(kind, ticket, **fields)
        event_id = self.out.add(TICKETS_EVENTS, key, kind.TYPE, data, id=id)
        for topic in topics:
            self.out.add(topic, ticket.id, kind.TYPE, data, id=event_id)
        return event_id

    def discard(self) -> None:
        """Take back everything that this turn was about to yield."""
        self.out.outputs.clear()
        self.seeking.clear()
        self.freed.clear()

    def emit_queue(self, kind: type[TicketEvent], ticket: Ticket, /, **fields: Any) -> str:
        """Like `emit`, and to the topics of all queues whose agents may have the ticket."""
        topics = (queue_topic(queue) for queue in self.desk.places(ticket))
        return self.emit(kind, ticket, *topics, **fields)

    def tell_queue(
        self, kind: type[TicketEvent], ticket: Ticket, queue: str, /, **fields: Any
    ) -> None:
        """Yield an event to the topic of `queue` alone."""
        data = self.event(kind, ticket, queue=queue, **fields)
        self.out.add(queue_topic(queue), ticket.id, kind.TYPE, data)
