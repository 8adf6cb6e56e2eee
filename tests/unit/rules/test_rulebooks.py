"""Right and wrong rulebooks, a file each: a wrong one's first line is the error it must make."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rules.index import compile_rulebook
from rules.load import RulebookError, load, version
from rules.model import Rulebook

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
GOOD = sorted((HERE / "good").glob("*.yaml"))
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
    assert errors({"routes.yaml": text}) == [f"routes.yaml:{expected}"]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_right_rulebook_is_taken(path: Path) -> None:
    """What is right makes no error."""
    files = {
        "routes.yaml": path.read_text(encoding="utf-8"),
        "calendars/2027.yaml": OVERLAY,
        "lists/senders.csv": "name,address\nWang,wang@shop.example\n",
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
        ("routes: {}", "b.yaml:1:1: routes: another file has it as something else"),
        ("queues: [lost]", "b.yaml:1:1: queues: another file has it as something else"),
        ("just words", "b.yaml:1:1: expected sections: `routes:` …"),
        ("queues: {", "b.yaml:2:1: not YAML: did not find expected node content"),
    ],
)
def test_files_that_contradict_each_other(more: str, expected: str) -> None:
    """What two files say differently is an error that names both places."""
    assert errors({"a.yaml": SMALLEST, "b.yaml": more})[0].startswith(expected)


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
