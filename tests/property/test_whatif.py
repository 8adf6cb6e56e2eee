"""Whatever the traffic: the same rulebook changes nothing, and a run is repeated to the byte."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import encode
from channels.defaults import fill
from router.core.commands import Command
from router.whatif.compare import Report
from router.whatif.replay import Book, Wishes, whatif
from router.whatif.traffic import Arrival, Order, Traffic
from tests.unit.router.core.story import START, rules, written

CHANGES = """
ladders: {duty: [{level: 1, after: 0s}, {level: 2, after: 2m, raise_priority: 1, move_to: claims}]}
slas: {standard: {ladder: duty, warn: [50%], pause: [pending]}}
acks: {got: {sms: "{{ ticket }}", chat: "{{ ticket }}"}}
queues: {repairs: {mode: pull}, billing: {targets: [{for: 40s}, {queues: [rescue], for: 60s}]}}
routes:
- {id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}
- {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, sla: standard}}
- {id: repair, when: {text: {keywords: [repair]}}, then: {queue: repairs, sla: standard}}
- {id: default, then: {queue: billing, sla: standard, ack: got}}
"""
BOOK = Book.of("a", written(rules(CHANGES)))
OTHER = Book.of("b", written(rules(CHANGES.replace("[claim]", "[bill]"))))

SECONDS = st.integers(0, 900)
REQUESTS = st.tuples(
    st.just("request"),
    SECONDS,
    st.sampled_from(["+8610", "+8611", "+8612"]),
    st.sampled_from(["a bill", "claim", "repair", "casino", "thanks"]),
    st.sampled_from(["sms", "chat"]),
)
NAMES = ["accept", "take", "decline", "reply", "pending", "resume", "resolve", "reopen", "transfer"]
COMMANDS = st.tuples(
    st.just("command"),
    SECONDS,
    st.sampled_from(["ann", "bob", "dan", "eve", "nobody"]),
    st.sampled_from(NAMES),
    st.integers(0, 5),
)
SHIFTS = st.tuples(
    st.just("shift"),
    SECONDS,
    st.sampled_from(["ann", "bob", "dan", "eve"]),
    st.sampled_from(["available", "away", "offline"]),
    st.just(0),
)
TRAFFIC = st.lists(REQUESTS | COMMANDS | SHIFTS, max_size=30)
WISHES = st.sampled_from([Wishes(), Wishes(agents="model"), Wishes(decisions_only=True)])


def traffic(steps: list[tuple[Any, ...]]) -> Traffic:
    """The steps in order of time; one request there is always."""
    found = Traffic("here")
    requests = [step for step in steps if step[0] == "request"]
    steps = [*steps] if requests else [("request", 0, "+8610", "a bill", "sms"), *steps]
    known: list[str] = []
    for number, (kind, seconds, who, what, more) in enumerate(sorted(steps, key=lambda s: s[1])):
        at = START + timedelta(seconds=seconds)
        if kind == "request":
            document = {"channel": more, "external_id": f"x{number}", "sender": who, "text": what}
            request = fill(document, at=at)
            known.append(request.id)
            found.inputs.append(Arrival(at, request))
        elif kind == "shift":
            order = Command(id=f"c{number}", agent=who, command="presence", state=what)
            found.inputs.append(Order(at, order))
        else:
            queue = "billing" if what == "transfer" else None
            order = Command(id=f"c{number}", agent=who, command=what, text="Hello", queue=queue)
            about = known[more % len(known)] if known else None
            found.inputs.append(Order(at, order, about))
    return found


def compared(new: Book, steps: list[tuple[Any, ...]], wishes: Wishes) -> Report:
    """What would change under `new`."""
    return whatif(BOOK, new, traffic(steps), wishes, lambda _: None)


@given(TRAFFIC, WISHES)
@settings(max_examples=60)
def test_the_same_rulebook_changes_nothing(steps: list[tuple[Any, ...]], wishes: Wishes) -> None:
    """No request fares otherwise, no figure differs, nothing is processed but what can be."""
    report = compared(BOOK, steps, wishes)
    assert report.same
    assert report.old.figures == report.new.figures
    decisions = report.decisions
    assert (decisions.changed, decisions.moved, decisions.fields, decisions.rules) == (
        0,
        [],
        {},
        [],
    )
    assert decisions.examples == []
    if report.old.figures is not None:
        assert report.old.figures.dead_letters == {}


@given(TRAFFIC, WISHES)
@settings(max_examples=30)
def test_a_run_is_repeated_to_the_byte(steps: list[tuple[Any, ...]], wishes: Wishes) -> None:
    """Same requests, same rulebooks: the same report."""
    once, again = (encode(compared(OTHER, steps, wishes)) for _ in range(2))
    assert once == again


@given(TRAFFIC)
@settings(max_examples=60)
def test_nothing_is_counted_twice_or_left_out(steps: list[tuple[Any, ...]]) -> None:
    """Requests come to tickets, messages, the file; what waits and is in hand is never negative."""
    figures = compared(OTHER, steps, Wishes()).new.figures
    assert figures is not None
    requests = sum(step[0] == "request" for step in steps) or 1
    assert figures.tickets + figures.messages + sum(figures.filed.values()) == requests
    assert sum(one.opened for one in figures.queues.values()) == figures.tickets
    levels = [one.waiting for one in figures.queues.values()]
    levels += [one.in_hand for one in figures.agents.values()]
    assert all(min(level.samples) >= 0 <= level.last <= level.peak for level in levels)
    assert all(0 <= level.mean <= level.peak for level in levels)
    assert sum(one.last for one in levels) <= figures.tickets
