"""What a route is tried for in vain."""

from datetime import UTC, datetime

from channels.defaults import fill
from router.rule_stats.eager import shown_in_vain
from router.rule_stats.sources import Desk
from rules.index import compile_rulebook
from rules.parts import Trigger

NOON = datetime(2027, 1, 4, 4, tzinfo=UTC)
BOOK = """
calendars: {shop: {timezone: Asia/Shanghai, hours: {mon-fri: ["09:00-18:00"]}}}
pools: {p: {queues: [q]}}
queues: {q: {}}
routes:
  - {id: sms, when: {channel: [sms, email], hours: {shop: closed}}, then: {queue: q}}
  - {id: money, when: {text: {keywords: [refund, pay]}, not: {channel: sms}}, then: {queue: q}}
  - {id: night, when: {hours: {shop: closed}}, then: {queue: q}}
  - {id: default, then: {queue: q}}
"""


def test_words_and_values_that_are_shown_in_vain() -> None:
    """Only where the condition does not hold; what nothing shows is there too, with none."""
    compiled = compile_rulebook({"a.yaml": BOOK})
    desk = Desk(compiled)
    given = [("sms", "refund"), ("sms", "pay a refund"), ("chat", "refund"), ("sms", "hello")]
    sample = [
        desk.facts(fill({"channel": channel, "text": text}, at=NOON)) for channel, text in given
    ]
    assert shown_in_vain(compiled, compiled.index.routes[:2], sample) == {
        "sms": {Trigger("channel", "equals", "sms"): 3, Trigger("channel", "equals", "email"): 0},
        "money": {Trigger("text", "keyword", "refund"): 2, Trigger("text", "keyword", "pay"): 1},
    }


def test_nothing_is_looked_at_for_no_route() -> None:
    """What cannot be indexed has nothing that it is tried for."""
    compiled = compile_rulebook({"a.yaml": BOOK})
    one = Desk(compiled).facts(fill({"text": "hello"}, at=NOON))
    assert shown_in_vain(compiled, [], [one]) == {}
    assert shown_in_vain(compiled, compiled.index.routes[2:3], [one]) == {"night": {}}
