"""Right and wrong rulebooks, a file each: a wrong one's first line is the error it must make."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rules.index import compile_rulebook
from rules.load import RulebookError, load, version
from rules.model import Rulebook

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
GOOD = sorted((HERE / "good").glob("*.yaml"))
SENDERS = "name,address\nWang,wang@shop.example\n"
OVERLAY = "2027-02-07: work\n2027-02-08: off\n"
SMALLEST = (HERE / "good" / "smallest.yaml").read_text(encoding="utf-8")


def errors(files: Mapping[str, str]) -> list[str]:
    """What is wrong with the files, a line each."""
    with pytest.raises(RulebookError) as caught:
        compile_rulebook(files)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_wrong_rulebook_makes_one_error_that_says_where_and_what(path: Path) -> None:
    """A mistake makes one error: the place of it, what was expected, what is there."""
    text = path.read_text(encoding="utf-8")
    expected = text.splitlines()[0].removeprefix("# ")
    files = {"routes.yaml": text, "lists/senders.csv": SENDERS}
    assert errors(files) == [f"routes.yaml:{expected}"]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_right_rulebook_is_taken(path: Path) -> None:
    """What is right makes no error."""
    files = {
        "routes.yaml": path.read_text(encoding="utf-8"),
        "calendars/2027.yaml": OVERLAY,
        "lists/senders.csv": SENDERS,
    }
    assert compile_rulebook(files).index.routes


def test_there_are_examples_of_both() -> None:
    """The folders are found: no test passes because there is nothing to test."""
    assert len(BAD) > 80
    assert len(GOOD) > 3


def test_every_mistake_is_said_at_once() -> None:
    """Three mistakes make three errors, in the order of their lines."""
    text = SMALLEST + "slass: {}\ntiers: {vip: {priority: 12}}\npresence: {lease: soon}\n"
    assert [line.split(": ")[1] for line in errors({"a.yaml": text})] == [
        "slass",
        "tiers.vip.priority",
        "presence.lease",
    ]


def test_files_are_united() -> None:
    """Sections may be spread over files; routes follow each other in the order of file names."""
    book = load(
        {
            "10-routes.yaml": "routes: [{id: a, when: {channel: sms}, then: {queue: lost}}]",
            "20-default.yaml": "routes: [{id: default, then: {queue: billing}}]",
            "queues.yaml": "queues: {billing: {}}\npools: {service: {queues: [billing, lost]}}",
            "more.yml": "queues: {lost: {}}",
            "notes.txt": "not YAML: [",
            "calendars/2027.yaml": "not: a rulebook",
        }
    )
    assert [route.id for route in book.routes] == ["a", "default"]
    assert set(book.queues) == {"billing", "lost"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "queues: {billing: {}}",
            "b.yaml:1:10: queues: 'billing' stands twice (first in a.yaml:3)",
        ),
        ("routes: {}", "b.yaml:1:9: routes: expected a list (it is {})"),
        (
            "queues: [lost]",
            "b.yaml:1:9: queues: expected names with their settings (`name: …`) (it is ['lost'])",
        ),
        ("just words", "b.yaml:1:1: expected sections: `routes:` …"),
        ("queues: {", "b.yaml:2:1: not YAML: did not find expected node content"),
    ],
)
def test_files_that_contradict_each_other(more: str, expected: str) -> None:
    """What two files say differently is an error that names both places."""
    assert errors({"a.yaml": SMALLEST, "b.yaml": more})[0].startswith(expected)


MISFITS: dict[str, tuple[str, str, list[str]]] = {
    "an empty section": (
        "lists:\n",
        "lists: {bad: [damn]}",
        ["b.yaml:1:7: lists: expected names with their settings (`name: …`) (it is empty)"],
    ),
    "two of them": (
        "lists:\n",
        "lists:\n",
        [
            "b.yaml:1:7: lists: expected names with their settings (`name: …`) (it is empty)",
            "c.yaml:1:7: lists: expected names with their settings (`name: …`) (it is empty)",
        ],
    ),
    "an empty section of settings": (
        "presence:",
        "presence: {lease: 1m}",
        ["b.yaml:1:10: presence: expected settings (`name: …`) (it is empty)"],
    ),
    "a tag": (
        "lists: !other {}",
        "lists: {bad: [damn]}",
        ["b.yaml:1:8: a rulebook has no tags such as '!other'"],
    ),
    "a word": (
        "tiers: vip",
        "tiers: {vip: {}}",
        ["b.yaml:1:8: tiers: expected names with their settings (`name: …`) (it is 'vip')"],
    ),
    "a section that there is not": (
        "tires:",
        "tires: {}",
        [
            "b.yaml:1:1: tires: unknown field; did you mean 'tiers'?",
            "c.yaml:1:1: tires: unknown field; did you mean 'tiers'?",
        ],
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_section_is_wrong_in_the_file_where_it_is(name: str) -> None:
    """The file that has it right is not blamed, whichever is read first, and nothing else said."""
    one, other, expected = MISFITS[name]
    assert errors({"a.yaml": SMALLEST, "b.yaml": one, "c.yaml": other}) == expected
    turned = errors({"a.yaml": SMALLEST, "c.yaml": one, "b.yaml": other})
    assert sorted(line.partition(": ")[2] for line in turned) == sorted(
        line.partition(": ")[2] for line in expected
    )


def test_an_error_in_an_appended_list_is_in_its_own_file() -> None:
    """The second file's routes keep their places."""
    first = SMALLEST.replace("id: default, then: {queue: billing}", "id: a, then: {continue: true}")
    second = "routes:\n- {id: default, then: {queue: Q}}"
    said = errors({"a.yaml": first, "b.yaml": second})
    assert [line.split(": ")[0] for line in said] == ["b.yaml:2:31"]


@pytest.mark.parametrize("files", [{}, {"a.yaml": ""}, {"a.yaml": "# only a comment\n"}])
def test_an_empty_rulebook_is_an_error(files: dict[str, str]) -> None:
    """Nothing is no rulebook."""
    assert errors(files)[0].endswith(":1:1: the rulebook is empty")


def test_the_version_is_the_content() -> None:
    """The version depends on names and texts, not on the order in which files were read."""
    one = {"a.yaml": "x", "b.yaml": "y"}
    assert version(one) == version(dict(reversed(one.items())))
    assert version(one) != version({"a.yaml": "y", "b.yaml": "x"})
    assert len(version(one)) == 12


def test_the_shape_of_the_rulebook_is_a_json_schema() -> None:
    """Editors complete and check rulebooks by the exported schema, shorthands included."""
    schema = Rulebook.model_json_schema()
    channel = schema["$defs"]["Condition"]["properties"]["channel"]["anyOf"]
    assert [one["type"] for one in channel] == ["string", "array", "null"]


def nested(conditions: Mapping[str, Any], when: Mapping[str, Any] | None = None) -> str:
    """A rulebook with these named conditions."""
    routes = [{"id": "tried", "when": when or {"condition": "c0"}, "then": {"queue": "a"}}]
    return json.dumps(
        {
            "queues": {"a": {}},
            "pools": {"p": {"queues": ["a"]}},
            "conditions": conditions,
            "routes": [*routes, {"id": "default", "then": {"queue": "a"}}],
        }
    )


@pytest.mark.parametrize("order", [1, -1])
def test_conditions_inside_each_other_are_bounded_in_depth(order: int) -> None:
    """Twenty conditions may stand one inside the next, in whatever order they are written."""
    names = list(range(20))[::order]
    chain = {f"c{one}": {"condition": f"c{one + 1}"} for one in names} | {"c20": {"channel": "sms"}}
    found = errors({"a.yaml": nested(chain)})
    assert len(found) == 1
    assert "more than 20 conditions, each inside the next" in found[0]
    longer = {f"c{one}": {"condition": f"c{one + 1}"} for one in range(40)[::order]}
    assert "more than 20" in errors({"a.yaml": nested(longer | {"c40": {"channel": "sms"}})})[0]
    shorter = {"c0": {"condition": "c2"}} | {one: chain[one] for one in chain if one != "c0"}
    assert load({"a.yaml": nested(shorter)}).conditions


def test_conditions_inside_each_other_are_bounded_in_size() -> None:
    """A few lines that name each other twice would be tried a million times."""
    twice = {f"c{one}": {"all": [{"condition": f"c{one + 1}"}] * 2} for one in range(13)}
    found = errors({"a.yaml": nested(twice | {"c13": {"channel": "sms"}})})
    assert [one.split(": ", 1)[1] for one in found] == [
        "conditions.c0: 16,383 conditions in one, names filled in; at most 10,000",
        "routes.tried.when: 16,383 conditions in one, names filled in; at most 10,000",
    ]


@pytest.mark.parametrize(
    ("files", "order"),
    [
        ({"a.yaml": "include: [z.yaml, b.yaml]\n"}, ["z", "b", "default"]),
        ({"a.yaml": "include: z.yaml\n", "z.yaml": "include: [b.yaml]\n"}, ["b", "z", "default"]),
    ],
)
def test_included_files_come_before(files: dict[str, str], order: list[str]) -> None:
    """The order of routes is that of the includes: what is included comes before its includer."""
    texts = {
        "a.yaml": "queues: {a: {}}\npools: {p: {queues: [a]}}\n"
        "routes: [{id: default, then: {queue: a}}]",
        "b.yaml": "routes: [{id: b, when: {channel: sms}, then: {queue: a}}]",
        "z.yaml": "routes: [{id: z, when: {channel: chat}, then: {queue: a}}]",
    }
    book = load({name: files.get(name, "") + text for name, text in texts.items()})
    assert [route.id for route in book.routes] == order


def test_files_that_include_each_other_are_wrong() -> None:
    """A circle is named once, from its first file on; a file is included once."""
    smallest = {"z-default.yaml": SMALLEST}
    circle = {"c.yaml": "include: b.yaml", "b.yaml": "include: c.yaml", "d.yaml": "include: d.yaml"}
    assert errors(smallest | circle) == [
        "b.yaml:1:10: include: files that include each other: b.yaml -> c.yaml -> b.yaml",
        "d.yaml:1:10: include: files that include each other: d.yaml -> d.yaml",
    ]
    twice = {"b.yaml": "include: [d.yaml]", "c.yaml": "include: [d.yaml]", "d.yaml": "types: {}"}
    assert errors(smallest | twice) == [
        "c.yaml:1:11: include: 'd.yaml' is included by 'b.yaml' already"
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x" * 201, "words.txt:1: a word of 201 characters; at most 200"),
        ("# nothing\n\n", "words.txt: no words in it"),
        ("\n".join(map(str, range(200_001))), "words.txt:200001: more than 200,000 words"),
    ],
)
def test_lists_are_bounded(words: str, expected: str) -> None:
    """A list that is too much, or nothing, is an error with file and line."""
    text = SMALLEST + "lists: {words: {file: words.txt}}\n"
    found = errors({"a.yaml": text, "words.txt": words})
    assert [one.split(": ", 2)[2] for one in found] == [expected]
