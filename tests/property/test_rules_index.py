"""The index decides as a plain loop over the routes does."""

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from math import inf
from typing import Any, NamedTuple

import msgspec
import opencc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels.defaults import fill
from rules.decide import decide
from rules.decision import Facts, Waiting
from rules.index import Compiled, compile_rulebook
from rules.matcher import Keywords
from rules.textfold import fold

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
        "continue": st.booleans(),
    },
)
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
    """Routes as plain data, and the rulebook that they make."""

    routes: list[dict[str, Any]]
    compiled: Compiled

    def __repr__(self) -> str:
        return json.dumps(self.routes, ensure_ascii=False)


@st.composite
def rulebooks(draw: st.DrawFn) -> Made:
    """Up to five routes before the default."""
    drawn = draw(st.lists(st.tuples(conditions(), ACTIONS, BOUNDS), max_size=5))
    routes: list[dict[str, Any]] = [
        {"id": f"r{n}", "when": when, "then": then, **bounds}
        for n, (when, then, bounds) in enumerate(drawn)
    ]
    routes.append({"id": "default", "then": {"queue": "one"}})
    text = json.dumps(FRAME | {"routes": routes}, ensure_ascii=False)
    return Made(routes, compile_rulebook({"all.yaml": text, "brands.txt": "Order\n# no\nＶＩＰ\n"}))


BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "from": st.sampled_from(["2026-03-01T20:00:00+08:00", "2026-03-02T12:00:00Z"]),
        "until": st.sampled_from(["2026-03-02T12:00:00Z", "2026-03-03T00:00:00Z"]),
    },
).filter(lambda one: len(one) < 2 or one["from"] < one["until"])


FRAME: dict[str, Any] = {
    "calendars": {"desk": {"timezone": "UTC", "hours": {"mon-fri": ["00:00-24:00"]}}},
    "slas": {name: {"calendar": "desk"} for name in ("fast", "slow", "vips", "usual")},
    "pools": {"all": {"queues": ["one", "two"]}},
    "queues": {"one": {}, "two": {}},
    "tiers": {"vip": {"priority": 2, "sla": "vips"}, "standard": {}},
    "types": {"matter": {"sla": "usual"}},
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
LISTS: dict[str, list[str]] = {"curses": WORDS[1:4], "brands": ["Order", "ＶＩＰ"]}


# -- the plain loop


@lru_cache
def simplified(text: str) -> str:
    """Traditional characters as simplified ones, one by one."""
    return "".join(converter().convert(one) for one in text)


@lru_cache
def converter() -> opencc.OpenCC:
    """OpenCC, read once."""
    return opencc.OpenCC("t2s")


def plain_fold(text: str) -> str:
    """The definition: no tables, no way back to the original."""
    visible = re.sub("[\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e]", "", text)
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return re.sub(r"\s+", " ", simplified(folded))


def alike(text: str) -> str:
    """Folded text as it looks, as far as the tests' characters go."""
    return plain_fold(text).translate({0x430: "a", ord("1"): "l", ord("0"): "o", ord("|"): "l"})


def has_keyword(text: str, keyword: str, see: Callable[[str], str] = lambda seen: seen) -> bool:
    """A Latin keyword as a whole word, a Chinese one anywhere; a star lets a word go on."""
    wanted = plain_fold(keyword).strip()
    joined_before = wanted.startswith("*")
    joined_after = wanted.endswith("*") and not wanted.endswith("\\*")
    wanted = see(wanted.removeprefix("*") if joined_before else wanted)
    wanted = (wanted[:-1] if joined_after else wanted).replace("\\*", "*").strip()
    text = see(plain_fold(text))
    latin = r"[^\W⺀-\uffff\U00010000-\U0010ffff]"
    before = rf"(?<!{latin})" if re.match(latin, wanted) and not joined_before else ""
    after = rf"(?!{latin})" if re.match(latin, wanted[-1]) and not joined_after else ""
    return re.search(before + re.escape(wanted) + after, text) is not None


def listed(value: Any) -> list[Any]:
    """One as a list of one."""
    return value if isinstance(value, list) else [value]


def says(match: dict[str, Any], text: str) -> bool:
    """A text condition."""
    see = alike if match.get("lookalikes") else str
    words = match.get("keywords", []) + [
        word for name in listed(match.get("lists", [])) for word in LISTS[name]
    ]
    return any(has_keyword(text, keyword, see) for keyword in words) or any(
        re2_finds(pattern, text) for pattern in listed(match.get("regex", []))
    )


def re2_finds(pattern: str, text: str) -> bool:
    """RE2 by Python's own: a word or a space is ASCII's, `$` is the end and nothing before it."""
    return re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None


def from_sender(wanted: str, address: str) -> bool:
    """An address, a domain, or the beginning of an address."""
    if wanted.endswith("*"):
        return address.startswith(wanted[:-1])
    return address == wanted or (wanted.startswith("@") and address.endswith(wanted))


def speaks(wanted: str, language: str | None) -> bool:
    """A language, or the macro language of it."""
    return language is not None and (language == wanted or language.startswith(f"{wanted}-"))


def holds(when: dict[str, Any], facts: Facts) -> bool:
    """Whether a condition holds: all of its clauses."""
    return all(clause(name, wanted, facts) for name, wanted in when.items())


def clause(name: str, wanted: Any, facts: Facts) -> bool:  # noqa: C901, PLR0911, PLR0912 - a case a word
    """Whether one clause of a condition holds."""
    request = facts.request
    match name:
        case "any":
            return any(holds(one, facts) for one in wanted)
        case "all":
            return all(holds(one, facts) for one in wanted)
        case "not":
            return not holds(wanted, facts)
        case "text":
            return says(wanted, request.text)
        case "subject":
            return says(wanted, request.subject or "")
        case "tier":
            return facts.tier in listed(wanted)
        case "language":
            return any(speaks(one, facts.language) for one in listed(wanted))
        case "sender":
            return any(from_sender(one, request.sender.address) for one in listed(wanted))
        case "call_outcome":
            return request.call is not None and request.call.outcome in listed(wanted)
        case "hours":
            return (wanted["desk"] == "open") is (facts.at.weekday() < 5)
        case "automatic" if isinstance(wanted, bool):
            return (request.automatic is not None) is wanted
        case "attributes":
            return all(
                compares(values, request.attributes.get(key), facts.at)
                if isinstance(values, dict)
                else any(same(request.attributes.get(key), one) for one in listed(values))
                for key, values in wanted.items()
            )
        case "condition":
            return any(holds(FRAME["conditions"][one], facts) for one in listed(wanted))
        case "sender_list":
            address = request.sender.address
            return any(from_sender(one, address) for one in FRAME["lists"]["senders"])
        case "recipient":
            return any(
                from_sender(one, to.address) for one in listed(wanted) for to in request.recipients
            )
        case "customer":
            return (
                (facts.customer is not None)
                if wanted is True
                else (facts.customer is None if wanted is False else facts.customer in wanted)
            )
        case "attachments":
            files = [
                one
                for one in request.attachments
                if isinstance(wanted, bool)
                or ("type" in wanted and one.media_type.startswith("image/"))
                or one.size > wanted.get("larger_than", inf)
            ]
            return bool(files) is (wanted is not False)
        case "previous_tickets":
            recent = [one for one in facts.previous if facts.at - one <= timedelta(days=2)]
            if isinstance(wanted, bool):
                return bool(facts.previous) is wanted
            if "within" in wanted:
                return bool(recent)
            count = len(facts.previous)
            least, most = wanted.get("at_least", 0), wanted.get("at_most", 99)
            return bool(least <= count <= most)
        case "queues":
            state = facts.queues.get("one" if "one" in wanted else "two")
            if state is None:
                return False
            if "one" in wanted:
                return state.tickets >= 2
            return state.oldest is not None and facts.at - state.oldest >= timedelta(hours=1)
        case "cel":
            amount = request.attributes.get("amount")
            said: dict[str, bool] = {
                "length(text) > 3": len(request.text) > 3,
                "attributes.amount == 7": isinstance(amount, int | float)
                and not isinstance(amount, bool)
                and amount == 7,
                "tier == 'vip'": facts.tier == "vip",
            }  # fmt: skip
            return said[wanted]
        case _:
            return getattr(request, name) in listed(wanted)


def same(one: Any, other: Any) -> bool:
    """True is not 1, 7 is "7"."""
    scalar = isinstance(one, str | int | float)
    return scalar and written(one) == written(other)


def written(value: Any) -> str:
    """A value as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def compares(wanted: dict[str, Any], value: Any, at: datetime) -> bool:
    """A comparison of an attribute: all that it says."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    texts = [plain_fold(written(one)) for one in items]
    number = None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        number = float(value) if re.fullmatch(r"\d+", str(value)) else None
    aged = isinstance(value, str) and value.startswith("2026-")
    age = at - datetime.fromisoformat(value) if aged else None
    said: dict[str, Callable[[Any], bool]] = {
        "present": lambda it: (value is not None) is it,
        "is_not": lambda it: not any(written(x) == written(y) for x in items for y in listed(it)),
        "contains": lambda it: any(plain_fold(it) in one for one in texts),
        "starts_with": lambda it: any(one.startswith(plain_fold(it)) for one in texts),
        "more_than": lambda it: number is not None and number > it,
        "at_least": lambda it: number is not None and number >= it,
        "less_than": lambda it: number is not None and number < it,
        "at_most": lambda it: number is not None and number <= it,
        "older_than": lambda _: age is not None and age > timedelta(days=1),
        "newer_than": lambda _: age is not None and age <= timedelta(days=1),
    }
    return all(said[name](it) for name, it in wanted.items())


def plain_decision(routes: list[dict[str, Any]], facts: Facts) -> dict[str, Any]:
    """What a loop over the routes decides."""
    decided: dict[str, Any] = {"priority": 0, "skills": {}, "tags": [], "sla": None, "type": None}
    for route in routes:
        begun = facts.at >= datetime.fromisoformat(route.get("from", "2000-01-01T00:00:00Z"))
        over = facts.at >= datetime.fromisoformat(route.get("until", "3000-01-01T00:00:00Z"))
        if over or not begun or not holds(route.get("when", {}), facts):
            continue
        action = route["then"]
        decided |= {
            key: action[key] for key in ("queue", "priority", "sla", "type") if key in action
        }
        decided["skills"] |= action.get("skills", {})
        decided["tags"] += [tag for tag in action.get("tags", []) if tag not in decided["tags"]]
        if not action.get("continue"):
            decided["rule"] = route["id"]
            break
    decided["tags"] = tuple(dict.fromkeys(decided["tags"]))
    if facts.tier == "vip":
        decided["priority"] = min(9, decided["priority"] + 2)
        decided["sla"] = decided["sla"] or "vips"
    decided["sla"] = decided["sla"] or ("usual" if decided["type"] else None)
    return decided


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
    decision = decide(made.compiled, facts)
    expected = plain_decision(made.routes, facts)
    got = {key: getattr(decision, key) for key in expected}
    assert got == expected, f"{made}\n{facts.request}\n{got}\n{expected}"


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
