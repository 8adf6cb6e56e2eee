"""`include: [routes/vip.yaml, routes/rest.yaml]`: which files come before a file, in what order.

What a file includes comes before its own sections. A file that none includes is read in the order
of names, so most rulebooks need no `include` at all: it is for the order of routes.
"""

from collections.abc import Iterator, Mapping

from rules.source import Document, Path, problem
from rules.wording import did_you_mean

SECTION = "include"


def in_order(documents: Mapping[str, Document]) -> list[Document]:
    """The documents in the order in which they are read; what is wrong is noted in them."""
    includer: dict[str, str] = {}
    children: dict[str, list[str]] = {name: [] for name in documents}
    for name, document in documents.items():
        for path, other in _included(document, documents):
            if other in includer:
                _wrong(document, path, f"{other!r} is included by {includer[other]!r} already")
            else:
                includer[other] = name
                children[name].append(other)
    tops = [name for name in documents if name not in includer]
    order = [name for top in tops for name in _after_its_own(top, children)]
    left = sorted(documents.keys() - set(order))
    for circle in {_circle(name, includer) for name in left}:
        said = f"files that include each other: {' -> '.join((*circle, circle[0]))}"
        _wrong(documents[circle[0]], (SECTION,), said)
    return [documents[name] for name in (*order, *left)]


def _included(document: Document, documents: Mapping[str, Document]) -> Iterator[tuple[Path, str]]:
    """What a document includes, with the places; the section itself is taken out of it."""
    if not isinstance(document.data, dict) or SECTION not in document.data:
        return
    wanted = document.data.pop(SECTION)
    for index, name in enumerate(wanted if isinstance(wanted, list) else [wanted]):
        path = (SECTION, index) if isinstance(wanted, list) else (SECTION,)
        if not isinstance(name, str):
            _wrong(document, path, f"expected the name of a file (it is {name!r})")
        elif name not in documents:
            _wrong(document, path, f"no file {name!r}{did_you_mean(name, documents)}")
        else:
            yield path, name


def _after_its_own(top: str, children: Mapping[str, list[str]]) -> list[str]:
    """A file and all that it includes, directly or not: each after what it includes."""
    found: list[str] = []
    left = [top]
    while left:
        name = left.pop()
        found.append(name)
        left += children[name]
    return found[::-1]


def _circle(name: str, includer: Mapping[str, str]) -> tuple[str, ...]:
    """The files that include each other, from which `name` hangs; the least name is first."""
    way = [name]
    while includer[way[-1]] not in way:
        way.append(includer[way[-1]])
    circle = way[way.index(includer[way[-1]]) :][::-1]
    first = circle.index(min(circle))
    return (*circle[first:], *circle[:first])


def _wrong(document: Document, path: Path, said: str) -> None:
    document.problems.append(problem(document.places[path], f"{SECTION}: {said}"))
