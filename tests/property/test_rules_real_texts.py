"""On every real text the index decides what a plain loop over the routes decides."""

import csv
import json
import re
import runpy
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from channels.defaults import fill
from channels.formats import Options, read_email
from channels.parsed import Unreadable
from channels.request import CustomerRequest
from router.rulebook_files import read_folder
from rules.decide import decide
from rules.decision import Facts
from rules.index import compile_rulebook
from rules.textfold import fold
from tests.plain_rules import PlainRules, agrees, plain_data, plain_fold

ROOT = Path(__file__).resolve().parents[2]
INTENTS: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "intent-cases"))
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)
OPTIONS = Options(received_at=MONDAY)

pytestmark = pytest.mark.shared_data


# -- the texts


def labelled(folder: Path) -> Iterator[str]:
    """Every labelled text of the sets of messages, and the complaints of New York as filed."""
    for readers in INTENTS["SETS"].values():
        for reader in readers:
            yield from (text for text, _ in reader(folder))
    with (folder / "nyc311_animal_complaints_3000.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield "\n".join(filter(None, list(row.values())[4:]))


def others(folder: Path) -> Iterator[str]:
    """What stands in the files of the other channels and in the tables of cases."""
    for part in ("sms", "chat", "hotline", "cases"):
        for path in sorted(filter(Path.is_file, (folder / part).rglob("*"))):
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            for document in [text] if path.suffix == ".json" else text.splitlines():
                try:
                    yield from strings(json.loads(document))
                except ValueError:
                    yield document


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def mails(folder: Path) -> Iterator[CustomerRequest]:
    """Every mail that can be read."""
    for path in sorted(filter(Path.is_file, folder.rglob("*"))):
        for _, found in read_email(BytesIO(path.read_bytes()), OPTIONS):
            if not isinstance(found, Unreadable):
                yield found.request


CHANNELS = ("email", "sms", "chat", "hotline")
OUTCOMES = (None, "abandoned", "answered", "voicemail", None)
SURROUNDINGS: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {"attributes": {"form": "repair"}}, {"attributes": {"contract": "gold"}},
    {}, {"automatic": "auto-reply"}, {"sender": "wang@shop.example"}, {}, {"kind": "receipt"}, {},
)  # fmt: skip


def request(number: int, text: str, before: str) -> CustomerRequest:
    """A text as the request of one channel or another; every third has a subject."""
    document: dict[str, Any] = {
        "channel": CHANNELS[number % 4],
        "text": text,
        "external_id": str(number),
    }
    outcome = OUTCOMES[number % len(OUTCOMES)]
    if document["channel"] == "hotline" and outcome is not None:
        document |= {"call": {"id": str(number), "outcome": outcome}}
    if number % 3 == 0:
        document["subject"] = before
    return fill({**document, **SURROUNDINGS[number % len(SURROUNDINGS)]}, at=MONDAY)


def known(number: int, found: CustomerRequest) -> Facts:
    """What is known of a request, by turns: a tier or none, within business hours or not."""
    at = MONDAY + timedelta(hours=(0, 12)[number % 2])
    tier = ("standard", "vip", None)[number % 3]
    return Facts(request=found, at=at, tier=tier, language=found.language)


@pytest.fixture(scope="module")
def facts(shared_data: Path) -> list[Facts]:
    """All real texts as requests: the labelled ones, those of the other channels, the mails."""
    messages = list(dict.fromkeys(labelled(shared_data / "customer-messages")))
    assert len(messages) > 16_000
    texts = list(dict.fromkeys([*messages, *others(shared_data)]))
    assert len(texts) > len(messages) + 8_000
    before = ["", *texts]
    found = [request(number, text, before[number]) for number, text in enumerate(texts)]
    letters = list(mails(shared_data / "email"))
    assert len(letters) > 1_500
    return [known(number, one) for number, one in enumerate([*found, *letters])]


# -- the rulebooks


def of_folder(*steps: str) -> dict[str, str]:
    """A rulebook of the repository."""
    return read_folder(ROOT.joinpath(*steps))


def of_words(facts: list[Facts]) -> dict[str, str]:
    """A rulebook of words that stand in a few of the texts, asked for in all the ways there are."""
    counted = Counter(
        word
        for one in facts
        for word in set(re.findall(r"[^\W\d_]{2,12}", plain_fold(one.request.text[:2_000])))
    )
    rare = sorted(word for word, count in counted.items() if 3 <= count <= 60)
    words = [rare[index * len(rare) // WORDS] for index in range(WORDS)]
    # Neighbours in the alphabet would often be found together.
    words = [words[index * 7919 % WORDS] for index in range(WORDS)]
    lists = {f"list-{number}": words[number::97] for number in range(20)}
    taken = iter(words)
    routes = [route(number, list(islice(taken, 3))) for number in range(WORDS // 3)]
    data = FRAME | {
        "lists": lists,
        "routes": [*routes, {"id": "default", "then": {"queue": "one"}}],
    }
    return {"all.yaml": json.dumps(data, ensure_ascii=False)}


WORDS = 600
FRAME: dict[str, Any] = {
    "calendars": {"desk": {"timezone": "UTC", "hours": {"mon-fri": ["00:00-12:00"]}}},
    "slas": {name: {"calendar": "desk"} for name in ("fast", "slow", "vips", "usual", "least")},
    "pools": {"all": {"queues": ["one", "two", "three"]}},
    "queues": {"one": {}, "two": {}, "three": {}},
    "tiers": {"vip": {"priority": 2, "sla": "vips"}, "standard": {}},
    "types": {"matter": {"sla": "usual"}, "other": {}},
    "acks": {"thanks": {"email": "Thanks"}, "sorry": {"email": "Sorry"}},
    "defaults": {"type": "other", "priority": 1, "sla": "least", "ack": "thanks"},
}
WAYS: list[dict[str, Any]] = [
    {"text": {"keywords": ["{0}", "{1}", "{2}"]}},
    {"text": {"keywords": ["{0}*"]}, "channel": ["email", "chat", "sms"]},
    {"text": {"keywords": ["*{0}"], "lookalikes": True}},
    {"text": {"keywords": ["{0}"]}, "not": {"text": {"keywords": ["{1}*", "*e*"]}}},
    {"any": [{"subject": {"keywords": "{0}"}}, {"text": {"regex": "(?i){1}s?$"}}]},
    {"text": {"regex": ["\\b{0}", "^{1}"], "keywords": ["{2}"]}, "tier": ["vip", "standard"]},
    {"text": {"lists": ["list-{n}"], "lookalikes": True}, "subject": {"regex": "{0}|[a-f]{{5}}"}},
    {"all": [{"text": {"keywords": ["{0}", "{1}", "*{2}*"]}}, {"hours": {"desk": "open"}}]},
    {"text": {"lists": ["list-{n}"]}, "language": "zh"},
]
ACTIONS: list[dict[str, Any]] = [
    {"queue": "two", "type": "matter", "priority": 8},
    {"skills": {"zh": 2}, "tags": ["{0}", "a"], "continue": True},
    {"queue": "three", "sla": "fast", "ack": "sorry"},
    {"queue": "one", "ack": None, "tags": ["a"], "priority": 0},
    {"drop": "spam"},
    {"queue": "two", "sla": "slow", "skills": {"zh": 1, "en": 3}, "continue": True},
    {"priority": 5, "type": "matter", "ack": None, "continue": True},
]


def route(number: int, words: list[str]) -> dict[str, Any]:
    """A route in one of the ways, with one of the actions; the words are put in."""
    made = {"when": WAYS[number % len(WAYS)], "then": ACTIONS[number % len(ACTIONS)]}
    filled = _with(made, words, number % 20)
    assert isinstance(filled, dict)
    return {"id": f"r{number}", **filled}


def _with(value: Any, words: list[str], number: int) -> Any:
    if isinstance(value, str):
        return value.format(*words, n=number)
    if isinstance(value, dict):
        return {key: _with(one, words, number) for key, one in value.items()}
    return [_with(one, words, number) for one in value] if isinstance(value, list) else value


# -- the agreement


def test_real_texts_fold_as_defined(facts: list[Facts]) -> None:
    """The tables and short cuts of folding change no real text from its definition."""
    texts = {one.request.text for one in facts} | {one.request.subject or "" for one in facts}
    assert [text for text in texts if fold(text).text != plain_fold(text)] == []


@pytest.mark.slow
@pytest.mark.parametrize("book", ["intents", "example", "words"])
def test_index_agrees_with_loop_on_real_texts(book: str, facts: list[Facts]) -> None:
    """Queue, type, priority, skills, tags, SLA, acknowledgement and rule are the same on each."""
    files = {
        "intents": lambda: of_folder("examples", "intents", "rulebook"),
        "example": lambda: of_folder("rules", "example", "rulebook"),
        "words": lambda: of_words(facts),
    }[book]()
    compiled = compile_rulebook(files)
    plain = PlainRules(
        plain_data(files), files, is_open=lambda name, at: compiled.calendars[name].is_open(at)
    )
    reached = set()
    for one in facts:
        decision = decide(compiled, one)
        differ = agrees(plain, decision, one)
        assert differ is None, f"{one.request}\n{differ}"
        reached |= {decision.rule, *decision.explanation["continued"]}
    assert len(reached) > 0.7 * len(compiled.rulebook.routes)
