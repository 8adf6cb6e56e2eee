"""A request and the compiled rulebook -> where it goes, and why. Deterministic and pure.

Routes are ordered; the first that matches wins unless it says `continue`: then what it decides
is kept, its tags and skills are added to, and the next match goes on from there. What no route
decides comes from the tier, then from the type: SLA route > tier > type; the tier's priority is
added to the route's, at most 9 in all.
"""

from collections.abc import Iterator
from typing import Any

from rules.conditions import Compiled as CompiledCondition
from rules.conditions import Context
from rules.decision import Decision, Facts
from rules.index import Compiled, CompiledRoute, Index
from rules.model import Action

MAX_PRIORITY = 9
OVERRIDDEN_SHOWN = 5
CANDIDATES_SHOWN = 20


def decide(compiled: Compiled, facts: Facts) -> Decision:
    """Where `facts.request` goes under `compiled`."""
    context = compiled.index.context(facts, compiled.calendars)
    candidates: list[str] = []
    passed: list[CompiledRoute] = []
    winner: CompiledRoute | None = None
    found = compiled.index.candidates(context)
    for route in found:
        candidates.append(route.route.id)
        if not route.condition.test(context):
            continue
        if not route.route.then.continue_:
            winner = route
            break
        passed.append(route)
    if winner is None:
        raise LookupError("no route matched: the rulebook has no default")
    overridden = [one.route.id for one in _next_matches(found, context)]
    explanation = _explanation(compiled.index, context, winner, passed)
    explanation |= {"candidates": candidates[:CANDIDATES_SHOWN], "overridden": overridden}
    return _decision(compiled, facts, [*passed, winner], explanation)


def _next_matches(rest: Iterator[CompiledRoute], context: Context) -> Iterator[CompiledRoute]:
    """The first few later routes that would have matched too; the default is not among them."""
    shown = 0
    for looked_at, route in enumerate(rest):
        if shown == OVERRIDDEN_SHOWN or looked_at == CANDIDATES_SHOWN:
            return
        if route.route.when is not None and route.condition.test(context):
            shown += 1
            yield route


def _decision(
    compiled: Compiled, facts: Facts, routes: list[CompiledRoute], explanation: dict[str, Any]
) -> Decision:
    rulebook = compiled.rulebook
    actions = [one.route.then for one in routes]
    queue = _last(actions, "queue") or rulebook.routes[-1].then.queue or next(iter(rulebook.queues))
    tier = rulebook.tiers.get(facts.tier) if facts.tier else None
    type_name: str | None = _last(actions, "type")
    kind = rulebook.types.get(type_name) if type_name else None
    sla, sla_from = next(
        (
            (name, source)
            for name, source in (
                (_last(actions, "sla"), "route"),
                (tier.sla if tier else None, "tier"),
                (kind.sla if kind else None, "type"),
            )
            if name is not None
        ),
        (None, None),
    )
    priority = (_last(actions, "priority") or 0) + (tier.priority if tier else 0)
    return Decision(
        queue=queue,
        pool=compiled.pool_of[queue],
        type=type_name,
        priority=min(priority, MAX_PRIORITY),
        skills={skill: level for action in actions for skill, level in action.skills.items()},
        tier=facts.tier,
        sla=sla,
        ack=_last(actions, "ack"),
        tags=tuple(dict.fromkeys(tag for action in actions for tag in action.tags)),
        rule=routes[-1].route.id,
        rulebook=compiled.version,
        drop=routes[-1].route.then.drop,
        explanation=explanation | {"tier": facts.tier, "sla_from": sla_from},
    )


def _last(actions: list[Action], name: str) -> Any:
    """What the last of the actions that says something of `name` says."""
    said = (getattr(action, name) for action in reversed(actions))
    return next((value for value in said if value is not None), None)


def _explanation(
    index: Index, context: Context, winner: CompiledRoute, passed: list[CompiledRoute]
) -> dict[str, Any]:
    spans: list[dict[str, Any]] = []
    clauses = list(_clauses(index, context, winner.condition, spans))
    return {
        "rule": winner.route.id,
        "clause": " and ".join(clauses) or "default",
        "spans": spans,
        "continued": [one.route.id for one in passed],
    }


def _clauses(
    index: Index, context: Context, condition: CompiledCondition, spans: list[dict[str, Any]]
) -> Iterator[str]:
    """The names of the clauses that hold; the words that show it are added to `spans`."""
    for part in condition.parts:
        if part.name != "not" and part.nested:
            held = [nested for nested in part.nested if nested.test(context)]
            inner = [
                name
                for nested in (held[:1] if part.name == "any" else held)
                for name in _clauses(index, context, nested, spans)
            ]
            yield f"{part.name}({', '.join(inner)})"
            continue
        yield part.name
        for name, how, value in sorted(part.triggers or ()):
            found = _span(index, context, name, how, value)
            if found is not None:
                spans.append(found)


def _span(index: Index, context: Context, name: str, how: str, value: str) -> dict[str, Any] | None:
    if how == "keyword" and value in context.keywords[name]:
        one = context.keywords[name][value]
        start, end = one.start, one.end
    elif how == "regex" and value in context.regexes[name]:
        found = index.span(name, value, context)
        if found is None:
            return None
        start, end = found
    else:
        return None
    text = context.request.text if name == "text" else context.request.subject or ""
    return {"field": name, "start": start, "end": end, "text": text[start:end]}
