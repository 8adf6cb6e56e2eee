"""Transfer encodings (RFC 2045, 6) and uuencoded files, with patience for damage."""

import binascii
import re

from channels.email import headers

_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} (?P<name>[^\r\n]*)", re.MULTILINE)


def decoded(encoded: bytes, how: str) -> tuple[bytes, str | None]:
    """The octets before their transfer encoding (RFC 2045, 6), and what was wrong with it."""
    if how == "base64":
        return headers.base64(encoded)
    if how == "quoted-printable":
        return binascii.a2b_qp(encoded), None
    if how in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        return uudecoded(encoded)[1], None
    if how in {"", "7bit", "8bit", "binary"}:
        return encoded, None
    return encoded, f"unknown: {headers.clean(how)[:40]!r}"


def uudecoded(encoded: bytes) -> tuple[str, bytes]:
    """The name and the octets of the first uuencoded file in `encoded` (IEEE Std 1003.1)."""
    begin = _UU_BEGIN.search(encoded)
    if not begin:
        return "", encoded
    lines = []
    for line in encoded[begin.end() :].splitlines():
        if line.strip() == b"end":
            break
        lines.append(_uu_line(line))
    name, _ = headers.decode(begin["name"].decode("ascii", "surrogateescape"))
    return name, b"".join(lines)


def _uu_line(line: bytes) -> bytes:
    if not line:
        return b""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders pad the line too far; only as many characters count as its length says.
        characters = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[: characters + 1])
        except binascii.Error:
            return b""
