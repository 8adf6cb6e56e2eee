"""`X-Twilio-Signature`: who may post to the webhook.

HMAC-SHA1 (RFC 2104), in Base64, keyed with the account's auth token. A form: over the public URL
and, appended to it in the order of their names, each parameter's name and value; of a repeated
name the distinct values in their order. Any other body: over the URL alone, whose query carries
the body's SHA-256 as `bodySHA256`. Definition: Twilio, "Security", "Validating requests".
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qs, urlsplit

_PORTS = {"https": 443, "http": 80}


def sign(token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The signature of a form `params` posted to `url`, or of `url` alone."""
    pairs = sorted(set(params))
    text = url + "".join(name + value for name, value in pairs)
    digest = hmac.digest(_octets(token), _octets(text), "sha1")
    return b64encode(digest).decode()


def verify_form(token: str, url: str, params: Iterable[tuple[str, str]], signature: str) -> bool:
    """Whether `signature` is that of the form `params` at `url`, the public URL with its query.

    Twilio signs some URLs with the scheme's own port and some without any: both count.
    """
    pairs = tuple(params)
    candidates = (sign(token, candidate, pairs) for candidate in _spellings(url))
    given = _octets(signature)
    # A list, not a generator: the time taken must not tell which spelling came near.
    return any([hmac.compare_digest(given, _octets(candidate)) for candidate in candidates])


def verify_body(token: str, url: str, body: bytes, signature: str) -> bool:
    """Whether `signature` is that of `url`, and `body` has the SHA-256 that `url` states."""
    try:
        stated = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    except ValueError:
        return False
    if len(stated) != 1:
        return False
    digest = hashlib.sha256(body).hexdigest()
    same = hmac.compare_digest(_octets(stated[0].lower()), digest.encode())
    return verify_form(token, url, (), signature) and same


def _spellings(url: str) -> tuple[str, ...]:
    """`url` as it stands, without its port, and with its scheme's own port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return (url,)
    if port is not None:
        return (url, _with_netloc(url, parts, parts.netloc.rpartition(":")[0]))
    own = _PORTS.get(parts.scheme)
    if own is None:
        return (url,)
    return (url, _with_netloc(url, parts, f"{parts.netloc.rstrip(':')}:{own}"))


def _with_netloc(url: str, parts: SplitResult, netloc: str) -> str:
    # Put together by hand: urlunsplit drops an empty query or fragment, which was signed.
    head, _, tail = url.partition(parts.netloc) if parts.netloc else (url, "", "")
    return head + netloc + tail


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
