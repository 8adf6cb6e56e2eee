"""Text as it is matched: width, case, script and spacing folded, spans led back to the original.

NFKC, case folding, zero-width characters removed, traditional Chinese as simplified (投訴 = 投诉),
any run of white space as one space (a phrase may span a line break). The customer's own text is
kept; `Folded.span` says where in it a match stands.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import opencc

_ZERO_WIDTH = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x180E])
_MARKS = 8


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; `starts[i]` is where in the original its i-th character began (None: at i)."""

    text: str
    starts: tuple[int, ...] | None
    length: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that the folded span comes from."""
        if self.starts is None:
            return start, end
        last = self.starts[end] if end < len(self.starts) else self.length
        return self.starts[start], max(last, self.starts[end - 1] + 1 if end else last)


@lru_cache(maxsize=1)
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def _folded(cluster: str) -> str:
    """A character, with the marks that combine with it, folded: mostly one, or none, or several."""
    if ord(cluster[0]) in _ZERO_WIDTH:
        return ""
    folded = unicodedata.normalize("NFKC", cluster).casefold()
    folded = "".join(" " if one.isspace() else one for one in folded)
    if any("\u2e80" <= one <= "\u9fff" or one >= "\U00020000" for one in folded):
        # One character at a time, so that the length stays and every span can be led back.
        folded = "".join(_simplifier().convert(one) for one in folded)
    return folded


class _Table(dict[int, str]):
    """For `str.translate`: characters folded when they are first met, Unicode's number at most.

    `uneven` are those that do not fold to exactly one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.uneven: set[str] = set()

    def __missing__(self, code: int) -> str:
        folded = _folded(chr(code))
        if len(folded) != 1:
            self.uneven.add(chr(code))
        self[code] = folded
        return folded


_TABLE = _Table()


def fold(text: str) -> Folded:
    """`text` folded, with the way back.

    >>> fold("投訴　Ｒｅｆｕｎｄ").text
    '投诉 refund'
    """
    folded = text.translate(_TABLE)
    even = _TABLE.uneven.isdisjoint(text) and "  " not in folded
    if even and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return Folded(folded, None, len(text))
    return _fold_slowly(text)


def _fold_slowly(text: str) -> Folded:
    pieces: list[str] = []
    starts: list[int] = []
    space = False
    for start, cluster in _clusters(text):
        for one in _folded(cluster):
            if one == " " and space:
                continue
            space = one == " "
            pieces.append(one)
            starts.append(start)
    return Folded("".join(pieces), tuple(starts), len(text))


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each character with the combining marks behind it, at most a few of them."""
    start = 0
    for index in range(1, len(text) + 1):
        combines = index < len(text) and unicodedata.combining(text[index])
        if not combines or index - start > _MARKS:
            yield start, text[start:index]
            start = index


def fold_keyword(keyword: str) -> str:
    """A keyword as it is looked for: folded, without white space around it."""
    return fold(keyword).text.strip()


def is_word(character: str) -> bool:
    """Whether the character continues a word of a script that separates words by spaces.

    Chinese, Japanese and Korean text has no such words: a keyword there matches anywhere.
    """
    return (character.isalnum() or character == "_") and not (
        "\u2e80" <= character <= "\ud7ff" or "\uf900" <= character <= "\ufaff"
        or character >= "\U00020000"
    )  # fmt: skip


def at_boundaries(text: str, start: int, end: int) -> bool:
    """Whether a keyword found in folded text stands by itself: `refund` is not in `refunded`."""
    if start > 0 and is_word(text[start]) and is_word(text[start - 1]):
        return False
    return not (end < len(text) and is_word(text[end - 1]) and is_word(text[end]))
