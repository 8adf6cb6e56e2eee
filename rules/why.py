"""Why a route that was expected to win did not: no candidate, a clause that did not hold, too late.

A route is a candidate when the request shows something that the route looks for; only candidates
are tried, in their order.
"""

from collections.abc import Iterator, Sequence

from rules.decide import CLAUSES_SHOWN, named
from rules.decision import Facts
from rules.index import Compiled, CompiledRoute
from rules.parts import Compiled as CompiledCondition
from rules.parts import Context

ROUTES_SHOWN = 3


def why_not(compiled: Compiled, facts: Facts, wanted: Sequence[str], won: str) -> list[str]:
    """A sentence for each of the routes `wanted`, at most `ROUTES_SHOWN`: those nearest first."""
    routes = {route.id: route for route in compiled.index.routes}
    context = compiled.index.context(facts, compiled.calendars)
    candidates = {route.id for route in compiled.index.candidates(context)}
    winner = routes[won]

    def nearness(route: CompiledRoute) -> tuple[bool, bool, int]:
        return not route.condition.test(context), route.id not in candidates, route.number

    found = sorted((routes[name] for name in wanted), key=nearness)
    sentences = [
        f"{route.id!r} did not win: "
        f"{_reason(route, winner, context, is_candidate=route.id in candidates)}"
        for route in found[:ROUTES_SHOWN]
    ]
    if len(found) > ROUTES_SHOWN:
        sentences.append(f"nor did {len(found) - ROUTES_SHOWN} more routes of that kind")
    return sentences


def _reason(
    route: CompiledRoute, winner: CompiledRoute, context: Context, *, is_candidate: bool
) -> str:
    if route.condition.test(context):
        if route.goes_on:
            return "it has `continue`: it adds to what others decide, and never wins"
        return f"its condition holds, but it came later than {winner.id!r}"
    failed = failed_clauses(route.condition, context)
    later = f" (and it stands after {winner.id!r})" if route.number > winner.number else ""
    if is_candidate:
        return f"its condition did not hold: {failed}{later}"
    return f"not a candidate, nothing that it looks for is there: {failed}{later}"


def failed_clauses(condition: CompiledCondition, context: Context) -> str:
    """The clauses of a condition that do not hold."""
    return " and ".join(_failed(condition, context))


def _failed(condition: CompiledCondition, context: Context) -> Iterator[str]:
    for part in condition.parts:
        if part.test(context):
            continue
        if not part.nested:
            yield part.name
            continue
        if part.name == "not":
            yield named(part)
            continue
        inner = [failed_clauses(nested, context) for nested in part.nested]
        told = list(dict.fromkeys(filter(None, inner)))
        more = [f"{len(told) - CLAUSES_SHOWN} more"] if len(told) > CLAUSES_SHOWN else []
        joint = " and " if part.name == "all" else " or "
        yield f"{part.name}({joint.join([*told[:CLAUSES_SHOWN], *more])})"
