"""What triage decided is changed by people: which fields, and what they may be."""

from typing import Any

from router.core import amending
from router.core.commands import Command, Rejected, Rejection
from router.core.handlers.checks import charge_of, known
from router.core.turn import Turn
from rules.scalars import language_tag

FIELDS = ("priority", "type", "tier", "sla", "tags", "skills", "language")
MOST_WORDS = 50
WORD_CHARACTERS = 100
"""So many tags or skills, each of so many characters at most."""


def update(turn: Turn, command: Command) -> None:
    """Change what is given and nothing else; queue, need and clocks follow."""
    ticket = charge_of(turn, command)
    given = {name: value for name in FIELDS if (value := getattr(command, name)) is not None}
    if not given:
        raise Rejected(Rejection.FIELD_MISSING)
    rulebook = turn.desk.compiled.rulebook
    known(command.type, rulebook.types, Rejection.UNKNOWN_TYPE)
    known(command.tier, rulebook.tiers, Rejection.UNKNOWN_TIER)
    known(command.sla, rulebook.slas, Rejection.UNKNOWN_SLA)
    amending.amend(turn, ticket, command.agent, given | _checked(command))


def _checked(command: Command) -> dict[str, Any]:
    """The fields that are names of nothing, as the ticket has them."""
    checked: dict[str, Any] = {}
    if not 0 <= (command.priority or 0) <= 9:
        raise Rejected(Rejection.FIELD_INVALID)
    if command.language is not None:
        try:
            checked["language"] = language_tag(command.language)
        except ValueError:
            raise Rejected(Rejection.FIELD_INVALID) from None
    if not all(0 <= level <= 10 for level in (command.skills or {}).values()):
        raise Rejected(Rejection.FIELD_INVALID)
    if command.tags is not None:
        checked["tags"] = tuple(dict.fromkeys(command.tags))
    for words in (command.tags or (), command.skills or {}):
        if len(words) > MOST_WORDS or not all(0 < len(one) <= WORD_CHARACTERS for one in words):
            raise Rejected(Rejection.FIELD_INVALID)
    return checked
