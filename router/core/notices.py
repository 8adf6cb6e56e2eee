"""Notices: an alarm is told to its contacts, by mail and webhook, when they may be disturbed.

A notice follows from the identity of its warning or escalation, so there is one of it, whatever
is restarted. While the contact's calendar is closed it waits in the shard's state; when that
opens, what still stands goes out, several together, and of the rest it is told why it does not.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from channels.outbound import OutboundMessage
from router.core.desk import Turn
from router.core.events import NoticeEvent, NoticeHeld, NoticeWithheld
from router.core.held import Alarm, HeldNotice
from router.core.sla import QUEUE_TIME
from router.core.tickets import Ticket
from router.core.writing import digested, written
from router.topics import MESSAGES_OUTBOUND, SLA_ESCALATIONS
from rules.calendar import NeverOpen
from rules.contacts import Contact

TOGETHER = 100
"""So many alarms stand in one message at most."""

AUTO_GENERATED = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""What a notice by mail carries, so that no machine answers it (RFC 3834)."""


def tell(turn: Turn, ticket: Ticket, names: Iterable[str], **lapse: Any) -> None:
    """An alarm about `ticket` notifies `names`: each that is a contact's gets its notice."""
    contacts = turn.desk.compiled.rulebook.contacts
    for name in dict.fromkeys(names):
        if name in contacts:
            _tell(turn, name, contacts[name], _alarm(ticket, lapse))


def _alarm(ticket: Ticket, lapse: Mapping[str, Any]) -> Alarm:
    return Alarm(
        ticket=ticket.id, pool=ticket.pool, queue=ticket.queue, subject=ticket.subject,
        agent=ticket.agent, priority=ticket.priority, tier=ticket.tier, sla=ticket.sla, **lapse,
    )  # fmt: skip


def _tell(turn: Turn, name: str, contact: Contact, alarm: Alarm) -> None:
    key = f"{alarm.ticket}/{alarm.target}/{alarm.cycle}/{name}"
    if (earlier := turn.desk.held.table.get(key)) is not None:
        _withhold(turn, key, earlier, "overtaken")
    until = _quiet_until(turn, contact)
    if until is None:
        _send(turn, name, contact, [alarm])
    else:
        turn.desk.held.table.put(key, HeldNotice(contact=name, alarm=alarm, wake_at=until))
        _say(turn, NoticeHeld, name, alarm, until=until)


def _identity(alarm: Alarm, contact: str) -> str:
    return f"{alarm.id}/notice/{contact}"


def _quiet_until(turn: Turn, contact: Contact) -> datetime | None:
    """When the contact may be disturbed again; None: now."""
    if contact.quiet is None:
        return None
    calendar = turn.desk.compiled.calendars[contact.quiet.outside]
    try:
        opens = calendar.next_open(turn.now)
    except NeverOpen:
        return None  # what could never be sent is better sent at night
    return opens if opens > turn.now else None


def wake(turn: Turn, key: str) -> None:
    """The time of a notice that waits has come, and with it that of all for the same contact."""
    name = turn.desk.held.table.rows[key].contact
    held = turn.desk.held.of(name)
    contact = turn.desk.compiled.rulebook.contacts.get(name)
    if contact is None:
        for one, notice in held:
            _withhold(turn, one, notice, "contact_removed")
    elif (until := _quiet_until(turn, contact)) is not None:
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
        if _stands(turn, notice.alarm):
            turn.desk.held.table.delete(one)
            standing.append(_as_it_is_now(turn, notice.alarm))
        else:
            _withhold(turn, one, notice, "cleared")
    for first in range(0, len(standing), TOGETHER):
        _send(turn, name, contact, standing[first : first + TOGETHER])


def _withhold(turn: Turn, key: str, notice: HeldNotice, reason: str) -> None:
    turn.desk.held.table.delete(key)
    _say(turn, NoticeWithheld, notice.contact, notice.alarm, reason=reason)


def look_again(turn: Turn) -> None:
    """The rulebook has changed: whoever waits is looked at anew, for hours may have changed."""
    table = turn.desk.held.table
    for key, notice in list(table.rows.items()):
        table.put(key, msgspec.structs.replace(notice, wake_at=turn.now))


def _stands(turn: Turn, alarm: Alarm) -> bool:
    """Whether the alarm is not over, as far as is known here.

    A ticket that went to another pool took its alarms along, but not that nobody was found for it.
    """
    ticket = turn.desk.tickets.get(alarm.ticket)
    if ticket is None:
        return alarm.ticket in turn.desk.stubs.rows and alarm.target != QUEUE_TIME
    return any((one.target, one.cycle) == (alarm.target, alarm.cycle) for one in ticket.clocks)


def _as_it_is_now(turn: Turn, alarm: Alarm) -> Alarm:
    """The alarm with what is new of its ticket: somebody else may have it by now."""
    ticket = turn.desk.tickets.get(alarm.ticket)
    if ticket is None:
        return alarm
    return msgspec.structs.replace(
        alarm, queue=ticket.queue, agent=ticket.agent, priority=ticket.priority
    )


def _say(turn: Turn, kind: type[NoticeEvent], contact: str, alarm: Alarm, **fields: Any) -> None:
    """Tell operations what becomes of a notice that could not be sent at once."""
    notice = _identity(alarm, contact)
    data = kind(
        notice=notice, contact=contact, ticket=alarm.ticket, target=alarm.target,
        cycle=alarm.cycle, level=alarm.level, at=turn.now, **fields,
    )  # fmt: skip
    identity = f"{notice}/{kind.TYPE.rpartition('.')[2]}"
    turn.out.add(SLA_ESCALATIONS, alarm.ticket, kind.TYPE, data, id=identity)


def _send(turn: Turn, name: str, contact: Contact, alarms: Sequence[Alarm]) -> None:
    """Write to a contact by each of their ways: one alarm, or several in one message."""
    compiled, language = turn.desk.compiled, contact.language
    if len(alarms) == 1:
        identity = _identity(alarms[0], name)
        subject, text = written(compiled, name, contact, alarms[0])
    else:
        identity = f"notices/{name}/{_hashed(*(alarm.id for alarm in alarms))}"
        subject, text = digested(compiled, name, contact, alarms)
    common: dict[str, Any] = {
        "kind": "notice", "to_name": contact.name, "subject": subject, "text": text,
        "language": language, "pool": alarms[0].pool, "created_at": turn.now,
        "ticket": alarms[0].ticket if len(alarms) == 1 else None,
    }  # fmt: skip
    account = compiled.rulebook.notices.email or ""
    for address in dict.fromkeys(contact.email):
        _post(turn, name, OutboundMessage(
            id=f"{identity}/email/{address}", channel="email", account=account, to=address,
            message_id=f"<notice.{_hashed(identity, address)}@{account.rpartition('@')[2]}>",
            headers=AUTO_GENERATED, attributes={"contact": name}, **common,
        ))  # fmt: skip
    if contact.webhook is not None:
        data = {"contact": name, "alarms": list(alarms)}
        _post(turn, name, OutboundMessage(
            id=f"{identity}/webhook", channel="webhook", account=contact.webhook.url, to=name,
            attributes={
                "contact": name, "secrets": contact.webhook.secrets, "type": "sla.notice",
                "data": msgspec.to_builtins(data),
            },
            **common,
        ))  # fmt: skip


def _post(turn: Turn, name: str, message: OutboundMessage) -> None:
    turn.out.add(MESSAGES_OUTBOUND, name, "message.outbound", message, id=message.id)


def _hashed(*words: str) -> str:
    """A short hash: a text's stand-in where the text itself is too long, or not to be shown."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]
