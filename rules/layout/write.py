"""A tree as text, in the one layout.

Two spaces a level. A short entry and a list of plain values stand in one line where they fit, and
so does what was written in one line and still fits. Strings that were in quotes stay in quotes:
double ones, or single ones around `"` and a backslash. At most one empty line in a row, one
between sections.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from rules.layout.fields import Shape, fields_of, is_short, of_field, of_item
from rules.layout.nodes import Comment, Item, Node, Unfaithful
from rules.layout.tree import Tree

WIDTH = 100
LONGEST_IN_A_ROW = 60
"""A list of which a value is longer than this has a line for each."""

_STEP = "  "
_SPECIAL_IN_FLOW = re.compile(r"[,\[\]{}?:]|^[-&*!|>%@`]")
_BLOCK_HEAD = re.compile(r"([|>]-?)[ \t]*(?:#.*)?")


def write(tree: Tree, shape: Shape) -> str:
    """The file in the one layout. Raises `Unfaithful`."""
    if tree.root is None:
        lines = _above(tree.comments, "")
    elif tree.root.kind == "mapping" and tree.root.items and not tree.root.properties:
        for item in tree.root.items:
            item.stand_apart()
        lines = _Writer(can_sort=tree.can_sort).block(tree.root, "", shape, is_root=True)
    else:
        raise Unfaithful("it does not consist of sections")
    lines = _without_first_blank(lines)
    return "\n".join(lines) + "\n" if lines else ""


class _Written(NamedTuple):
    """An item's lines, and behind which of them its comment stands; None: it has to go above."""

    lines: list[str]
    comment_at: int | None


class _Writer:
    """Writes nodes, each with the shape that the model has for it."""

    def __init__(self, *, can_sort: bool) -> None:
        self._can_sort = can_sort

    def block(self, node: Node, indent: str, shape: Shape, *, is_root: bool = False) -> list[str]:
        """The items of a mapping or list, a line or more for each."""
        items = node.items if is_root else self._ordered(node, shape)
        lines = [line for item in items for line in self._item(item, indent, shape)]
        return _without_first_blank([*lines, *_above(node.feet, indent)])

    def _ordered(self, node: Node, shape: Shape) -> list[Item]:
        known = fields_of(shape) if node.kind == "mapping" and self._can_sort else []
        places = {name: number for number, name in enumerate(known)}
        return sorted(node.items, key=lambda item: places.get(item.name, len(places)))

    def _item(self, item: Item, indent: str, holders: Shape) -> list[str]:
        if item.key is None:
            shape, lead = of_item(holders), f"{indent}-"
            self._lift(item, shape)
        else:
            shape = of_field(holders, item.name)
            lead = f"{indent}{_key(item, in_flow=False)}:"
        lines, comment_at = self._value(lead, indent + _STEP, item, shape)
        if item.behind is not None and comment_at is None:
            item.say_above([item.behind])
        elif item.behind is not None and comment_at is not None:
            lines[comment_at] = _with_comment(lines[comment_at], item.behind)
        return [*_heads(item, indent), *lines]

    def _lift(self, item: Item, shape: Shape) -> None:
        """What is said of the first field of a list's item is said above the item."""
        row = None if _stands_below_dash(item) else self._row(item.value, shape)
        if row is None and item.value.items:
            first = self._ordered(item.value, shape)[0]
            if first.key is None:
                self._lift(first, of_item(shape))
            item.say_above(first.heads)
            first.heads = []

    def _value(self, lead: str, indent: str, item: Item, shape: Shape) -> _Written:
        """A value behind its key or dash; what is below it is indented by `indent`."""
        value = item.value
        row = None if _stands_below_dash(item) else self._row(value, shape)
        if row is not None and (not value.items or _width(f"{lead} {row}") <= WIDTH):
            return _Written([f"{lead} {row}" if row else lead], 0)
        lead = f"{lead} {value.properties}".rstrip()
        if value.kind == "scalar":
            return _several_lines(lead, indent, value)
        words = self._words(value)
        if words is not None:
            return _Written(_filled(f"{lead} [", indent, words), -1)
        lines = self.block(value, indent, shape)
        if item.key is None and not value.properties:
            return _Written([f"{lead} {lines[0].lstrip()}", *lines[1:]], None)
        return _Written([lead, *lines], 0)

    def _row(self, node: Node, shape: Shape) -> str | None:
        """A node as one line, or None where it is not to be, however short."""
        if node.kind == "alias":
            return node.text
        if node.kind == "scalar":
            return _plain(node, quote_special=False)
        if not _may_be_a_row(node, shape):
            return None
        parts = [self._in_row(item, shape) for item in self._ordered(node, shape)]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        opened, closed = "{}" if node.kind == "mapping" else "[]"
        return f"{node.properties}{opened}{', '.join(known)}{closed}"

    def _in_row(self, item: Item, holders: Shape) -> str | None:
        shape = of_item(holders) if item.key is None else of_field(holders, item.name)
        moved = not item.holder.flow
        if item.value.kind == "scalar":
            value = _plain(item.value, quote_special=moved)
            value = "null" if value == "" else value
        else:
            value = self._row(item.value, shape)
        if value is None or item.key is None:
            return value
        return f"{_key(item, in_flow=moved)}: {value}"

    def _words(self, node: Node) -> list[str] | None:
        """A list's plain values, where they are short enough to stand in rows."""
        if node.kind != "list" or node.has_comments or not _is_plain_list(node):
            return None
        found = [self._in_row(item, None) for item in node.items]
        words = [word for word in found if word is not None and _width(word) <= LONGEST_IN_A_ROW]
        return words if len(words) == len(found) else None


def _may_be_a_row(node: Node, shape: Shape) -> bool:
    if node.has_comments:
        return False
    if not node.items or node.flow:
        return True
    return is_short(shape) if node.kind == "mapping" else _is_plain_list(node)


def _stands_below_dash(item: Item) -> bool:
    """`- field: …` needs no braces."""
    value = item.value
    is_block = value.kind == "mapping" and not value.flow
    return item.key is None and is_block and len(value.items) == 1


def _is_plain_list(node: Node) -> bool:
    return all(item.value.kind in {"scalar", "alias"} for item in node.items)


# -- scalars


def _key(item: Item, *, in_flow: bool) -> str:
    key = item.key
    if key is None or key.kind == "alias":
        return f"{key.text} " if key else ""
    text = _plain(key, quote_special=in_flow)
    if text is None:
        raise Unfaithful(f"line {key.start[0] + 1}: a key of several lines")
    return text or '""'


def _plain(node: Node, *, quote_special: bool) -> str | None:
    """A scalar in one line, with its anchor and tag; None where it has several."""
    text = node.text
    if "\n" in text or text.startswith(("|", ">")):
        return None
    special = quote_special and node.is_string and _SPECIAL_IN_FLOW.search(text)
    if special or text.startswith(("'", '"')):
        text = _quoted(node.value) or text
    return node.properties + text


def _quoted(value: str) -> str | None:
    """In quotes without any escape; None where it takes one."""
    if not value.isprintable():
        return None
    if '"' in value or "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'


def _several_lines(lead: str, indent: str, node: Node) -> _Written:
    first, *rest = node.text.split("\n")
    if not first.startswith(("|", ">")):
        rest = [line.strip(" \t") for line in rest]
        lines = [f"{lead} {first.rstrip()}", *(f"{indent}{line}" if line else "" for line in rest)]
        return _Written(lines, -1)
    head = _BLOCK_HEAD.fullmatch(first)
    if head is None:
        where = f"line {node.start[0] + 1}"
        raise Unfaithful(f"{where}: {first.split()[0]!r}, a block with a mark for its indentation")
    margin = next((len(line) - len(line.lstrip(" ")) for line in rest if line.strip()), 0)
    body = [line[margin:] for line in rest]
    while body and not body[-1]:
        body.pop()
    return _Written([f"{lead} {head[1]}", *(indent + line if line else "" for line in body)], 0)


# -- lines


def _filled(lead: str, indent: str, words: Iterable[str]) -> list[str]:
    """Rows as long as they may be, from `lead` on."""
    lines, here = [], lead
    parts = [f"{word}, " for word in words]
    parts[-1] = parts[-1].removesuffix(", ") + "]"
    for part in parts:
        if _width(here + part.rstrip()) > WIDTH and here not in {lead, indent}:
            lines.append(here.rstrip())
            here = indent
        here += part
    return [*lines, here]


def _width(text: str) -> int:
    """In columns of a terminal: most Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _heads(item: Item, indent: str) -> list[str]:
    """The comments above an item, with the empty lines between them and before."""
    return [*_above(item.heads, indent), *([""] if item.blank else [])]


def _above(comments: Iterable[Comment], indent: str) -> list[str]:
    lines: list[str] = []
    for one in comments:
        lines += ["", indent + one.text] if one.blank else [indent + one.text]
    return lines


def _with_comment(line: str, comment: Comment) -> str:
    """A line with its comment as far behind it as it was, two spaces at least."""
    return line + " " * max(comment.gap, 2) + comment.text


def _without_first_blank(lines: list[str]) -> list[str]:
    return lines[1:] if lines and not lines[0] else lines
