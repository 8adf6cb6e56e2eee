"""What compiled conditions are made of: clauses, the triggers behind which they stand, the request.

A trigger is something that a request shows once for all routes: a keyword in its text, a regex
that matches, a list that a word of it stands in, a value of a field. A clause's triggers are a
set of which at least one must be shown, or None when it may hold whatever is shown.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from channels.request import CustomerRequest
from rules.calendar import Calendar
from rules.decision import Facts
from rules.matcher import Span


class Trigger(NamedTuple):
    """What a request must show: a text's keyword, list or regex, or a field that is equal to it.

    `field` is a text (`text`, or `text~lookalikes` as it looks) or a field of the request.
    """

    field: str
    how: str
    value: str


Found = Mapping[tuple[str, str], Mapping[str, Span | None]]
"""What was found in a request's texts and sender, by field and how, with its first span.

Where a regex matches is looked up when it is to be shown.
"""


@dataclass(slots=True)
class Context:
    """A request as conditions see it: the facts, and what was found in its texts, once."""

    facts: Facts
    request: CustomerRequest
    found: Found
    calendars: Mapping[str, Calendar]
    variables: Any = None
    """What expressions see, when one has asked for it."""


Test = Callable[[Context], bool]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition ready to be used. `parts` name the clauses that all must hold.

    `rest` is what is left to test of it once one of its triggers was shown.
    """

    test: Test
    triggers: frozenset[Trigger] | None
    rest: Test
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One clause, for the explanation: its name, its test, and the words whose spans show it."""

    name: str
    test: Test
    triggers: frozenset[Trigger] | None
    nested: tuple[Compiled, ...] = field(default=())

    @property
    def is_shown(self) -> bool:
        """Whether it holds exactly when one of its triggers is shown."""
        return self.triggers is not None and not self.nested


def equal(name: str, values: Iterable[str]) -> frozenset[Trigger]:
    """The triggers of a field that must have one of these values."""
    return frozenset(Trigger(name, "equals", value) for value in values)
