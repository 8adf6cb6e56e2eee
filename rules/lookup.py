"""What is looked for in a request's texts and sender: all keywords, lists, regexes at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from channels.request import CustomerRequest
from rules.clauses import LOOKALIKES, Addresses
from rules.lookalikes import as_it_looks
from rules.matcher import Keywords, Regexes, Span, View
from rules.parts import Compiled, Found, Trigger
from rules.textfold import Folded, fold, fold_keyword

FIELDS = ("text", "subject")
VIEWS: Mapping[str, View | None] = {"": None, LOOKALIKES: as_it_looks}
MAX_TEXT_CHARACTERS = 100_000
"""More of a text than this is not looked at by rules: a decision's cost is bounded."""

Lists = Mapping[str, Collection[str]]
"""The entries of each named list."""

_Known = Mapping[tuple[str, str], Collection[str]]
"""What is looked for, by field and how."""

_Finding = dict[tuple[str, str], Mapping[str, Span | None]]

_NOTHING: Found = {
    ("sender", "list"): {},
    **{(name + view, how): {} for name in FIELDS for view in VIEWS for how in ("keyword", "list")},
    **{(name, "regex"): {} for name in FIELDS},
}


class Lookup:
    """Everything that the conditions of a rulebook look for; each request is searched once."""

    def __init__(self, conditions: Iterable[Compiled], lists: Lists) -> None:
        known: dict[tuple[str, str], set[str]] = defaultdict(set)
        for trigger in _looked_for(conditions, set()):
            known[trigger.field, trigger.how].add(trigger.value)
        self._regexes = {
            name: Regexes(known[name, "regex"]) for name in FIELDS if known[name, "regex"]
        }
        words = {name: list(_words(name, known, lists)) for name in FIELDS}
        self._texts = {
            name: (words[name], self._regexes.get(name))
            for name in FIELDS
            if words[name] or name in self._regexes
        }
        self._senders = {name: Addresses(lists[name]) for name in known["sender", "list"]}

    def find(self, request: CustomerRequest) -> Found:
        """All that is looked for and is there."""
        found: _Finding = dict(_NOTHING)
        for name, (views, patterns) in self._texts.items():
            text = readable(request, name)
            if views and text:
                folded = fold(text)
                for words in views:
                    words.find(folded, found)
            if patterns is not None:
                found[name, "regex"] = dict.fromkeys(patterns.find(text))
        if self._senders:
            address = request.sender.address
            found["sender", "list"] = {
                name: None for name, known in self._senders.items() if known.have(address)
            }
        return found

    def span(self, shown: Trigger, found: Found, request: CustomerRequest) -> Span | None:
        """Where what was found stands in the original text."""
        if shown.how == "regex":
            text = readable(request, shown.field)
            return self._regexes[shown.field].span(shown.value, text)
        return found[shown.field, shown.how][shown.value]


def readable(request: CustomerRequest, name: str) -> str:
    """The text or subject as far as rules look at it, without what has no UTF-8.

    Every place in it stays the same: lone surrogates are replaced one by one.
    """
    text = (request.text if name == "text" else request.subject) or ""
    text = text[:MAX_TEXT_CHARACTERS]
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _words(name: str, known: _Known, lists: Lists) -> "Iterator[_Words]":
    """What is looked for in the views of one text, where anything is."""
    for suffix, view in VIEWS.items():
        field = name + suffix
        if known[field, "keyword"] or known[field, "list"]:
            yield _Words(field, view, known, lists)


class _Words:
    """The keywords, and the words of lists, that are looked for in one view of a text."""

    def __init__(
        self,
        field: str,
        view: View | None,
        known: _Known,
        lists: Lists,
    ) -> None:
        self._field = field
        self._lists: dict[str, list[str]] = defaultdict(list)
        for name in sorted(known[field, "list"]):
            for word in map(fold_keyword, lists[name]):
                self._lists[word].append(name)
        self._keywords = Keywords({*known[field, "keyword"], *self._lists}, view)

    def find(self, folded: Folded, found: _Finding) -> None:
        """Note the keywords that are found, and the lists that they stand in."""
        words = self._keywords.find(folded)
        found[self._field, "keyword"] = words
        if self._lists and words:
            found[self._field, "list"] = {
                name: span
                for word, span in reversed(words.items())
                for name in self._lists.get(word, ())
            }


def _looked_for(conditions: Iterable[Compiled], seen: set[int]) -> Iterator[Trigger]:
    """All keywords, lists and regexes of conditions, also those that are not their triggers.

    What several routes share (a named condition) is `seen` once.
    """
    for condition in conditions:
        for part in condition.parts:
            if id(part) in seen:
                continue
            seen.add(id(part))
            yield from (one for one in part.triggers or () if one.how != "equals")
            yield from _looked_for(part.nested, seen)
