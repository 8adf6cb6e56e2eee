"""What must hold in every state, and of every step, of an exploration.

The truths know the contract's words and the two tables of transitions; all else is worked out
anew from what the core remembers and what it said.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Any

from router.core.entities.ticket import Ticket
from router.core.lifecycle import OFFER_TRANSITIONS, TRANSITIONS, OfferState, TicketState, Trigger
from router.core.outputs import Output
from router.topics import TICKETS_EVENTS
from tests.model.explorer import Broken, Happening, Order, Step, World
from tests.simulation.invariants import idle_beside_waiting, wrongly_placed

PATIENCE = 60
"""In so many steps of agents who do what they can, every ticket gets resolved."""


def of_step(world: World, one: Happening, step: Step) -> None:
    """What must hold of what has just happened."""
    _moved_legally(world, step)
    _offered_to_who_may_have_it(world, step)
    _answered_once(one, step)
    if one.what == "command" and step.rejected:
        assert world.tickets() == step.before, "a rejected command changed a ticket"


def _moved_legally(world: World, step: Step) -> None:
    """The events tell how each ticket, and each offer, came from its old state to the new one."""
    states = {key: ticket.state for key, ticket in step.before.items()}
    coming = {key: ticket.state for key, ticket in step.coming.items()}
    offers = {
        ticket.offer.id: OfferState.PENDING for ticket in step.before.values() if ticket.offer
    }
    for kind, data in _told(step.outputs):
        offer: Any = getattr(data, "offer", None)
        if kind == "offered":
            assert offer not in offers, f"offer {offer} was made before"
            offers[offer] = OfferState.PENDING
        elif offer is not None:
            offers[offer] = OFFER_TRANSITIONS[offers[offer], Trigger(kind)]
        states[data.ticket] = _after(
            states.get(data.ticket, coming.get(data.ticket, TicketState.NEW)), kind, data
        )
    gone = {out.data.ticket.id for out in step.outputs if out.type == "ticket.moved"}
    expected = {
        key: state
        for key, state in states.items()
        if state is not TicketState.CLOSED and key not in gone
    }
    assert {key: ticket.state for key, ticket in world.tickets().items()} == expected
    pending = {ticket.offer.id for ticket in world.tickets().values() if ticket.offer}
    assert {one for one, state in offers.items() if state is OfferState.PENDING} == pending


def _after(state: TicketState, kind: str, data: Any) -> TicketState:
    """The state that an event leads to; one that repeats what is known leads nowhere."""
    again = {"queued": {TicketState.QUEUED}, "requeued": {TicketState.QUEUED, TicketState.PARKED}}
    if state in again.get(kind, ()) and (kind == "queued" or data.reason == "priority_raised"):
        return state
    return TRANSITIONS[state, Trigger(kind)]


def _told(outputs: list[Output]) -> Iterator[tuple[str, Any]]:
    """The events that move tickets, each once."""
    triggers = {trigger.value for trigger in Trigger}
    for out in outputs:
        kind = out.type.removeprefix("ticket.")
        if out.topic == TICKETS_EVENTS and kind in triggers:
            yield kind, out.data


def _offered_to_who_may_have_it(world: World, step: Step) -> None:
    """Available, of a queue where the ticket is shown, skilled, and not one who just refused."""
    rulebook, tickets = world.core.desk.compiled.rulebook, world.tickets()
    forgiven: set[str] = set()
    for kind, data in _told(step.outputs):
        if kind in {"transferred", "reopened", "assigned"}:
            forgiven.add(data.ticket)
        if kind != "offered":
            continue
        agent, ticket = rulebook.agents[data.agent], tickets[data.ticket]
        state = world.core.desk.agents.rows.get(data.agent)
        assert state is not None, f"{data.agent} never came"
        assert state.presence == "available", f"{data.agent} is {state.presence}"
        assert _shown_to(world, ticket) & set(agent.queues), f"{data.agent} serves other queues"
        asked = {**ticket.skills, **_target(world, ticket)[0]}
        lacking = [one for one, level in asked.items() if agent.skills.get(one, 0) < level]
        assert not lacking, f"{data.agent} lacks {lacking}"
        fresh = ticket.id in forgiven or ticket.id not in step.before
        refused = () if fresh else step.before[ticket.id].refusals
        assert not any(one.agent == data.agent and one.until > world.now for one in refused), (
            f"{data.agent} has just refused"
        )


def _target(world: World, ticket: Ticket) -> tuple[Mapping[str, int], list[str]]:
    targets = world.core.desk.compiled.rulebook.queues[ticket.queue].targets
    if not targets:
        return {}, []
    target = targets[min(ticket.place, len(targets) - 1)]
    return target.skills, list(target.queues)


def _shown_to(world: World, ticket: Ticket) -> set[str]:
    return {ticket.queue, *_target(world, ticket)[1]}


def _answered_once(one: Happening, step: Step) -> None:
    """A command has one outcome; nothing else has any."""
    asked = one.lost if one.what == "crash" else one
    answers = [out for out in step.outputs if out.type in {"command.accepted", "command.rejected"}]
    assert len(answers) == (asked is not None and asked.what == "command"), answers
    ids = Counter((out.topic, out.id) for out in step.outputs)
    assert max(ids.values(), default=1) == 1, "an event is told twice"


def in_state(world: World) -> None:
    """What must hold between any two happenings."""
    for ticket in world.tickets().values():
        _one_owner(ticket)
        _never_forgotten(world, ticket)
    _capacity(world)
    _timers(world)
    wrong = idle_beside_waiting(world.core) + wrongly_placed(world.core)
    assert not wrong, wrong


def _one_owner(ticket: Ticket) -> None:
    """In each state it is somebody's, on offer to somebody, or nobody's; never two of these."""
    state = ticket.state.value
    owned = state in {"assigned", "pending", "on_hold", "resolved"}
    assert (ticket.agent is not None) == owned or (state == "resolved" and ticket.agent is None), (
        f"{state}, of {ticket.agent}"
    )
    assert (ticket.offer is not None) == (state == "offered"), f"{state} with {ticket.offer}"
    wrapped = ticket.wrapping_until is not None
    assert wrapped <= (state == "resolved"), f"{state}, and wrapped up"
    in_use = state in {"offered", "assigned", "pending", "on_hold"} or wrapped
    assert (ticket.weight > 0) <= in_use, f"{state} takes up {ticket.weight}"


def _never_forgotten(world: World, ticket: Ticket) -> None:
    """An open ticket has an agent who is there, a place in a queue, or a timer to bring it back."""
    desk = world.core.desk
    if ticket.state in {"queued", "parked"}:
        for queue in _shown_to(world, ticket):
            waiting = {
                entry.ticket
                for head in desk.waiting.line(queue).heads
                for entry in desk.waiting.line(queue).in_order(head.need)
            }
            assert ticket.id in waiting, f"{ticket.id} waits, and is not in {queue}"
    elif ticket.state == "offered":
        assert ticket.offer is not None
        assert ticket.wake_at is not None, "an offer that nothing ends"
        assert ticket.wake_at <= ticket.offer.expires_at, "an offer that nothing ends in time"
    elif ticket.state in {"assigned", "pending", "on_hold"}:
        assert ticket.agent in desk.compiled.rulebook.agents, f"{ticket.agent} is no agent"
        state = desk.agents.rows.get(ticket.agent)
        gone = state is None or state.presence == "offline"
        if gone and ticket.state == "assigned":
            assert ticket.return_at is not None, f"{ticket.agent} has gone with {ticket.id}"
            assert ticket.wake_at is not None
            assert ticket.wake_at <= ticket.return_at, "nothing brings it back in time"


def _capacity(world: World) -> None:
    """Nobody holds more than they can do."""
    held: Counter[str] = Counter()
    rulebook = world.core.desk.compiled.rulebook
    for ticket in world.tickets().values():
        in_hands = ticket.state == "assigned" or ticket.wrapping_until is not None
        holder = ticket.agent if in_hands else None
        if ticket.offer is not None:
            holder = ticket.offer.agent
        if holder is not None:
            spec = rulebook.agents[holder]
            weights = {str(name): one for name, one in spec.weights.items()}
            weight = weights.get(ticket.channel, 1)
            held[holder] += spec.capacity if weight == "all" else weight
    for agent, load in held.items():
        capacity = rulebook.agents[agent].capacity
        assert load <= capacity, f"{agent} holds {load} of {capacity}"


def _timers(world: World) -> None:
    """The core asks to be woken for whatever is next, neither later nor for nothing."""
    tables: dict[str, Any] = world.core.journal._tables
    wishes: list[datetime] = [
        entity.wake_at
        for name, table in tables.items()
        if name != "rulebook"
        for entity in table.rows.values()
        if entity.wake_at is not None
    ]
    assert world.core.next_at() == min(wishes, default=None)
    for ticket in world.tickets().values():
        dues = [clock.next_at for clock in ticket.clocks if clock.next_at is not None]
        dues += [ticket.return_at] if ticket.return_at is not None else []
        dues += [ticket.offer.expires_at] if ticket.offer is not None else []
        dues += [ticket.wrapping_until] if ticket.wrapping_until is not None else []
        if ticket.state in {"pending", "on_hold"}:
            dues += [ticket.until] if ticket.until is not None else []
        if ticket.state in {"queued", "parked"}:
            dues += [ticket.relax_at] if ticket.relax_at is not None else []
            dues += [refusal.until for refusal in ticket.refusals]
        assert ticket.wake_at == min(dues, default=None), f"{ticket.id} wakes at {ticket.wake_at}"


class Liveness:
    """From every state agents who do what they can get all tickets resolved.

    A situation from which that was found is not asked again.
    """

    def __init__(self) -> None:
        self._good: set[tuple[object, ...]] = set()

    def __call__(self, world: World) -> None:
        """In every state. Raises when tickets are stuck."""
        passed: list[tuple[object, ...]] = []
        with world.trying():
            for number in range(PATIENCE):
                situation = world.situation()
                if situation in self._good or self._done(world):
                    self._good.update(passed)
                    return
                passed.append(situation)
                self._help(world, number)
            left = {key: ticket.state.value for key, ticket in world.tickets().items()}
            raise Broken(f"not resolved by {PATIENCE} helpful steps: {left}")

    @staticmethod
    def _done(world: World) -> bool:
        return not world.budget.inflight and all(
            ticket.state == "resolved" for ticket in world.tickets().values()
        )

    def _help(self, world: World, number: int) -> None:
        if world.budget.inflight:
            world.happen(Happening("delivered"))
            return
        names = {world.id(name): name for name in world.scenario.tickets}
        for agent, order in _helpful(world, names):
            with world.trying():
                step = self._given(world, agent, order, number)
            if not step.rejected:
                self._given(world, agent, order, number)
                return
        due = world.core.next_at()
        assert due is not None, "nothing is to be done, and nothing will happen"
        world.now = max(world.now, due)
        world.happen(Happening("fire"))

    @staticmethod
    def _given(world: World, agent: str, order: Order, number: int) -> Step:
        outputs = world.say(agent, order, f"help/{number}/{agent}/{order.name}/{order.ticket}")
        return Step({}, {}, outputs, any(out.type == "command.rejected" for out in outputs))


def _helpful(world: World, names: Mapping[str, str]) -> Iterator[tuple[str, Order]]:
    """What somebody could do, the most useful first."""
    states, agents = world.core.desk.agents.rows, list(world.core.desk.compiled.rulebook.agents)
    tickets = [ticket for _, ticket in sorted(world.tickets().items())]
    for ticket in tickets:
        if ticket.offer is not None:
            yield ticket.offer.agent, Order("accept", names[ticket.id])
        elif ticket.state in {"assigned", "pending", "on_hold"}:
            yield ticket.agent or "", Order("resolve", names[ticket.id])
    for agent in agents:
        if agent not in states or states[agent].presence != "available":
            yield agent, Order("presence", None, (("state", "available"),))
    for ticket, agent in product(tickets, agents):
        if ticket.state in {"queued", "parked"}:
            yield agent, Order("take", names[ticket.id])
