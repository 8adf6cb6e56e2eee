"""One SMTP connection: aiosmtpd's protocol, bounded and watched."""

import asyncio
from collections import defaultdict
from typing import Any, AnyStr, Protocol

from aiosmtpd.smtp import SMTP, Session

_LINE_BYTES = 1024 * 1024
_COMMAND_BYTES = 2048


class Watcher(Protocol):
    """Who is told what aiosmtpd refuses by itself."""

    def refused(self, status: str, session: Session) -> None:
        """The mail of `session` was refused for good."""
        ...


class MailSession(SMTP):
    """A connection that is counted in `sessions` while it lasts.

    Lines of up to 1 MiB are taken: real mail has lines far over the 998 octets of RFC 5322, and
    a customer's words are not refused for that.
    """

    line_length_limit = _LINE_BYTES

    def __init__(self, watcher: Watcher, sessions: set["MailSession"], **options: Any) -> None:
        super().__init__(watcher, **options)
        # aiosmtpd has these limits in one dict for all connections, and each new one clears it.
        self.command_size_limits = defaultdict(lambda: _COMMAND_BYTES)
        self._watcher = watcher
        self._sessions = sessions
        self.receiving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come, or has gone over to TLS."""
        self._sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self._sessions.discard(self)
        super().connection_lost(error)

    def hang_up(self, *, now: bool) -> None:
        """Close the connection, `now` or after what is still to be written."""
        if now and isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        elif self.transport is not None:
            self.transport.close()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Receive a mail, and note that one is under way."""
        self.receiving = True
        try:
            await super().smtp_DATA(arg)
        finally:
            self.receiving = False

    async def push(self, status: AnyStr) -> None:
        """Answer the client, and tell of mails refused for their size or their lines."""
        await super().push(status)
        text = str(status)
        if self.session is not None and text.startswith(("552 ", "500 Line too long")):
            self._watcher.refused(text, self.session)


class Busy(asyncio.Protocol):
    """What the connections over the limit get: 421, try again (RFC 5321, 3.8)."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so and close."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(f"421 4.7.0 {self._hostname} too many connections\r\n".encode())
        transport.close()
