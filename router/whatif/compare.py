"""Two runs side by side: which requests fare otherwise, and what else differs. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest

import msgspec

from channels.request import CustomerRequest
from router.whatif.fates import FILED, GONE, TICKET, Fate
from router.whatif.figures import RunFigures

FIELDS = ("type", "priority", "sla", "skills", "tags", "ack")
"""What two decisions are compared by besides where the request goes."""

RECORDED, MODEL, NONE = "recorded", "model", "none"
"""Who answered."""

EXCERPT_CHARACTERS = 100


class Change(msgspec.Struct, frozen=True):
    """So many requests had `old` and have `new`."""

    old: str
    new: str
    count: int


class Example(msgspec.Struct, frozen=True):
    """One request that fares otherwise, with both decisions. `said` is how its text begins."""

    request: str
    channel: str
    external_id: str
    received_at: datetime
    said: str
    old: Fate
    new: Fate


class Decisions(msgspec.Struct, frozen=True):
    """What the two rulebooks decide. `moved` is where to; `fields` what else, of tickets alone.

    `rules` are the routes that won; another route may decide the same. A request that is moved or
    has another field is `changed`.
    """

    requests: int
    changed: int
    moved: list[Change]
    fields: dict[str, list[Change]]
    rules: list[Change]
    examples: list[Example]


class Side(msgspec.Struct, frozen=True):
    """One rulebook: where it came from, its version, and what its run came to."""

    source: str
    version: str
    names: dict[str, str]
    figures: RunFigures | None


class Agents(msgspec.Struct, frozen=True):
    """Who answered: `recorded` commands, the `model`, or nobody was asked (`none`).

    Of `commands` recorded ones, presence aside, `refused_old` and `refused_new` did not apply in
    the run of that rulebook. The model's times are `..._seconds`; the record has those of
    `own_times` tickets, and the presence of `own_presence` agents.
    """

    mode: str
    commands: int = 0
    refused_old: int = 0
    refused_new: int = 0
    accept_seconds: float | None = None
    reply_seconds: float | None = None
    resolve_seconds: float | None = None
    own_times: int = 0
    own_presence: int = 0


class Replayed(msgspec.Struct, frozen=True):
    """What was replayed, from when to when; `ends` are those of the samples' buckets.

    `repeated` counts the times that a request came again.
    """

    source: str
    requests: int
    repeated: int
    customers: int
    unreadable: int
    start: datetime
    last: datetime
    end: datetime
    timezone: str
    ends: list[datetime]


class Report(msgspec.Struct, frozen=True):
    """All that is reported. `same`: no decision and no figure differs."""

    same: bool
    traffic: Replayed
    agents: Agents
    decisions: Decisions
    old: Side
    new: Side


def decisions(
    requests: Sequence[CustomerRequest],
    old: Mapping[str, Fate],
    new: Mapping[str, Fate],
    examples: int,
) -> Decisions:
    """Compare the fates of `requests`; show at most `examples` of those that differ."""
    moved: Counter[tuple[str, str]] = Counter()
    rules: Counter[tuple[str, str]] = Counter()
    fields: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in FIELDS}
    groups: dict[tuple[str, ...], list[CustomerRequest]] = defaultdict(list)
    changed = 0
    for request in requests:
        before, after = old.get(request.id, GONE), new.get(request.id, GONE)
        if before == after:
            continue
        if before.rule != after.rule:
            rules[before.rule or "", after.rule or ""] += 1
        kinds = list(_differences(before, after))
        changed += bool(kinds)
        for name, was, is_ in kinds:
            (moved if name == "place" else fields[name])[was, is_] += 1
        if kinds:
            name, was, is_ = kinds[0]
            groups[name, was, is_].append(request)
    return Decisions(
        requests=len(requests),
        changed=changed,
        moved=_ranked(moved),
        fields={name: _ranked(count) for name, count in fields.items() if count},
        rules=_ranked(rules),
        examples=[
            _example(one, old.get(one.id, GONE), new.get(one.id, GONE))
            for one in islice(_in_turn(groups), examples)
        ],
    )


def _differences(old: Fate, new: Fate) -> Iterable[tuple[str, str, str]]:
    """What differs: its name, how it was, how it is; where the request goes comes first."""
    places = place(old), place(new)
    if places[0] != places[1]:
        yield "place", *places
    if old.kind == new.kind == TICKET:
        for name in FIELDS:
            values = shown(old, name), shown(new, name)
            if values[0] != values[1]:
                yield name, *values


def place(fate: Fate) -> str:
    """Where a request goes: a queue, or in brackets what else becomes of it."""
    if fate.kind == TICKET:
        return fate.queue or ""
    return f"({fate.kind}: {fate.reason})" if fate.kind == FILED else f"({fate.kind})"


def shown(fate: Fate, name: str) -> str:
    """A field of a decision in words; nothing is `-`."""
    value = getattr(fate, name)
    if name == "ack":
        said = f"{value} (withheld: {fate.withheld})" if fate.withheld else value
    elif name == "skills":
        said = ", ".join(f"{skill} {level}" for skill, level in sorted(value.items()))
    elif name == "tags":
        said = ", ".join(sorted(value))
    else:
        said = "" if value is None else str(value)
    return said or "-"


def _ranked(count: Counter[tuple[str, str]]) -> list[Change]:
    """The most frequent first."""
    ranked = sorted(count.items(), key=lambda one: (-one[1], one[0]))
    return [Change(old, new, number) for (old, new), number in ranked]


def _in_turn(groups: Mapping[tuple[str, ...], list[CustomerRequest]]) -> Iterable[CustomerRequest]:
    """One of each kind of change, the most frequent first, then a second of each, and so on."""
    ranked = sorted(groups.items(), key=lambda one: (one[0][0] != "place", -len(one[1]), one[0]))
    for row in zip_longest(*(requests for _, requests in ranked)):
        yield from (request for request in row if request is not None)


def _example(request: CustomerRequest, old: Fate, new: Fate) -> Example:
    said = " ".join(f"{request.subject or ''} {request.text}".split())
    if len(said) > EXCERPT_CHARACTERS:
        said = said[: EXCERPT_CHARACTERS - 1] + "…"
    return Example(
        request.id, request.channel, request.external_id, request.received_at, said, old, new
    )
