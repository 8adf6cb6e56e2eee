"""`Switchboard-Signature: t=<unix seconds>,v1=<hex>`: who may post to the generic webhook.

`v1` is HMAC-SHA-256 (RFC 2104), in hexadecimal, over `<t>.<body>` with a secret of the account.
`t` keeps an old request from being played again; several `v1` let the poster replace its secret.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

HEADER = "switchboard-signature"
TOLERANCE = timedelta(minutes=5)


def sign(secret: bytes, at: datetime, body: bytes) -> str:
    """The header's value for `body` posted `at`.

    >>> from datetime import UTC
    >>> sign(b"secret", datetime.fromtimestamp(1, UTC), b"{}")[:12]
    't=1,v1=db68f'
    """
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_mac(secret, seconds, body)}"


def problem(header: str | None, body: bytes, secrets: Sequence[bytes], now: datetime) -> str | None:
    """Why `body` is not to be believed, or None."""
    if not header:
        return "Switchboard-Signature is missing"
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not given or not (times[0].isascii() and times[0].isdigit()):
        return "Switchboard-Signature is not of the form t=<unix seconds>,v1=<hex>"
    wanted = [_mac(secret, times[0], body) for secret in secrets]
    if not any(_same(one, other) for one in given for other in wanted):
        return "Switchboard-Signature is wrong"
    if abs(now.timestamp() - int(times[0])) > TOLERANCE.total_seconds():
        return f"Switchboard-Signature is older than {TOLERANCE}, or the clocks differ"
    return None


def _mac(secret: bytes, seconds: str, body: bytes) -> str:
    return hmac.digest(secret, seconds.encode() + b"." + body, "sha256").hex()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
