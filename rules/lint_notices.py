"""What is odd about contacts: nobody notifies them, or a name is only nearly theirs."""

import difflib
from collections.abc import Callable, Iterator

from rules.contacts import is_in_the_clear
from rules.lint_routes import Finding
from rules.model import Rulebook
from rules.source import Path

_ALIKE = 0.75
"""What is as similar to a contact's name as this is that name, misspelt."""


def notified(rulebook: Rulebook) -> Iterator[tuple[Path, str]]:
    """Whom ladders and SLAs name, contacts and free words, each with its path."""
    for name, rungs in rulebook.ladders.items():
        for index, rung in enumerate(rungs):
            for number, word in enumerate(rung.notify):
                yield ("ladders", name, index, "notify", number), word
    for name, sla in rulebook.slas.items():
        for number, word in enumerate(sla.warn_notify):
            yield ("slas", name, "warn_notify", number), word


def _misspelt(rulebook: Rulebook) -> Iterator[Finding]:
    for path, word in notified(rulebook):
        if word not in rulebook.contacts:
            alike = difflib.get_close_matches(word.lower(), rulebook.contacts, n=1, cutoff=_ALIKE)
            for contact in alike:
                yield path, f"{word!r} is no contact; did you mean {contact!r}?"


def _idle(rulebook: Rulebook) -> Iterator[Finding]:
    named = {word for _, word in notified(rulebook)}
    for name, contact in rulebook.contacts.items():
        if name not in named:
            yield ("contacts", name), f"nobody notifies the contact {name!r}"
        if not contact.email and contact.webhook is None:
            said = f"contact {name!r} has neither email nor webhook: no notice reaches them"
            yield ("contacts", name), said


def _addresses(rulebook: Rulebook) -> Iterator[Finding]:
    own = rulebook.ack_policy.own_addresses
    for name, contact in rulebook.contacts.items():
        for number, address in enumerate(contact.email):
            if address in own:
                said = f"{address!r} is an address of ours: a notice to it opens a ticket"
                yield ("contacts", name, "email", number), said
        if contact.webhook is not None and is_in_the_clear(contact.webhook.url):
            said = "without https, whoever stands in between can read the notices"
            yield ("contacts", name, "webhook", "url"), said


def _warnings(rulebook: Rulebook) -> Iterator[Finding]:
    for name, sla in rulebook.slas.items():
        if sla.warn_notify and not sla.warn:
            said = f"SLA {name!r} warns of nothing (`warn`): nobody is notified"
            yield ("slas", name, "warn_notify"), said


LOOKS: tuple[Callable[[Rulebook], Iterator[Finding]], ...] = (
    _misspelt,
    _idle,
    _addresses,
    _warnings,
)
