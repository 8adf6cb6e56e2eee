"""A notice as messages: its text, made safe, in the contact's language, by each of their ways."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from channels.outbound import OutboundMessage
from router.core.entities.notice import Alarm
from rules.contacts import Contact
from rules.index import Compiled
from rules.notice_texts import NOTICE, TARGET_NAMES, USUAL
from rules.templates import fallbacks, render

SUBJECT_CHARACTERS = 120
VALUE_CHARACTERS = 80
TEXT_CHARACTERS = 10_000
DIGEST_CHARACTERS = 100_000
BETWEEN = "\n\n----\n\n"

AUTO_GENERATED = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""What a notice by mail carries, so that no machine answers it (RFC 3834)."""

NOTICE_TYPE = "sla.notice"
"""The type of the event that is posted to a webhook."""


def identity(alarm: Alarm, contact: str) -> str:
    """What a notice to `contact` about `alarm` is known by: there is one of it."""
    return f"{alarm.id}/notice/{contact}"


def messages(
    compiled: Compiled,
    name: str,
    contact: Contact,
    alarms: Sequence[Alarm],
    now: datetime,
    *,
    type: str = NOTICE_TYPE,
) -> Iterator[OutboundMessage]:
    """What is sent to the contact `name`, to each address and URL: ids follow from the alarms'."""
    if len(alarms) == 1:
        known = identity(alarms[0], name)
        subject, text = written(compiled, name, contact, alarms[0])
    else:
        known = f"notices/{name}/{_hashed(*(alarm.id for alarm in alarms))}"
        subject, text = digested(compiled, name, contact, alarms)
    common: dict[str, Any] = {
        "kind": "notice", "to_name": contact.name, "subject": subject, "text": text,
        "language": contact.language, "pool": alarms[0].pool, "created_at": now,
        "ticket": alarms[0].ticket if len(alarms) == 1 else None,
    }  # fmt: skip
    account = compiled.rulebook.notices.email or ""
    for address in dict.fromkeys(contact.email):
        letter = f"<notice.{_hashed(known, address)}@{account.rpartition('@')[2]}>"
        yield OutboundMessage(
            id=f"{known}/email/{address}", channel="email", account=account, to=address,
            message_id=letter, headers=AUTO_GENERATED, attributes={"contact": name}, **common,
        )  # fmt: skip
    if contact.webhook is not None:
        all_of_them = [msgspec.structs.asdict(alarm) for alarm in alarms]
        attributes = {
            "contact": name, "secrets": contact.webhook.secrets, "type": type,
            "data": msgspec.to_builtins({"contact": name, "alarms": all_of_them}),
        }  # fmt: skip
        yield OutboundMessage(
            id=f"{known}/webhook".replace(".", "_"), channel="webhook", to=name,
            account=contact.webhook.url,
            attributes=attributes, **common,
        )  # fmt: skip


def _hashed(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


def written(compiled: Compiled, name: str, contact: Contact, alarm: Alarm) -> tuple[str, str]:
    """Subject and text of a notice to the contact `name` about one alarm."""
    variables = _variables(compiled, name, contact, alarm)
    variables["link"] = _filled(compiled, "link", contact, variables)
    subject = _filled(compiled, "subject", contact, variables)
    text = _filled(compiled, "text", contact, variables)
    return one_line(subject, 2 * SUBJECT_CHARACTERS), text[:TEXT_CHARACTERS]


def digested(
    compiled: Compiled, name: str, contact: Contact, alarms: Sequence[Alarm]
) -> tuple[str, str]:
    """Subject and text of one message about several alarms."""
    variables = {"count": len(alarms), "contact": contact.name or name}
    subject = _filled(compiled, "digest", contact, variables)
    texts = (written(compiled, name, contact, alarm) for alarm in alarms)
    text = BETWEEN.join(f"{head}\n\n{body}" for head, body in texts)
    return one_line(subject, 2 * SUBJECT_CHARACTERS), text[:DIGEST_CHARACTERS]


def _filled(compiled: Compiled, part: str, contact: Contact, variables: Mapping[str, Any]) -> str:
    """A text of the rulebook; the usual one where a template fails: the alarm must go out."""
    try:
        return render(compiled.notices, part, NOTICE, contact.language, variables)
    except Exception:  # noqa: BLE001 - a template can raise whatever its words do
        return render({(part, NOTICE): USUAL[part]}, part, NOTICE, contact.language, variables)


def one_line(text: str, characters: int) -> str:
    """A text as a part of one line: no line ends, nothing that does not show, cut where long."""
    spaced = "".join(one if one.isprintable() else " " for one in text)
    line = " ".join(spaced.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def _variables(compiled: Compiled, name: str, contact: Contact, alarm: Alarm) -> dict[str, Any]:
    """What the templates may name (`rules.notice_texts.VARIABLES`)."""
    rulebook = compiled.rulebook
    words = {
        "ticket": alarm.ticket,
        "contact": contact.name or name,
        "queue": _called(rulebook.queues, alarm.queue),
        "target": alarm.target,
        "target_name": _target_name(compiled, alarm, contact.language),
        "agent": _called(rulebook.agents, alarm.agent),
        "tier": _called(rulebook.tiers, alarm.tier),
        "share": "" if alarm.share is None else f"{alarm.share * 100:.3g}%",
    }
    return {key: one_line(word, VALUE_CHARACTERS) for key, word in words.items()} | {
        "subject": one_line(alarm.subject or "", SUBJECT_CHARACTERS),
        "due_at": alarm.due_at,
        "lapsed_at": alarm.lapsed_at,
        "level": alarm.level,
        "priority": alarm.priority,
        "link": "",
        "timezone": _timezone(compiled, contact, alarm),
    }


def _called(entries: Mapping[str, Any], name: str | None) -> str:
    """What people call an entry of the rulebook; its own name where it has none, or is gone."""
    entry = entries.get(name or "")
    return (entry and entry.name) or name or ""


def _target_name(compiled: Compiled, alarm: Alarm, language: str | None) -> str:
    """What people call the target: `first response`, the step's own name, an order's number."""
    kind, _, which = alarm.target.partition(":")
    if kind == "step":
        found = compiled.rulebook.types.get(alarm.type or "")
        return _called({step.id: step for step in found.steps} if found else {}, which)
    names = TARGET_NAMES.get(kind, {})
    name = next((names[one] for one in fallbacks(language) if one in names), kind)
    return f"{name} {which}" if which else name


def _timezone(compiled: Compiled, contact: Contact, alarm: Alarm) -> str:
    """The contact's own time zone, as their quiet hours tell it; else that of the ticket's SLA."""
    calendars = compiled.rulebook.calendars
    if contact.quiet is not None:
        return calendars[contact.quiet.outside].timezone
    sla = compiled.rulebook.slas.get(alarm.sla or "")
    return "UTC" if sla is None else calendars[sla.calendar].timezone
