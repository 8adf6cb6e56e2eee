"""A decision as a person reads it: where the request goes, and why no other route had it."""

from collections.abc import Iterator
from typing import Any

from router.visible import visible
from rules.decision import Facts
from rules.index import Compiled
from rules.lookup import readable
from rules.why import failed_clauses

AROUND = 12
"""So many characters are shown around a match."""
HEAD_CHARACTERS = 60


def explained(
    compiled: Compiled, facts: Facts, outcome: dict[str, Any], seconds: float
) -> Iterator[str]:
    """The lines about one request; `outcome` is the decision as `route` prints it."""
    return map(visible, _lines(compiled, facts, outcome, seconds))


def _lines(
    compiled: Compiled, facts: Facts, outcome: dict[str, Any], seconds: float
) -> Iterator[str]:
    yield _head(facts)
    yield f"  goes to    {_destination(outcome)}"
    yield f"  because    {outcome['rule']}: {outcome['explanation']['clause']}"
    yield from (f"             {line}" for line in _matches(facts, outcome))
    yield from (f"  tried      {line}" for line in _tried(compiled, facts, outcome))
    overridden = outcome["explanation"]["overridden"]
    if overridden:
        yield f"  too late   {', '.join(overridden)} would have matched too"
    count = len(compiled.index.routes)
    took = f"decided in {seconds * 1e6:.0f} µs"
    yield f"  rulebook   {compiled.version}: {count} routes, {took}"


def _head(facts: Facts) -> str:
    request = facts.request
    said = " ".join(f"{request.subject or ''} {request.text}".split())
    said = said if len(said) <= HEAD_CHARACTERS else said[: HEAD_CHARACTERS - 1] + "…"
    who = f"{request.sender.address} ({facts.tier or 'no tier'}, {facts.language or 'no language'})"
    return f"{request.channel} to {request.account} from {who}: {said}"


def _destination(outcome: dict[str, Any]) -> str:
    if outcome["drop"]:
        return f"no queue: kept on file as {outcome['drop']}"
    sla_from = outcome["explanation"]["sla_from"]
    sla = f"{outcome['sla']} (of the {sla_from})" if outcome["sla"] else "none"
    ack = outcome["ack"] or "none"
    if outcome["ack_withheld"]:
        ack += f", withheld: {outcome['ack_withheld']}"
    said = [
        f"queue {outcome['queue']} (pool {outcome['pool']})",
        f"type {outcome['type'] or 'none'}",
        f"priority {outcome['priority']}",
        f"SLA {sla}",
        f"acknowledgement {ack}",
    ]
    skills = ", ".join(f"{skill} {level}" for skill, level in outcome["skills"].items())
    said += [f"skills {skills}"] if skills else []
    said += [f"tags {', '.join(outcome['tags'])}"] if outcome["tags"] else []
    return "; ".join(said)


def _matches(facts: Facts, outcome: dict[str, Any]) -> Iterator[str]:
    """Each match in its surroundings: `…我要【投诉】你们…`."""
    for span in outcome["explanation"]["spans"]:
        text = readable(facts.request, span["field"])
        start, end = span["start"], span["start"] + len(span["text"])
        before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
        left = "…" if start > AROUND else ""
        right = "…" if end + AROUND < len(text) else ""
        shown = " ".join(f"{left}{before}【{span['text']}】{after}{right}".split())
        yield f"{span['field']} {span['start']}-{span['end']}: {shown}"


def _tried(compiled: Compiled, facts: Facts, outcome: dict[str, Any]) -> Iterator[str]:
    """The candidates that did not win: those that went on, and those that did not hold."""
    routes = {route.id: route for route in compiled.index.routes}
    context = compiled.index.context(facts, compiled.calendars)
    for name in outcome["explanation"]["candidates"]:
        if name == outcome["rule"]:
            continue
        if name in outcome["explanation"]["continued"]:
            yield f"{name}: held, and let the search go on"
        else:
            yield f"{name}: did not hold: {failed_clauses(routes[name].condition, context)}"
