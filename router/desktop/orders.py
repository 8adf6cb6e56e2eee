"""What can be typed besides the plain verbs: words with options (`until=2h`, `priority=2`). Pure.

Options stand before the text: `pending 3 until=2h waits for the receipt`.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, get_args

from channels.errors import Malformed
from router.core.commands import OrderState
from router.desktop.view import View
from rules.scalars import parse_duration

HELP = """\
pending N [until=2h] [reason]          wait for the customer
hold N [until=2h] [reason]             wait for a third party
update N priority=2 type=T tier=T sla=S language=L tags=a,b skills=zh:3
split N [queue=Q] [type=T] text        a new topic becomes a ticket of its own
merge N M                              ticket N is the same matter as ticket M
consult N agent text                   ask a colleague
flag N [queue=Q] [type=T] [reason]     the router decided wrongly
order N worker [when=T] [phone=P] address   a worker goes there
report N accepted|arrived|done|cancelled [order=2] [note]   how an order goes
cancel N [number]                      a follow-up does not come, or none of the ticket's
assign N agent [force]                 supervisors: give it to somebody
seen N target                          supervisors: an alarm is known
move FROM TO [type=T] [tags=a,b]       supervisors: empty a queue into another"""

Order = Callable[[str, View, datetime], dict[str, Any]]


def _ticket(rest: str, view: View, verb: str) -> tuple[str, str]:
    """The ticket that is meant, and the words after it."""
    name, _, words = rest.partition(" ")
    if not name:
        raise Malformed(f"{verb} needs a ticket's number")
    card = view.card(name)
    if card is None:
        raise Malformed(f"there is no ticket {name} here (list shows them)")
    return card.ticket, words.strip()


def _options(words: str, known: Collection[str]) -> tuple[dict[str, str], str]:
    """The options with which `words` begin, and the text after them."""
    options: dict[str, str] = {}
    while True:
        word, _, rest = words.partition(" ")
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            return options, words
        options[name], words = value, rest.strip()


def _listed(value: str) -> tuple[str, ...]:
    return tuple(one for one in value.split(",") if one)


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Malformed(f"{what} is a number, not {text!r}") from None


def _until(text: str, now: datetime) -> datetime:
    """An instant with its offset, or how long from now."""
    try:
        return now + parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Malformed(f"until={text}: expected 30m, 2h, 1d or 2027-03-01T17:00:00+08:00")
    return at


def _set_aside(verb: str) -> Order:
    def order(rest: str, view: View, now: datetime) -> dict[str, Any]:
        ticket, words = _ticket(rest, view, verb)
        options, reason = _options(words, {"until"})
        until = _until(options["until"], now) if options else None
        return {"command": verb, "ticket": ticket, "until": until, "reason": reason or None}

    return order


def _update(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "update")
    known = ("priority", "type", "tier", "sla", "language", "tags", "skills")
    options, left = _options(words, known)
    if left or not options:
        raise Malformed(f"update needs what is to change, of {', '.join(known)}: update N type=T")
    fields: dict[str, Any] = {"command": "update", "ticket": ticket, **options}
    if "priority" in options:
        fields["priority"] = _number(options["priority"], "the priority")
    if "tags" in options:
        fields["tags"] = _listed(options["tags"])
    if "skills" in options:
        pairs = (one.partition(":") for one in _listed(options["skills"]))
        fields["skills"] = {name: _number(level or "1", "a level") for name, _, level in pairs}
    return fields


def _said_of(verb: str, command: str, text: str) -> Order:
    """A command with a queue or type that is named, and a text."""

    def order(rest: str, view: View, _: datetime) -> dict[str, Any]:
        ticket, words = _ticket(rest, view, verb)
        options, said = _options(words, {"queue", "type"})
        return {"command": command, "ticket": ticket, text: said or None, **options}

    return order


def _merge(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "merge")
    into, _more = _ticket(words, view, "merge")
    return {"command": "merge", "ticket": ticket, "into": into}


def _consult(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "consult")
    to, _space, text = words.partition(" ")
    if not to or not text.strip():
        raise Malformed("consult needs a colleague and a question: consult N agent text")
    return {"command": "consult", "ticket": ticket, "to": to, "text": text.strip()}


def _worker(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "order")
    worker, _space, words = words.partition(" ")
    options, address = _options(words.strip(), {"when", "phone"})
    if not worker or not address:
        raise Malformed("order needs a worker and an address: order N worker [when=T] address")
    return {
        "command": "order", "ticket": ticket, "worker": worker, "address": address,
        "appointment": options.get("when"), "phone": options.get("phone"),
    }  # fmt: skip


def _report(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "report")
    state, _space, words = words.partition(" ")
    options, note = _options(words.strip(), {"order"})
    if state not in get_args(OrderState):
        raise Malformed(f"report needs a state, of {', '.join(get_args(OrderState))}")
    number = _number(options["order"], "the order") if options else None
    return {
        "command": "order_update", "ticket": ticket, "state": state, "order": number,
        "text": note or None,
    }  # fmt: skip


def _cancel(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "cancel")
    number = _number(words, "the follow-up") if words else None
    return {"command": "follow_up_cancel", "ticket": ticket, "follow_up": number}


def _assign(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, words = _ticket(rest, view, "assign")
    to, _space, force = words.partition(" ")
    if not to or force.strip() not in {"", "force"}:
        raise Malformed("assign needs an agent: assign N agent [force]")
    return {"command": "assign", "ticket": ticket, "to": to, "force": bool(force)}


def _seen(rest: str, view: View, _: datetime) -> dict[str, Any]:
    ticket, target = _ticket(rest, view, "seen")
    if not target:
        raise Malformed("seen needs a target: seen N first_response")
    return {"command": "escalation_acknowledge", "ticket": ticket, "target": target}


def _move(rest: str, _: View, __: datetime) -> dict[str, Any]:
    words = rest.split()
    if len(words) < 2:
        raise Malformed("move needs two queues: move FROM TO")
    options, left = _options(" ".join(words[2:]), {"type", "tags"})
    if left:
        raise Malformed(f"move: {left!r} is neither type=T nor tags=a,b")
    fields: dict[str, Any] = {"command": "transfer", "from_queue": words[0], "queue": words[1]}
    if "tags" in options:
        fields["tags"] = _listed(options["tags"])
    return fields | ({"type": options["type"]} if "type" in options else {})


ORDERS: dict[str, Order] = {
    "pending": _set_aside("pending"),
    "hold": _set_aside("hold"),
    "update": _update,
    "split": _said_of("split", "split", "text"),
    "flag": _said_of("flag", "flag_decision", "reason"),
    "merge": _merge,
    "consult": _consult,
    "order": _worker,
    "report": _report,
    "cancel": _cancel,
    "assign": _assign,
    "seen": _seen,
    "move": _move,
}
"""Verb -> what its words ask for, as fields of a command. Raises `Malformed`."""
