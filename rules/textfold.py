"""Text as it is matched: width, case, script and spacing folded, spans led back to the original.

NFKC, case folding, invisible characters removed, curly quotes and dashes as the keyboard's,
traditional Chinese as simplified (投訴 = 投诉), any run of white space as one space (a phrase may
span a line break), and as none between two characters of Chinese or Japanese. The customer's own
text is kept; `Folded.span` says where in it a match stands.

Most characters fold to exactly one, so most text folds by replacing its few distinct characters
that change; only the others (`…`, `ß`, combining marks, zero-width ones) and the runs of white
space are looked at one by one.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import opencc

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""What shows nothing and is no format character (Unicode, Default_Ignorable_Code_Point)."""
_VOICED = frozenset("\uff9e\uff9f")
"""Half-width katakana's marks: characters by themselves that compose when they are widened."""
_MARKS = 8
MAX_ODD = 10_000
"""So many characters are looked at one by one; the text is not looked at from the next one on."""
_CJK = "\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_GAP = re.compile(f" (?:(?<=[{_CJK}] ) *(?=[{_CJK}])| +)")
_BETWEEN = re.compile(f"[{_CJK}] +[{_CJK}]")
_PLAINER = str.maketrans(
    {**dict.fromkeys("‘’‚‛ʼ′", "'"), **dict.fromkeys("“”„‟″", '"'), **dict.fromkeys("‐‑‒–—―−", "-")}
)
"""What telephones and word processors write for the keyboard's quotes and hyphen."""
_FEW = 12
"""Up to so many distinct characters are replaced one after the other: faster than a table."""


class Piece(NamedTuple):
    """Folded text from `start` on comes from `origin` on: one to one, or (with an `end`) at all."""

    start: int
    origin: int
    end: int | None


class Offsets:
    """The way from a folded text back to the text that it was folded from."""

    __slots__ = ("_pieces", "_starts")

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that a span (of at least one character) comes from."""
        first, last = self._piece(start), self._piece(end - 1)
        begin = first.origin if first.end is not None else first.origin + start - first.start
        if last.end is not None:
            return begin, last.end
        return begin, last.origin + end - last.start

    def _piece(self, position: int) -> Piece:
        return self._pieces[bisect_right(self._starts, position) - 1]


class Folded(NamedTuple):
    """Folded text, and the ways back from it, the last fold's first."""

    text: str
    ways: tuple[Offsets, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that a span (of at least one character) comes from."""
        for way in self.ways:
            start, end = way.span(start, end)
        return start, end


def fold(text: str) -> Folded:
    """`text` folded, with the way back.

    >>> fold("投訴　Ｒｅｆｕｎｄ").text
    '投诉 refund'
    """
    if text.isascii():
        # What is printable has no white space but blanks, so only its case folds.
        return _without_gaps(Folded(text.lower() if text.isprintable() else text.translate(_ASCII)))
    characters = set(text)
    if not characters <= _known:
        _learn(characters - _known)
    even = _even(text, characters)
    odd = characters & _odd
    return _without_gaps(_with_clusters(text, even, odd) if odd else Folded(even))


def _without_gaps(folded: Folded) -> Folded:
    text = folded.text
    gaps = [] if text.isascii() and "  " not in text else list(_GAP.finditer(text))
    if not gaps:
        return folded
    parts, way = _replaced(text, ((*gap.span(), _gap(text, *gap.span())) for gap in gaps))
    return Folded("".join(parts), (way, *folded.ways))


def _gap(text: str, start: int, end: int) -> str:
    """What a run of white space is: none between two characters of a script without words."""
    return "" if _BETWEEN.fullmatch(text, max(start - 1, 0), end + 1) else " "


def _with_clusters(text: str, even: str, odd: Iterable[str]) -> Folded:
    """`even` is `text` but for the odd characters, so their places are the same in both."""
    places = list(islice(_clusters(text, odd), MAX_ODD + 1))
    if len(places) > MAX_ODD:
        even = even[: places.pop()[0]]
    clusters = ((start, end, _fold(text[start:end])) for start, end in places)
    parts, way = _replaced(even, clusters)
    return Folded("".join(parts), (way,))


def _replaced(text: str, pieces: Iterable[tuple[int, int, str]]) -> tuple[list[str], Offsets]:
    """Parts of the text with each piece (start, end, instead) in the place of what was there."""
    parts: list[str] = []
    ways = [Piece(0, 0, None)]
    done = length = 0
    for start, end, instead in pieces:
        parts += (text[done:start], instead)
        length += start - done
        if instead:
            ways.append(Piece(length, start, end))
        length += len(instead)
        ways.append(Piece(length, end, None))
        done = end
    parts.append(text[done:])
    return parts, Offsets(ways)


def _clusters(text: str, odd: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where the odd characters stand, each with what it is joined to."""
    done = 0
    for index in sorted(index for one in odd for index in _positions(text, one)):
        if index < done:
            continue
        start = index - 1 if _joins(text[index]) and index > done else index
        end = index + 1
        while end < len(text) and end - start <= _MARKS and _joins(text[end]):
            end += 1
        yield start, end
        done = end


def _positions(text: str, one: str) -> Iterator[int]:
    index = text.find(one)
    while index >= 0:
        yield index
        index = text.find(one, index + 1)


def _joins(one: str) -> bool:
    """Whether a character belongs to the one before it: it composes with it, or shows nothing."""
    if one < "\u0300":
        return one == "\u00ad"
    hangul = "\u1161" <= one <= "\u11ff"
    return hangul or one in _VOICED or unicodedata.combining(one) != 0 or _is_invisible(one)


def _is_invisible(one: str) -> bool:
    """Whether a character shows nothing: format characters, variation selectors, fillers."""
    return (
        unicodedata.category(one) == "Cf"
        or "\ufe00" <= one <= "\ufe0f"
        or "\U000e0100" <= one <= "\U000e01ef"
        or "\u180b" <= one <= "\u180f"
        or one in _FILLERS
    )


# -- one character, or one with its marks

_ASCII = {code: " " if chr(code).isspace() else chr(code).casefold() for code in range(128)}
_known: set[str] = set()
_changing: set[str] = set()
_odd: set[str] = set()
"""Characters that do not fold to exactly one, or that compose with the one before."""
_table: dict[int, str] = {}
"""What each known character folds to, where that is one."""


def _learn(characters: set[str]) -> None:
    """Fold the characters that are met for the first time.

    What is remembered depends on Unicode alone, and is at most all of it.
    """
    for one in characters:
        folded = _fold(one)
        if len(folded) != 1 or _joins(one):
            _odd.add(one)
        elif folded != one:
            _changing.add(one)
        _table[ord(one)] = one if one in _odd else folded
    _known.update(characters)


def _even(text: str, characters: set[str]) -> str:
    """The text with all characters folded that fold to one each."""
    changing = characters & _changing
    if len(changing) > _FEW:
        return text.translate(_table)
    for one in changing:
        text = text.replace(one, _table[ord(one)])
    return text


@lru_cache(maxsize=4096)
def _fold(cluster: str) -> str:
    """A character, with the marks that combine with it, folded: mostly one, or none, or several."""
    folded = _fold_once(cluster)
    # A few characters need a second look: what is folded must stay as it is when folded again.
    while (again := "".join(map(_fold_once, folded))) != folded:
        folded = again
    return folded


def _fold_once(cluster: str) -> str:
    visible = "".join(one for one in cluster if not _is_invisible(one))
    folded = unicodedata.normalize("NFKC", visible).casefold().translate(_PLAINER)
    folded = "".join(" " if one.isspace() else one for one in folded)
    if any("\u2e80" <= one <= "\u9fff" or one >= "\U00020000" for one in folded):
        # One character at a time, so that the length stays and every span can be led back.
        folded = "".join(map(_simplifier().convert, folded))
    return folded


@lru_cache(maxsize=1)
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


# -- keywords


def fold_keyword(keyword: str) -> str:
    """A keyword as it is looked for: folded, without white space around it."""
    return fold(keyword).text.strip()


def is_word(character: str) -> bool:
    """Whether the character continues a word of a script that separates words by spaces.

    Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer text has no such words: a keyword there
    matches anywhere.
    """
    return (character.isalnum() or character == "_") and not (
        "\u2e80" <= character <= "\ud7ff" or "\uf900" <= character <= "\ufaff"
        or "\u0e00" <= character <= "\u0eff" or "\u1000" <= character <= "\u109f"
        or "\u1780" <= character <= "\u17ff" or character >= "\U00020000"
    )  # fmt: skip


def at_boundaries(
    text: str, start: int, end: int, *, before: bool = False, after: bool = False
) -> bool:
    """Whether a keyword found in folded text stands by itself: `refund` is not in `refunded`.

    `before` and `after` say that a word may go on there all the same.
    """
    if not before and start > 0 and is_word(text[start]) and is_word(text[start - 1]):
        return False
    return after or not (end < len(text) and is_word(text[end - 1]) and is_word(text[end]))
