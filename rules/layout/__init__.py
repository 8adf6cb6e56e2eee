"""The one layout of a rulebook's files: `tree` reads, `fields` has the order, `write` writes.

Why not a YAML library's own round trip: that keeps a comment with what stands *before* it, so that
putting fields into order takes a comment away from the field that it explains. Here a comment
belongs to what follows it, or to what stands in its line.
"""

import json
from collections import Counter
from typing import Any

from rules.layout.fields import shape_of
from rules.layout.nodes import Unfaithful
from rules.layout.tree import comments_of, parse
from rules.layout.write import write
from rules.source import read

__all__ = ["Unfaithful", "laid_out", "meaning"]


def laid_out(name: str, text: str) -> str:
    """The file `name` in the canonical layout; lines that all end with CR LF still do.

    Raises:
        Unfaithful: The file cannot be laid out so that every comment and all of its meaning stay;
            the text says why. Its YAML is right all the same.
    """
    found = _written(name, text)
    if found == text:
        return text
    if meaning(name, found) != meaning(name, text):
        raise Unfaithful("its meaning would change")
    if Counter(comments_of(found)) != Counter(comments_of(text)):
        raise Unfaithful("a comment would change")
    if _written(name, found) != found:
        raise Unfaithful("no layout of it is final")
    return found


def meaning(name: str, text: str) -> str:
    """What the file says, whatever its layout and the order of its fields. Empty: not YAML."""
    document = read(name, text)
    return "" if document.problems else json.dumps(_strict(document.data), sort_keys=True)


def _strict(data: Any) -> Any:
    """The data with the types of its scalars: `1`, `1.0`, `true` and `"1"` are four things."""
    if isinstance(data, dict):
        return {key: _strict(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_strict(value) for value in data]
    return f"{type(data).__name__} {data!r}"


def _written(name: str, text: str) -> str:
    found = write(parse(text), shape_of(name))
    ends_otherwise = 0 < text.count("\n") == text.count("\r\n")
    return found.replace("\n", "\r\n") if ends_otherwise else found
