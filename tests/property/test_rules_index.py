"""The index decides as a plain loop over the routes does."""

import json
import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import opencc
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.defaults import fill
from rules.decide import decide
from rules.decision import Facts
from rules.index import Compiled, compile_rulebook
from rules.matcher import Keywords
from rules.textfold import fold

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SUNDAY_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

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
MATCHES = st.fixed_dictionaries(
    {"keywords": st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)},
    optional={"regex": some(PATTERNS)},
) | st.fixed_dictionaries({"regex": some(PATTERNS)})
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
        st.sampled_from(["form", "amount"]), some(["repair", 7, True]), min_size=1, max_size=2
    ),
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
        "sender": st.sampled_from(ADDRESSES),
        "automatic": st.sampled_from(["dsn", "list", "bulk"]),
        "call": st.sampled_from(["abandoned", "answered", "failed"]).map(
            lambda outcome: {"id": "1", "outcome": outcome}
        ),
        "attributes": st.dictionaries(
            st.sampled_from(["form", "amount"]), st.sampled_from(["repair", 7, 8, True, "x"])
        ),
    },
)


@st.composite
def rulebooks(draw: st.DrawFn) -> tuple[list[dict[str, Any]], Compiled]:
    """Routes as plain data, and the rulebook that they make."""
    drawn = draw(st.lists(st.tuples(conditions(), ACTIONS), max_size=5))
    routes = [{"id": f"r{n}", "when": when, "then": then} for n, (when, then) in enumerate(drawn)]
    routes.append({"id": "default", "then": {"queue": "one"}})
    return routes, compile_rulebook({"all.yaml": json.dumps(FRAME | {"routes": routes})})


FRAME = {
    "calendars": {"desk": {"timezone": "UTC", "hours": {"mon-fri": ["00:00-24:00"]}}},
    "slas": {name: {"calendar": "desk"} for name in ("fast", "slow", "vips", "usual")},
    "pools": {"all": {"queues": ["one", "two"]}},
    "queues": {"one": {}, "two": {}},
    "tiers": {"vip": {"priority": 2, "sla": "vips"}, "standard": {}},
    "types": {"matter": {"sla": "usual"}},
}


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


def has_keyword(text: str, keyword: str) -> bool:
    """A Latin keyword as a whole word, a Chinese one anywhere."""
    wanted = plain_fold(keyword).strip()
    latin = r"[^\W⺀-\uffff\U00010000-\U0010ffff]"
    before = rf"(?<!{latin})" if re.match(latin, wanted) else ""
    after = rf"(?!{latin})" if re.match(latin, wanted[-1]) else ""
    return re.search(before + re.escape(wanted) + after, plain_fold(text)) is not None


def listed(value: Any) -> list[Any]:
    """One as a list of one."""
    return value if isinstance(value, list) else [value]


def says(match: dict[str, Any], text: str) -> bool:
    """A text condition."""
    return any(has_keyword(text, keyword) for keyword in match.get("keywords", [])) or any(
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
                any(same(request.attributes.get(key), one) for one in listed(values))
                for key, values in wanted.items()
            )
        case _:
            return getattr(request, name) in listed(wanted)


def same(one: Any, other: Any) -> bool:
    """True is not 1."""
    return type(one) is type(other) and one == other


def plain_decision(routes: list[dict[str, Any]], facts: Facts) -> dict[str, Any]:
    """What a loop over the routes decides."""
    decided: dict[str, Any] = {"priority": 0, "skills": {}, "tags": [], "sla": None, "type": None}
    for route in routes:
        if not holds(route.get("when", {}), facts):
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


@settings(max_examples=300, deadline=None)
@given(
    made=rulebooks(),
    documents=st.lists(REQUESTS, min_size=1, max_size=4),
    tier=st.sampled_from(["vip", "standard", None]),
    language=st.sampled_from(["zh-Hans", "zh-Hant", "en", "en-GB", None]),
    at=st.sampled_from([MONDAY_NOON, SUNDAY_NOON]),
)
def test_index_agrees_with_loop(
    made: tuple[list[dict[str, Any]], Compiled],
    documents: list[dict[str, Any]],
    tier: str | None,
    language: str | None,
    at: datetime,
) -> None:
    """Whatever the routes and the request, the index decides what a loop over them decides."""
    routes, compiled = made
    for document in documents:
        request = fill(document, at=at)
        facts = Facts(request=request, at=at, tier=tier, language=language)
        decision = decide(compiled, facts)
        expected = plain_decision(routes, facts)
        assert {key: getattr(decision, key) for key in expected} == expected


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
def test_spans_show_what_matched(
    made: tuple[list[dict[str, Any]], Compiled], document: dict[str, Any]
) -> None:
    """Every span of an explanation is a piece of the original text that has what was looked for."""
    request = fill(document, at=MONDAY_NOON)
    explanation = decide(made[1], Facts(request=request, at=MONDAY_NOON)).explanation
    for span in explanation["spans"]:
        original = request.text if span["field"] == "text" else request.subject or ""
        assert original[span["start"] : span["end"]] == span["text"]
        assert any(plain_fold(word).strip() in plain_fold(span["text"]) for word in WORDS) or any(
            re2_finds(pattern, span["text"]) for pattern in PATTERNS
        )
    assert json.loads(json.dumps(explanation)) == explanation
