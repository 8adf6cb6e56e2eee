"""The single clauses of a condition, and what a request shows of those that can be indexed."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from rules import attributes
from rules.addresses import written_address
from rules.circumstances import attachments, congested, hours, previous_tickets
from rules.decision import Facts
from rules.expressions import Expression
from rules.parts import Context, Part, Trigger, equal
from rules.scalars import language_tag
from rules.textfold import fold_keyword
from rules.when import Condition, TextMatch

LOOKALIKES = "~lookalikes"
"""What is added to a text's name for the text as it looks."""


def clauses(condition: Condition) -> Iterator[Part]:
    """The clauses of a condition, but for the conditions that nest in it."""
    for name, make in _CLAUSES.items():
        wanted = getattr(condition, name)
        if wanted is not None:
            yield from make(wanted)


# -- what is looked for in texts, or in lists


def _text(name: str, match: TextMatch) -> Iterator[Part]:
    view = name + LOOKALIKES if match.lookalikes else name
    wanted = {
        (view, "keyword"): frozenset(filter(None, map(fold_keyword, match.keywords or ()))),
        (view, "list"): frozenset(match.lists or ()),
        (name, "regex"): frozenset(match.regex or ()),
    }
    yield _found(name, {place: values for place, values in wanted.items() if values})


def _sender_list(wanted: list[str]) -> Iterator[Part]:
    yield _found("sender_list", {("sender", "list"): frozenset(wanted)})


def _found(name: str, wanted: Mapping[tuple[str, str], frozenset[str]]) -> Part:
    """A clause that holds when one of these was found."""
    triggers = frozenset(Trigger(*place, one) for place, values in wanted.items() for one in values)
    pairs = tuple(wanted.items())
    if len(pairs) == 1:
        place, values = pairs[0]
        return Part(name, lambda context: not values.isdisjoint(context.found[place]), triggers)

    def test(context: Context) -> bool:
        return any(not values.isdisjoint(context.found[place]) for place, values in pairs)

    return Part(name, test, triggers)


# -- fields that are equal to something


_FIELDS: dict[str, Callable[[Facts], str | None]] = {
    "channel": lambda facts: facts.request.channel,
    "account": lambda facts: facts.request.account,
    "kind": lambda facts: facts.request.kind,
    "tier": lambda facts: facts.tier,
    "call_outcome": lambda facts: facts.request.call.outcome if facts.request.call else None,
}


def _field(name: str, wanted: list[str]) -> Iterator[Part]:
    yield _equal(name, frozenset(map(str, wanted)))


@lru_cache(maxsize=1024)
def _equal(name: str, values: frozenset[str]) -> Part:
    """Shared by the routes that ask for the same, so that it stays in the processor's cache."""
    read = _FIELDS[name]
    return Part(name, lambda context: read(context.facts) in values, equal(name, values))


def _language(wanted: list[str]) -> Iterator[Part]:
    values = frozenset(wanted)

    def test(context: Context) -> bool:
        return not values.isdisjoint(languages(context.facts.language))

    yield Part("language", test, equal("language", values))


@lru_cache(maxsize=1024)
def languages(tag: str | None) -> tuple[str, ...]:
    """The tags that a language answers to: `zh-Hant` is `zh-Hant` and `zh` (RFC 4647, 3.3.1)."""
    if tag is None:
        return ()
    with suppress(ValueError):  # what is no tag answers to itself
        tag = language_tag(tag)
    steps = tag.split("-")
    return tuple("-".join(steps[:count]) for count in range(len(steps), 0, -1))


def addressed(address: str) -> tuple[str, ...]:
    """What an address is matched by: itself, and for mail its `@domain`."""
    _, at, domain = address.rpartition("@")
    return (address, f"@{domain}") if at else (address,)


class Addresses:
    """Addresses, `@domain`s, and beginnings of addresses (with a `*`), as people write them."""

    def __init__(self, wanted: Iterable[str]) -> None:
        wanted = tuple(map(written_address, wanted))
        self.exact = frozenset(one for one in wanted if not one.endswith("*"))
        self.starts = tuple(one[:-1] for one in wanted if one.endswith("*"))

    def have(self, address: str) -> bool:
        """Whether the address is one of them."""
        return not self.exact.isdisjoint(addressed(address)) or address.startswith(self.starts)


def _addressed(name: str, wanted: list[str]) -> Iterator[Part]:
    known, read = Addresses(wanted), _ADDRESSES[name]
    triggers = None if known.starts else equal(name, known.exact)
    yield Part(name, lambda context: any(map(known.have, read(context.facts))), triggers)


_ADDRESSES: dict[str, Callable[[Facts], Iterable[str]]] = {
    "sender": lambda facts: (facts.request.sender.address,),
    "recipient": lambda facts: (one.address for one in facts.request.recipients),
}


def _whether(name: str, wanted: bool | list[str]) -> Iterator[Part]:  # noqa: FBT001 - the rulebook's
    """`true`, `false`, or which: of what a request has one of or none."""
    values = frozenset([str(wanted)] if isinstance(wanted, bool) else wanted)
    read = _WHICH[name]

    def test(context: Context) -> bool:
        return not values.isdisjoint(_which(read(context.facts)))

    yield Part(name, test, equal(name, values))


_WHICH: dict[str, Callable[[Facts], str | None]] = {
    "automatic": lambda facts: facts.request.automatic,
    "customer": lambda facts: facts.customer,
}


def _which(value: str | None) -> tuple[str, ...]:
    return (str(False),) if value is None else (value, str(True))


_CLAUSES: dict[str, Callable[[Any], Iterable[Part]]] = {
    "text": partial(_text, "text"),
    "subject": partial(_text, "subject"),
    **{name: partial(_field, name) for name in _FIELDS},
    "language": _language,
    "sender": partial(_addressed, "sender"),
    "sender_list": _sender_list,
    "recipient": partial(_addressed, "recipient"),
    "attributes": lambda wanted: (attributes.attribute(*one) for one in wanted.items()),
    "attachments": lambda wanted: [Part("attachments", attachments(wanted), None)],
    "previous_tickets": lambda wanted: [Part("previous_tickets", previous_tickets(wanted), None)],
    "queues": lambda wanted: [
        Part(f"queues.{name}", congested(name, state), None) for name, state in wanted.items()
    ],
    "hours": lambda wanted: [
        Part(f"hours.{name}", hours(name, state), None) for name, state in wanted.items()
    ],
    **{name: partial(_whether, name) for name in _WHICH},
    "cel": lambda wanted: [Part("cel", Expression(wanted).holds, None)],
}
"""Each field of a condition but those that nest, and the clauses that it makes."""


# -- what a request shows


Reader = Callable[[Facts], Iterable[str]]


def readers(fields: Container[str]) -> tuple[tuple[str, Reader], ...]:
    """How what a request shows of those fields is read."""
    return tuple((name, read) for name, read in _SHOWN.items() if name in fields)


def shown(context: Context, read: Iterable[tuple[str, Reader]]) -> Iterator[tuple[str, str, str]]:
    """The triggers that a request shows, by these readers; plain tuples equal `Trigger`s."""
    for (name, how), values in context.found.items():
        for value in values:
            yield name, how, value
    for name, values_of in read:
        for value in values_of(context.facts):
            yield name, "equals", value


def _one(read: Callable[[Facts], str | None]) -> Callable[[Facts], Iterable[str]]:
    def values(facts: Facts) -> Iterable[str]:
        value = read(facts)
        return () if value is None else (value,)

    return values


def _choice(read: Callable[[Facts], str | None]) -> Callable[[Facts], Iterable[str]]:
    return lambda facts: _which(read(facts))


def _each(read: Callable[[Facts], Iterable[str]]) -> Callable[[Facts], Iterable[str]]:
    return lambda facts: {known for one in read(facts) for known in addressed(one)}


_SHOWN: dict[str, Callable[[Facts], Iterable[str]]] = {
    **{name: _one(read) for name, read in _FIELDS.items()},
    **{name: _choice(read) for name, read in _WHICH.items()},
    **{name: _each(read) for name, read in _ADDRESSES.items()},
    "language": lambda facts: languages(facts.language),
    "attributes": attributes.shown,
}
