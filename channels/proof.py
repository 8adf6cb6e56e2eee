"""Threading by proof: an outgoing message carries its conversation and an HMAC of it.

The token `<conversation>.<mac>` travels in the local part of a Message-ID and of a plus-addressed
reply address. A reply brings it back, from whatever address, and only the holder of a secret can
have made it. `secrets` is a tuple: the first signs, all verify, so that a rotation overlaps.
"""

import hmac
import re
from base64 import b32encode

_TOKEN = re.compile(r"(?P<conversation>[a-z2-7]{16}-[0-9]{1,12})\.(?P<mac>[a-z2-7]{16})", re.ASCII)

Secrets = tuple[bytes, ...]


def mac(conversation: str, secret: bytes) -> str:
    """16 base32 characters (80 bits) of HMAC-SHA-256 (RFC 2104) over the conversation id."""
    digest = hmac.digest(secret, conversation.encode(), "sha256")
    return b32encode(digest[:10]).decode().lower()


def token(conversation: str, secrets: Secrets) -> str:
    """The token that proves `conversation`, signed with the first secret."""
    return f"{conversation}.{mac(conversation, secrets[0])}"


def prove(text: str, secrets: Secrets) -> str | None:
    """The conversation that some token inside `text` proves, or None. Forged tokens count as none.

    >>> secrets = (b"s" * 32,)
    >>> prove("<1." + token("abcdefgh23456777-1", secrets) + "@example.org>", secrets)
    'abcdefgh23456777-1'
    """
    for match in _TOKEN.finditer(text.lower()):
        conversation, claimed = match["conversation"], match["mac"]
        if any(hmac.compare_digest(claimed, mac(conversation, secret)) for secret in secrets):
            return conversation
    return None


def message_id(conversation: str, label: str, secrets: Secrets, domain: str) -> str:
    """The RFC 5322 Message-ID of what we send in `conversation`; `label` is unique there."""
    return f"<{label}.{token(conversation, secrets)}@{domain}>"


def reply_address(account: str, conversation: str, secrets: Secrets) -> str:
    """`account` (a mail address) with the token as its plus-detail (RFC 5233)."""
    local, _, domain = account.partition("@")
    return f"{local}+{token(conversation, secrets)}@{domain}"


def untagged(address: str) -> str:
    """The mailbox of `address`, without its plus-detail (RFC 5233)."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"
