"""Whatever is done to a rulebook's text, it is taken or refused with places: never a traceback."""

import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.index import compile_rulebook
from rules.lint import lint
from rules.load import RulebookError
from rules.source import Problem, read

EVERYTHING = Path(__file__).parents[1] / "unit" / "rules" / "good" / "everything.yaml"
TEXT = EVERYTHING.read_text(encoding="utf-8")
DATA: dict[str, Any] = yaml.load(TEXT, Loader=yaml.BaseLoader)  # noqa: S506 - only strings
OVERLAY = {"calendars/2027.yaml": "2027-02-07: work\n"}
PIECES = [
    "",
    "- ",
    ": ",
    "{",
    "]",
    "*x",
    "&x ",
    "!!int ",
    "<<: ",
    "\t",
    "\n",
    "'",
    "投",
    "\x00",
    "#",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["zh", "1h", "q", "billing", "email", "[", "{{", "a.txt", "09:00-12:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip


def taken_or_refused(text: str) -> None:
    """Compile and lint; every problem has a place in the text."""
    lines = text.count("\n") + 2
    for one in problems(text):
        assert one.file == "a.yaml"
        assert 1 <= one.line <= lines
        assert one.column >= 1


def problems(text: str) -> list[Problem]:
    """The errors, or where there are none the warnings."""
    files = {"a.yaml": text, **OVERLAY}
    try:
        compile_rulebook(files)
    except RulebookError as error:
        return error.problems
    return lint(files)


@settings(max_examples=150, deadline=None)
@given(
    start=st.integers(0, len(TEXT)),
    length=st.integers(0, 12),
    instead=st.sampled_from(PIECES) | st.text(max_size=3),
)
def test_damaged_text(start: int, length: int, instead: str) -> None:
    """A piece of the text cut out, and something else in its place."""
    taken_or_refused(TEXT[:start] + instead + TEXT[start + length :])


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every place of a document: the mapping or list, and the key or index in it."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    found = []
    for key, value in list(items) if isinstance(data, dict | list) else ():
        found.append((data, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


@settings(max_examples=200, deadline=None)
@given(where=st.integers(0, len(places(DATA)) - 1), value=VALUES)
def test_any_value_anywhere(where: int, value: Any) -> None:
    """Any one value of a rulebook replaced by any other."""
    document = json.loads(json.dumps(DATA))
    holder, key = places(document)[where]
    holder[key] = value
    taken_or_refused(yaml.safe_dump(document, allow_unicode=True))


@given(st.text())
def test_any_text(text: str) -> None:
    """Reading says what is wrong, and does not raise."""
    document = read("a.yaml", text)
    assert document.problems or document.data is None or document.places
