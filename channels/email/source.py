"""Inbound SMTP (RFC 5321): mail for our accounts, confirmed with 250 once the log has it.

Whatever happens before that 250, the client still has the mail and sends it again; the
deterministic id makes one of the two.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import idna
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.parse import parse
from channels.email.session import Busy, MailSession
from channels.errors import SwitchboardError, Unavailable
from channels.inbox import Clock, Count, Inbound, Publish, read

_IN_THREAD_BYTES = 256 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_GRACE_SECONDS = 10
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class SmtpSettings:
    """What the listener is told. `accounts` maps `name@domain`, or `@domain`, to an account.

    A plus-detail (RFC 5233) does not count when the account is looked up. `max_bytes` is
    announced (SIZE, RFC 1870). `own_addresses` and `secrets` are passed on to the parser. Memory
    is at worst twice `max_bytes` for each of `max_connections`.
    """

    host: str = "127.0.0.1"
    port: int = 2525
    accounts: Mapping[str, str]
    hostname: str = "localhost"
    max_bytes: int = 25 * 1024 * 1024
    max_connections: int = 50
    max_recipients: int = 100
    timeout_seconds: float = 300
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    own_addresses: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None


class SmtpSource:
    """Listens in the running loop. `start`, then `port` is known; `stop` lets deliveries end."""

    def __init__(
        self, settings: SmtpSettings, publish: Publish, *, clock: Clock, count: Count
    ) -> None:
        self._settings = settings
        self._count = count
        self._handler = _Handler(settings, publish, clock, count)
        self._sessions: set[MailSession] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise RuntimeError("the SMTP source is not started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. Raises `Unavailable` when the address cannot be had."""
        host, port = self._settings.host, self._settings.port
        # aiosmtpd logs every command, and with it the customers' addresses, as information.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._protocol, host, port
            )
        except OSError as error:
            raise Unavailable(f"SMTP on {host}:{port}: {error.strerror}") from error

    async def stop(self) -> None:
        """Take no more connections, let mails under way end, then close."""
        if self._server is None:
            return
        self._server.close()
        deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
        while self._sessions:
            late = asyncio.get_running_loop().time() > deadline
            for session in list(self._sessions):
                if late or not session.receiving:
                    session.hang_up(now=late)
            await asyncio.sleep(0.01)
        await self._server.wait_closed()
        await self._handler.settled()

    def _protocol(self) -> asyncio.Protocol:
        settings = self._settings
        if len(self._sessions) >= settings.max_connections:
            self._count("smtp.refused.connections")
            return Busy(settings.hostname)
        return MailSession(
            self._handler,
            self._sessions,
            data_size_limit=settings.max_bytes,
            enable_SMTPUTF8=True,
            hostname=settings.hostname,
            ident="Switchboard",
            timeout=settings.timeout_seconds,
            tls_context=settings.tls,
            loop=asyncio.get_running_loop(),
        )


class _Handler:
    """aiosmtpd's hooks: who is written to, and what becomes of a mail."""

    def __init__(
        self, settings: SmtpSettings, publish: Publish, clock: Clock, count: Count
    ) -> None:
        self._settings = settings
        self._accounts = {normal(name): account for name, account in settings.accounts.items()}
        self._publish = publish
        self._clock = clock
        self._count = count
        self._publishing: set[asyncio.Task[None]] = set()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if _CONTROL.search(address):
            return "553 5.1.7 malformed address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.account_of(address) is None:
            self._count("smtp.refused.recipient")
            _log.info("recipient_unknown", peer=peer_of(session))
            return "550 5.1.1 no such mailbox here"
        if len(envelope.rcpt_tos) >= self._settings.max_recipients:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        received_at = self._clock()
        content = envelope.original_content or b""
        items = [
            await self._read(traced(content, envelope.mail_from, address), account, received_at)
            for account, address in self._by_account(envelope.rcpt_tos).items()
        ]
        try:
            await self._published(items)
        except Unavailable as error:
            self._count("smtp.deferred")
            _log.warning("mail_deferred", peer=peer_of(session), reason=str(error))
            return "451 4.3.0 not taken now, try again later"
        self._count("smtp.accepted")
        return "250 2.0.0 OK"

    async def handle_exception(self, error: Exception) -> str:
        """Else aiosmtpd would answer 500, with which the client gives the mail up."""
        self._count("smtp.errors")
        expected = isinstance(error, SwitchboardError | OSError)
        _log.error("smtp_error", error=type(error).__name__, exc_info=None if expected else error)
        return "451 4.3.0 local error, try again later"

    def refused(self, status: str, session: Session) -> None:
        """Told by the session of what aiosmtpd refuses by itself: a mail too large."""
        self._count("smtp.refused.size")
        _log.warning("mail_refused", peer=peer_of(session), status=status)

    def account_of(self, address: str) -> str | None:
        """The account that `address` belongs to, with or without its plus-detail."""
        whole = normal(address)
        local, _, domain = whole.rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"
        for name in (whole, plain, f"@{domain}"):
            if name in self._accounts:
                return self._accounts[name]
        return None

    async def settled(self) -> None:
        """Wait for publishing whose client has gone away."""
        await asyncio.gather(*self._publishing, return_exceptions=True)

    def _by_account(self, recipients: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for address in recipients:
            account = self.account_of(address)
            if account is not None:
                found.setdefault(account, address)
        return found

    async def _read(self, raw: bytes, account: str, received_at: datetime) -> Inbound:
        parser = partial(
            parse,
            raw,
            account=account,
            received_at=received_at,
            secrets=self._settings.secrets,
            own_addresses=self._settings.own_addresses,
        )
        if len(raw) <= _IN_THREAD_BYTES:
            return read(parser, raw, f"email/{account}")
        return await asyncio.to_thread(read, parser, raw, f"email/{account}")

    async def _published(self, items: list[Inbound]) -> None:
        # A client that hangs up cancels its session; a write to the log is not to be cut in two.
        task = asyncio.ensure_future(self._publish(items))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
        await asyncio.shield(task)


def normal(address: str) -> str:
    """A mail address to be compared: lower case, the domain as IDNA 2008 A-labels."""
    local, at, domain = address.strip().lower().rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        ascii_domain = domain
    return f"{local}{at}{ascii_domain}"


def traced(content: bytes, mail_from: str | None, recipient: str) -> bytes:
    """The mail with what only its envelope says, as a final delivery does (RFC 5321, 4.4).

    `Delivered-To` is where a plus-addressed proof stands when the mail was forwarded to us.
    """
    path = "" if mail_from in (None, "", "<>") else mail_from
    lines = f"Return-Path: <{path}>\r\nDelivered-To: {recipient}\r\n"
    # Empty lines before the headers would now end them.
    return lines.encode("utf-8", "surrogateescape") + content.lstrip(b"\r\n")


def peer_of(session: Session) -> str:
    """The peer's address, for logs."""
    return str(session.peer[0]) if session.peer else "unknown"
