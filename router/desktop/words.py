"""What an agent types, as commands. Pure."""

from datetime import UTC, datetime
from typing import Any

from channels.errors import Malformed
from router.core.commands import Command
from router.desktop.orders import HELP as MORE_HELP
from router.desktop.orders import ORDERS
from router.desktop.view import Card, View

HELP = f"""\
available | busy | away | offline      your presence, with a reason if asked for: away lunch
list                                   offers, your tickets, what waits
read N                                 the conversation of ticket N
accept [N] | decline [N] [reason]      answer an offer
take [N]                               take ticket N, or the next that waits
reply N text                           answer the customer
note N text                            a note for colleagues
resume N | resolve N                   go on with it, or end it
transfer N queue                       give it to another queue
done N step                            a step of the procedure is done
callback N 2h [note]                   the customer is called then
revisit N 3d [note]                    the customer is asked then whether all is well
wrapped                                the work after what you have resolved is done
{MORE_HELP}
help | quit"""

PRESENCE = frozenset({"available", "busy", "away", "offline", "wrap_up"})
_FOLLOW_UPS = frozenset({"callback", "revisit"})
_TEXT = {"reply": "text", "note": "text", "transfer": "queue", "done": "step", "decline": "reason"}
_NEEDS_TICKET = _FOLLOW_UPS | {
    "reply", "note", "resume", "resolve", "transfer", "done",
}  # fmt: skip
_NAMES = {"done": "step_done", "wrapped": "wrap_up"}
VERBS = _NEEDS_TICKET | {"accept", "decline", "take", "wrapped"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def command(
    line: str, view: View, *, id: str, lease_seconds: float, now: datetime = _EPOCH
) -> Command:
    """The command that `line` asks for at `now`. Raises `Malformed` with what was expected."""
    verb, rest = _split(line)
    if verb in PRESENCE:
        return _command(
            id, view, command="presence", state=verb, lease_seconds=lease_seconds,
            reason=rest or None,
        )  # fmt: skip
    if verb in ORDERS:
        return _command(id, view, **ORDERS[verb](rest, view, now))
    if verb not in VERBS:
        raise Malformed(f"unknown: {verb} (help lists the commands)")
    card, words = _card(verb, rest, view)
    fields: dict[str, Any] = {"ticket": card.ticket} if card else {}
    if verb in _FOLLOW_UPS:
        return _follow_up(id, view, verb, words, fields)
    if verb in {"accept", "decline"} and card is not None:
        fields["offer"] = card.offer
    name = _TEXT.get(verb)
    if name is not None and words:
        fields[name] = words
    if verb in {"reply", "note", "transfer", "done"} and not words:
        raise Malformed(f"{verb} needs a {name}: {verb} N {name}")
    return _command(id, view, command=_NAMES.get(verb, verb), **fields)


def _follow_up(id: str, view: View, kind: str, words: str, fields: dict[str, Any]) -> Command:
    after, _, note = words.partition(" ")
    if not after:
        raise Malformed(f"{kind} needs a time: {kind} N 2h [note]")
    return _command(
        id, view, command="follow_up", kind=kind, after=after, text=note.strip() or None, **fields
    )


def _split(line: str) -> tuple[str, str]:
    verb, _, rest = line.strip().partition(" ")
    return verb.lower(), rest.strip()


def _card(verb: str, rest: str, view: View) -> tuple[Card | None, str]:
    name, _, words = rest.partition(" ")
    card = view.card(name) if name else None
    if card is None and name:
        raise Malformed(f"there is no ticket {name} here (list shows them)")
    if card is None and verb in {"accept", "decline"}:
        offers = view.offers()
        if not offers:
            raise Malformed("nothing is on offer to you")
        card = offers[0]
    if card is None and verb in _NEEDS_TICKET:
        raise Malformed(f"{verb} needs a ticket's number")
    return card, words.strip()


def _command(id: str, view: View, **fields: Any) -> Command:
    return Command(id=id, agent=view.agent, **fields)
