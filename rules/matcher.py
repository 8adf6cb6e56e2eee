"""Many keywords and many regexes against one text at once; the cost does not grow with them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

import ahocorasick_rs
import re2

from rules.textfold import Folded, at_boundaries, fold_keyword

_SHARD = 2_000
_MEMORY_BYTES = 64 * 1024 * 1024
_SENTINEL = r"(?s)\A."
"""Matches every text that is not empty. RE2 reports out-of-memory as *no match*: when even this
is missing, a shard's answer cannot be believed, and its patterns are tried one by one."""


class Span(NamedTuple):
    """A match, in the original text."""

    start: int
    end: int


class Keyword(NamedTuple):
    """A folded keyword: what is looked for, and whether a word may go on before and after it."""

    folded: str
    core: str
    joined_before: bool
    joined_after: bool

    @classmethod
    def of(cls, folded: str) -> "Keyword":
        r"""`refund*` is also found in `refunded`, `*bank` in `e-bank`; `\*` is a star itself."""
        before = folded.startswith("*")
        after = folded.endswith("*") and not folded.endswith("\\*") and len(folded) > 1
        core = folded[before : len(folded) - after].replace("\\*", "*").strip()
        return cls(folded, core, before, after)


View = Callable[[Folded], Folded]
"""A further form in which keyword and text are compared; every character keeps its place."""


class Keywords:
    """Keywords by Aho-Corasick over folded text: whole words, but for those with a star."""

    def __init__(self, keywords: Iterable[str], view: View | None = None) -> None:
        self._view = view
        self._meant: dict[str, list[Keyword]] = defaultdict(list)
        for folded in sorted(set(map(fold_keyword, keywords))):
            keyword = Keyword.of(folded)
            if keyword.core:
                self._meant[self._seen(Folded(keyword.core)).text].append(keyword)
        self._automata = [
            (words, ahocorasick_rs.AhoCorasick(words, matchkind=ahocorasick_rs.MatchKind.Standard))
            for words in _layers(list(self._meant))
        ]

    def find(self, folded: Folded) -> dict[str, Span]:
        """The keywords (as folded) in the text, each with its first span in the original."""
        found: dict[str, Span] = {}
        # Where words end is seen in the text as it is written: a view keeps every place.
        text, seen = folded.text, self._seen(folded).text
        for words, automaton in self._automata:
            for number, start, end in automaton.find_matches_as_indexes(seen, overlapping=True):
                for word, _, before, after in self._meant[words[number]]:
                    if word not in found and at_boundaries(
                        text, start, end, before=before, after=after
                    ):
                        found[word] = Span(*folded.span(start, end))
        return found

    def _seen(self, folded: Folded) -> Folded:
        return folded if self._view is None else self._view(folded)


_MANY = 20_000
"""More words than this are split where some are the beginnings of others: building an automaton
takes time that is quadratic in such chains (`w1`, `w10`, `w100`), and each layer has none."""


def _layers(words: list[str]) -> list[list[str]]:
    """The words in one list; of many those that begin with none of the others, then the rest."""
    if len(words) <= _MANY:
        return [words]
    layers: list[list[str]] = []
    above: list[str] = []
    for word in sorted(words):
        while above and not word.startswith(above[-1]):
            above.pop()
        if len(above) == len(layers):
            layers.append([])
        layers[len(above)].append(word)
        above.append(word)
    return layers


class Regexes:
    """RE2 patterns as sets in shards; linear in the text whatever the patterns."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = sorted(set(patterns))
        self._one_by_one = {pattern: re2.compile(pattern) for pattern in self.patterns}
        self._sets = [
            _set(self.patterns[start : start + _SHARD])
            for start in range(0, len(self.patterns), _SHARD)
        ]
        self._in_nothing = frozenset(self._slowly(self.patterns, ""))

    def find(self, text: str) -> Collection[str]:
        """The patterns that match somewhere in the text."""
        if not text:
            return self._in_nothing
        found: set[str] = set()
        for shard, patterns in self._sets:
            hits = shard.Match(text) if shard is not None else ()
            if 0 in hits:
                found.update(patterns[hit - 1] for hit in hits if hit)
            else:
                found.update(self._slowly(patterns, text))
        return found

    def span(self, pattern: str, text: str) -> Span | None:
        """The first match of one pattern, for the explanation."""
        match = self._one_by_one[pattern].search(text)
        return None if match is None else Span(match.start(), match.end())

    def _slowly(self, patterns: Iterable[str], text: str) -> Iterator[str]:
        """One by one: RE2 does without the memory that a set needs, and is still linear."""
        return (one for one in patterns if self._one_by_one[one].search(text))


def _set(patterns: list[str]) -> tuple[re2.Set | None, list[str]]:
    """The patterns as one set; without one where they are too much for its memory."""
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    found = re2.Set.SearchSet(options)
    for pattern in (_SENTINEL, *patterns):
        found.Add(pattern)
    try:
        found.Compile()
    except re2.error:
        return None, patterns
    return found, patterns
