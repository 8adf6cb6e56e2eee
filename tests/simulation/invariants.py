"""What must hold of a shard's memory between any two of its turns.

No waiting ticket has an agent who could be offered it, none is on offer to the wrong one; and what
is stored is what is remembered.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from router.core.desk import Desk
from router.core.dispatch import Dispatch
from router.core.entities.agent import AgentState
from router.core.entities.ticket import Ticket
from router.stepping import Core
from rules.model import Rulebook
from rules.people import QueueTarget


def idle_beside_waiting(core: Dispatch) -> list[str]:
    """Agents who could have a ticket that waits to be offered, worked out ticket by ticket."""
    desk = core.desk
    if not desk.activation:
        return []
    return [
        f"{name} is idle beside {ticket.id} in {ticket.queue}"
        for ticket in desk.tickets.rows.values()
        if ticket.state in {"queued", "parked"} and _is_offered(desk, ticket)
        for name in desk.compiled.rulebook.agents
        if why_not(desk, name, ticket) is None
    ]


def wrongly_placed(core: Dispatch) -> list[str]:
    """Tickets on offer to somebody whom they do not suit or fit, or waiting in a step elsewhere."""
    desk = core.desk
    found: list[str] = []
    for ticket in desk.tickets.rows.values() if desk.activation else ():
        name = ticket.offer.agent if ticket.offer is not None else ""
        if ticket.offer is not None and not (
            _asked_for(desk, name, ticket)
            and _of_stage(desk.compiled.rulebook, _set(desk, name, "stage"), ticket)
            and fits(desk, name, ticket)
        ):
            found.append(f"{ticket.id} in {ticket.queue} is not for {name}, who is offered it")
        step = _step(desk, ticket) if ticket.state in {"queued", "parked"} else None
        if step is not None and step.move_to is not None:
            found.append(f"{ticket.id} in {ticket.queue} should have gone to {step.move_to}")
    return found


def _step(desk: Desk, ticket: Ticket) -> QueueTarget | None:
    """The step of its queue's chain in which the ticket is; a mixed queue has one before those."""
    queue = desk.queue(ticket.queue)
    number = ticket.place - (queue.mode == "mixed")
    return queue.targets[max(min(number, len(queue.targets) - 1), 0)] if queue.targets else None


def _is_offered(desk: Desk, ticket: Ticket) -> bool:
    """Whether agents are asked, and do not take it themselves."""
    queue, step = desk.queue(ticket.queue), _step(desk, ticket)
    if queue.mode == "mixed":
        return ticket.place > 0
    return ((step and step.mode) or queue.mode) == "push"


def why_not(desk: Desk, name: str, ticket: Ticket) -> str | None:
    """Why the agent is not to be offered the ticket, from the rulebook and the tables alone."""
    state = desk.agents.get(name)
    if state is None or state.presence != "available":
        return "not there"
    rulebook, reserve = desk.compiled.rulebook, desk.compiled.rulebook.agents[name].reserve
    reasons: dict[str, Callable[[], bool]] = {
        "refused": lambda: any(refusal.agent == name for refusal in ticket.refusals),
        "off shift": lambda: state.off_shift,
        "paused": lambda: state.pause_until is not None,
        "rests": lambda: state.rests and is_hard(rulebook, ticket),
        "queues or skills": lambda: not _asked_for(desk, name, ticket),
        "stage": lambda: not _of_stage(rulebook, _set(desk, name, "stage"), ticket),
        "reserved": lambda: not (reserve is None or state.lends or ticket.tier in reserve.tiers),
        "no room": lambda: not fits(desk, name, ticket),
        "ramp": lambda: state.room is not None and load_of(desk, name, ticket.id) >= state.room,
    }
    return next((reason for reason, holds in reasons.items() if holds()), None)


def _set(desk: Desk, name: str, field: str) -> Any:
    """A field of the agent, as a supervisor or else the rulebook has it."""
    return desk.agent(name).overlay.get(field, getattr(desk.compiled.rulebook.agents[name], field))


def _asked_for(desk: Desk, name: str, ticket: Ticket) -> bool:
    target = _step(desk, ticket)
    queues = {ticket.queue, *(target.queues if target else ())}
    skills = ticket.skills | (target.skills if target else {})
    has = _set(desk, name, "skills")
    able = all(has.get(skill, 0) >= level for skill, level in skills.items())
    return bool(queues & set(_set(desk, name, "queues"))) and able


def _of_stage(rulebook: Rulebook, name: str, ticket: Ticket) -> bool:
    stage = rulebook.stages.get(name)
    if stage is None:
        return True
    return (not stage.types or ticket.type in stage.types) and ticket.type not in stage.not_types


def is_hard(rulebook: Rulebook, ticket: Ticket) -> bool:
    """Whether agents are protected from too many such tickets."""
    rules = rulebook.protection
    return ticket.type in rules.types or bool(set(rules.tags) & set(ticket.tags))


def in_hands(desk: Desk, name: str, but: str = "") -> list[Ticket]:
    """What the agent's capacity is used for: offered, assigned, being wrapped up."""
    held = [
        one
        for one in desk.tickets.rows.values()
        if (one.state == "assigned" and one.agent == name)
        or (one.state == "resolved" and one.wrapping_until is not None and one.agent == name)
        or (one.state == "offered" and one.offer is not None and one.offer.agent == name)
    ]
    return [one for one in held if one.id != but]


def load_of(desk: Desk, name: str, but: str = "") -> int:
    """How much of the agent's capacity is in use, by all but one ticket."""
    return sum(one.weight for one in in_hands(desk, name, but))


def capacity_of(desk: Desk, name: str) -> int:
    """How much the agent may do at once, by the rulebook, the supervisor and the stage."""
    own: int = _set(desk, name, "capacity")
    stage = desk.compiled.rulebook.stages.get(_set(desk, name, "stage"))
    return own if stage is None or stage.capacity is None else min(own, stage.capacity)


def fits(desk: Desk, name: str, ticket: Ticket) -> bool:
    """Whether there is room for the ticket beside all else that the agent has in hands."""
    weight = _set(desk, name, "weights").get(ticket.channel, 1)
    load, capacity = load_of(desk, name, ticket.id), capacity_of(desk, name)
    return load == 0 and capacity > 0 if weight == "all" else load + int(weight) <= capacity


def remembered(core: Core) -> dict[str, dict[str, Any]]:
    """Every table of a core by name."""
    tables: dict[str, Any] = core.journal._tables
    return {name: dict(table.rows) for name, table in tables.items()}


def stuck(core: Dispatch, now: datetime) -> list[str]:
    """Agents of whom something holds that no timer would ever end, or that is not so."""
    desk = core.desk
    return [
        f"{state.id}: {said}"
        for state in desk.agents.rows.values()
        for said in _stuck(desk, state, now)
    ]


def _stuck(desk: Desk, state: AgentState, now: datetime) -> Iterator[str]:
    agent = desk.compiled.rulebook.agents[state.id]
    if state.wake_at is not None and state.wake_at < now:
        yield f"should have been woken at {state.wake_at}"
    if (state.room is None) != (state.ramp_at is None):
        yield "a ramp that does not rise"
    hard = [
        one
        for one in in_hands(desk, state.id)
        if one.state in {"assigned", "offered"} and is_hard(desk.compiled.rulebook, one)
    ]
    if state.rests and state.rest_at is None and not hard:
        yield "rests for ever"
    if agent.calendar is not None and state.presence != "offline" and state.shift_at != now:
        calendar = desk.compiled.calendars[agent.calendar]
        if state.off_shift == calendar.is_open(now):
            yield "off shift in the shift, or on shift outside of it"
    lends = agent.reserve is not None and agent.reserve.lend_after is not None
    idle = state.presence == "available" and not in_hands(desk, state.id)
    if lends and idle and not state.lends and state.lend_at is None:
        yield "is idle and will never lend"
