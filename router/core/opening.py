"""The ticket that a triaged record opens, and who should have it."""

from typing import NamedTuple

import msgspec

from router.core.desk import Desk
from router.core.entities.aftercare import Aftercare
from router.core.entities.ticket import Ticket
from router.core.events import TicketMessage, TicketTriaged
from router.core.letters import answer_to
from router.core.lifecycle import TicketState
from router.core.turn import Turn

EXCERPT_CHARACTERS = 2_000
"""So much of a message is kept, and told."""


def known(desk: Desk, ticket: Ticket, agent: str | None) -> Ticket:
    """The ticket with the agent whom its customer knows: who looks after them, or had the last.

    A follow-up says itself who should have it, or that anyone may.
    """
    if ticket.aftercare is not None:
        return ticket
    if agent is not None:
        return msgspec.structs.replace(ticket, last_agent=agent)
    met = desk.acquaintances.of(ticket)
    if met is None:
        return ticket
    return msgspec.structs.replace(ticket, last_agent=met.agent, last_agent_at=met.since)


class Undecided(NamedTuple):
    """What is not known of the ticket of a mere message."""

    rulebook: str = ""
    type: str | None = None
    priority: int = 0
    skills: dict[str, int] = {}  # noqa: RUF012 - shared, as an event's is, and changed by nobody
    tier: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    customer: str | None = None
    rule: str = ""
    sla_from: str | None = None


UNDECIDED = Undecided()


def opened(turn: Turn, event: TicketTriaged | TicketMessage, queue: str, sla: str | None) -> Ticket:
    """The ticket that a triaged record opens; of a mere message, as much as it tells."""
    request = event.request
    answered = answer_to(request, turn.desk.compiled.rulebook.ack_policy.own_addresses)
    decided = event if isinstance(event, TicketTriaged) else UNDECIDED
    asked = request.attributes if request.kind == "follow_up" else None
    return Ticket(
        id=event.ticket,
        conversation=event.conversation,
        pool=event.pool,
        queue=queue,
        channel=request.channel,
        account=request.account,
        external_id=request.external_id,
        state=TicketState.NEW,
        sla=sla,
        sender=request.sender.address,
        sender_name=request.sender.name,
        answer_to=answered.address,
        answer_name=answered.name,
        subject=request.subject,
        text=request.text[:EXCERPT_CHARACTERS],
        last_message_id=request.attributes.get("message_id"),
        references=request.references[-20:],
        created_at=request.received_at,
        enqueued_at=request.received_at,
        chain_since=turn.at,
        waiting_since=None if request.automatic else request.received_at,
        number=event.number,
        rulebook=decided.rulebook,
        type=decided.type,
        priority=decided.priority,
        skills=decided.skills,
        tier=decided.tier,
        tags=decided.tags,
        language=decided.language,
        customer=decided.customer,
        rule=decided.rule,
        sla_from=decided.sla_from,
        last_agent=asked.get("agent") if asked else None,
        last_agent_at=request.received_at if asked else None,
        aftercare=Aftercare(asked=asked) if asked else None,
    )
