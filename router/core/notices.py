"""Notices: an alarm is told to its contacts, by mail and webhook, when they may be disturbed.

A notice follows from the identity of its warning or escalation, so there is one of it, whatever
is restarted. While the contact's calendar is closed, or they have just been written to, it waits
in the shard's state. Then what still stands goes out, several together, and of the rest it is
told why it does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from router.core.entities.notice import Alarm, HeldNotice, Told
from router.core.entities.ticket import Ticket
from router.core.events import NoticeEvent, NoticeHeld, NoticeWithheld
from router.core.sla import QUEUE_TIME
from router.core.turn import Turn
from router.core.writing import identity, messages
from router.topics import MESSAGES_OUTBOUND, SLA_ESCALATIONS
from rules.calendar import NeverOpen
from rules.contacts import Contact

TOGETHER = 100
"""So many alarms stand in one message at most."""


def tell(turn: Turn, ticket: Ticket, names: Iterable[str], **lapse: Any) -> None:
    """An alarm about `ticket` notifies `names`: each that is a contact's gets its notice."""
    contacts = turn.desk.compiled.rulebook.contacts
    for name in dict.fromkeys(names):
        if name in contacts:
            _tell(turn, name, contacts[name], _alarm(ticket, lapse))


def _alarm(ticket: Ticket, lapse: Mapping[str, Any]) -> Alarm:
    return Alarm(
        ticket=ticket.id, pool=ticket.pool, queue=ticket.queue, subject=ticket.subject,
        agent=ticket.agent, priority=ticket.priority, tier=ticket.tier, type=ticket.type,
        sla=ticket.sla, **lapse,
    )  # fmt: skip


def _tell(turn: Turn, name: str, contact: Contact, alarm: Alarm) -> None:
    key = f"{alarm.ticket}/{alarm.target}/{alarm.cycle}/{name}"
    if (earlier := turn.desk.held.table.get(key)) is not None:
        _withhold(turn, key, earlier, "overtaken")
    until = _waits_until(turn, name, contact)
    if until is None:
        _send(turn, name, contact, [alarm])
    else:
        turn.desk.held.table.put(key, HeldNotice(contact=name, alarm=alarm, wake_at=until))
        _say(turn, NoticeHeld, name, alarm, until=until)


def _waits_until(turn: Turn, name: str, contact: Contact) -> datetime | None:
    """When the contact may be written to again; None: now."""
    told = turn.desk.held.told.get(name)
    until = turn.now if told is None else max(turn.now, told.at + contact.gather)
    if contact.quiet is not None:
        calendar = turn.desk.compiled.calendars[contact.quiet.outside]
        # What could never be sent is better sent at night.
        with suppress(NeverOpen):
            until = calendar.next_open(until)
    return until if until > turn.now else None


def wake(turn: Turn, key: str) -> None:
    """The time of a notice that waits has come, and with it that of all for the same contact."""
    name = turn.desk.held.table.rows[key].contact
    held = turn.desk.held.of(name)
    contact = turn.desk.compiled.rulebook.contacts.get(name)
    if contact is None:
        for one, notice in held:
            _withhold(turn, one, notice, "contact_removed")
    elif (until := _waits_until(turn, name, contact)) is not None:
        for one, notice in held:
            turn.desk.held.table.put(one, msgspec.structs.replace(notice, wake_at=until))
    else:
        _release(turn, name, contact, held)


def _release(
    turn: Turn, name: str, contact: Contact, held: Sequence[tuple[str, HeldNotice]]
) -> None:
    """Send what still stands of what has waited."""
    standing: list[Alarm] = []
    for one, notice in held:
        reason = _is_over(turn, notice.alarm)
        if reason is None:
            turn.desk.held.table.delete(one)
            standing.append(_as_it_is_now(turn, notice.alarm))
        else:
            _withhold(turn, one, notice, reason)
    for first in range(0, len(standing), TOGETHER):
        _send(turn, name, contact, standing[first : first + TOGETHER])


def _withhold(turn: Turn, key: str, notice: HeldNotice, reason: str) -> None:
    turn.desk.held.table.delete(key)
    _say(turn, NoticeWithheld, notice.contact, notice.alarm, reason=reason)


def look_again(turn: Turn) -> None:
    """The rulebook has changed: what waits is looked at anew, for hours may have changed."""
    held, contacts = turn.desk.held, turn.desk.compiled.rulebook.contacts
    for key, notice in list(held.table.rows.items()):
        held.table.put(key, msgspec.structs.replace(notice, wake_at=turn.now))
    for name in [name for name in held.told if name not in contacts]:
        held.told.delete(name)


def _is_over(turn: Turn, alarm: Alarm) -> str | None:
    """Why nobody need be told of the alarm any more, as far as is known here; None: it stands.

    A ticket that went to another pool took its alarms along, but not that nobody was found for it.
    One that was merged into another left none.
    """
    ticket = turn.desk.tickets.get(alarm.ticket)
    if ticket is None:
        stub = turn.desk.stubs.get(alarm.ticket)
        gone = stub is None or stub.into is not None or alarm.target == QUEUE_TIME
        return "cleared" if gone else None
    clocks = (one for one in ticket.clocks if one.target == alarm.target)
    clock = next((one for one in clocks if one.cycle == alarm.cycle), None)
    if clock is None or not clock.alarmed:
        return "cleared"
    return None if clock.seen_by is None else "acknowledged"


def _as_it_is_now(turn: Turn, alarm: Alarm) -> Alarm:
    """The alarm with what is new of its ticket: somebody else may have it by now."""
    ticket = turn.desk.tickets.get(alarm.ticket)
    if ticket is None:
        return alarm
    return msgspec.structs.replace(
        alarm, queue=ticket.queue, agent=ticket.agent, priority=ticket.priority,
        tier=ticket.tier, type=ticket.type, sla=ticket.sla,
    )  # fmt: skip


def _say(turn: Turn, kind: type[NoticeEvent], contact: str, alarm: Alarm, **fields: Any) -> None:
    """Tell operations what becomes of a notice that could not be sent at once."""
    notice = identity(alarm, contact)
    data = kind(
        notice=notice, contact=contact, ticket=alarm.ticket, target=alarm.target,
        cycle=alarm.cycle, level=alarm.level, at=turn.now, **fields,
    )  # fmt: skip
    event = f"{notice}/{kind.TYPE.rpartition('.')[2]}"
    turn.out.add(SLA_ESCALATIONS, alarm.ticket, kind.TYPE, data, id=event)


def _send(turn: Turn, name: str, contact: Contact, alarms: Sequence[Alarm]) -> None:
    """Write to a contact by each of their ways: one alarm, or several in one message."""
    turn.desk.held.told.put(name, Told(at=turn.now))
    for message in messages(turn.desk.compiled, name, contact, alarms, turn.now):
        turn.out.add(MESSAGES_OUTBOUND, name, "message.outbound", message, id=message.id)
