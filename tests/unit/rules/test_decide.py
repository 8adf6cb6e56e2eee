"""What the rules decide, and how they explain it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from channels.defaults import fill
from rules import matcher
from rules.decide import decide
from rules.decision import Decision, Facts, Waiting
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
    "lists": {
        "curses": ["damn", "混蛋"],
        "brands": {"file": "brands.csv", "column": "brand"},
        "senders": {"entries": ["@shop.example"], "file": "senders.txt"},
    },
    "conditions": {
        "angry": {"text": {"lists": "curses"}},
        "calm": {"not": {"condition": "angry"}},
    },
}
FILES = {
    "brands.csv": 'brand,country\n"Acme",US\n,DE\n*,FR\n',
    "senders.txt": "# who writes often\n+86138*\n\n",
}
FILE = {"name": "a.png", "media_type": "image/png", "size": 10, "sha256": "0"}
ORDER = {"order": {"lines": ["x", "y"]}}
DEFAULT = {"id": "default", "then": {"queue": "one"}}


def book(*routes: dict[str, Any], **sections: Any) -> Compiled:
    """A rulebook with these routes before the default."""
    whole = {**FRAME, **sections, "routes": [*routes, DEFAULT]}
    return compile_rulebook({"a.yaml": json.dumps(whole, ensure_ascii=False), **FILES})


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


def replace_facts(known: Facts, **changes: Any) -> Facts:
    """What is known, with changes."""
    return msgspec.structs.replace(known, **changes)


@pytest.mark.parametrize(
    ("when", "fields", "holds"),
    [
        ({"channel": "sms"}, {"channel": "sms"}, True),
        ({"channel": ["sms", "chat"]}, {"channel": "email"}, False),
        ({"account": "Shop"}, {"account": "shop"}, False),
        ({"language": "zh"}, {"text": "我要投訴"}, True),
        ({"language": "zh-Hans"}, {"text": "我要投訴"}, False),
        ({"language": "zh-CN"}, {"text": "我要投诉你们"}, True),
        ({"language": "ZH-tw"}, {"text": "我要投訴"}, True),
        ({"language": "zh-hans"}, {"language": "zh-CN"}, True),
        ({"language": "EN"}, {"language": "en-gb"}, True),
        ({"language": "ze"}, {"text": "我要投訴"}, False),
        ({"sender": "@shop.example"}, {"sender": "wang@shop.example"}, True),
        ({"sender": "@shop.example"}, {"sender": "wang@my.shop.example"}, False),
        ({"sender": "Wang@Shop.Example"}, {"sender": "wang@shop.example"}, True),
        ({"sender": "@Shop.Example"}, {"sender": "wang@shop.example"}, True),
        ({"sender": "Wang@*"}, {"sender": "wang@shop.example"}, True),
        ({"sender": "+86 138-0013 8000"}, {"sender": "+8613800138000"}, True),
        ({"sender": "+86 (138)*"}, {"sender": "+8613800138000"}, True),
        ({"sender": "web:AbC"}, {"sender": "web:AbC", "channel": "chat"}, True),
        ({"sender": "web:abc"}, {"sender": "web:AbC", "channel": "chat"}, False),
        ({"sender": "+8613*"}, {"sender": "+8613800138000"}, True),
        ({"attributes": {"form": "repair"}}, {"attributes": {"form": "repair"}}, True),
        ({"attributes": {"form": "repair"}}, {"attributes": {"form": ["repair"]}}, False),
        ({"attributes": {"paid": True}}, {"attributes": {"paid": True}}, True),
        ({"attributes": {"paid": True}}, {"attributes": {"paid": 1}}, False),
        ({"attributes": {"amount": 7}}, {"attributes": {"amount": "7"}}, True),
        ({"attributes": {"amount": 7}}, {"attributes": {"amount": 7.0}}, True),
        ({"attributes": {"plan=eu": "gold"}}, {"attributes": {"plan": "eu=gold"}}, False),
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
        ({"text": {"keywords": "refund"}}, {"text": "refunded"}, False),
        ({"text": {"keywords": "refund*"}}, {"text": "refunded"}, True),
        ({"text": {"keywords": "refund*"}}, {"text": "prerefunded"}, False),
        ({"text": {"keywords": "*bank"}}, {"text": "my ebank is down"}, True),
        ({"text": {"keywords": "*bank"}}, {"text": "banking"}, False),
        ({"text": {"keywords": "\\*bank"}}, {"text": "the *bank"}, True),
        ({"text": {"keywords": "\\*bank"}}, {"text": "the bank"}, False),
        ({"text": {"keywords": "投诉"}}, {"text": "我要投\n诉你们"}, True),
        ({"text": {"keywords": "代开发票"}}, {"text": "代 开 \r\n 发　票"}, True),
        ({"text": {"keywords": "退 款"}}, {"text": "我要退款"}, True),
        ({"text": {"keywords": "refund now"}}, {"text": "refundnow"}, False),
        ({"text": {"keywords": "doesn't work"}}, {"text": "it doesn’t work"}, True),
        ({"text": {"keywords": "e-bank"}}, {"text": "my e‑bank"}, True),
        ({"text": {"keywords": "refund"}}, {"text": "ref\u200eund"}, True),
        ({"text": {"keywords": "投诉"}}, {"text": "投\u2061訴"}, True),
        ({"text": {"keywords": "❤️"}}, {"text": "谢谢❤"}, True),
        ({"text": {"keywords": "café"}}, {"text": "cafe\u200b\u0301"}, True),
        ({"text": {"keywords": "คืนเงิน"}}, {"text": "ขอคืนเงินครับ"}, True),
        ({"text": {"keywords": "paypal", "lookalikes": True}}, {"text": "paypal|bank"}, True),
        ({"text": {"keywords": "not working"}}, {"text": "it is not\r\n  working"}, True),
        ({"text": {"keywords": "😡"}}, {"text": "退货😡😡"}, True),
        ({"text": {"keywords": "paypal"}}, {"text": "p\u0430ypal"}, False),
        ({"text": {"keywords": "paypal", "lookalikes": True}}, {"text": "P\u0430yp\u0430l"}, True),
        ({"text": {"keywords": "paypal", "lookalikes": True}}, {"text": "paypa1"}, True),
        ({"text": {"keywords": "投诉", "lookalikes": True}}, {"text": "我要投訴"}, True),
        ({"text": {"lists": "curses"}}, {"text": "Ｄａｍｎ it"}, True),
        ({"text": {"lists": ["brands", "curses"]}}, {"text": "my Acme"}, True),
        ({"text": {"lists": "curses"}}, {"text": "my Acme"}, False),
        ({"text": {"lists": "curses", "keywords": "Acme"}}, {"text": "my Acme"}, True),
        ({"sender_list": "senders"}, {"sender": "wang@shop.example"}, True),
        ({"sender_list": "senders"}, {"sender": "+8613800138000"}, True),
        ({"sender_list": "senders"}, {"sender": "li@mail.example"}, False),
        ({"recipient": "@shop.example"}, {"recipients": [{"address": "a@shop.example"}]}, True),
        ({"recipient": "help*"}, {"recipients": [{"address": "helpdesk@x.example"}]}, True),
        ({"recipient": "help*"}, {}, False),
        ({"condition": "angry"}, {"text": "damn"}, True),
        ({"condition": ["calm", "angry"]}, {"text": "damn"}, True),
        ({"condition": "calm"}, {"text": "damn"}, False),
        ({"attachments": True}, {"attachments": [FILE]}, True),
        ({"attachments": False}, {}, True),
        ({"attachments": {"type": "image/*", "name": "*.PNG"}}, {"attachments": [FILE]}, True),
        ({"attachments": {"type": "Image/*"}}, {"attachments": [FILE]}, True),
        ({"attachments": {"type": "audio/*"}}, {"attachments": [FILE]}, False),
        ({"attachments": {"at_least": 2}}, {"attachments": [FILE]}, False),
        ({"attachments": {"larger_than": 9}}, {"attachments": [FILE]}, True),
        ({"attachments": {"larger_than": 10}}, {"attachments": [FILE]}, False),
        (
            {"cel": "length(text) == 2 && channel == 'chat'"},
            {"text": "ab", "channel": "chat"},
            True,
        ),
        ({"cel": "attributes.amount > 100.0"}, {"attributes": {"amount": 100.5}}, True),
        ({"cel": "attributes.amount > 100.0"}, {}, False),
        ({"cel": "attributes.order.lines.exists(l, l == 'x')"}, {"attributes": ORDER}, True),
        ({"cel": "previous_tickets.length() == 0 && tier == null"}, {}, True),
        (
            {"cel": "call.outcome == 'abandoned'"},
            {"call": {"id": "1", "outcome": "abandoned"}},
            True,
        ),
        ({"cel": "at.getHours() == 12"}, {}, True),
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
    ("comparison", "value", "holds"),
    [
        ({"present": True}, "", False),
        ({"present": True}, 0, True),
        ({"present": True}, [], False),
        ({"present": False}, None, True),
        ({"present": False}, "", True),
        ({"is_not": "free"}, "gold", True),
        ({"is_not": ["free", "gold"]}, "gold", False),
        ({"is_not": "free"}, None, True),
        ({"is_not": "free"}, ["free"], False),
        ({"contains": "上海"}, "中国 上海 市", True),
        ({"contains": ["ｓｈａｎｇ", "x"]}, "SHANGHAI", True),
        ({"contains": "x"}, ["a", "xyz"], True),
        ({"contains": "x"}, {"x": 1}, False),
        ({"contains": "x"}, None, False),
        ({"starts_with": "+86"}, "+8613800138000", True),
        ({"starts_with": "86"}, "+8613800138000", False),
        ({"more_than": 5}, 5, False),
        ({"more_than": 5}, "5.5", True),
        ({"at_least": 5}, 5, True),
        ({"at_least": 5}, True, False),
        ({"at_least": 5}, "many", False),
        ({"less_than": 5}, None, False),
        ({"less_than": 5, "at_least": 3}, 3, True),
        ({"less_than": 5, "at_least": 3}, 5, False),
        ({"at_most": 5}, 10**400, False),
        ({"older_than": "1d"}, "2026-03-01T11:59:59Z", True),
        ({"older_than": "1d"}, "2026-03-01T12:00:00Z", False),
        ({"newer_than": "1d"}, "2026-03-01T12:00:00", True),
        ({"newer_than": "1d"}, "2026-03-01T11:59:59+00:00", False),
        ({"newer_than": "1d"}, "2027-01-01", True),
        ({"newer_than": "1d"}, "yesterday", False),
        ({"newer_than": "1d"}, 20260301, False),
    ],
)
def test_how_attributes_compare(comparison: dict[str, Any], value: Any, holds: bool) -> None:
    """A comparison holds of what is there and comparable, as the documentation says."""
    compiled = book(route({"attributes": {"it": comparison}}))
    given = {} if value is None else {"it": value}
    assert (decided(compiled, attributes=given).rule == "tried") is holds


@pytest.mark.parametrize(
    ("wanted", "days", "holds"),
    [
        (True, [], False),
        (False, [], True),
        (True, [40], True),
        ({"at_least": 2}, [1, 40], True),
        ({"within": "7d", "at_least": 2}, [1, 40], False),
        ({"within": "7d"}, [7], True),
        ({"at_most": 1}, [], True),
        ({"at_most": 1}, [1, 2], False),
        ({"at_least": 1, "at_most": 1}, [], False),
        ({"at_most": 0}, [], True),
        ({"at_least": 1, "at_most": 1}, [3], True),
    ],
)
def test_earlier_tickets_count(wanted: Any, days: list[int], holds: bool) -> None:
    """The tickets that an address had before are counted, all or those of a time."""
    compiled = book(route({"previous_tickets": wanted}))
    known = replace_facts(facts(), previous=tuple(NOON - timedelta(days=one) for one in days))
    assert (decide(compiled, known).rule == "tried") is holds


@pytest.mark.parametrize(
    ("wanted", "state", "holds"),
    [
        ({"waiting": 3}, Waiting(3, NOON), True),
        ({"waiting": 3}, Waiting(2, NOON - timedelta(days=1)), False),
        ({"oldest": "5m"}, Waiting(1, NOON - timedelta(minutes=5)), True),
        ({"oldest": "5m"}, Waiting(0, None), False),
        ({"waiting": 3, "oldest": "5m"}, Waiting(1, NOON - timedelta(minutes=6)), True),
        ({"waiting": 3}, None, False),
    ],
)
def test_a_full_queue_is_known(wanted: Any, state: Waiting | None, holds: bool) -> None:
    """A queue is as full as dispatch last said; one that it said nothing of is empty."""
    compiled = book(route({"queues": {"two": wanted}}))
    known = replace_facts(facts(), queues={"two": state} if state else {})
    assert (decide(compiled, known).rule == "tried") is holds


@pytest.mark.parametrize(
    ("wanted", "customer", "holds"),
    [(True, "wang", True), (True, None, False), (False, None, True), (["li"], "wang", False)],
)
def test_a_customer_is_known(wanted: Any, customer: str | None, holds: bool) -> None:
    """Whether reference data knows the sender, or as whom."""
    customers: dict[str, Any] = {"wang": {}, "li": {}}
    compiled = book(route({"customer": wanted}), customers=customers)
    known = replace_facts(facts(), customer=customer)
    assert (decide(compiled, known).rule == "tried") is holds


@pytest.mark.parametrize(
    ("bounds", "holds"),
    [
        ({"from": NOON.isoformat()}, True),
        ({"from": (NOON + timedelta(seconds=1)).isoformat()}, False),
        ({"until": NOON.isoformat()}, False),
        ({"until": (NOON + timedelta(seconds=1)).isoformat()}, True),
        ({"from": "2026-03-02T20:00:00+08:00", "until": "2026-03-03T00:00:00Z"}, True),
    ],
)
def test_a_route_is_in_force_for_a_time(bounds: dict[str, str], holds: bool) -> None:
    """From its beginning on and before its end, whatever the offset."""
    compiled = book({"id": "tried", **bounds, "then": {"queue": "two"}})
    assert (decided(compiled).rule == "tried") is holds


def test_a_rollout_takes_its_share_and_grows() -> None:
    """A share of the requests, the same each time; a larger share has all of a smaller one's."""
    taken = {}
    for share in (10, 30):
        compiled = book({"id": "tried", "rollout": f"{share}%", "then": {"queue": "two"}})
        taken[share] = {
            number
            for number in range(2_000)
            if decided(compiled, external_id=str(number)).rule == "tried"
        }
        assert abs(len(taken[share]) - share * 20) < 60
    assert taken[10] < taken[30]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({}, ("complaint", 2, "of-type", "thanks")),
        ({"type": "chat"}, ("chat", 2, "of-route", "thanks")),
        ({"priority": 5, "ack": None}, ("complaint", 5, "of-type", None)),
        ({"sla": "of-tier"}, ("complaint", 2, "of-tier", "thanks")),
    ],
)
def test_defaults_fill_in(then: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """What neither route nor tier nor type says, the defaults do; `ack: null` is said."""
    defaults = {"type": "complaint", "priority": 2, "sla": "of-route", "ack": "thanks"}
    decision = decided(book(route({"channel": "sms"}, **then), defaults=defaults), channel="sms")
    assert (decision.type, decision.priority, decision.sla, decision.ack) == expected


def test_an_explanation_shows_the_words_of_lists_and_lookalikes() -> None:
    """The words stand in the original text as the customer wrote them."""
    compiled = book(
        route({"any": [{"text": {"keywords": "nothing"}}, {"condition": "angry"}]}),
    )
    explanation = decided(compiled, text="It is ＤＡＭＮ cold").explanation
    assert explanation["clause"] == "any.2(condition(angry(text)))"
    assert explanation["spans"] == [{"field": "text", "start": 6, "end": 10, "text": "ＤＡＭＮ"}]
    compiled = book(route({"subject": {"keywords": "paypal", "lookalikes": True}}))
    explanation = decided(compiled, subject="your P\u0430y\u200bpal").explanation
    assert explanation["spans"] == [
        {"field": "subject", "start": 5, "end": 12, "text": "P\u0430y\u200bpal"}
    ]
    explanation = decided(compiled, subject="\u00e6on p\u0430ypal").explanation
    assert explanation["spans"][0]["text"] == "p\u0430ypal"


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
        "clause": "any.1(text)",
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


CLAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "what must not hold": ({"not": {"tier": "vip"}}, "not(tier)"),
    "and what is in it": (
        {"not": {"any": [{"tier": "vip"}, {"all": [{"channel": "sms"}]}]}},
        "not(any(tier, all))",
    ),
    "of several the first": (
        {"not": {"all": [{"tier": "vip"}, *[{"account": f"a{n}"} for n in range(9)]]}},
        "not(all(tier, account, …))",
    ),
    "a named condition": ({"not": {"condition": "angry"}}, "not(condition(angry))"),
    "which alternative": (
        {"any": [{"tier": "vip"}, {"text": {"keywords": "refund"}}, {"channel": "chat"}]},
        "any.2(text)",
    ),
    "within another": (
        {"any": [{"tier": "vip"}, {"any": [{"tier": "vip"}, {"not": {"channel": "sms"}}]}]},
        "any.2(any.2(not(channel)))",
    ),
    "all of all": (
        {"all": [{"channel": "chat"}, {"any": [{"text": {"keywords": "refund"}}]}]},
        "all(channel, any.1(text))",
    ),
}


@pytest.mark.parametrize("name", CLAUSES)
def test_a_clause_says_which_alternative_held_and_what_did_not(name: str) -> None:
    """Enough to know which lines of the rulebook to look at."""
    when, clause = CLAUSES[name]
    decision = decided(book(route(when)), text="my refund", channel="chat")
    assert (decision.rule, decision.explanation["clause"]) == ("tried", clause)


def test_a_clause_is_bounded() -> None:
    """However much a condition asks for."""
    many = {"all": [{"attributes": {f"a-long-name-{number}": 1}} for number in range(50)]}
    attributes = {f"a-long-name-{number}": 1 for number in range(50)}
    clause = decided(book(route(many)), attributes=attributes).explanation["clause"]
    assert len(clause) == 200
    assert clause.endswith("…")


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
