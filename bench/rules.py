"""What a decision costs: with 10 and with 10,000 routes, against peers, on hostile text."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench import rulebooks
from bench.memory import resident_mib
from router.collector import calm_collector
from rules.decide import decide
from rules.index import Compiled, compile_rulebook

FEW, MANY = 10, 10_000
ROUNDS, REQUESTS, PEER_REQUESTS = 15, 400, 20
PYTHON = Path(__file__).resolve().parents[1] / ".stamps" / "peers" / "bin" / "python"
HOSTILE_CHARACTERS = 50_000
HOSTILE: dict[str, Callable[[int], str]] = {
    "one character": lambda size: "a" * size,
    "one Chinese character": lambda size: "投" * size,
    "white space": lambda size: " " * size,
    "combining marks": lambda size: "e" + "\u0301" * (size - 1),
    "nested quotes": lambda size: ("> " * 200 + "x\n") * (size // 402),
    "a keyword again and again": lambda size: (rulebooks.word(1, 0) + " ") * (size // 13),
    "almost a regex": lambda size: f"{rulebooks.code(8)}-1" * (size // 9),
}


def main() -> None:
    """Print the rows; `compile` prints what compiling costs, in a process of its own."""
    if sys.argv[1:] == ["compile"]:
        print(json.dumps(compiled_cost()))
        return
    print(*measure(), sep="\n")


def measure() -> list[str]:
    """The rows of the page."""
    few, many = (compile_rulebook(rulebooks.rulebook(count)) for count in (FEW, MANY))
    calm_collector()  # as the router does when its rulebook is in force
    cost = decision_seconds({FEW: few, MANY: many})
    own, cost_many = cost[FEW], cost[MANY]
    return [
        f"a decision with {FEW} routes: {own * 1e6:.1f} µs of CPU, with {MANY:,}: "
        f"{cost_many * 1e6:.1f} µs; {cost_many / own:.2f} times (target 2.0)",
        *peers(cost_many),
        compiling(),
        *(hostile(many, name) for name in HOSTILE),
        *unindexed(),
    ]


def decision_seconds(compiled: dict[int, Compiled]) -> dict[int, float]:
    """The median of seconds of CPU for a decision, by the number of routes; measured in turn."""
    given = {count: list(rulebooks.documents(count, REQUESTS)) for count in compiled}
    facts = {count: [rulebooks.facts(one) for one, _ in given[count]] for count in compiled}
    for count, book in compiled.items():
        for fact, (_, winner) in zip(facts[count], given[count], strict=True):
            decision = decide(book, fact)
            assert decision.rule == winner
            assert len(decision.explanation["candidates"]) == 2
            assert len(decision.explanation["overridden"]) == 1
    times: dict[int, list[float]] = {count: [] for count in compiled}
    for _ in range(ROUNDS):
        for count, book in compiled.items():
            began = time.process_time()
            for fact in facts[count]:
                decide(book, fact)
            times[count].append((time.process_time() - began) / REQUESTS)
    return {count: median(found) for count, found in times.items()}


def peers(own: float) -> list[str]:
    """The same rules one by one."""
    if not PYTHON.exists():
        return ["the same rules by peers: not measured, for `make bench` sets them up"]
    found = list(rulebooks.documents(MANY, PEER_REQUESTS))
    given = {
        "conditions": list(rulebooks.conditions(MANY)),
        "documents": [document for document, _ in found],
        "winners": [winner for _, winner in found],
    }
    ran = subprocess.run(
        [str(PYTHON), str(Path(__file__).with_name("rule_peers.py"))],
        input=json.dumps(given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    cost: dict[str, float] = json.loads(ran.stdout)
    target = {min(cost, key=lambda name: cost[name]): " (target 100)"}
    return [
        f"the same {MANY:,} rules by {name}: {seconds * 1e3:,.1f} ms a decision; "
        f"ours is {seconds / own:,.0f} times faster{target.get(name, '')}"
        for name, seconds in cost.items()
    ]


def compiled_cost() -> dict[str, Any]:
    """Seconds and MiB of loading, checking and compiling `MANY` routes."""
    files = rulebooks.rulebook(MANY)
    start = resident_mib()
    began = time.process_time()
    book = compile_rulebook(files)
    seconds = time.process_time() - began
    words = sum(
        len(when["text"].get("keywords", ()))
        for when in rulebooks.conditions(MANY)
        if "text" in when
    )
    return {
        "seconds": seconds,
        "mib": resident_mib() - start,
        "routes": len(book.index.routes),
        "words": words,
    }


def compiling() -> str:
    """The row of compiling, measured in a process of its own: memory is not shared."""
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "bench.rules", "compile"],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    cost = json.loads(ran.stdout)
    return (
        f"compiling {cost['routes']:,} routes with {cost['words']:,} keywords: "
        f"{cost['seconds']:.1f} s (target 5), {cost['mib']:.0f} MiB (target 300)"
    )


def hostile(book: Compiled, name: str) -> str:
    """Twice the text, how many times the time."""
    cost = [
        _best(book, HOSTILE[name](size)) for size in (HOSTILE_CHARACTERS, 2 * HOSTILE_CHARACTERS)
    ]
    return (
        f"hostile text, {name}: {HOSTILE_CHARACTERS:,} characters {cost[0] * 1e3:.1f} ms, twice as "
        f"many {cost[1] * 1e3:.1f} ms; {cost[1] / cost[0]:.2f} times (target 2.3)"
    )


def _best(book: Compiled, text: str) -> float:
    fact = rulebooks.facts({"text": text, "channel": "sms"})
    times = []
    for _ in range(7):
        began = time.process_time()
        decide(book, fact)
        times.append(time.process_time() - began)
    return min(times)


UNINDEXED: dict[str, dict[str, Any]] = {
    "not": {"not": {"channel": "email"}},
    "hours": {"hours": {"desk": "closed"}},
    "attributes, compared": {"attributes": {"amount": {"at_least": 100}}},
    "attachments": {"attachments": {"type": "image/*"}},
    "previous_tickets": {"previous_tickets": {"within": "7d", "at_least": 3}},
    "cel": {"cel": "attributes.amount > 100.0 && length(text) > 3"},
}


def unindexed() -> list[str]:
    """What a route costs every request when nothing it asks for can be looked up."""
    base = _unindexed_cost([])
    rows = []
    for name, when in UNINDEXED.items():
        cost = (_unindexed_cost([when] * 100) - base) / 100
        rows.append(f"a route that cannot be indexed, `{name}`: {cost * 1e6:.2f} µs a request")
    return rows


def _unindexed_cost(conditions: list[dict[str, Any]]) -> float:
    never = {"not": {"not": {"tier": "never"}}}
    files = json.loads(rulebooks.rulebook(FEW)["rules.yaml"])
    files["tiers"] = {"never": {}}
    files["calendars"] = {"desk": {"timezone": "UTC", "hours": {"mon-sun": ["00:00-24:00"]}}}
    files["routes"][:0] = [
        {"id": f"u{number}", "when": {"all": [when, never]}, "then": {"queue": "one"}}
        for number, when in enumerate(conditions)
    ]
    book = compile_rulebook({"rules.yaml": json.dumps(files)})
    facts = [rulebooks.facts(one) for one, _ in rulebooks.documents(FEW, 50)]
    times = []
    for _ in range(7):
        began = time.process_time()
        for fact in facts:
            decide(book, fact)
        times.append((time.process_time() - began) / len(facts))
    return min(times)


if __name__ == "__main__":
    main()
