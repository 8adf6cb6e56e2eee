"""An `OutboundMessage` as the bytes of a mail (RFC 5322, MIME). Pure: the same each time."""

from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime

from channels.errors import Malformed
from channels.outbound import OutboundMessage

_MAX_REFERENCES = 20


class _IdList(UnstructuredHeader, BaseHeader):
    """Message ids, one a line: the library would encode an id that is longer than a line."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: " + f"{policy.linesep} ".join(str(self).split()) + policy.linesep


def _policy(*, international: bool) -> "Policy[EmailMessage]":
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references"):
        registry.map_to_type(name, _IdList)
    # 7bit: not every server on the way says 8BITMIME.
    return SMTP.clone(header_factory=registry, cte_type="7bit", utf8=international)


def compose(message: OutboundMessage, address: str, name: str | None) -> bytes:
    """`message` from `address`. Raises `Malformed` when it cannot be written as a mail."""
    mail = EmailMessage(policy=_policy(international=not message.to.isascii()))
    try:
        _head(mail, message, address, name)
        mail.set_content(message.text)
        return mail.as_bytes()
    except (ValueError, MessageError, IndexError) as error:
        raise Malformed(f"message {message.id} cannot be written as a mail: {error}") from error


def _head(mail: EmailMessage, message: OutboundMessage, address: str, name: str | None) -> None:
    mail["From"] = _address(address, name)
    mail["To"] = _address(message.to, message.to_name)
    if message.subject:
        mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(message.created_at)
    if message.message_id:
        mail["Message-ID"] = message.message_id
    if message.in_reply_to:
        mail["In-Reply-To"] = message.in_reply_to
    if message.references:
        mail["References"] = " ".join(_shortened(message.references))
    if message.reply_to:
        mail["Reply-To"] = message.reply_to
    for header, value in message.headers.items():
        mail[header] = value


def _address(address: str, name: str | None) -> Address:
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise ValueError("the address is not of the form name@domain")
    return Address(display_name=_one_line(name), username=local, domain=domain)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _shortened(references: tuple[str, ...]) -> tuple[str, ...]:
    """The first and the last ones: a thread's root and its end (RFC 5322 allows to cut)."""
    if len(references) <= _MAX_REFERENCES:
        return references
    return (references[0], *references[1 - _MAX_REFERENCES :])
