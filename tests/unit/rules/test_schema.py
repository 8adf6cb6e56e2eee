"""The JSON Schema that editors check a rulebook's files by says what the program says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from router.contracts import schemas
from rules.source import read

ROOT = Path(__file__).parents[3]
GOOD = [
    *(Path(__file__).parent / "good").glob("*.yaml"),
    *(ROOT / "rules" / "example" / "rulebook").glob("*.yaml"),
    *(ROOT / "examples" / "intents" / "rulebook").glob("*.yaml"),
]
VALIDATOR = Draft202012Validator(schemas()["rulebook"])


def wrong(text: str) -> list[str]:
    """What an editor would mark, as paths."""
    data: Any = json.loads(json.dumps(read("a.yaml", text).data))
    return sorted("/".join(map(str, one.absolute_path)) for one in VALIDATOR.iter_errors(data))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_right_files_are_right_for_editors(path: Path) -> None:
    """Nothing is marked in a file that is right, whole or a part of a rulebook."""
    assert wrong(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("slass: {}", ""),
        ("routes: [{id: A, then: {}}]", "routes/0/id"),
        ("routes: [{id: a, then: {queu: x}}]", "routes/0/then"),
        ("routes: [{id: a, when: {channel: fax}, then: {}}]", "routes/0/when"),
        ("queues: {a: {offer_timeout: soon}}", "queues/a/offer_timeout"),
        ("tiers: {vip: {priority: 12}}", "tiers/vip/priority"),
        ("slas: {a: {calendar: x, warn: [120%]}}", "slas/a/warn/0"),
        ("lists: {a: 7}", "lists/a"),
        ("include: {a: b}", "include"),
    ],
)
def test_mistakes_are_marked(text: str, path: str) -> None:
    """What the program refuses by its form alone, the editor marks where it stands."""
    (found,) = wrong(text)
    assert found == path
