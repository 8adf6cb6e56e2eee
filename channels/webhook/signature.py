"""Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 over `<id>.<timestamp>.<body>`.

A secret is written `whsec_` and 24 to 64 random octets in base64. Several sign while one is
replaced: a receiver takes what one of them has signed.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime

from channels.errors import Malformed

PREFIX = "whsec_"
_FEWEST_OCTETS, _MOST_OCTETS = 24, 64


def key_of(secret: str) -> bytes:
    """The key that a secret is written for. Raises `Malformed`, which does not show it.

    >>> key_of("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
    b'012345678901234567890123'
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _FEWEST_OCTETS <= len(key) <= _MOST_OCTETS:
        raise Malformed(
            f"a webhook's secret is {PREFIX} and {_FEWEST_OCTETS} to {_MOST_OCTETS} random octets "
            "in base64"
        )
    return key


def signed(keys: Sequence[bytes], id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of `body`, which is posted `at` under `id`.

    >>> from datetime import UTC
    >>> signed([b"k" * 24], "m-1", datetime.fromtimestamp(1, UTC), b"{}")["webhook-signature"]
    'v1,hKCzVMRnmh8NEu58elun86qXF1x7+4lgB8yMEMXcnAI='
    """
    seconds = str(int(at.timestamp()))
    content = b".".join((id.encode(), seconds.encode(), body))
    macs = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{mac}" for mac in macs),
    }
