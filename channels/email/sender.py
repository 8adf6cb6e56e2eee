"""Outgoing mail: an `OutboundMessage` as RFC 5322, handed to a mail server by SMTP."""

import contextlib
from dataclasses import dataclass, field

import aiosmtplib
from aiosmtplib import SMTP

from channels.email.compose import compose
from channels.errors import Malformed, Unavailable
from channels.outbound import OutboundMessage
from channels.sending import Deferred, Delivery, Unconfirmed

_NULL_PATH = ""
_CLOSING = 421
_QUIT_SECONDS = 5
# RFC 5321, 4.5.3.2.6: who waits less for the answer to DATA makes doubles.
_DATA_SECONDS = 600
_NO_SMTPUTF8 = "the mail server does not take international addresses (SMTPUTF8, RFC 6531)"


@dataclass(frozen=True, kw_only=True)
class SmtpAccount:
    """How one account sends. `address` stands in From and is the return path of replies.

    `start_tls` None means: when the server offers it. `use_tls` is TLS from the first byte
    (port 465). Certificates are verified either way.
    """

    address: str
    name: str | None = None
    host: str
    port: int = 587
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    start_tls: bool | None = None
    local_hostname: str | None = None
    timeout_seconds: float = 60


class SmtpSender:
    """One connection a message: what a server answered belongs to that message alone."""

    def __init__(self, account: SmtpAccount) -> None:
        self._account = account

    async def ready(self, message: OutboundMessage) -> None:
        """A mail server is always there to be asked."""

    async def send(self, message: OutboundMessage) -> Delivery:
        """Hand the mail over. 5xx is for good, 4xx and silence are not."""
        account = self._account
        try:
            content = compose(message, account.address, account.name)
        except Malformed as error:
            return Delivery("failed", permanent=True, reason=str(error))
        client = SMTP(
            hostname=account.host,
            port=account.port,
            username=account.username,
            password=account.password,
            use_tls=account.use_tls,
            start_tls=account.start_tls,
            local_hostname=account.local_hostname,
            timeout=account.timeout_seconds,
        )
        try:
            return await self._hand_over(client, message, content)
        finally:
            await _leave(client)

    async def _hand_over(self, client: SMTP, message: OutboundMessage, content: bytes) -> Delivery:
        try:
            await client.connect()
            if not message.to.isascii() and not client.supports_extension("smtputf8"):
                return Delivery("failed", permanent=True, reason=_NO_SMTPUTF8)
            await client.mail(self._return_path(message), options=_options(message.to))
        except (aiosmtplib.SMTPException, OSError) as error:
            # Until here it is about us: our password, our address. The operator puts it right.
            raise Unavailable(f"mail server {self._account.host}: {_words(error)}") from error
        refused = await self._recipient(client, message.to)
        return refused or await self._content(client, content)

    async def _recipient(self, client: SMTP, address: str) -> Delivery | None:
        try:
            await client.rcpt(address, encoding="ascii" if address.isascii() else "utf-8")
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(error, Delivery("bounced", permanent=True, reason=_words(error)))
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(f"mail server {self._account.host}: {_words(error)}") from error
        return None

    async def _content(self, client: SMTP, content: bytes) -> Delivery:
        try:
            answer = await client.data(content, timeout=_DATA_SECONDS)
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(error, Delivery("failed", permanent=True, reason=_words(error)))
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unconfirmed(f"mail server {self._account.host}: {_words(error)}") from error
        return Delivery("sent", reason=f"{answer.code} {answer.message}")

    def _return_path(self, message: OutboundMessage) -> str:
        # RFC 3834, 3.3: what is automatic must not be answered by what is automatic.
        return self._account.address if message.kind == "reply" else _NULL_PATH


async def _leave(client: SMTP) -> None:
    if client.is_connected:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=_QUIT_SECONDS)
    client.close()


def _options(address: str) -> list[str]:
    return [] if address.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]


def _refusal(error: aiosmtplib.SMTPResponseException, refused: Delivery) -> Delivery:
    if error.code == _CLOSING:
        raise Unavailable(_words(error)) from error
    if error.code < 500:
        raise Deferred(_words(error)) from error
    return refused


def _words(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__
