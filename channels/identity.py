"""Deterministic identities: the same cause always makes the same id.

All are normative (other programs compute them too); test vectors stand in
`docs/contracts/identities.json`.
"""

import hashlib
import uuid
from functools import lru_cache

import msgspec

NAMESPACE = uuid.UUID("6f0e3c1a-7d38-5b7e-9f27-0d6a52f1c4b8")
"""The UUID namespace (RFC 9562, version 5) of every id that Switchboard derives."""

_encode = msgspec.json.Encoder().encode

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
"""Base32 (RFC 4648, in small letters) of every ten bits: `base64` takes three times as long."""


def _joined(*parts: str) -> bytes:
    # A JSON array keeps ("a", "bc") and ("ab", "c") apart, in every language alike.
    return _encode(parts)


def _base32(data: bytes, length: int) -> str:
    """At most 16 characters: what ten bytes of the digest give."""
    number = int.from_bytes(hashlib.sha256(data).digest()[:10], "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10)])[:length]


def request_id(channel: str, account: str, external_id: str) -> str:
    """The id of a `CustomerRequest`: a version 5 UUID of channel, account and external id."""
    name = _joined("request", channel, account, external_id).decode()
    return str(uuid.uuid5(NAMESPACE, name))


@lru_cache(maxsize=10_000)
def conversation_key(channel: str, account: str, address: str) -> str:
    """16 base32 characters (80 bits of SHA-256) that stand for a customer on an account."""
    return _base32(_joined("conversation", channel, account, address), 16)


def conversation_id(key: str, number: int) -> str:
    """`<conversation key>-<number>`: the key alone finds the partition, without a look-up."""
    return f"{key}-{number}"


def key_of(conversation: str) -> str:
    """The conversation key inside a conversation id."""
    return conversation.partition("-")[0]


def ticket_id(first_request_id: str) -> str:
    """The id of the ticket which that request opens: 12 base32 characters, fit to be read out."""
    return _base32(_joined("ticket", first_request_id), 12)
