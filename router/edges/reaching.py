"""What keeps notices from their contacts: an account that is not there, a secret that is none."""

from collections.abc import Iterator

from channels.errors import Malformed
from channels.webhook.signature import key_of
from router.settings import Config
from rules.model import Rulebook


def obstacles(config: Config, rulebook: Rulebook) -> Iterator[str]:
    """What is wrong with the ways to the rulebook's contacts, under these settings."""
    if any(contact.email for contact in rulebook.contacts.values()):
        yield from _account(config, rulebook.notices.email or "")
    for name, contact in rulebook.contacts.items():
        for secret in contact.webhook.secrets if contact.webhook else ():
            try:
                key_of(config.secret(secret))
            except Malformed as error:
                yield f"contact {name}: {secret}: {error}"


def _account(config: Config, account: str) -> Iterator[str]:
    """What the mail account that sends notices lacks."""
    email = config.settings.email
    if email is None or account not in email.accounts:
        yield f"notices are sent from {account}, which is none of `email.accounts`"
    elif email.smtp is None:
        yield f"notices are sent from {account}, but there is no `email.smtp`"
