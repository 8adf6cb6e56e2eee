"""What decisions cost, with a clock that the test winds."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels.defaults import fill
from router.rule_stats.cost import Cost, measured
from router.rule_stats.sources import Desk
from router.rulebook_files import read_folder
from rules.decide import OVERRIDDEN_SHOWN, decide
from rules.decision import Facts
from rules.index import Compiled, compile_rulebook
from rules.parts import Context, Test

ROOT = Path(__file__).parents[4]
NIGHT = datetime(2027, 1, 4, 15, tzinfo=UTC)
LOOK, SECOND = 7, 10**9
BOOK = """
calendars: {shop: {timezone: Asia/Shanghai, hours: {mon-fri: ["09:00-18:00"]}}}
pools: {p: {queues: [q]}}
queues: {q: {}}
routes:
  - {id: night, when: {hours: {shop: open}}, then: {queue: q}}
  - {id: zh, when: {language: zh}, then: {tags: [zh], continue: true}}
  - {id: refund, when: {text: {keywords: refund}}, then: {queue: q}}
  - {id: order, when: {text: {keywords: order}}, then: {queue: q}}
  - {id: default, then: {queue: q}}
"""


class Clock:
    """Each look at it takes 7 ns, and a condition that was made slow what it was told."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        """Look."""
        self.now += LOOK
        return self.now

    def make_slow(self, compiled: Compiled, nanoseconds: dict[str, int]) -> None:
        """Have these routes' conditions take so long; each for the first time a second more."""
        for number, route in enumerate(compiled.index.routes):
            slow = replace(
                route.condition, rest=self._slow(route.condition.rest, nanoseconds[route.id])
            )
            compiled.index.routes[number] = replace(route, condition=slow)

    def _slow(self, rest: Test, nanoseconds: int) -> Test:
        first = [SECOND]

        def slower(context: Context) -> bool:
            self.now += nanoseconds + (first.pop() if first else 0)
            return rest(context)

        return slower


def facts(compiled: Compiled, text: str, **fields: Any) -> Facts:
    """What is decided by about a text at night."""
    return Desk(compiled).facts(fill({"text": text, **fields}, at=NIGHT))


def tries(compiled: Compiled, cost: Cost) -> dict[str, int]:
    """How often each route was tried, without those that were not."""
    pairs = zip(compiled.index.routes, cost.routes, strict=True)
    return {route.id: one.tries for route, one in pairs if one.tries}


COSTS = {"night": 500, "zh": 20, "refund": 300, "order": 1000, "default": 0}


def test_time_goes_to_the_conditions_that_were_tried() -> None:
    """Also to those tried for the explanation; the quickest round counts, a look at it does not."""
    clock, compiled = Clock(), compile_rulebook({"a.yaml": BOOK})
    texts = ("refund my order", "order", "hello")
    given = [facts(compiled, text, language="en") for text in texts]
    clock.make_slow(compiled, COSTS)
    cost = measured(compiled, given, clock)
    assert tries(compiled, cost) == {"night": 3, "refund": 1, "order": 2, "default": 1}
    assert [one.nanoseconds for one in cost.routes] == [1500, 0, 300, 2000, 0]
    # The default is what always matches: it is not tried after another has won.
    assert list(cost.decisions) == [500, 1500, 1800]
    assert (cost.total, cost.search) == (3800, 0)


def test_what_goes_on_is_tried_and_so_is_what_comes_after_it() -> None:
    """As the decision does."""
    compiled = compile_rulebook({"a.yaml": BOOK})
    cost = measured(compiled, [facts(compiled, "refund", language="zh")])
    assert tries(compiled, cost) == {"night": 1, "zh": 1, "refund": 1}


def test_no_more_is_tried_than_is_explained() -> None:
    """After so many that would have matched too the decision looks no further."""
    more = "".join(
        f"  - {{id: r{number}, when: {{text: {{keywords: word}}}}, then: {{queue: q}}}}\n"
        for number in range(10)
    )
    text = BOOK.replace("  - {id: default", f"{more}  - {{id: default")
    compiled = compile_rulebook({"a.yaml": text})
    one = facts(compiled, "word", language="en")
    found = tries(compiled, measured(compiled, [one]))
    assert len(decide(compiled, one).explanation["overridden"]) == OVERRIDDEN_SHOWN
    assert list(found) == ["night", *(f"r{number}" for number in range(OVERRIDDEN_SHOWN + 1))]


@pytest.mark.parametrize(
    ("folder", "texts"),
    [
        ("rules/example", ("我要投诉", "refund the charge", "heater broken, order 12345", "hello")),
        ("examples/intents/rulebook", ("what is my balance", "free prize, call now", "我的卡丢了")),
    ],
)
def test_what_is_tried_is_what_the_decision_tries(folder: str, texts: tuple[str, ...]) -> None:
    """Up to the winner its candidates, and after it at least those that it overrides."""
    compiled = compile_rulebook(read_folder(ROOT / folder))
    order = {route.id: route.number for route in compiled.index.routes}
    for text in texts:
        one = facts(compiled, text)
        decision = decide(compiled, one)
        found = list(tries(compiled, measured(compiled, [one])))
        before = [name for name in found if order[name] <= order[decision.rule]]
        assert before == decision.explanation["candidates"]
        assert {*decision.explanation["overridden"]} <= {*found} - {*before}


@pytest.mark.parametrize(
    ("decisions", "p50", "p99"),
    [([4], 4, 4), ([1, 2], 1, 2), (list(range(1, 101)), 50, 99), (list(range(1, 201)), 100, 198)],
)
def test_percentiles(decisions: list[int], p50: int, p99: int) -> None:
    """The nearest rank: a value that was measured."""
    cost = Cost(decisions, 0, [])
    assert (cost.percentile(50), cost.percentile(99)) == (p50, p99)


def test_with_a_real_clock_something_is_spent() -> None:
    """Looking for words and deciding take time."""
    compiled = compile_rulebook({"a.yaml": BOOK})
    cost = measured(compiled, [facts(compiled, "refund")])
    assert 0 < cost.search < cost.total
