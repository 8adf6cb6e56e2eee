"""Several files as one rulebook: sections are united, lists appended, places kept.

The same id twice is a problem that names both places.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rules.source import Document, Path, Problem, problem


def merged(documents: Iterable[Document]) -> Document:
    """All documents as one, in their order. What several have is of one kind in all of them."""
    whole = Document("", data={})
    for document in documents:
        whole.problems += document.problems
        if isinstance(document.data, dict):
            moves: dict[Path, Path] = {}
            for section, value in document.data.items():
                _merge(whole, document, section, value, moves)
            _take_places(whole, document, moves)
        elif document.data is not None:
            whole.problems.append(Problem(document.file, 1, 1, "expected sections: `routes:` …"))
    return whole


def _merge(
    whole: Document, document: Document, section: str, value: Any, moves: dict[Path, Path]
) -> None:
    """Unite one section; `moves` notes under which path each of its items is now."""
    known = whole.data.setdefault(section, type(value)() if _is_section(value) else value)
    if isinstance(value, list):
        for index, item in enumerate(value):
            moves[(section, index)] = (section, len(known))
            known.append(item)
    elif isinstance(value, dict):
        _unite(whole, document, section, value, moves)


def _is_section(value: Any) -> bool:
    return isinstance(value, dict | list)


def _unite(
    whole: Document,
    document: Document,
    section: str,
    value: Mapping[str, Any],
    moves: dict[Path, Path],
) -> None:
    known = whole.data[section]
    for key, item in value.items():
        path = (section, key)
        if key in known:
            first, here = whole.keys[path], document.keys[path]
            said = f"{section}: {key!r} stands twice (first in {first.file}:{first.line})"
            whole.problems.append(problem(here, said))
        else:
            known[key] = item
            moves[path] = path


def _take_places(whole: Document, document: Document, moves: Mapping[Path, Path]) -> None:
    """One pass over the document's places, however many items were moved."""
    for found, into in ((document.places, whole.places), (document.keys, whole.keys)):
        for path, place in found.items():
            moved = moves.get(path[:2])
            if moved is not None:
                into[moved + path[2:]] = place
            elif len(path) < 2:
                into.setdefault(path, place)
