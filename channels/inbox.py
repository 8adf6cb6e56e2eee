"""What every source is given: where its parsed input goes, what counts, what time it is.

A source knows nothing of the log. It calls `Publish`, and answers its peer only afterwards.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from channels.errors import Malformed
from channels.parsed import Parsed, Unreadable

MIN_SECRET_BYTES = 16
"""A shorter secret can be guessed, and an empty one signs for everybody."""

Inbound = Parsed | Unreadable

Publish = Callable[[Sequence[Inbound]], Awaitable[None]]
"""Returns once the log has confirmed all of it; raises `Unavailable` when it did not."""

Count = Callable[[str], None]
"""Counts one more of a dotted name."""

Clock = Callable[[], datetime]
"""The present instant, in UTC."""


def utc_now() -> datetime:
    """The computer's clock."""
    return datetime.now(UTC)


def check_secrets(secrets: Sequence[bytes]) -> None:
    """Raises `Malformed` when there is no secret, or one that is too short to keep anybody out."""
    if not secrets:
        raise Malformed("a secret is missing: without one nobody can be told from a stranger")
    if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
        raise Malformed(f"a secret has less than {MIN_SECRET_BYTES} bytes (openssl rand -hex 32)")


def read(parse: Callable[[], Inbound], raw: bytes, origin: str) -> Inbound:
    """What `parse` makes of `raw`; what is not readable is marked with its `origin`.

    A parser promises not to raise. Should one do it all the same, the bytes become unreadable
    input: refusing them would have the peer repeat, and finally drop, what we cannot read.
    """
    try:
        found = parse()
    except Exception as error:  # noqa: BLE001 - a parser's fault must not cost a customer's words
        found = Unreadable("parser", f"{type(error).__name__}: {error}", raw)
    return replace(found, origin=origin) if isinstance(found, Unreadable) else found
