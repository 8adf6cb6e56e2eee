"""Who a web-chat visitor is: an id that we drew, in a token that only we can have made.

The browser keeps the token. Whoever has none gets a new identity; nobody can take another's.
"""

import hmac
import json
import secrets as randomness
from base64 import b32encode
from collections.abc import Sequence


def new_visitor() -> str:
    """A visitor id that cannot be guessed (96 random bits)."""
    return "v-" + randomness.token_hex(12)


def token(account: str, visitor: str, secrets: Sequence[bytes]) -> str:
    """The token of `visitor` on `account`, signed with the first secret."""
    return f"{visitor}.{_mac(account, visitor, secrets[0])}"


def visitor_of(text: str, account: str, secrets: Sequence[bytes]) -> str | None:
    """The visitor that the token `text` proves on `account`, or None."""
    visitor, _, claimed = text.partition(".")
    wanted = [_mac(account, visitor, secret) for secret in secrets]
    return visitor if any(_same(claimed, mac) for mac in wanted) else None


def _mac(account: str, visitor: str, secret: bytes) -> str:
    signed = json.dumps(["visitor", account, visitor], separators=(",", ":")).encode()
    return b32encode(hmac.digest(secret, signed, "sha256"))[:32].decode().lower()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
