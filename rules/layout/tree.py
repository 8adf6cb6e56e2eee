"""A YAML file as a tree that knows every comment: what a layout is made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from rules.layout.comments import attach, comments, is_blank
from rules.layout.nodes import Comment, Item, Node, Position, Unfaithful, position

_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


@dataclass(slots=True)
class Tree:
    """A file: its value, and whether an order of fields can be changed (no anchors, no aliases)."""

    root: Node | None
    can_sort: bool
    comments: list[Comment]


def parse(text: str) -> Tree:
    """The file as a tree. The text is right YAML. Raises `Unfaithful`."""
    text = text.replace("\r\n", "\n")
    if _BREAKS.search(text):
        raise Unfaithful("it has line ends that are not line feeds")
    builder = _Builder(text)
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    roots = [builder.node(event, events, None) for event in events if _is_content(event)]
    found = list(comments(text))
    if not roots:
        return Tree(None, can_sort=False, comments=found)
    attach(found, roots[0])
    return Tree(roots[0], can_sort=not builder.has_anchors, comments=found)


def comments_of(text: str) -> list[str]:
    """The comments of a file, in its order."""
    return [one.text for one in comments(text.replace("\r\n", "\n"))]


def _is_content(event: yaml.Event) -> bool:
    if isinstance(event, yaml.DocumentStartEvent) and (event.version or event.tags):
        raise Unfaithful("it has directives (%YAML, %TAG)")
    return isinstance(event, yaml.NodeEvent)


class _Builder:
    """Events -> nodes."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._resolve: Any = yaml.resolver.Resolver().resolve
        self.has_anchors = False

    def node(self, event: Any, events: Iterator[Any], above: Item | None) -> Node:
        """The node that begins with `event`."""
        start, end = position(event.start_mark), position(event.end_mark)
        if isinstance(event, yaml.AliasEvent):
            self.has_anchors = True
            return Node("alias", start, end, text=f"*{event.anchor}")
        properties = self._properties(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, properties)
        kind: Literal["mapping", "list"] = (
            "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
        )
        found = Node(kind, start, None, properties, flow=bool(event.flow_style))
        while not isinstance(inner := next(events), yaml.CollectionEndEvent):
            found.items.append(self._item(found, inner, events, above))
        found.end = position(inner.end_mark) if found.flow else None
        return found

    def _item(self, holder: Node, event: Any, events: Iterator[Any], above: Item | None) -> Item:
        number, column = position(event.start_mark)
        first = not self._lines[number][:column].strip(" -")
        item = Item(None, holder, holder, above, blank=first and is_blank(self._lines, number))
        if holder.kind == "mapping":
            item.key = self.node(event, events, item)
            event = next(events)
        item.value = self.node(event, events, item)
        return item

    def _properties(self, event: Any) -> str:
        """The anchor and the tag, as they are written before the value."""
        self.has_anchors = self.has_anchors or event.anchor is not None
        explicit = event.implicit is False or event.implicit == (False, False)
        tag = event.tag.replace("tag:yaml.org,2002:", "!!") if explicit and event.tag else ""
        return (f"&{event.anchor} " if event.anchor else "") + (f"{tag} " if tag else "")

    def _scalar(self, event: Any, properties: str) -> Node:
        start, end = position(event.start_mark), position(event.end_mark)
        raw = _slice(self._lines, start, end)
        if properties:
            raw = _PROPERTIES.sub("", raw, count=1) if _PROPERTIES.match(raw) else ""
        plain = event.style is None
        tag = self._resolve(yaml.ScalarNode, event.value, (plain, not plain))
        is_string = tag == "tag:yaml.org,2002:str"
        return Node("scalar", start, end, properties, raw, event.value, is_string)


def _slice(lines: list[str], start: Position, end: Position) -> str:
    if start[0] == end[0]:
        return lines[start[0]][start[1] : end[1]]
    between = lines[start[0] + 1 : end[0]]
    last = lines[end[0]][: end[1]] if end[0] < len(lines) else ""
    return "\n".join((lines[start[0]][start[1] :], *between, last))
