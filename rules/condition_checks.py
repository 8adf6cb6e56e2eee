"""What is wrong with conditions: bounds that never hold, regexes, expressions, circles."""

from collections.abc import Iterator

import re2

from rules.expressions import expression_error
from rules.matcher import Keyword
from rules.model import Rulebook
from rules.source import Path
from rules.textfold import fold_keyword
from rules.walk import conditions, every_condition, matches
from rules.when import Comparison, Condition, PreviousTickets, TextMatch

Wrong = tuple[Path, str]

MAX_CHAIN = 20
"""So many conditions may name each other one inside the other."""

MAX_SIZE = 10_000
"""So many conditions may stand in one, those counted that it names, each time it does."""


def wrong_conditions(rulebook: Rulebook) -> Iterator[Wrong]:
    """All that is wrong with the conditions of a rulebook."""
    for path, one in every_condition(rulebook):
        for name, match in matches(one):
            yield from _match((*path, name), match)
        yield from _bounds(path, one)
    yield from _Named(rulebook).wrong()


def _bounds(path: Path, one: Condition) -> Iterator[Wrong]:
    if one.cel is not None and (error := expression_error(one.cel)) is not None:
        yield (*path, "cel"), f"expression {one.cel[:60]!r}: {error}"
    for queue, state in (one.queues or {}).items():
        if not state.model_fields_set:
            yield (*path, "queues", queue), "expected `waiting` or `oldest`"
    for name, wanted in (one.attributes or {}).items():
        if isinstance(wanted, Comparison) and not wanted.model_fields_set:
            yield (*path, "attributes", name), "expected a comparison, such as `at_least`"
    count = one.previous_tickets
    if isinstance(count, PreviousTickets) and count.never_holds:
        yield (*path, "previous_tickets"), "`at_least` is more than `at_most`"


class _Named:
    """The named conditions, and how much stands in each when the names are filled in."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._within = {
            name: list(_names(("conditions", name), condition))
            for name, condition in rulebook.conditions.items()
        }
        self._sizes: dict[str, int] = {}
        self._depths: dict[str, int] = {}

    def wrong(self) -> Iterator[Wrong]:
        """Circles, chains that are too long, conditions that are too large."""
        for name in self._within:
            yield from self._measure(name, ())
        for name, size in self._sizes.items():
            if size > MAX_SIZE:
                yield ("conditions", name), _too_large(size)
        for index, route in enumerate(self._rulebook.routes):
            path = ("routes", index, "when")
            size = sum(self._sizes.get(other, 0) for _, other in _names(path, route.when))
            if size > MAX_SIZE:
                yield path, _too_large(size)

    def _measure(self, name: str, above: tuple[str, ...]) -> Iterator[Wrong]:
        """The size of a condition, after those of the conditions in it; each is measured once."""
        if name in self._sizes or name not in self._within:
            return
        chain = (*above, name)
        for path, other in self._within[name]:
            if other in chain:
                circle = " -> ".join((*chain[chain.index(other) :], other))
                yield (*path, "condition"), f"a condition that contains itself: {circle}"
            elif len(chain) <= MAX_CHAIN:
                yield from self._measure(other, chain)
        inner = [other for _, other in self._within[name]]
        self._sizes[name] = 1 + sum(self._sizes.get(other, 0) for other in inner)
        self._depths[name] = 1 + max((self._depths.get(other, 0) for other in inner), default=0)
        if self._depths[name] == MAX_CHAIN + 1:
            yield ("conditions", name), f"more than {MAX_CHAIN} conditions, each inside the next"


def _names(path: Path, condition: Condition | None) -> Iterator[tuple[Path, str]]:
    """The conditions that a condition names, with the places."""
    for place, one in conditions(path, condition):
        for other in one.condition or ():
            yield place, other


def _too_large(size: int) -> str:
    return f"{size:,} conditions in one, names filled in; at most {MAX_SIZE:,}"


def _match(path: Path, match: TextMatch) -> Iterator[Wrong]:
    if match.keywords is None and match.regex is None and match.lists is None:
        yield path, "expected `keywords`, `lists` or `regex`"
    if match.lookalikes and match.keywords is None and match.lists is None:
        yield (*path, "lookalikes"), "it is for `keywords` and `lists`: there are none"
    for number, keyword in enumerate(match.keywords or ()):
        if not Keyword.of(fold_keyword(keyword)).core:
            yield (*path, "keywords", number), f"keyword {keyword!r} has nothing to look for"
    for number, pattern in enumerate(match.regex or ()):
        error = regex_error(pattern)
        if error is not None:
            yield (*path, "regex", number), f"regex {pattern!r}: {error}"


def regex_error(pattern: str) -> str | None:
    """What RE2 says against `pattern`, or None. RE2 knows no look-around and no backreferences."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else "invalid"
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return text + next((hint for part, hint in _HINTS.items() if part in text), "")
    return None


_HINTS = {
    "operator: (?=": " (RE2 has no look-around: use a second condition, or `not`)",
    "operator: (?!": " (RE2 has no look-around: use a second condition, or `not`)",
    "operator: (?<": " (RE2 has no look-around: use a second condition, or `not`)",
    "operator: (?>": " (RE2 has no atomic groups, and needs none: it never goes back; write `(?:`)",
    "operator: (?#": " (RE2 has no comments: put it behind a `#` of the YAML)",
    "operator: (?x": " (RE2 has no verbose form: write the pattern without blanks)",
    "operator: (?P": " (RE2 has no backreferences)",
    "bad repetition": " (RE2 has no possessive repetition, and needs none: it never goes back)",
    "escape sequence: \\u": " (write `\\x{4e00}`, or `\\p{Han}` for any Chinese character)",
    "escape sequence: \\Z": " (write `\\z` for the end of the text)",
    "escape sequence: \\h": " (write `[ \\t]` for a blank)",
    **{f"escape sequence: \\{n}": " (RE2 has no backreferences)" for n in range(1, 10)},
    "escape sequence": " (docs/rules.md names the syntax)",
    "character class range: \\p": " (write the script's own name: `\\p{Han}`, `\\p{Latin}`)",
    "repetition size": " (at most 1000 times)",
    "too large": " (bounded repetitions multiply: use fewer or smaller ones)",
}
"""What RE2 says, and what to write instead; the first that fits."""
