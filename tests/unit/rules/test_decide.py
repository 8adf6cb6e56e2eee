"""What the rules decide, and how they explain it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.defaults import fill
from rules import matcher
from rules.decide import decide
from rules.decision import Decision, Facts
from rules.index import Compiled, Index, compile_rulebook

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FRAME: dict[str, Any] = {
    "calendars": {"desk": {"timezone": "UTC", "hours": {"mon-fri": ["09:00-17:00"]}}},
    "slas": {name: {"calendar": "desk"} for name in ("of-route", "of-tier", "of-type")},
    "pools": {"front": {"queues": ["one", "two"]}, "back": {"queues": ["three"]}},
    "queues": {"one": {}, "two": {}, "three": {}},
    "tiers": {"vip": {"priority": 3, "sla": "of-tier"}, "standard": {}},
    "types": {"complaint": {"sla": "of-type"}, "chat": {}},
    "acks": {"thanks": {"sms": "Thanks"}},
}
DEFAULT = {"id": "default", "then": {"queue": "one"}}


def book(*routes: dict[str, Any], **sections: Any) -> Compiled:
    """A rulebook with these routes before the default."""
    return compile_rulebook(
        {"a.yaml": json.dumps({**FRAME, **sections, "routes": [*routes, DEFAULT]})}
    )


def route(when: dict[str, Any], **then: Any) -> dict[str, Any]:
    """A route to the second queue, or as `then` says."""
    return {"id": "tried", "when": when, "then": {"queue": "two", **then}}


def decided(
    compiled: Compiled, at: datetime = NOON, tier: str | None = None, **fields: Any
) -> Decision:
    """The decision about a request with these fields."""
    return decide(compiled, facts(at, tier, **fields))


def facts(at: datetime = NOON, tier: str | None = None, **fields: Any) -> Facts:
    """What is known of a request with these fields."""
    request = fill(fields, at=at)
    return Facts(request=request, at=at, tier=tier, language=request.language)


@pytest.mark.parametrize(
    ("when", "fields", "holds"),
    [
        ({"channel": "sms"}, {"channel": "sms"}, True),
        ({"channel": ["sms", "chat"]}, {"channel": "email"}, False),
        ({"account": "Shop"}, {"account": "shop"}, False),
        ({"language": "zh"}, {"text": "我要投訴"}, True),
        ({"language": "zh-Hans"}, {"text": "我要投訴"}, False),
        ({"language": "z"}, {"text": "我要投訴"}, False),
        ({"sender": "@shop.example"}, {"sender": "wang@shop.example"}, True),
        ({"sender": "@shop.example"}, {"sender": "wang@my.shop.example"}, False),
        ({"sender": "+8613*"}, {"sender": "+8613800138000"}, True),
        ({"attributes": {"form": "repair"}}, {"attributes": {"form": "repair"}}, True),
        ({"attributes": {"form": "repair"}}, {"attributes": {"form": ["repair"]}}, False),
        ({"attributes": {"paid": True}}, {"attributes": {"paid": True}}, True),
        ({"attributes": {"paid": True}}, {"attributes": {"paid": 1}}, False),
        ({"attributes": {"amount": 7}}, {"attributes": {"amount": "7"}}, True),
        ({"attributes": {"form": "a", "paid": True}}, {"attributes": {"form": "a"}}, False),
        ({"call_outcome": "abandoned"}, {"call": {"id": "1", "outcome": "abandoned"}}, True),
        ({"call_outcome": "abandoned"}, {}, False),
        ({"automatic": True}, {"automatic": "dsn"}, True),
        ({"automatic": False}, {"automatic": "dsn"}, False),
        ({"automatic": False}, {}, True),
        ({"automatic": ["list", "dsn"]}, {"automatic": "dsn"}, True),
        ({"automatic": "list"}, {"automatic": "dsn"}, False),
        ({"text": {"keywords": "投诉"}}, {"text": "我要投訴"}, True),
        ({"text": {"keywords": "投诉"}}, {"subject": "我要投訴"}, False),
        ({"subject": {"keywords": "投诉"}}, {"subject": "我要投訴"}, True),
        ({"subject": {"regex": "^$"}}, {"text": "no subject"}, True),
        ({"text": {"regex": "(?i)escalat"}}, {"text": "ESCALATE"}, True),
        ({"text": {"regex": "投诉"}}, {"text": "我要投訴"}, False),
        ({"not": {"text": {"keywords": "thanks"}}}, {"text": "Thanks!"}, False),
        ({"not": {"text": {"keywords": "thanks"}}}, {"text": "No"}, True),
        ({"any": [{"channel": "sms"}, {"text": {"keywords": "x"}}]}, {"text": "x"}, True),
        ({"all": [{"channel": "sms"}, {"text": {"keywords": "x"}}]}, {"text": "x"}, False),
        ({"text": {"keywords": "x"}, "channel": "sms"}, {"text": "x"}, False),
        ({"text": {"keywords": "far"}}, {"text": "x " * 60_000 + "far"}, False),
        ({"text": {"keywords": "odd"}}, {"text": "odd \ud800 text"}, True),
        ({"text": {"regex": "text$"}}, {"text": "odd \ud800 text"}, True),
    ],
)
def test_when_a_condition_holds(when: dict[str, Any], fields: dict[str, Any], holds: bool) -> None:
    """Each condition means what the rulebook's documentation says."""
    request = fill({"text": ""}, at=NOON)
    assert request.received_at == NOON
    assert (decided(book(route(when)), **fields).rule == "tried") is holds


@pytest.mark.parametrize(
    ("hour", "state"), [(8, "closed"), (9, "open"), (16, "open"), (17, "closed")]
)
def test_hours_are_half_open(hour: int, state: str) -> None:
    """A calendar is open from the opening on and closed from the closing on."""
    compiled = book(route({"hours": {"desk": state}}))
    assert decided(compiled, at=NOON.replace(hour=hour)).rule == "tried"


@pytest.mark.parametrize(
    ("then", "tier", "sla", "whose"),
    [
        ({"sla": "of-route", "type": "complaint"}, "vip", "of-route", "route"),
        ({"type": "complaint"}, "vip", "of-tier", "tier"),
        ({"type": "complaint"}, "standard", "of-type", "type"),
        ({"type": "complaint"}, None, "of-type", "type"),
        ({"type": "chat"}, None, None, None),
        ({}, "unheard-of", None, None),
    ],
)
def test_whose_sla_holds(
    then: dict[str, Any], tier: str | None, sla: str | None, whose: str | None
) -> None:
    """The route's SLA goes before the tier's, and the tier's before the type's."""
    decision = decided(book(route({"channel": "chat"}, **then)), tier=tier)
    assert (decision.sla, decision.explanation["sla_from"]) == (sla, whose)


@pytest.mark.parametrize(("own", "tier", "sum_"), [(2, "vip", 5), (8, "vip", 9), (4, None, 4)])
def test_the_tier_adds_priority(own: int, tier: str | None, sum_: int) -> None:
    """The tier's priority is added to the route's; 9 is the highest."""
    assert decided(book(route({"channel": "chat"}, priority=own)), tier=tier).priority == sum_


def test_a_route_that_continues_adds_what_it_says() -> None:
    """Tags and skills add up; of the rest the later route's word counts."""
    compiled = book(
        {"id": "a", "when": {"channel": "chat"}, "then": {
            "continue": True, "tags": ["x"], "skills": {"zh": 1, "en": 1}, "priority": 4}},
        {"id": "b", "then": {"continue": True, "tags": ["x", "y"], "type": "complaint"}},
        route({"channel": "chat"}, skills={"zh": 3}, priority=2, ack="thanks"),
    )  # fmt: skip
    decision = decided(compiled)
    assert (decision.queue, decision.type, decision.priority) == ("two", "complaint", 2)
    assert decision.skills == {"zh": 3, "en": 1}
    assert decision.tags == ("x", "y")
    assert decision.ack == "thanks"
    assert decision.explanation["continued"] == ["a", "b"]


def test_without_a_default_nothing_is_guessed() -> None:
    """Loading demands a default; were there none, the decision fails loudly."""
    compiled = replace(book(), index=Index([]))
    with pytest.raises(LookupError, match="no default"):
        decided(compiled)


def test_a_dropped_request_says_why() -> None:
    """`drop` ends the search; the decision names its reason, and no queue is demanded."""
    compiled = book({"id": "tried", "when": {"channel": "chat"}, "then": {"drop": "spam"}})
    decision = decided(compiled)
    assert (decision.rule, decision.drop, decision.queue) == ("tried", "spam", "one")


def test_the_pool_is_the_queues() -> None:
    """A decision names the pool whose shard will have the ticket."""
    assert decided(book(route({"channel": "chat"}, queue="three"))).pool == "back"


def test_reference_data_goes_before_what_a_request_claims() -> None:
    """Attributes of the known customer count over the request's own of the same name."""
    compiled = book(route({"attributes": {"contract": "gold"}}))
    claimed = fill({"text": "x", "attributes": {"contract": "gold"}}, at=NOON)
    assert decide(compiled, Facts(request=claimed, at=NOON)).rule == "tried"
    known = Facts(request=claimed, at=NOON, attributes={"contract": "none"})
    assert decide(compiled, known).rule == "default"
    silent = Facts(request=fill({}, at=NOON), at=NOON, attributes={"contract": "gold"})
    assert decide(compiled, silent).rule == "tried"


def test_an_explanation_says_all_that_led_to_the_decision() -> None:
    """Candidates, the clause and the words that matched, what lost, whose SLA it is."""
    compiled = book(
        {"id": "other", "when": {"text": {"keywords": ["退款"]}, "channel": "sms"},
         "then": {"queue": "one"}},
        route({"any": [{"text": {"keywords": ["投诉", "退款"], "regex": r"\d{6}"}}]}),
        {"id": "late", "when": {"channel": "chat"}, "then": {"queue": "one"}},
        {"id": "apart", "when": {"text": {"keywords": ["物流"]}}, "then": {"queue": "one"}},
    )  # fmt: skip
    assert decided(compiled, text="我要投訴，退款！单号 123456", tier="vip").explanation == {
        "rule": "tried",
        "clause": "any(text)",
        "spans": [
            {"field": "text", "start": 2, "end": 4, "text": "投訴"},
            {"field": "text", "start": 5, "end": 7, "text": "退款"},
            {"field": "text", "start": 11, "end": 17, "text": "123456"},
        ],
        "continued": [],
        "candidates": ["other", "tried"],
        "overridden": ["late"],
        "tier": "vip",
        "sla_from": "tier",
    }


def test_an_explanation_is_bounded() -> None:
    """However many routes match and however long the match, an explanation stays small."""
    words = [f"word{number}" for number in range(100)]
    many = [
        route({"text": {"keywords": words, "regex": "(?s).*"}}) | {"id": f"r{n}"} for n in range(60)
    ]
    explanation = decided(book(*many), text=" ".join(words) * 20).explanation
    assert len(json.dumps(explanation)) < 3000
    assert len(explanation["overridden"]) == 5
    assert len(explanation["spans"]) == 10


def test_only_routes_that_may_match_are_looked_at() -> None:
    """A thousand routes for other words are not among the candidates."""
    others = [route({"text": {"keywords": f"word{n}"}}) | {"id": f"r{n}"} for n in range(1000)]
    compiled = book(*others, route({"text": {"keywords": "refund"}}))
    assert decided(compiled, text="my refund").explanation["candidates"] == ["tried"]


def test_memory_that_runs_out_changes_no_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of regexes that has no memory left answers nothing: they are tried one by one."""

    class Exhausted:
        """RE2 out of memory: as if nothing matched, not even what always does."""

        def Match(self, _: str) -> list[int]:  # noqa: N802 - RE2's name
            return []

    patterns = ["a+b", "(?i)refund", "x{3}"]
    regexes = matcher.Regexes(patterns)
    whole = regexes.find("REFUND aab")
    monkeypatch.setattr(regexes, "_sets", [(Exhausted(), regexes.patterns)])
    assert set(regexes.find("REFUND aab")) == set(whole) == {"a+b", "(?i)refund"}


def test_regexes_too_large_for_a_set_are_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where RE2 cannot build the set in its memory, each regex is still looked for."""
    monkeypatch.setattr(matcher, "_MEMORY_BYTES", 1)
    regexes = matcher.Regexes(["(?i)(some|pattern){1,9}", "refund"])
    assert set(regexes.find("a PATTERN")) == {"(?i)(some|pattern){1,9}"}
