"""Whom the ladder notifies, in what words: contacts and notices, as the rulebook writes them."""

import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

from channels.email.addresses import normalize
from rules.scalars import Duration, Entry, Id, Language, Listed, Template

_ADDRESS = re.compile(r"[^\s@<>(),;:\"\[\]\\]+@[^\s@<>(),;:\"\[\]\\]+")
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _mail_address(text: str) -> str:
    address, problem = normalize(text)
    if problem is not None or not _ADDRESS.fullmatch(text.strip()):
        raise ValueError("expected a mail address, such as lead@shop.example")
    return address


def _url(text: str) -> str:
    wrong = ValueError("expected a URL, such as https://shop.example/notices, without a password")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise wrong
    try:
        parts = urlsplit(text)
        bare = parts.port != 0 and parts.username is None and not parts.fragment
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not bare:
        raise wrong
    return text


def _secret(name: str) -> str:
    if not _SECRET.fullmatch(name):
        raise ValueError("expected the name of a secret, env:NAME or file:PATH, never the secret")
    return name


def _at_least_one(names: list[str]) -> list[str]:
    if not names:
        raise ValueError("expected the name of a secret: what is posted must be signed")
    return names


def is_in_the_clear(url: str) -> bool:
    """Whether what is posted to `url` can be read on its way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "format": "uri"})]
SecretName = Annotated[str, AfterValidator(_secret)]


class Webhook(Entry):
    """A program that is told by a signed POST (Standard Webhooks), in full in docs/notices.md."""

    url: Url
    """Where it listens."""
    secrets: Annotated[Listed[SecretName], AfterValidator(_at_least_one)]
    """Names of the secrets that sign, `env:NAME` or `file:PATH`: two while one is replaced."""


class Quiet(Entry):
    """When a contact is left in peace."""

    outside: Id
    """A calendar: what comes while it is closed waits until it opens."""


class Contact(Entry):
    """Whom a ladder's `notify`, or an SLA's `warn_notify`, names: a person, a team, a program."""

    name: str | None = None
    """What people call them."""
    email: Listed[MailAddress] = []
    """Addresses, each of which gets a mail of its own."""
    webhook: Webhook | None = None
    """The program that is told."""
    language: Language | None = None
    """The language of their notices; English where there is none in it."""
    quiet: Quiet | None = None
    """When their notices wait; events never do."""
    gather: Duration = timedelta(seconds=30)
    """What comes within so long after a message is gathered into one; `0s`: each goes at once."""


class Notices(Entry):
    """How contacts are written to. The templates' variables stand in docs/notices.md."""

    email: MailAddress | None = None
    """The mail account that notices are sent from, one of the settings' `email.accounts`."""
    link: str | None = None
    """A template of the page that shows a ticket: `https://desk.shop.example/{{ ticket }}`."""
    subject: Template | None = None
    """The subject, in place of the usual one."""
    text: Template | None = None
    """The text, in place of the usual one."""
    digest: Template | None = None
    """The subject of several notices in one, in place of the usual one."""
