"""The desktop's commands, one handler each: check against the state, then move the ticket.

A handler raises `Rejected` before it changes anything, or does what it was asked.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from router.core import assign, clocks, moves, pools
from router.core.agents import AgentState, unfit
from router.core.commands import Command, Rejected, Rejection
from router.core.desk import Turn
from router.core.events import (
    AgentPresence,
    TicketNoted,
    TicketPending,
    TicketReopened,
    TicketReplied,
    TicketResolved,
    TicketResumed,
    TicketStepDone,
)
from router.core.letters import Letterhead, Thread, letter
from router.core.lifecycle import TicketState, Trigger, may
from router.core.tickets import Offer, Ticket
from router.topics import MESSAGES_OUTBOUND, TICKETS_EVENTS

MOST_LEASE_SECONDS = 7 * 24 * 3600.0

Handler = Callable[[Turn, Command], None]


def presence(turn: Turn, command: Command) -> None:
    """The agent comes, goes, or is busy. With `lease_seconds` it must be renewed in that time."""
    if command.state is None:
        raise Rejected(Rejection.FIELD_MISSING)
    seconds = command.lease_seconds
    if seconds is not None and not 0 < seconds <= MOST_LEASE_SECONDS:
        raise Rejected(Rejection.FIELD_INVALID)
    lease = None if seconds is None or command.state == "offline" else timedelta(seconds=seconds)
    set_presence(turn, command.agent, command.state, "command", lease)


def set_presence(
    turn: Turn, agent: str, presence: str, reason: str, lease: timedelta | None = None
) -> None:
    """Put the agent's presence into the books; offers and work follow it."""
    old = turn.desk.agents.get(agent)
    if old is None or old.presence != presence:
        state = AgentState(id=agent, presence=presence, since=turn.now, idle_since=turn.now)
    else:
        state = old
    wake_at = None if lease is None else turn.now + lease
    turn.desk.agents.put(agent, msgspec.structs.replace(state, lease=lease, wake_at=wake_at))
    if state is old:
        return
    pool = turn.desk.roster.agents[agent].pool if agent in turn.desk.roster.agents else ""
    data = AgentPresence(agent=agent, pool=pool, state=presence, reason=reason, at=turn.at)
    turn.out.add(TICKETS_EVENTS, agent, AgentPresence.TYPE, data)
    _work_follows(turn, agent, presence, reason)


def _work_follows(turn: Turn, agent: str, presence: str, reason: str) -> None:
    grace = turn.now + turn.desk.compiled.rulebook.presence.grace
    for key in dict.fromkeys([*turn.desk.loads.held(agent), *turn.desk.loads.owned(agent)]):
        ticket = turn.desk.tickets.rows[key]
        if ticket.state is TicketState.OFFERED:
            moves.release(turn, ticket, reason)
        elif ticket.state is TicketState.ASSIGNED:
            turn.save(ticket, return_at=grace if presence == "offline" else None)
    turn.freed[agent] = None


def missed_offer(turn: Turn, agent: str) -> None:
    """The agent has let an offer lapse; who does so again and again is not there: `away`."""
    state = turn.desk.agents.rows[agent]
    turn.desk.change_agent(agent, missed=state.missed + 1)
    if state.missed + 1 >= turn.desk.compiled.rulebook.presence.missed_offers:
        set_presence(turn, agent, "away", "missed_offers", state.lease)


def _ticket(turn: Turn, command: Command) -> Ticket:
    ticket = turn.desk.tickets.get(command.ticket or "")
    if ticket is None:
        raise Rejected(Rejection.UNKNOWN_TICKET)
    return ticket


def _own(turn: Turn, command: Command, trigger: Trigger | None = None) -> Ticket:
    """The command's ticket, which must be the agent's own and in a state that allows `trigger`."""
    ticket = _ticket(turn, command)
    if ticket.agent != command.agent or not ticket.open:
        raise Rejected(Rejection.NOT_YOURS if ticket.open else Rejection.WRONG_STATE)
    if trigger is not None and not may(ticket.state, trigger):
        raise Rejected(Rejection.WRONG_STATE)
    return ticket


def _offered(turn: Turn, command: Command) -> tuple[Ticket, Offer]:
    """The command's ticket, which must be on offer to the agent, and that offer."""
    ticket = _ticket(turn, command)
    offer = ticket.offer
    if offer is None or offer.agent != command.agent or command.offer not in {None, offer.id}:
        raise Rejected(Rejection.NO_OFFER)
    if turn.at > offer.expires_at:
        raise Rejected(Rejection.OFFER_EXPIRED)
    return ticket, offer


def accept(turn: Turn, command: Command) -> None:
    """The agent takes what was offered; exactly at the expiry is in time."""
    ticket, _ = _offered(turn, command)
    moves.assign(turn, ticket, command.agent)


def decline(turn: Turn, command: Command) -> None:
    """The agent does not want it; it is offered to others, and to this agent not for a while."""
    ticket, offer = _offered(turn, command)
    moves.end_offer(turn, ticket, offer, Trigger.OFFER_DECLINED, command.reason)
    turn.desk.change_agent(command.agent, missed=0)


def take(turn: Turn, command: Command) -> None:
    """The agent takes a chosen ticket, or the next of a queue, or the next of all theirs."""
    spec = turn.desk.roster.agents[command.agent]
    state = turn.desk.agent(command.agent)
    if state.presence != "available":
        raise Rejected(Rejection.NOT_AVAILABLE)
    if command.ticket is None:
        queues = [command.queue] if command.queue else spec.queues
        if not set(queues) <= set(spec.queues):
            raise Rejected(Rejection.UNKNOWN_QUEUE)
        ticket = assign.next_for(turn, command.agent, queues, pushed_only=False)
        if ticket is None:
            raise Rejected(Rejection.NOTHING_WAITS)
    else:
        ticket = _ticket(turn, command)
        if ticket.state not in {TicketState.QUEUED, TicketState.PARKED}:
            raise Rejected(Rejection.WRONG_STATE)
    reason = unfit(spec, state, turn.desk.loads.load(state.id), turn.desk.need(ticket), ticket)
    if reason == "capacity":
        raise Rejected(Rejection.NO_CAPACITY)
    if reason not in {None, "refused"}:
        raise Rejected(Rejection.NOT_ELIGIBLE)
    moves.assign(turn, ticket, command.agent)


def reply(turn: Turn, command: Command, head: Letterhead) -> None:
    """The agent answers the customer: first and next response are met."""
    ticket = _own(turn, command)
    if not command.text:
        raise Rejected(Rejection.FIELD_MISSING)
    message = f"{turn.out.cause}/reply"
    ticket = turn.save(ticket, sent=ticket.sent + 1, answered=True, waiting_since=None)
    if ticket.channel != "hotline":
        data = letter(
            head, _thread(ticket), "reply", command.text, id=message, label=f"r{ticket.sent}",
            number=ticket.sent, at=turn.now, subject=command.subject,
        )  # fmt: skip
        key = ticket.conversation.partition("-")[0]
        turn.out.add(MESSAGES_OUTBOUND, key, "message.outbound", data, id=message)
    turn.emit(TicketReplied, ticket, agent=command.agent, message=message, text=command.text)
    clocks.met(turn, ticket, (clocks.FIRST, clocks.NEXT))


def _thread(ticket: Ticket) -> Thread:
    return Thread(
        conversation=ticket.conversation,
        ticket=ticket.id,
        pool=ticket.pool,
        channel=ticket.channel,
        account=ticket.account,
        to=ticket.answer_to,
        to_name=ticket.answer_name,
        subject=ticket.subject,
        language=ticket.language,
        in_reply_to=ticket.last_message_id,
        references=ticket.references,
    )


def note(turn: Turn, command: Command) -> None:
    """A note for colleagues; the customer does not see it and no clock is met."""
    ticket = _ticket(turn, command)
    if not command.text:
        raise Rejected(Rejection.FIELD_MISSING)
    turn.emit(TicketNoted, ticket, agent=command.agent, text=command.text)


def transfer(turn: Turn, command: Command) -> None:
    """The agent gives their ticket to another queue, of this pool or another."""
    ticket = _own(turn, command, Trigger.TRANSFERRED)
    if not command.queue or command.queue not in turn.desk.compiled.rulebook.queues:
        raise Rejected(Rejection.UNKNOWN_QUEUE if command.queue else Rejection.FIELD_MISSING)
    reason = command.reason or "transferred"
    pools.transfer(turn, ticket, command.queue, command.agent, reason)


def pending(turn: Turn, command: Command) -> None:
    """The ticket waits for the customer; it no longer takes up the agent's capacity."""
    ticket = turn.save(_own(turn, command, Trigger.PENDING), Trigger.PENDING, return_at=None)
    turn.emit(TicketPending, ticket, agent=command.agent, reason=command.reason)
    clocks.paused(turn, ticket)
    turn.freed[command.agent] = None


def resume(turn: Turn, command: Command) -> None:
    """The agent goes on with a pending ticket, if there is capacity for it."""
    ticket = _own(turn, command, Trigger.RESUMED)
    if turn.desk.agent(command.agent).presence == "offline":
        raise Rejected(Rejection.NOT_AVAILABLE)
    if not has_room(turn, ticket):
        raise Rejected(Rejection.NO_CAPACITY)
    resumed(turn, ticket, "command", turn.at)


def has_room(turn: Turn, ticket: Ticket) -> bool:
    """Whether the agent of a pending ticket has the capacity to go on with it."""
    agent = ticket.agent or ""
    return turn.desk.roster.agents[agent].capacity - turn.desk.loads.load(agent) >= ticket.weight


def resumed(turn: Turn, ticket: Ticket, reason: str, at: datetime) -> Ticket:
    """Work on a pending ticket goes on with the same agent, since `at`."""
    ticket = turn.save(ticket, Trigger.RESUMED)
    turn.emit(TicketResumed, ticket, agent=ticket.agent, reason=reason)
    return clocks.resumed(turn, ticket, at)


def step_done(turn: Turn, command: Command) -> None:
    """A step of the procedure is done: its clock is met."""
    ticket = _own(turn, command)
    if command.step not in turn.desk.steps(ticket.type):
        raise Rejected(Rejection.UNKNOWN_STEP if command.step else Rejection.FIELD_MISSING)
    turn.emit(TicketStepDone, ticket, agent=command.agent, step=command.step)
    clocks.met(turn, ticket, (f"step:{command.step}",))


def resolve(turn: Turn, command: Command) -> None:
    """The matter is settled: resolution is met, the other clocks end, triage is told."""
    ticket = _own(turn, command, Trigger.RESOLVED)
    ticket = moves.leave(turn, clocks.resumed(turn, ticket), "resolved")
    ticket = turn.save(
        ticket, Trigger.RESOLVED, weight=0, resolved_at=turn.at, return_at=None,
        waiting_since=None,
    )  # fmt: skip
    turn.emit(TicketResolved, ticket, agent=command.agent, reason=command.reason)
    ticket = clocks.met(turn, ticket, (clocks.RESOLUTION,))
    ticket = clocks.ended(turn, ticket, "resolved")
    moves.feedback(turn, ticket, "resolved")


def reopen(turn: Turn, command: Command) -> None:
    """The agent takes a resolved ticket up again."""
    ticket = _ticket(turn, command)
    if not may(ticket.state, Trigger.REOPENED):
        raise Rejected(Rejection.WRONG_STATE)
    reopened(turn, ticket, command.agent, turn.at)


def reopened(turn: Turn, ticket: Ticket, by: str, at: datetime) -> Ticket:
    """A resolved ticket is open again: it waits anew, and its clocks' new cycle begins at `at`."""
    ticket = moves.chained(
        turn, ticket, Trigger.REOPENED, agent=None, weight=0, resolved_at=None, place=0,
        chain_since=turn.at, enqueued_at=at, cycle=ticket.cycle + 1, refusals=(),
    )  # fmt: skip
    turn.emit_queue(TicketReopened, ticket, by=by)
    moves.announce_queued(turn, ticket)
    moves.feedback(turn, ticket, "reopened")
    return clocks.start(turn, ticket, (clocks.RESOLUTION,), at)


HANDLERS: dict[str, Handler] = {
    "presence": presence,
    "take": take,
    "accept": accept,
    "decline": decline,
    "note": note,
    "transfer": transfer,
    "pending": pending,
    "resume": resume,
    "step_done": step_done,
    "resolve": resolve,
    "reopen": reopen,
}
"""Every command but `reply`, which needs the letterhead too."""
