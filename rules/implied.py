"""When does one condition hold whenever another does? Only what is simple to prove.

A condition demands clauses, each a set of alternatives of which one must be shown. It is implied
by another that has, for each of its clauses, the same clause with no further alternatives.
"""

from collections.abc import Iterator

from rules.scalars import listed
from rules.textfold import fold_keyword
from rules.when import Condition, TextMatch

Demands = dict[str, frozenset[str]]
"""The name of a clause -> its alternatives."""


def demands(condition: Condition | None) -> Demands:
    """What `condition` demands; nothing when it always holds."""
    return {} if condition is None else dict(_clauses(condition))


def _clauses(condition: Condition) -> Iterator[tuple[str, frozenset[str]]]:
    for name in type(condition).model_fields:
        wanted = getattr(condition, name)
        if wanted is None:
            continue
        if name in _ANY_OF:
            yield name, frozenset(map(str, listed(wanted)))
        elif name in _TEXTS:
            yield name, _words(wanted)
        elif isinstance(wanted, dict):
            for key, value in wanted.items():
                yield f"{name}.{key}", frozenset(map(repr, listed(value)))
        else:
            yield name, frozenset({repr(wanted)})


_ANY_OF = frozenset(
    {"channel", "account", "kind", "sender", "sender_list", "recipient", "customer", "tier",
     "language", "call_outcome", "automatic", "condition"}
)  # fmt: skip
"""Fields that hold when one of their values does; what is in none of these is as it is."""

_TEXTS = frozenset({"text", "subject"})


def _words(match: TextMatch) -> frozenset[str]:
    how = "lookalikes " if match.lookalikes else ""
    keywords = {f"{how}keyword {fold_keyword(keyword)}" for keyword in match.keywords or ()}
    lists = {f"{how}list {name}" for name in match.lists or ()}
    return frozenset(keywords | lists | {f"regex {pattern}" for pattern in match.regex or ()})


def implied(general: Demands, special: Demands) -> bool:
    """Whether `general` holds wherever `special` does."""
    return all(
        name in special and all(_covered(name, one, wanted) for one in special[name])
        for name, wanted in general.items()
    )


def _covered(name: str, one: str, wanted: frozenset[str]) -> bool:
    return not wanted.isdisjoint(_widened(name, one))


def _widened(name: str, one: str) -> Iterator[str]:
    """The alternative, and those that are shown whenever it is."""
    yield one
    if name == "language":
        steps = one.split("-")
        yield from ("-".join(steps[:count]) for count in range(1, len(steps)))
    elif name in {"sender", "recipient"} and "@" in one and "*" not in one:
        yield "@" + one.rpartition("@")[2]
    elif name in {"automatic", "customer"} and one != str(False):
        yield str(True)


class Reachable:
    """The routes so far, and which of them takes all that a further one would match.

    Each is found by the alternatives of one of its clauses, so that thousands of routes are not
    compared with each other.
    """

    def __init__(self) -> None:
        self._by_alternative: dict[tuple[str, str], list[tuple[str, Demands]]] = {}
        self._takes_all: str | None = None

    def take(self, route: str, when: Condition | None) -> None:
        """A route that ends the search where it matches."""
        wanted = demands(when)
        if not wanted:
            self._takes_all = self._takes_all or route
            return
        name = min(wanted, key=lambda name: (_COMMON.get(name, 0), len(wanted[name]), name))
        for one in wanted[name]:
            self._by_alternative.setdefault((name, one), []).append((route, wanted))

    def taken_by(self, when: Condition | None) -> str | None:
        """An earlier route that matches whatever `when` does, or None."""
        if self._takes_all is not None:
            return self._takes_all
        special = demands(when)
        for name, alternatives in special.items():
            # The general route has all of these alternatives: any one of them leads to it.
            for one in _widened(name, min(alternatives, default="")):
                for route, general in self._by_alternative.get((name, one), ()):
                    if implied(general, special):
                        return route
        return None


_COMMON = {"channel": 3, "language": 3, "tier": 2, "kind": 2, "automatic": 2}
"""Clauses that many routes share are the last to find a route by."""
