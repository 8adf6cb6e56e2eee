"""YAML as plain data with the place of everything: file, line, column.

PyYAML's composer gives nodes with marks; nothing is constructed from tags, duplicate keys are
errors, and aliases are refused beyond a bound (a YAML bomb is a few lines of them).
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_ALIASES = 100
MAX_ALIASED = 10_000
"""So many values may stand there by aliases: what they name, counted each time."""
MAX_DEPTH = 50
MAX_NODES = 2_000_000

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "binary")
)

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
        nodes = _bounded(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        if node is not None:
            document.data = _Reader(document, nodes + MAX_ALIASED).plain(node, (), 0)
    except _TooMuch as error:
        document.problems.append(_at(file, error.mark, f"not a rulebook: {error}"))
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax(file, text, error))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        said = f"not YAML: the character {chr(error.character)!r} is not allowed"
        document.problems.append(Problem(file, line, column, said))
    return document


class _TooMuch(Exception):
    """The file has more aliases, values or depth than a rulebook needs."""

    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.mark = mark


def _at(file: str, mark: Any, message: str) -> Problem:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(file, line, column, message)


def _syntax(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or "not understood"
    lines = text.splitlines()
    if mark and mark.line < len(lines) and lines[mark.line][mark.column :].startswith("\t"):
        said = "a tab; indent with spaces"
    elif error.context and error.context_mark:
        said += f" ({error.context} that begins in line {error.context_mark.line + 1})"
    return _at(file, mark, f"not YAML: {said}")


def _bounded(text: str) -> int:
    """The number of values. Raises `_TooMuch` for aliases and depth that no rulebook needs."""
    aliases = depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        nodes += isinstance(event, yaml.NodeEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if aliases > MAX_ALIASES or depth > MAX_DEPTH or nodes > MAX_NODES:
            too_many = "aliases" if aliases > MAX_ALIASES else "values, or levels of them"
            raise _TooMuch(f"too many {too_many}", event.start_mark)
    return nodes


class _Reader:
    """Turns nodes into plain data and notes where each stands."""

    def __init__(self, document: Document, max_places: int) -> None:
        self._document = document
        self._constructor = yaml.SafeLoader("")
        self._max_places = max_places

    def plain(self, node: yaml.Node, path: Path, depth: int) -> Any:
        """The node's value. Aliases are expanded, as far as `MAX_ALIASED` allows."""
        if depth > MAX_DEPTH or len(self._document.places) >= self._max_places:
            raise _TooMuch("aliases that contain themselves, or each other", node.start_mark)
        self._document.places[path] = self._place(node)
        if node.tag not in _PLAIN_TAGS:
            self._wrong(node, f"a rulebook has no tags such as {node.tag!r}")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.plain(item, (*path, index), depth + 1) for index, item in enumerate(node.value)
            ]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged += self._merged(value_node)
            elif not isinstance(key_node, yaml.ScalarNode):
                self._wrong(key_node, "expected a name before the colon")
            elif key_node.value in data:
                first = self._document.keys[(*path, key_node.value)]
                said = f"{key_node.value!r} stands twice (first in line {first.line})"
                self._wrong(key_node, said)
            else:
                self._take(data, key_node, value_node, path, depth)
        for key_node, value_node in merged:
            if key_node.value not in data:
                self._take(data, key_node, value_node, path, depth)
        return data

    def _take(
        self, data: dict[str, Any], key: yaml.Node, value: yaml.Node, path: Path, depth: int
    ) -> None:
        inner = (*path, key.value)
        self._document.keys[inner] = self._place(key)
        data[key.value] = self.plain(value, inner, depth + 1)

    def _merged(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        """The pairs of `<<: *alias`, or of several: the first has precedence."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self._wrong(node, "`<<` merges mappings")
                continue
            plain = [pair for pair in source.value if isinstance(pair[0], yaml.ScalarNode)]
            pairs += [pair for pair in plain if pair[0].tag != "tag:yaml.org,2002:merge"]
        return pairs

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary"}:
            return node.value
        try:
            return self._constructor.construct_object(node)
        except (ValueError, LookupError):  # a tag that the text does not fit: `!!int gold`
            self._wrong(node, f"{node.value[:40]!r} is not what its tag or form says")
            return None

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(self._document.file, mark.line + 1, mark.column + 1)

    def _wrong(self, node: yaml.Node, message: str) -> None:
        self._document.problems.append(problem(self._place(node), message))
