"""One case tried: what was decided, what was expected otherwise, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from router.commands.route import Triager
from router.commands.rules.case import Expected
from router.commands.rules.cases import Case
from rules.decision import Facts, Waiting
from rules.index import Compiled
from rules.why import why_not


@dataclass(frozen=True, slots=True)
class Miss:
    """One field that is not as expected; `wanted` says how it should be."""

    field: str
    wanted: str
    got: Any


@dataclass(frozen=True, slots=True)
class Trial:
    """A case, the decision about it as `switchboard route` prints it, and what is wrong there."""

    case: Case
    outcome: dict[str, Any]
    misses: tuple[Miss, ...]
    why: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.misses

    @property
    def reached(self) -> set[str]:
        """The routes that had a say."""
        return {self.outcome["rule"], *self.outcome["explanation"]["continued"]}


def tried(compiled: Compiled, cases: Iterable[Case]) -> Iterator[Trial]:
    """Every case, decided by the code that `switchboard route` decides by."""
    desk = Triager(compiled)
    for case in cases:
        facts = _around(case, desk.facts(case.request, at=case.spec.at, tier=case.spec.tier))
        outcome = desk.outcome(facts)
        misses = tuple(_misses(case, outcome))
        wanted = _wanted_routes(compiled, case.spec.expect, outcome) if misses else []
        why = why_not(compiled, facts, wanted, outcome["rule"]) if wanted else []
        yield Trial(case, outcome, misses, tuple(why))


def _around(case: Case, facts: Facts) -> Facts:
    """What a case says beyond its request: earlier tickets, and how full queues are."""
    previous = tuple(facts.at - age for age in case.spec.previous)
    queues = {
        name: Waiting(full.waiting, facts.at - (full.oldest or timedelta(0)))
        for name, full in case.spec.queues.items()
    }
    return msgspec.structs.replace(facts, previous=previous, queues=queues)


def _misses(case: Case, outcome: dict[str, Any]) -> Iterator[Miss]:
    for name, wanted in case.spec.expect.said.items():
        if not _holds(name, wanted, outcome[name]):
            yield Miss(name, _written(name, wanted), _plain(outcome[name]))
    for name, unwanted in case.spec.expect_not.said.items():
        if _touches(name, unwanted, outcome[name]):
            yield Miss(name, f"not {_written(name, unwanted)}", _plain(outcome[name]))


def _holds(name: str, wanted: Any, got: Any) -> bool:
    if name == "tags":
        return sorted(wanted) == sorted(got)
    return bool(wanted == got if name == "skills" else got in wanted)


def _touches(name: str, unwanted: Any, got: Any) -> bool:
    """Whether something unwanted is there: one of the tags, one of the skills at that level."""
    if name == "tags":
        return not set(unwanted).isdisjoint(got)
    if name == "skills":
        return not set(unwanted.items()).isdisjoint(got.items())
    return got in unwanted


def _written(name: str, wanted: Any) -> str:
    if name in {"tags", "skills"}:
        return shown(wanted)
    return " or ".join(map(shown, wanted))


def shown(value: Any) -> str:
    """A value as a rulebook writes it."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {one}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _wanted_routes(compiled: Compiled, expect: Expected, outcome: dict[str, Any]) -> list[str]:
    """The routes of which one should have won: those named, or those with the queue or drop."""
    said = expect.said
    if "rule" in said:
        return [name for name in said["rule"] if name and name != outcome["rule"]]
    routes = [route for route in compiled.index.routes if not route.goes_on]
    if "queue" in said and not _holds("queue", said["queue"], outcome["queue"]):
        return [route.id for route in routes if route.decides.get("queue") in said["queue"]]
    if "drop" in said and not _holds("drop", said["drop"], outcome["drop"]):
        return [route.id for route in routes if route.drop and route.drop in said["drop"]]
    return []
