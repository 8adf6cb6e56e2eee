"""What can be done with a ticket: each verb moves it, keeps the books, and says what happened."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from router.core import clocks, standing
from router.core.agents import has_room, unsuited
from router.core.entities.clock import ZERO, Clock
from router.core.entities.ticket import Joined, Offer, Refusal, Ticket
from router.core.events import (
    OfferEnded,
    TicketAssigned,
    TicketFeedback,
    TicketOfferDeclined,
    TicketOfferExpired,
    TicketOfferRescinded,
    TicketParked,
    TicketQueued,
    TicketRemoved,
    TicketRequeued,
    TicketTransferred,
)
from router.core.lifecycle import REFUSED, IllegalTransition, OfferState, TicketState, Trigger, end
from router.core.tickets import deadline
from router.core.turn import Turn
from router.topics import TICKETS_FEEDBACK

_OFFER_ENDS: dict[OfferState, type[OfferEnded]] = {
    OfferState.DECLINED: TicketOfferDeclined,
    OfferState.EXPIRED: TicketOfferExpired,
    OfferState.RESCINDED: TicketOfferRescinded,
}


def enqueue(turn: Turn, ticket: Ticket, clocks: tuple[Clock, ...]) -> Ticket:
    """A new ticket begins to wait, its clocks running."""
    ticket = chained(turn, ticket, Trigger.QUEUED, clocks=clocks)
    announce_queued(turn, ticket)
    return ticket


def announce_queued(turn: Turn, ticket: Ticket) -> None:
    """Show a waiting ticket to the desktops of its queue."""
    turn.emit_queue(TicketQueued, ticket, **shown(turn, ticket))


def shown(turn: Turn, ticket: Ticket) -> dict[str, object]:
    """What a desktop shows of a ticket that waits."""
    return {
        "type": ticket.type,
        "priority": ticket.priority,
        "skills": ticket.skills,
        "tier": ticket.tier,
        "tags": ticket.tags,
        "language": ticket.language,
        "customer": ticket.customer,
        "sender": ticket.sender,
        "sender_name": ticket.sender_name,
        "subject": ticket.subject,
        "text": ticket.text,
        "enqueued_at": ticket.enqueued_at,
        "due_at": deadline(ticket),
        "follow_up": None if ticket.aftercare is None else ticket.aftercare.asked,
        "order": turn.desk.order(ticket),
    }


def relax_at(turn: Turn, ticket: Ticket) -> datetime | None:
    """When the target chain moves on: its times are cumulative since `chain_since`.

    None: the present step has no end, or the chain has already ended.
    """
    targets = turn.desk.targets(ticket.queue)
    if ticket.place >= len(targets) or clocks.chain_ended(ticket):
        return None
    spans = [target.for_ for target in targets[: ticket.place + 1]]
    if any(span is None for span in spans):
        return None
    return ticket.chain_since + sum((span or ZERO for span in spans), ZERO)


def chained(turn: Turn, ticket: Ticket, trigger: Trigger | None = None, **changes: Any) -> Ticket:
    """Save what moves the ticket in its target chain, and when that moves on."""
    moved = msgspec.structs.replace(ticket, **changes)
    moved = turn.save(moved, trigger, relax_at=relax_at(turn, moved))
    return look_at_step(turn, moved, begins=True)


def look_at_step(turn: Turn, ticket: Ticket, *, begins: bool = False) -> Ticket:
    """Nobody is asked in a step of the chain that is over, or that gives the ticket away.

    One that `begins` may be passed over as well.
    """
    target = turn.desk.target(ticket) if turn.desk.placed(ticket) else None
    if target is None:
        return ticket
    if target.move_to or step_is_over(turn, ticket) or (begins and target.skip_if):
        turn.entering[ticket.id] = None
    return ticket


def step_is_over(turn: Turn, ticket: Ticket) -> bool:
    """Whether the time of the chain's step is over."""
    return ticket.relax_at is not None and ticket.relax_at < turn.instant(ticket)


def show_anew(turn: Turn, ticket: Ticket, before: Sequence[str]) -> None:
    """Show the ticket to the desktops of the queues that have come in."""
    for place in turn.desk.places(ticket):
        if place not in before:
            turn.tell_queue(TicketQueued, ticket, place, **shown(turn, ticket))


def take_down(turn: Turn, ticket: Ticket, places: Iterable[str], reason: str) -> None:
    """Tell the desktops of these queues that the ticket is no longer theirs to see."""
    for place in places:
        turn.tell_queue(TicketRemoved, ticket, place, reason=reason, agent=ticket.agent)


def park(turn: Turn, ticket: Ticket, reason: str, at: datetime) -> Ticket:
    """Nobody was found by `at`: the ladder begins; whoever comes free is still offered it."""
    ticket = turn.save(ticket, Trigger.PARKED, relax_at=None)
    turn.emit_queue(TicketParked, ticket, reason=reason)
    return clocks.queue_time_lapsed(turn, ticket, at)


def end_offer(
    turn: Turn, ticket: Ticket, offer: Offer, how: Trigger, reason: str | None = None
) -> Ticket:
    """The ticket's offer comes to nothing: it waits again, with its original age."""
    outcome = end(how)
    refusals = tuple(one for one in ticket.refusals if one.until > turn.now)
    refused, offers = outcome in REFUSED, ticket.offers
    if refused:
        until = turn.now + turn.desk.reoffer_after(ticket.queue)
        refusals, offers = (*refusals, Refusal(offer.agent, until)), offers + 1
    ticket = turn.save(ticket, how, offer=None, weight=0, refusals=refusals, offers=offers)
    turn.emit_queue(_OFFER_ENDS[outcome], ticket, agent=offer.agent, offer=offer.id, reason=reason)
    turn.freed[offer.agent] = None
    if refused and _is_enough(turn, ticket):
        return park(turn, ticket, "offers_exhausted", turn.at)
    return look_at_step(turn, ticket)


def _is_enough(turn: Turn, ticket: Ticket) -> bool:
    """Whether so many offers came to nothing that somebody must look, and nobody has been told."""
    most = turn.desk.queue(ticket.queue).max_offers
    return most is not None and ticket.offers >= most and not clocks.chain_ended(ticket)


def forget_refusals(turn: Turn, ticket: Ticket, before: datetime) -> Ticket:
    """Agents who refused a while ago may be asked again."""
    left = tuple(refusal for refusal in ticket.refusals if refusal.until >= before)
    return turn.save(ticket, refusals=left)


def assign(
    turn: Turn, ticket: Ticket, agent: str, *, by: str | None = None, forced: bool = False
) -> Ticket:
    """`agent` has the ticket; one that is on offer is theirs to accept, and nobody else's.

    A supervisor (`by`) may have given it, and beyond what is allowed.
    """
    offer = ticket.offer
    if offer is not None and offer.agent != agent:
        raise IllegalTransition(f"offer {offer.id} is {offer.agent}'s to accept")
    weight = turn.desk.weight(agent, ticket)
    rested = turn.desk.agents.rows[agent].rests
    ticket = turn.save(
        ticket, Trigger.ASSIGNED, agent=agent, last_agent=agent, last_agent_at=turn.now,
        offer=None, offers=0, weight=weight, refusals=(), relax_at=None, return_at=None,
    )  # fmt: skip
    turn.emit_queue(
        TicketAssigned, ticket, agent=agent, offer=offer.id if offer else None, by=by,
        forced=forced,
    )  # fmt: skip
    busy(turn, agent, **standing.took(turn.desk, turn.desk.agents.rows[agent], ticket))
    if rested and not turn.desk.agents.rows[agent].rests:
        turn.freed[agent] = None  # the row of hard tickets is over
    turn.desk.acquaintances.met(ticket, agent, turn.now, turn.desk.queue(ticket.queue).sticky)
    return clocks.found(turn, ticket, "assigned")


def busy(turn: Turn, agent: str, **changes: Any) -> None:
    """The agent has got, or ended, work: the time for which they are idle starts anew."""
    changes |= standing.lending(turn.desk, turn.desk.agents.rows[agent], turn.now)
    turn.desk.change_agent(agent, idle_since=turn.now, missed=0, **changes)


def requeue(turn: Turn, ticket: Ticket, reason: str, at: datetime | None = None) -> Ticket:
    """Work that its agent lost waits again in its queue, with its original age.

    Clocks that had stopped count on from `at`, the turn's instant unless given.
    """
    agent, before = ticket.agent, ticket
    ticket = clocks.resumed(turn, ticket, at)
    ticket = chained(
        turn, ticket, Trigger.REQUEUED, agent=None, weight=0, return_at=None, until=None,
        **clocks.coming(ticket, turn.at if at is None else at),
    )  # fmt: skip
    _free(turn, before)
    _announce_requeued(turn, ticket, reason, agent)
    return clocks.queues(turn, ticket)


def _announce_requeued(turn: Turn, ticket: Ticket, reason: str, agent: str | None) -> None:
    turn.emit_queue(
        TicketRequeued, ticket, reason=reason, agent=agent, priority=ticket.priority,
        enqueued_at=ticket.enqueued_at, order=turn.desk.order(ticket),
    )  # fmt: skip


def release(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """Take back an offer if there is one, so that the ticket can be moved."""
    if ticket.offer is not None:
        return end_offer(turn, ticket, ticket.offer, Trigger.OFFER_RESCINDED, reason)
    return ticket


def rescind(turn: Turn, agent: str, reason: str) -> None:
    """Take back what is on offer to the agent."""
    for key in turn.desk.loads.held(agent):
        release(turn, turn.desk.tickets.rows[key], reason)


def withdraw(turn: Turn, agent: str, reason: str) -> None:
    """Take back what is on offer and no longer suits or fits the agent, last in order first.

    What is on offer weighs what it would if it were accepted now.
    """
    desk, spec = turn.desk, turn.desk.roster.agents[agent]
    held = [desk.tickets.rows[key] for key in desk.loads.held(agent)]
    offered = [_weighed(turn, ticket, agent) for ticket in held if ticket.offer is not None]
    for ticket in sorted(offered, key=desk.waiting.place, reverse=True):
        others = desk.loads.load(agent) - ticket.weight
        if unsuited(spec, desk.need(ticket)) or not has_room(spec, others, ticket.weight):
            release(turn, ticket, reason)


def _weighed(turn: Turn, ticket: Ticket, agent: str) -> Ticket:
    weight = turn.desk.weight(agent, ticket)
    return ticket if weight == ticket.weight else turn.save(ticket, weight=weight)


def transfer(
    turn: Turn, ticket: Ticket, queue: str, agent: str | None, reason: str, *, by: str | None = None
) -> Ticket:
    """Give the ticket to another queue of its pool; it keeps its age, the chain begins anew."""
    left, promised = ticket.queue, turn.desk.promised(ticket)
    changes: dict[str, Any] = {"refusals": (), "offers": 0}
    if agent is not None:
        # Who gives it away is no longer the one who knows the customer, nor asked at once.
        until = turn.now + turn.desk.reoffer_after(queue)
        changes |= {"refusals": (Refusal(agent, until),), "last_agent": None}
    ticket = chained(
        turn, given_up(turn, ticket, reason), Trigger.TRANSFERRED, queue=queue, agent=None,
        weight=0, place=0, chain_since=ticket.once_here(turn.at), return_at=None,
        **clocks.coming(ticket, turn.at, reason), **changes,
    )  # fmt: skip
    turn.emit(TicketTransferred, ticket, from_queue=left, agent=agent, reason=reason, by=by)
    ticket = clocks.remeasure(turn, promised, ticket)
    announce_queued(turn, ticket)
    return clocks.queues(turn, ticket)


def given_up(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """The ticket leaves for another queue: it waits for us again, and not in vain here."""
    ticket = clocks.resumed(turn, leave(turn, ticket, reason))
    return clocks.found(turn, ticket, "transferred")


def _free(turn: Turn, ticket: Ticket) -> None:
    """The agent of `ticket`, as it was until now, has it no longer."""
    if ticket.agent is not None:
        put_down(turn, ticket)
        turn.freed[ticket.agent] = None
        busy(turn, ticket.agent)


def put_down(turn: Turn, ticket: Ticket, *, done: bool = True) -> None:
    """The ticket leaves its agent's hands, if it was in them; not `done`: it comes back to them."""
    agent = ticket.agent
    if agent is not None and ticket.state is TicketState.ASSIGNED:
        state = turn.desk.agents.rows[agent]
        changes = standing.put_down(turn.desk, state, ticket, turn.now, done=done)
        if changes:
            turn.desk.change_agent(agent, **changes)


def raise_priority(turn: Turn, ticket: Ticket, by: int) -> Ticket:
    """The ladder raises the ticket's priority, at most to 9; its place in the queue follows."""
    raised = min(ticket.priority + by, 9)
    if raised == ticket.priority:
        return ticket
    promised = turn.desk.promised(ticket)
    ticket = turn.save(ticket, priority=raised)
    if ticket.waits:
        _announce_requeued(turn, ticket, "priority_raised", None)
    return clocks.remeasure(turn, promised, ticket)


def feedback(turn: Turn, ticket: Ticket, change: str, into: str | None = None) -> None:
    """Tell triage what its conversations must know: resolved, reopened, moved, merged.

    The conversations of tickets that were merged into this one live as it does.
    """
    for one in (Joined(ticket.id, ticket.conversation), *ticket.joined):
        data = TicketFeedback(
            ticket=one.ticket, conversation=one.conversation, change=change,
            pool=ticket.pool, queue=ticket.queue, at=turn.at, into=into,
        )  # fmt: skip
        key = one.conversation.partition("-")[0]
        turn.out.add(TICKETS_FEEDBACK, key, TicketFeedback.TYPE, data)


def leave(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """The ticket leaves its agent and its queue (resolved, transferred, moved away)."""
    ticket = release(turn, ticket, reason)
    take_down(turn, ticket, turn.desk.places(ticket), reason)
    _free(turn, ticket)
    return ticket
