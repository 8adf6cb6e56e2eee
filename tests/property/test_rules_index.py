"""The index decides as a plain loop over the routes does."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels.defaults import fill
from rules.decide import decide
from rules.decision import Facts, Waiting
from rules.index import Compiled, compile_rulebook
from rules.matcher import Keywords
from rules.textfold import fold
from tests.plain_rules import PlainRules, agrees, has_keyword, plain_fold, re2_finds

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SUNDAY_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

KEYWORDS = ["refund*", "*order", "\\*", "p\u0430y"]
WORDS = ["投诉", "投訴", "退款", "refund", "Refund Now", "order", "ＶＩＰ", "ß", "café", "12"]
JOINTS = ["", " ", "\n", "\u200b", " \u3000 ", "ed", "，", "e\u0301", "ſ", "ﬁ", "İ", "🙂"]
PATTERNS = [r"(?i)refund\s", r"^$", r"\d+", "投[诉訴]", "(?s)^.{9}", r"\border\b", "é"]
ADDRESSES = ["wang@shop.example", "li@mail.example", "+8613800138000", "anonymous"]


def some(values: list[Any]) -> st.SearchStrategy[Any]:
    """One of the values, or a list of several."""
    return st.sampled_from(values) | st.lists(
        st.sampled_from(values), min_size=1, max_size=3, unique=True
    )


TEXTS = st.lists(st.sampled_from(WORDS + JOINTS), max_size=8).map("".join)
NAMES = st.sampled_from(["curses", "brands"])
WORDY = {
    "keywords": st.lists(st.sampled_from(WORDS + KEYWORDS), min_size=1, max_size=3),
    "lists": NAMES | st.lists(NAMES, min_size=1, max_size=2, unique=True),
}
MATCHES = st.one_of(
    st.fixed_dictionaries({"regex": some(PATTERNS)}),
    *(
        st.fixed_dictionaries(
            {name: WORDY[name]}, optional={"regex": some(PATTERNS), "lookalikes": st.booleans()}
        )
        for name in WORDY
    ),
)
COMPARISONS = st.fixed_dictionaries(
    {},
    optional={
        "present": st.booleans(),
        "is_not": some(["repair", 7, True]),
        "contains": st.sampled_from(["ＡＩＲ", "x"]),
        "starts_with": st.sampled_from(["Rep", "7"]),
        "more_than": st.just(7),
        "at_least": st.just(7.0),
        "less_than": st.just(8),
        "at_most": st.just(7),
        "older_than": st.just("1d"),
        "newer_than": st.just("1d"),
    },
).filter(bool)
FLAT: dict[str, st.SearchStrategy[Any]] = {
    "channel": some(["email", "sms", "chat", "hotline"]),
    "account": some(["shop", "help"]),
    "kind": some(["message", "call"]),
    "sender": some([*ADDRESSES, "@shop.example", "+86*", "li*"]),
    "tier": some(["vip", "standard"]),
    "language": some(["zh", "zh-Hant", "en"]),
    "text": MATCHES,
    "subject": MATCHES,
    "attributes": st.dictionaries(
        st.sampled_from(["form", "amount"]),
        some(["repair", 7, True]) | COMPARISONS,
        min_size=1,
        max_size=2,
    ),
    "sender_list": st.just("senders"),
    "recipient": some([*ADDRESSES, "@shop.example", "li*"]),
    "condition": some(["angry", "calm"]),
    "customer": st.booleans() | st.just(["wang"]),
    "attachments": st.booleans() | st.sampled_from([{"type": "image/*"}, {"larger_than": 9}]),
    "previous_tickets": st.booleans()
    | st.sampled_from([{"at_least": 2}, {"within": "2d"}, {"at_most": 1}]),
    "queues": st.sampled_from([{"one": {"waiting": 2}}, {"two": {"oldest": "1h"}}]),
    "cel": st.sampled_from(["length(text) > 3", "attributes.amount == 7", "tier == 'vip'"]),
    "hours": st.fixed_dictionaries({"desk": st.sampled_from(["open", "closed"])}),
    "call_outcome": some(["abandoned", "answered"]),
    "automatic": st.booleans() | some(["dsn", "list"]).filter(lambda one: isinstance(one, list)),
}


OFTEN = [*sorted(FLAT), *["text"] * 8]


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """Conditions with a few clauses, and conditions in them."""
    names = draw(st.lists(st.sampled_from(OFTEN), min_size=not depth, max_size=2))
    condition = {name: draw(FLAT[name]) for name in names}
    inner = conditions(depth - 1)
    match draw(st.sampled_from(["", "any", "all", "not"])) if depth else "":
        case "not":
            condition["not"] = draw(inner)
        case "any" | "all" as word:
            condition[word] = draw(st.lists(inner, min_size=1, max_size=2))
        case _:
            pass
    return condition


ACTIONS = st.fixed_dictionaries(
    {"queue": st.sampled_from(["one", "two"])},
    optional={
        "priority": st.integers(0, 9),
        "tags": st.lists(st.sampled_from("abc"), max_size=2),
        "skills": st.dictionaries(st.sampled_from(["zh", "en"]), st.integers(0, 5), max_size=2),
        "type": st.just("matter"),
        "sla": st.sampled_from(["fast", "slow"]),
        "ack": st.sampled_from([None, "thanks", "sorry"]),
        "continue": st.booleans(),
    },
)
DEFAULTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("matter"),
        "priority": st.just(8),
        "sla": st.just("slow"),
        "ack": st.just("sorry"),
    },
)
DROPS = st.just({"drop": "spam"})
REQUESTS = st.fixed_dictionaries(
    {"text": TEXTS, "channel": st.sampled_from(["email", "sms", "chat", "hotline"])},
    optional={
        "subject": TEXTS,
        "account": st.sampled_from(["shop", "help"]),
        "kind": st.sampled_from(["message", "call"]),
        "recipients": st.lists(
            st.sampled_from(ADDRESSES).map(lambda address: {"address": address}), max_size=2
        ),
        "attachments": st.lists(
            st.sampled_from(["image/png", "text/plain"]).map(
                lambda kind: {"name": "a", "media_type": kind, "size": len(kind), "sha256": "0"}
            ),
            max_size=2,
        ),
        "sender": st.sampled_from(ADDRESSES),
        "automatic": st.sampled_from(["dsn", "list", "bulk"]),
        "call": st.sampled_from(["abandoned", "answered", "failed"]).map(
            lambda outcome: {"id": "1", "outcome": outcome}
        ),
        "attributes": st.dictionaries(
            st.sampled_from(["form", "amount"]),
            st.sampled_from(["repair", 7, 8, True, "x", "7", ["x", 7], "2026-03-01T13:00:00Z"]),
        ),
    },
)


class Made(NamedTuple):
    """A rulebook as plain data, and compiled."""

    plain: PlainRules
    compiled: Compiled

    def __repr__(self) -> str:
        return json.dumps(self.plain.data["routes"], ensure_ascii=False)


@st.composite
def rulebooks(draw: st.DrawFn) -> Made:
    """Up to five routes before the default."""
    drawn = draw(st.lists(st.tuples(conditions(), ACTIONS | DROPS, BOUNDS), max_size=5))
    routes: list[dict[str, Any]] = [
        {"id": f"r{n}", "when": when, "then": then, **bounds}
        for n, (when, then, bounds) in enumerate(drawn)
    ]
    routes.append({"id": "default", "then": {"queue": "one"}})
    data = FRAME | {"routes": routes, "defaults": draw(DEFAULTS)}
    plain = PlainRules(data, BRANDS, is_open=on_weekdays, expressions=EXPRESSIONS)
    text = json.dumps(data, ensure_ascii=False)
    return Made(plain, compile_rulebook({"all.yaml": text, **BRANDS}))


BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "from": st.sampled_from(["2026-03-01T20:00:00+08:00", "2026-03-02T12:00:00Z"]),
        "until": st.sampled_from(["2026-03-02T12:00:00Z", "2026-03-03T00:00:00Z"]),
        "rollout": st.sampled_from(["30%", "70%"]),
    },
).filter(lambda one: one.get("from", "") < one.get("until", "3"))


FRAME: dict[str, Any] = {
    "calendars": {"desk": {"timezone": "UTC", "hours": {"mon-fri": ["00:00-24:00"]}}},
    "slas": {name: {"calendar": "desk"} for name in ("fast", "slow", "vips", "usual")},
    "pools": {"all": {"queues": ["one", "two"]}},
    "queues": {"one": {}, "two": {}},
    "tiers": {"vip": {"priority": 2, "sla": "vips"}, "standard": {}},
    "types": {"matter": {"sla": "usual"}},
    "acks": {"thanks": {"sms": "Thanks"}, "sorry": {"sms": "Sorry"}},
    "customers": {"wang": {}},
    "lists": {
        "curses": WORDS[1:4],
        "brands": {"file": "brands.txt"},
        "senders": ["@shop.example", "+86*"],
    },
    "conditions": {
        "angry": {"text": {"lists": ["curses"]}},
        "calm": {"not": {"condition": "angry"}, "channel": ["sms", "chat"]},
    },
}
BRANDS = {"brands.txt": "Order\n# no\nＶＩＰ\n"}


# -- the plain loop


def amount_is_seven(facts: Facts) -> bool:
    """A number, which neither true nor a text is."""
    amount = facts.request.attributes.get("amount")
    return isinstance(amount, int | float) and not isinstance(amount, bool) and amount == 7


EXPRESSIONS: dict[str, Callable[[Facts], bool]] = {
    "length(text) > 3": lambda facts: len(facts.request.text) > 3,
    "attributes.amount == 7": amount_is_seven,
    "tier == 'vip'": lambda facts: facts.tier == "vip",
}


def on_weekdays(_: str, at: datetime) -> bool:
    """The one calendar of the frame."""
    return at.weekday() < 5


@st.composite
def known(draw: st.DrawFn) -> Facts:
    """A request, and what is known of it."""
    at = draw(st.sampled_from([MONDAY_NOON, SUNDAY_NOON]))
    waiting = st.builds(
        Waiting, st.integers(0, 3), st.sampled_from([None, at, at - timedelta(hours=1)])
    )
    return Facts(
        request=fill(draw(REQUESTS), at=at),
        at=at,
        customer=draw(st.sampled_from([None, "wang", "li"])),
        tier=draw(st.sampled_from(["vip", "standard", None])),
        language=draw(st.sampled_from(["zh-Hans", "zh-Hant", "en", "en-GB", None])),
        previous=tuple(
            at - timedelta(days=days) for days in draw(st.lists(st.integers(1, 3), max_size=3))
        ),
        queues=draw(st.dictionaries(st.sampled_from(["one", "two"]), waiting)),
    )


def agree(made: Made, facts: Facts) -> None:
    """The index decides what a loop over the routes decides."""
    differ = agrees(made.plain, decide(made.compiled, facts), facts)
    assert differ is None, f"{made}\n{facts.request}\n{differ}"


@settings(max_examples=300, deadline=None)
@given(made=rulebooks(), facts=known())
def test_index_agrees_with_loop(made: Made, facts: Facts) -> None:
    """Whatever the routes and the request, the index decides what a loop over them decides."""
    agree(made, facts)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"tier": "vip", "language": "zh-Hant"},
    {"tier": "standard", "language": "en-GB"},
    {"tier": None, "language": None},
]
RULEBOOKS, REQUESTS_EACH, DRAWS = 8, 16, 200
"""With the variants 102,400 pairs of a rulebook and what is known of a request.

A disagreement is made small by the test above.
"""


@pytest.mark.slow
@settings(
    max_examples=DRAWS,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    made=st.lists(rulebooks(), min_size=RULEBOOKS, max_size=RULEBOOKS),
    requests=st.lists(known(), min_size=REQUESTS_EACH, max_size=REQUESTS_EACH),
)
def test_index_agrees_with_loop_a_hundred_thousand_times(
    made: list[Made], requests: list[Facts]
) -> None:
    """Of a hundred thousand rulebooks and requests, the index and the loop agree on each."""
    for one, facts, changes in product(made, requests, VARIANTS):
        agree(one, msgspec.structs.replace(facts, **changes))


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, keywords=st.lists(st.sampled_from(WORDS), min_size=1, unique=True))
def test_keywords_stand_by_themselves(text: str, keywords: list[str]) -> None:
    """A keyword is found where its definition says, and its span has nothing but it."""
    found = Keywords(keywords).find(fold(text))
    assert set(found) == {plain_fold(one) for one in keywords if has_keyword(text, one)}
    for word, span in found.items():
        assert plain_fold(text[span.start : span.end]).strip() == word


@settings(max_examples=100, deadline=None)
@given(made=rulebooks(), document=REQUESTS)
def test_spans_show_what_matched(made: Made, document: dict[str, Any]) -> None:
    """Every span of an explanation is a piece of the original text that has what was looked for."""
    request = fill(document, at=MONDAY_NOON)
    explanation = decide(made.compiled, Facts(request=request, at=MONDAY_NOON)).explanation
    for span in explanation["spans"]:
        original = request.text if span["field"] == "text" else request.subject or ""
        assert original[span["start"] : span["end"]] == span["text"]
        assert any(plain_fold(word).strip() in plain_fold(span["text"]) for word in WORDS) or any(
            re2_finds(pattern, span["text"]) for pattern in PATTERNS
        )
    assert json.loads(json.dumps(explanation)) == explanation
