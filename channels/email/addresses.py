"""Addresses in headers (RFC 5322, 3.4), read with patience: whoever wrote can be answered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import idna

from channels.email import headers

MOST_ADDRESSES = 200
"""Of one header; more are left in the raw mail."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.){0,1000}+"|<[^<>"]*+>|[,;]|\((?:[^()\\]|\\.)*+\)|.', re.DOTALL)
_ANGLE = re.compile(r"<([^<>]*)>?\s*(?:\([^()]*\))?\s*$")
_GROUP = re.compile(r"^[^<>@\"(]*:")
_COMMENT = re.compile(r"\(((?:[^()\\]|\\.){0,200})\)")
# Lengths are bounded (RFC 5321 has 64 and 255) so that no input takes quadratic time.
_BARE = re.compile(r"[^\s<>\"()\[\],;:@]{1,128}@[^\s<>\"(),;]{1,255}")
_LOCAL = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_AROUND = re.compile(r"\s*([@.])\s*")
_ROUTE = re.compile(r"^@[^:]*:")


@dataclass(frozen=True)
class Address:
    """`address` is normalized, or empty when there is none; `problem` says what is wrong."""

    address: str
    name: str | None
    problem: str | None = None


def parse(value: str, hint: str | None = None) -> list[Address]:
    """The addresses of a header's raw value, at most `MOST_ADDRESSES`."""
    found = []
    for piece in _pieces(headers.unfold(value)):
        address = _one(piece, hint)
        if address.address or address.name:
            found.append(address)
        if len(found) == MOST_ADDRESSES:
            break
    return found


def _pieces(line: str) -> Iterator[str]:
    piece: list[str] = []
    for match in _TOKEN.finditer(line):
        token = match[0]
        if token in (",", ";"):
            yield "".join(piece)
            piece = []
        else:
            piece.append(token)
    yield "".join(piece)


def _one(piece: str, hint: str | None) -> Address:
    piece = _GROUP.sub("", piece).strip()
    angle = _ANGLE.search(piece)
    if angle:
        name, written = piece[: angle.start()], angle[1]
    else:
        bare = _BARE.search(piece)
        written = bare[0] if bare else ""
        name = piece.replace(written, " ", 1) if written else piece
    written = _AROUND.sub(r"\1", written.strip())
    if "@" not in written or " " in written:
        bare = _BARE.search(piece)
        written = bare[0] if bare else written
    if angle and _LOCAL.fullmatch(written):
        # A mail system on its own host leaves the domain out.
        return Address(written.lower(), _name(name, hint), f"no domain: {written[:80]!r}")
    address, problem = normalize(headers.plain(written)[0])
    return Address(address, _name(name, hint), problem)


def _name(written: str, hint: str | None) -> str | None:
    comment = _COMMENT.search(written)
    outside = _COMMENT.sub(" ", written).strip()
    text = outside or (comment[1] if comment else "")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    text = re.sub(r"\\(.)", r"\1", text.replace('" "', " "))
    decoded = headers.decode(text, hint)[0].strip("\"' ")
    return " ".join(decoded.split()) or None


def normalize(written: str) -> tuple[str, str | None]:
    """`written` in lower case with its domain as IDNA 2008 A-labels, and what was wrong with it."""
    address = "".join(headers.clean(_ROUTE.sub("", written.strip())).lower().split())
    local, at, domain = address.rpartition("@")
    if not at:
        return "", f"no address: {address[:80]!r}" if address else None
    if not local or not domain:
        return address, f"half an address: {address[:80]!r}"
    if domain.isascii():
        return f"{local}@{domain.rstrip('.')}", None
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}", None
    except (idna.IDNAError, UnicodeError):
        return address, f"a domain that IDNA does not know: {domain[:80]!r}"
