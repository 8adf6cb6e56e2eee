"""YAML as plain data with the place of everything: file, line, column.

PyYAML's composer gives nodes with marks; nothing is constructed from tags, duplicate keys are
errors, and aliases are refused beyond a bound (a YAML bomb is a few lines of them).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_ALIASES = 100
MAX_DEPTH = 50
MAX_NODES = 2_000_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong, and where: `str` is `file:line:col: message`."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def problem(place: Place, message: str) -> Problem:
    """A problem at `place`."""
    return Problem(place.file, place.line, place.column, message)


@dataclass
class Document:
    """One file as plain data, with the place of each value, and of each key, by path."""

    file: str
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(file: str, text: str) -> Document:
    """Read one YAML file. What is wrong with it stands in `problems`; it does not raise."""
    document = Document(file)
    try:
        _bounded(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = error.problem or error.context or "not YAML"
        document.problems.append(Problem(file, line, column, f"not YAML: {said}"))
        return document
    except (yaml.YAMLError, _TooMuch, RecursionError) as error:
        document.problems.append(Problem(file, 1, 1, f"not YAML: {error}"))
        return document
    if node is not None:
        document.data = _Reader(document).plain(node, (), 0)
    return document


class _TooMuch(Exception):
    """The file has more aliases, nodes or depth than a rulebook needs."""


def _bounded(text: str) -> None:
    aliases = depth = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if aliases > MAX_ALIASES or depth > MAX_DEPTH or nodes > MAX_NODES:
            what = "aliases" if aliases > MAX_ALIASES else "nesting or values"
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _TooMuch(f"too many {what} (at line {line})")


class _Reader:
    """Turns nodes into plain data and notes where each stands."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._constructor = yaml.SafeLoader("")

    def plain(self, node: yaml.Node, path: Path, depth: int) -> Any:
        """The node's value. Aliases are expanded, up to the bounds checked before."""
        if depth > MAX_DEPTH * 2 or len(self._document.places) > MAX_NODES:
            self._wrong(node, "too much nesting: an alias that contains itself?")
            return None
        self._document.places[path] = self._place(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.plain(item, (*path, index), depth + 1) for index, item in enumerate(node.value)
            ]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(key_node, "expected a name before the colon")
                continue
            key = key_node.value
            if key in data:
                first = self._document.keys[(*path, key)]
                self._wrong(key_node, f"{key!r} stands twice (first in line {first.line})")
                continue
            self._document.keys[(*path, key)] = self._place(key_node)
            data[key] = self.plain(value_node, (*path, key), depth + 1)
        return data

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary"}:
            return node.value
        try:
            return self._constructor.construct_object(node)
        except yaml.YAMLError as error:
            self._wrong(node, f"cannot be read: {getattr(error, 'problem', error)}")
            return None

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(self._document.file, mark.line + 1, mark.column + 1)

    def _wrong(self, node: yaml.Node, message: str) -> None:
        self._document.problems.append(problem(self._place(node), message))


def merged(documents: Mapping[str, Document]) -> Document:
    """All files as one: sections are united, lists appended; the same id twice is a problem."""
    whole = Document("", data={})
    for document in documents.values():
        whole.problems += document.problems
        if document.data is None:
            continue
        if not isinstance(document.data, dict):
            whole.problems.append(Problem(document.file, 1, 1, "expected sections: `routes:` …"))
            continue
        for section, value in document.data.items():
            _merge(whole, document, section, value)
    return whole


def _merge(whole: Document, document: Document, section: str, value: Any) -> None:
    known = whole.data.get(section)
    if section not in whole.data:
        whole.data[section] = value
        _note(whole, document, (section,), (section,))
    elif isinstance(known, list) and isinstance(value, list):
        for index, item in enumerate(value):
            _note(whole, document, (section, index), (section, len(known)))
            known.append(item)
    elif isinstance(known, dict) and isinstance(value, dict):
        for key, item in value.items():
            path = (section, key)
            if key in known:
                first, here = whole.keys[path], document.keys[path]
                said = f"{section}: {key!r} stands twice (first in {first.file}:{first.line})"
                whole.problems.append(problem(here, said))
                continue
            known[key] = item
            _note(whole, document, path, path)
    else:
        here = document.keys[(section,)]
        whole.problems.append(problem(here, f"{section}: another file has it as something else"))


def _note(whole: Document, document: Document, old: Path, new: Path) -> None:
    """Take over the places of all that stands under `old`, as `new`."""
    for found, into in ((document.places, whole.places), (document.keys, whole.keys)):
        for path, place in found.items():
            if path[: len(old)] == old:
                into[new + path[len(old) :]] = place
