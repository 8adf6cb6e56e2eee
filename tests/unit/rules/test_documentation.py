"""Every field of the rulebook is documented, and seen by a test."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from rules import aftercare, contacts, model, people, service_levels, when
from rules.decide import CANDIDATES_SHOWN, OVERRIDDEN_SHOWN, SPAN_CHARACTERS, SPANS_SHOWN
from rules.expressions import VARIABLES as VARIABLES_OF_EXPRESSIONS
from rules.load import load
from rules.lookup import MAX_TEXT_CHARACTERS
from rules.templates import VARIABLES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "rulebook-reference.md").read_text(encoding="utf-8")
HOMES = (aftercare, contacts, model, people, service_levels, when)
"""The modules that define entries."""
EVERYTHING = (Path(__file__).parent / "good" / "everything.yaml").read_text(encoding="utf-8")


def entries() -> list[type[BaseModel]]:
    """All kinds of mappings that a rulebook is made of; what they share is none by itself."""
    found = [one for home in HOMES for one in vars(home).values() if isinstance(one, type)]
    return [
        one
        for one in found
        if issubclass(one, BaseModel) and one.model_fields and not one.__subclasses__()
    ]


FIELDS = sorted(
    {
        (one.__name__, field.alias or name)
        for one in entries()
        for name, field in one.model_fields.items()
    }
)


@pytest.mark.parametrize(("entry", "field"), FIELDS)
def test_every_field_is_documented(entry: str, field: str) -> None:
    """Each field of each entry has a row with its description in the reference."""
    section = REFERENCE.split(f"## {entry}\n")[1].split("\n## ")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| `{field}` |"))
    assert row.split("|")[-2].strip()


@pytest.mark.parametrize("name", VARIABLES_OF_EXPRESSIONS)
def test_every_variable_of_expressions_is_documented(name: str) -> None:
    """Each name that an expression may use stands in docs/rules.md."""
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_documented(name: str) -> None:
    """Each variable of the templates stands in the table."""
    assert f"| `{name}` |" in PAGE


def test_bounds_are_as_documented() -> None:
    """The numbers of the page are those of the code."""
    text = " ".join(PAGE.split())
    assert f"The first {MAX_TEXT_CHARACTERS:,} characters are looked at" in text
    assert f"the first {CANDIDATES_SHOWN} are shown" in text
    assert f"at most {SPANS_SHOWN}, each shown to {SPAN_CHARACTERS} characters" in text
    assert f"(at most {OVERRIDDEN_SHOWN})" in text


def seen(value: Any) -> Iterator[tuple[str, str]]:
    """The fields that are written in a rulebook, with their entries."""
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            field = type(value).model_fields[name]
            yield type(value).__name__, field.alias or name
            yield from seen(getattr(value, name))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from seen(item)


def test_everything_has_every_field() -> None:
    """The rulebook of the tests that shows all fields shows all fields."""
    senders = "address\nwang@shop.example\n"
    files = {"a.yaml": EVERYTHING, "calendars/2027.yaml": "", "lists/senders.csv": senders}
    assert sorted(set(seen(load(files)))) == FIELDS


def test_links_lead_somewhere() -> None:
    """Relative links of the page are files of the repository."""
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
