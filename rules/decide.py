"""A request and the compiled rulebook -> where it goes, and why. Deterministic and pure.

Routes are ordered; the first that matches wins unless it says `continue`: then what it decides
is kept, its tags and skills are added to, and the search goes on. What no route decides comes
from the tier, then from the type, then from the defaults: SLA route > tier > type > defaults; the
tier's priority is added to the route's, at most 9 in all.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from rules.decision import Decision, Facts
from rules.index import Compiled, CompiledRoute, Index
from rules.lookup import FIELDS, readable
from rules.matcher import Span
from rules.parts import Compiled as CompiledCondition
from rules.parts import Context, Part

MAX_PRIORITY = 9
OVERRIDDEN_SHOWN = 5
CANDIDATES_SHOWN = 20
SPANS_SHOWN = 10
CLAUSES_SHOWN = 4
CLAUSE_CHARACTERS = 200
SPAN_CHARACTERS = 80
"""So much of a match is shown: a regex may match all of a long text."""


def decide(compiled: Compiled, facts: Facts) -> Decision:
    """Where `facts.request` goes under `compiled`."""
    context = compiled.index.context(facts, compiled.calendars)
    looked_at: list[str] = []
    passed: list[CompiledRoute] = []
    rest = compiled.index.candidates(context)
    for route in rest:
        looked_at.append(route.id)
        if not route.condition.rest(context):
            continue
        if not route.goes_on:
            break
        passed.append(route)
    else:
        raise LookupError("no route matched: the rulebook has no default")
    explanation = {
        "rule": route.id,
        **_matched(compiled.index, context, route),
        "continued": [one.id for one in passed],
        "candidates": looked_at[:CANDIDATES_SHOWN],
        "overridden": list(islice(_overridden(rest, context), OVERRIDDEN_SHOWN)),
    }
    return _decision(compiled, facts, passed, route, explanation)


def _overridden(rest: Iterator[CompiledRoute], context: Context) -> Iterator[str]:
    """Later routes that would have matched too; what always matches is not among them."""
    for route in islice(rest, CANDIDATES_SHOWN):
        if route.condition.parts and route.condition.rest(context):
            yield route.id


def _decision(
    compiled: Compiled,
    facts: Facts,
    passed: list[CompiledRoute],
    route: CompiledRoute,
    explanation: dict[str, Any],
) -> Decision:
    defaults = compiled.rulebook.defaults
    decided, skills, tags = route.decides, dict(route.skills), route.tags
    if passed:
        routes = (*passed, route)
        decided = {name: value for one in routes for name, value in one.decides.items()}
        skills = {skill: level for one in routes for skill, level in one.skills.items()}
        tags = tuple(dict.fromkeys(tag for one in routes for tag in one.tags))
    tier = compiled.rulebook.tiers.get(facts.tier) if facts.tier else None
    kind = decided.get("type", defaults.type)
    sla, sla_from = _sla(compiled, decided.get("sla"), tier.sla if tier else None, kind)
    # Only what is dropped can be without a queue: the default itself may drop.
    queue = decided.get("queue") or compiled.index.routes[-1].decides.get("queue", "")
    priority = decided.get("priority", defaults.priority) + (tier.priority if tier else 0)
    explanation["tier"], explanation["sla_from"] = facts.tier, sla_from
    return Decision(
        queue=queue,
        pool=compiled.pool_of.get(queue, ""),
        type=kind,
        priority=min(priority, MAX_PRIORITY),
        skills=skills,
        tier=facts.tier,
        sla=sla,
        ack=decided.get("ack", defaults.ack),
        tags=tags,
        rule=route.id,
        rulebook=compiled.version,
        drop=route.drop,
        explanation=explanation,
    )


def service_level(
    compiled: Compiled, tier: str | None, kind: str | None
) -> tuple[str | None, str | None]:
    """The SLA of a ticket for which no route names one, and whose it is."""
    book = compiled.rulebook
    of_tier = book.tiers[tier].sla if tier in book.tiers else None
    return _sla(compiled, None, of_tier, kind if kind in book.types else None)


def _sla(
    compiled: Compiled, of_route: str | None, of_tier: str | None, kind: str | None
) -> tuple[str | None, str | None]:
    """The SLA that holds, and whose it is."""
    book = compiled.rulebook
    said = {
        "route": of_route,
        "tier": of_tier,
        "type": book.types[kind].sla if kind is not None else None,
        "defaults": book.defaults.sla,
    }
    return next(((sla, whose) for whose, sla in said.items() if sla is not None), (None, None))


# -- which clauses of a route held, and the words in the original text that show it


def _matched(index: Index, context: Context, route: CompiledRoute) -> dict[str, Any]:
    spans: list[tuple[str, Span]] = []
    clauses = " and ".join(_clauses(index, context, route.condition, spans))
    if len(clauses) > CLAUSE_CHARACTERS:
        clauses = f"{clauses[: CLAUSE_CHARACTERS - 1]}…"
    shown = sorted(set(spans))
    return {
        "clause": clauses or "always",
        "spans": [_shown(context, name, span) for name, span in shown[:SPANS_SHOWN]],
    }


def _shown(context: Context, name: str, span: Span) -> dict[str, Any]:
    end = min(span.end, span.start + SPAN_CHARACTERS)
    words = readable(context.request, name)[span.start : end]
    return {"field": name, "start": span.start, "end": span.end, "text": words}


def _clauses(
    index: Index, context: Context, condition: CompiledCondition, spans: list[tuple[str, Span]]
) -> Iterator[str]:
    """The names of the clauses that hold; the words that show it are added to `spans`."""
    for part in condition.parts:
        if part.name == "not":
            yield named(part)
        elif part.nested:
            held = ((n, one) for n, one in enumerate(part.nested, 1) if one.test(context))
            shown = list(held if part.name == "all" else islice(held, 1))
            name = f"any.{shown[0][0]}" if part.name == "any" else part.name
            inner = [one for _, nested in shown for one in _clauses(index, context, nested, spans)]
            yield f"{name}({', '.join(inner)})"
        else:
            yield part.name
            if part.name in FIELDS:
                spans += ((part.name, span) for span in _found(index, context, part))


def named(part: Part, levels: int = 2) -> str:
    """A clause and those in it, the first of them, whether they hold or not: `not(any(text))`."""
    if not part.nested or not levels:
        return part.name
    inner = (one for nested in part.nested for one in nested.parts)
    names = [named(one, levels - 1) for one in islice(inner, CLAUSES_SHOWN)]
    more = ["…"] if next(inner, None) else []
    return f"{part.name}({', '.join((*dict.fromkeys(names), *more))})"


def _found(index: Index, context: Context, part: Part) -> Iterator[Span]:
    """Where the keywords, the lists' words and the regexes of a text clause are."""
    found = context.found
    shown = (one for one in part.triggers or () if one.value in found[one.field, one.how])
    yield from filter(None, (index.lookup.span(one, found, context.request) for one in shown))
