"""Dispatch's state, and the turn: what one step reads, changes and yields."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from router.core.acquaintance import Acquaintances
from router.core.agents import Loads, weight_of
from router.core.candidates import Candidates, Snapshot
from router.core.entities.agent import NEVER, AgentState
from router.core.entities.clock import ZERO, Policy
from router.core.entities.inputs import Activation, Remembered
from router.core.entities.ticket import Stub, Ticket
from router.core.gauges import Gauges
from router.core.held import Held
from router.core.kinds import PLAIN, Kind, Kinds
from router.core.order_book import OrderBook
from router.core.packing import unpacked
from router.core.queues import Need, Waiting
from router.core.roster import Roster
from router.core.state import Journal, Table, Timers
from router.core.terms import Promised, Terms
from router.core.tickets import deadline, modernized, order_key
from rules.index import Compiled, compile_rulebook
from rules.people import Queue, QueueTarget
from rules.service_levels import LadderLevel


class Desk:
    """All that dispatch remembers, with the indexes over it and the rulebook in force.

    `activation` is the number of the activation in force; 0 before the first.
    """

    def __init__(self) -> None:
        self.activation = 0
        self.journal = Journal()
        self.tickets = Table("ticket", Ticket, self.journal, modernized)
        self.agents = Table("agent", AgentState, self.journal)
        self.stubs = Table("stub", Stub, self.journal)
        self.commands = Table("command", Remembered, self.journal)
        self.rulebooks = Table("rulebook", Activation, self.journal)
        self.acquaintances = Acquaintances(self.journal)
        self.gauges = Gauges(self.journal)
        self.held = Held(self.journal)
        self.timers = Timers()
        tables = (
            self.tickets,
            self.agents,
            self.stubs,
            self.commands,
            self.acquaintances.table,
            self.gauges.table,
        )
        for table in (*tables, self.held.table):
            self.timers.watch(table)
        self.loads = Loads(self._touch)
        self.waiting = Waiting(self.placed, self.need, self._order)
        self.tickets.watch(self.loads.changed)
        self.tickets.watch(self.waiting.changed)
        self.tickets.watch(self.gauges.changed)
        self.orders = OrderBook()
        self.tickets.watch(self.orders.changed)
        self.agents.watch(self._agent_changed)
        self.rulebooks.watch(self._activated)
        self._compiled: Compiled | None = None
        self._known: dict[str, Compiled] = {}
        self._roster: Roster | None = None
        self._candidates: Candidates | None = None
        self.kinds: Kinds
        self._terms: Terms | None = None
        self._chains: dict[str, list[QueueTarget]] = {}
        self._needs: dict[tuple[str, int, tuple[tuple[str, int], ...], str, Kind], Need] = {}

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

    @property
    def candidates(self) -> Candidates:
        """Who of the agents could be given work."""
        if self._candidates is None:
            self._candidates = Candidates(self.roster, self.snapshot)
            for name in self.agents:
                self._candidates.touch(name)
        return self._candidates

    def _touch(self, agent: str) -> None:
        if self._candidates is not None:
            self._candidates.touch(agent)

    def _activated(self, _: str, __: Activation | None, new: Activation | None) -> None:
        """Put a rulebook in force: everything that is a function of it is made anew."""
        compiled = None if new is None else self._compile(new)
        self.activation = 0 if new is None else new.activation
        self._compiled = compiled
        self._roster = Roster(compiled.rulebook, self.agents.rows) if compiled else None
        self._candidates = None
        if compiled:
            self.kinds = Kinds(compiled.rulebook)
        self._terms = Terms(compiled) if compiled else None
        self._needs.clear()
        self._chains.clear()
        tickets = self.tickets.rows.values() if compiled else ()
        self.waiting.rebuild(tickets)
        self.gauges.ask(compiled.asked_queues if compiled else (), tickets)

    def _agent_changed(self, key: str, old: AgentState | None, new: AgentState | None) -> None:
        if self._roster is not None and self._roster.changed(key, old, new):
            for need in self._needs.values():
                self._roster.find(need)
        if self._candidates is not None:
            self._candidates.touch(key)

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

    def reoffer_after(self, queue: str) -> timedelta:
        """How long an agent who has refused one of the queue's tickets is not asked for it."""
        spec = self.queue(queue)
        return spec.offer_timeout if spec.reoffer_after is None else spec.reoffer_after

    def targets(self, queue: str) -> list[QueueTarget]:
        """The steps of a queue's target chain; the first of a mixed queue's is left to be taken."""
        found = self._chains.get(queue)
        if found is None:
            found = self._chains[queue] = chain_of(self.queue(queue))
        return found

    def target(self, ticket: Ticket) -> QueueTarget | None:
        """The step of its queue's target chain that the ticket has reached."""
        targets = self.targets(ticket.queue)
        return targets[min(ticket.place, len(targets) - 1)] if targets else None

    def places(self, ticket: Ticket) -> tuple[str, ...]:
        """The queues whose agents may have the ticket: its own, and those the chain adds."""
        target = self.target(ticket) if self.placed(ticket) else None
        return tuple(dict.fromkeys((ticket.queue, *(target.queues if target else ()))))

    def need(self, ticket: Ticket) -> Need:
        """What the ticket asks of an agent: its own skills, overlaid by the chain's step."""
        asked = tuple(sorted(ticket.skills.items())) if ticket.skills else ()
        kind = self.kinds.of(ticket) if self.kinds.asked else PLAIN
        key = (ticket.queue, ticket.place, asked, ticket.channel, kind)
        need = self._needs.get(key)
        if need is None:
            need = self._needs[key] = self._need(ticket, kind)
        return need

    def _need(self, ticket: Ticket, kind: Kind) -> Need:
        queue, target = self.queue(ticket.queue), self.target(ticket)
        skills = ticket.skills | (target.skills if target else {})
        mode = (target and target.mode) or queue.mode
        need = Need(
            places=self.places(ticket),
            skills=tuple(sorted(skills.items())),
            channel=ticket.channel,
            push=mode != "pull",
            barred=kind.barred,
            hard=kind.hard,
            tier=kind.tier,
        )
        self.roster.find(need)
        return need

    def _order(self, ticket: Ticket) -> tuple[datetime, datetime | None]:
        return self.order(ticket), deadline(ticket)

    def order(self, ticket: Ticket) -> datetime:
        """The ticket's linear key in its queue."""
        tier = self.compiled.rulebook.tiers.get(ticket.tier) if ticket.tier else None
        bonus = tier.bonus if tier else ZERO
        return order_key(ticket, self.queue(ticket.queue).aging, bonus)

    @property
    def terms(self) -> Terms:
        """The promises of the rulebook in force."""
        if self._terms is None:
            raise LookupError("no rulebook is in force yet")
        return self._terms

    def promised(self, ticket: Ticket) -> Promised:
        """The targets that the ticket is promised, with how each is measured."""
        return self.terms.of(ticket)

    def policy(self, ticket: Ticket, target: str) -> Policy | None:
        """How `target` is measured for this ticket; None when its SLA does not name it."""
        return self.terms.of(ticket).get(target)

    def ladder(self, sla_name: str | None) -> list[LadderLevel]:
        """The rungs of an SLA's ladder, lowest first."""
        return self.terms.ladder(sla_name)

    def warned(self, sla_name: str | None) -> list[str]:
        """Whom a warning of an SLA notifies."""
        sla = self.compiled.rulebook.slas.get(sla_name) if sla_name else None
        return [] if sla is None else sla.warn_notify

    def steps(self, type_name: str | None) -> dict[str, timedelta | None]:
        """The steps of a request type's procedure, with the time that each may take."""
        return self.terms.steps(type_name)

    def mixed_queues(self) -> set[str]:
        """The mixed queues of the rulebook in force; none before the first."""
        queues = self._compiled.rulebook.queues if self._compiled else {}
        return {name for name, queue in queues.items() if queue.mode == "mixed"}

    def pools_of_agents(self) -> dict[str, str]:
        """The pool of each agent in the rulebook in force; empty before the first."""
        agents = self._roster.agents if self._roster else {}
        return {name: agent.pool for name, agent in agents.items()}

    def agent(self, name: str) -> AgentState:
        """What the agent does now; who never came is offline."""
        state = self.agents.get(name)
        return state or AgentState(id=name, since=NEVER, idle_since=NEVER)

    def snapshot(self, name: str) -> Snapshot:
        """An agent of the rulebook in force as they stand now."""
        return Snapshot(self.roster.agents[name], self.agent(name), self.loads.load(name))

    def change_agent(self, name: str, **changes: Any) -> AgentState:
        """Store what is new of an agent who is in the books."""
        return self.put_agent(msgspec.structs.replace(self.agents.rows[name], **changes))

    def put_agent(self, state: AgentState) -> AgentState:
        """Store an agent's state, which nobody else has yet; it is woken when something is due."""
        msgspec.structs.force_setattr(state, "wake_at", state.next_wake())
        return self.agents.put(state.id, state)

    def rests(self, state: AgentState) -> bool:
        """Whether the agent has enough hard tickets in a row, if what is on offer is counted."""
        most = self.compiled.rulebook.protection.in_a_row
        if most is None or state.hard >= most:
            return most is not None
        held = (self.tickets.rows[key] for key in self.loads.held(state.id))
        offered = sum(one.offer is not None and self.kinds.hard(one) for one in held)
        return state.hard + offered >= most

    def weight(self, agent: str, ticket: Ticket) -> int:
        """How much of the agent's capacity the ticket takes."""
        return weight_of(self.roster.agents[agent], ticket.channel)


def chain_of(queue: Queue) -> list[QueueTarget]:
    """The steps of a queue's chain. A mixed queue's tickets are at first left to be taken."""
    if queue.mode != "mixed":
        return queue.targets
    first = queue.targets[0] if queue.targets else QueueTarget()
    taken = first.model_copy(update={"mode": "pull", "for_": queue.push_after, "move_to": None})
    return [taken, *(queue.targets or [QueueTarget()])]
