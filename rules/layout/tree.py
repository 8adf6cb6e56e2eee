"""A YAML file as a tree that knows every comment: what a layout is made of.

A comment in a line of its own belongs to what follows it; where it is indented more than that, to
the end of what stands before it. A comment behind something belongs to that. In a flow collection
the same holds inside it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

Position = tuple[int, int]
"""Line and column, from 0."""

_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


class Unfaithful(Exception):
    """The file has something that a new layout would not keep."""


@dataclass(slots=True, eq=False)
class Comment:
    """A comment, from its `#` on, `gap` columns behind what stands before it in its line.

    `blank`: the line before it is empty.
    """

    at: Position
    text: str
    gap: int
    blank: bool
    trailing: bool


@dataclass(slots=True, eq=False)
class Node:
    """A value. `text` is a scalar's, as it stands there; `end` is None where a block has none."""

    kind: Literal["alias", "scalar", "mapping", "list"]
    start: Position
    end: Position | None
    properties: str = ""
    text: str = ""
    value: str = ""
    is_string: bool = False
    flow: bool = False
    items: list["Item"] = field(default_factory=list)
    feet: list[Comment] = field(default_factory=list)

    @property
    def has_comments(self) -> bool:
        """Whether there is any comment in it, at any depth."""
        return bool(self.feet) or any(
            item.heads or item.behind or item.value.has_comments for item in self.items
        )

    @property
    def column(self) -> int:
        """Where the items of a block begin: its keys, or its dashes."""
        if not self.items:
            return self.start[1]
        first = self.items[0]
        return first.key.start[1] if first.key else max(first.value.start[1] - 2, 0)


@dataclass(slots=True, eq=False)
class Item:
    """A pair of a mapping or an item of a list, with the comments that are about it."""

    key: Node | None
    value: Node
    holder: Node
    above: "Item | None"
    blank: bool = False
    heads: list[Comment] = field(default_factory=list)
    behind: Comment | None = None

    @property
    def start(self) -> Position:
        """Where it begins."""
        return (self.key or self.value).start

    @property
    def name(self) -> str:
        """Its key; empty in a list."""
        return self.key.value if self.key else ""

    def say_above(self, comments: list[Comment]) -> None:
        """Put comments between those above the item and the item itself."""
        if comments and not self.heads:
            comments[0].blank, self.blank = self.blank, False
        self.heads += comments

    def stand_apart(self) -> None:
        """Have an empty line before it, and before what is said above it."""
        if self.heads:
            self.heads[0].blank = True
        else:
            self.blank = True


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
    comments = list(_comments(text))
    if not roots:
        return Tree(None, can_sort=False, comments=comments)
    _Attach(roots[0]).all(comments)
    return Tree(roots[0], can_sort=not builder.has_anchors, comments=comments)


def comments_of(text: str) -> list[str]:
    """The comments of a file, in its order."""
    return [one.text for one in _comments(text.replace("\r\n", "\n"))]


def _is_content(event: yaml.Event) -> bool:
    if isinstance(event, yaml.DocumentStartEvent) and (event.version or event.tags):
        raise Unfaithful("it has directives (%YAML, %TAG)")
    return isinstance(event, yaml.NodeEvent)


def _comments(text: str) -> Iterator[Comment]:
    """What stands between the tokens, and behind the head of a block scalar."""
    lines = text.split("\n")
    here = (0, 0)
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        start, end = _position(token.start_mark), _position(token.end_mark)
        yield from _between(lines, here, start)
        if isinstance(token, yaml.ScalarToken) and token.style in {"|", ">"}:
            head = lines[start[0]][start[1] :]
            if (at := head.find(" #")) >= 0:
                yield _comment(lines, (start[0], start[1] + at + 1))
        here = max(here, end)
    yield from _between(lines, here, (len(lines), 0))


def _between(lines: list[str], start: Position, end: Position) -> Iterator[Comment]:
    for number in range(start[0], min(end[0] + 1, len(lines))):
        first = start[1] if number == start[0] else 0
        last = end[1] if number == end[0] else len(lines[number])
        if (at := lines[number].find("#", first, last)) >= 0:
            yield _comment(lines, (number, at))


def _comment(lines: list[str], at: Position) -> Comment:
    line = lines[at[0]]
    before = line[: at[1]]
    return Comment(
        at,
        line[at[1] :].rstrip(),
        gap=len(before) - len(before.rstrip()),
        blank=_is_blank(lines, at[0]),
        trailing=bool(before.strip()),
    )


def _is_blank(lines: list[str], number: int) -> bool:
    return number > 0 and not lines[number - 1].strip()


def _position(mark: Any) -> Position:
    return mark.line, mark.column


class _Builder:
    """Events -> nodes."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._resolve: Any = yaml.resolver.Resolver().resolve
        self.has_anchors = False

    def node(self, event: Any, events: Iterator[Any], above: Item | None) -> Node:
        """The node that begins with `event`."""
        start, end = _position(event.start_mark), _position(event.end_mark)
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
        for inner in events:
            if isinstance(inner, yaml.CollectionEndEvent):
                found.end = _position(inner.end_mark) if found.flow else None
                break
            found.items.append(self._item(found, inner, events, above))
        return found

    def _item(self, holder: Node, event: Any, events: Iterator[Any], above: Item | None) -> Item:
        number, column = _position(event.start_mark)
        first = not self._lines[number][:column].strip(" -")
        item = Item(None, holder, holder, above, blank=first and _is_blank(self._lines, number))
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
        start, end = _position(event.start_mark), _position(event.end_mark)
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


class _Attach:
    """Gives each comment to the item that it is about."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._items = list(_all_items(root))
        self._starts = [item.start for item in self._items]

    def all(self, comments: list[Comment]) -> None:
        """All comments, in their order."""
        for comment in comments:
            count = bisect_left(self._starts, comment.at)
            around = list(_upwards(self._items[count - 1] if count else None))
            if not (comment.trailing and _behind(comment, around)):
                follower = self._items[count] if count < len(self._items) else None
                self._above(comment, around, follower)

    def _above(self, comment: Comment, around: list[Item], follower: Item | None) -> None:
        """Give a comment to what follows it, or to the end of what it stands in."""
        values = [*(item.value for item in around[:1]), *(item.holder for item in around)]
        for node in [*values, self._root]:
            if node.flow and node.end and node.start < comment.at < node.end:
                following = [item.heads for item in node.items if item.start > comment.at]
                empty = [around[0].heads] if around and not node.items else []
                (*following, *empty, node.feet)[0].append(comment)
                return
        column = comment.at[1]
        least = -1 if follower is None else follower.holder.column
        if follower is not None and column <= least:
            follower.heads.append(comment)
            return
        for item in around:
            if not item.holder.flow and least < item.holder.column <= column:
                item.holder.feet.append(comment)
                return
        (follower.heads if follower is not None else self._root.feet).append(comment)


def _behind(comment: Comment, around: list[Item]) -> bool:
    """Give a comment to what stands before it in its line; whether there is something."""
    line = comment.at[0]
    ended = [
        item
        for item in around
        if item.value.end and item.value.end <= comment.at and item.value.end[0] == line
    ]
    started = [item for item in around[:1] if item.start[0] == line]
    for found in ended[-1:] or started:
        if found.behind is None:
            found.behind = comment
            return True
    return False


def _upwards(item: Item | None) -> Iterator[Item]:
    """An item, and those that it is in, from the inside outwards."""
    while item is not None:
        yield item
        item = item.above


def _all_items(node: Node) -> Iterator[Item]:
    for item in node.items:
        yield item
        yield from _all_items(item.value)
