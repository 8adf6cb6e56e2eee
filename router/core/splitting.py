"""A request that an agent split off an older ticket, as triage takes it: always a new matter."""

import msgspec

from channels.request import CustomerRequest
from rules.decide import service_level
from rules.decision import Decision
from rules.index import Compiled


def split_of(request: CustomerRequest) -> str | None:
    """The ticket that the request was split off; None: it came from outside."""
    found = request.attributes.get("split_of")
    return found if isinstance(found, str) else None


def as_asked(compiled: Compiled, request: CustomerRequest, decision: Decision) -> Decision:
    """The decision, and over it what the agent who split the topic off has said of it.

    It is a customer's matter, as a follow-up is that we owe them: what the rules would drop goes to
    the queue that it came from.
    """
    if split_of(request) is None:
        return _kept(compiled, request, decision) if request.kind == "follow_up" else decision
    queue = _named(request, "split_queue", compiled)
    if queue is None and _is_lost(decision):
        queue = _named(request, "split_from", compiled) or next(iter(compiled.pool_of))
    kind = request.attributes.get("split_type")
    changes: dict[str, object] = {"drop": None}
    if queue is not None:
        changes |= {"queue": queue, "pool": compiled.pool_of[queue]}
    if isinstance(kind, str) and kind in compiled.rulebook.types:
        changes["type"] = kind
        if decision.explanation.get("sla_from") != "route":
            sla, whose = service_level(compiled, decision.tier, kind)
            changes["sla"] = sla
            decision.explanation["sla_from"] = whose
    decision.explanation["split"] = {
        "of": split_of(request), "by": request.attributes.get("split_by"),
        "queue": queue, "type": changes.get("type"),
    }  # fmt: skip
    return msgspec.structs.replace(decision, **changes)


def _kept(compiled: Compiled, request: CustomerRequest, decision: Decision) -> Decision:
    """The decision, but that a follow-up is never dropped: its text is that of the old ticket."""
    if not _is_lost(decision):
        return decision
    queue = _named(request, "of_queue", compiled) or next(iter(compiled.pool_of))
    decision.explanation["follow_up"] = {"queue": queue, "not_dropped": decision.drop}
    pool = compiled.pool_of[queue]
    return msgspec.structs.replace(decision, drop=None, queue=queue, pool=pool)


def _is_lost(decision: Decision) -> bool:
    return decision.drop is not None or not decision.queue


def _named(request: CustomerRequest, attribute: str, compiled: Compiled) -> str | None:
    """A queue that an attribute names, if the rulebook in force has it."""
    queue = request.attributes.get(attribute)
    return queue if isinstance(queue, str) and queue in compiled.pool_of else None
