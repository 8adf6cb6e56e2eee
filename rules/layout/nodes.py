"""What a file in a layout consists of: nodes, items, comments."""

from dataclasses import dataclass, field
from typing import Any, Literal

Position = tuple[int, int]
"""Line and column, from 0."""


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
        """Where the items of a block begin: its keys, or its dashes. It has some."""
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


def position(mark: Any) -> Position:
    """Where a mark of the YAML library stands."""
    return mark.line, mark.column
