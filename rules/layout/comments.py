"""Comments: where they are in a file, and what each is about.

A comment in a line of its own belongs to what follows it; where it is indented more than that, to
the end of what stands before it. A comment behind something belongs to that. In a flow collection
the same holds inside it.
"""

from bisect import bisect_left
from collections.abc import Iterator

import yaml

from rules.layout.nodes import Comment, Item, Node, Position, position


def comments(text: str) -> Iterator[Comment]:
    """All comments: what stands between the tokens, and behind the head of a block scalar."""
    lines = text.split("\n")
    here = (0, 0)
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        start, end = position(token.start_mark), position(token.end_mark)
        yield from _between(lines, here, start)
        if isinstance(token, yaml.ScalarToken) and token.style in {"|", ">"}:
            head = lines[start[0]][start[1] :]
            if (at := head.find("#")) >= 0:  # the parser asks for no blank before it here
                yield _comment(lines, (start[0], start[1] + at))
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
        blank=is_blank(lines, at[0]),
        trailing=bool(before.strip()),
    )


def is_blank(lines: list[str], number: int) -> bool:
    """Whether the line before this one is empty."""
    return number > 0 and not lines[number - 1].strip()


def attach(found: list[Comment], root: Node) -> None:
    """Give each comment to the item that it is about."""
    _Attach(root).all(found)


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
