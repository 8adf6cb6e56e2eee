"""Header values: encoded words (RFC 2047), parameters (RFC 2231) and raw 8-bit octets, for real.

Values come as the standard library's parser holds them: octets above 127 as lone surrogates
(PEP 383). Nothing here raises.
"""

import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from channels.email import charset

_ENCODED_WORD = re.compile(
    r"=\?(?P<charset>[^?\s*]{0,60})(?:\*[^?\s]{0,40})?\?(?P<how>[bBqQ])\?(?P<text>[^?\r\n]*(?:\?(?!=)[^?\r\n]*)*)\?="
)
_FOLD = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PARAMETER = re.compile(
    r";\s*(?P<name>[^\s=;\"]+)\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)(?:\"|$)|(?P<plain>[^;]*))",
    re.DOTALL,
)
_BARE = re.compile(r"[^\s;]*")
# A backslash before anything else is most likely a path's.
_ESCAPED = re.compile(r"\\([\"\\])")
_SECTION = re.compile(r"(?P<name>.+?)(?:\*(?P<number>\d{1,3}))?(?P<coded>\*)?", re.DOTALL)


def octets(value: str) -> bytes:
    """The octets that `value` was read from."""
    return value.encode("utf-8", "surrogateescape" if _surrogates(value) else "replace")


def _surrogates(value: str) -> bool:
    # Only U+DC80 to U+DCFF stand for octets; others cannot be encoded at all.
    return not any("\ud800" <= c <= "\udc7f" or "\udd00" <= c <= "\udfff" for c in value)


def unfold(value: str) -> str:
    """One line of a folded value."""
    return " ".join(line.strip(" \t") for line in _FOLD.split(value)).strip()


def plain(value: str, hint: str | None = None) -> tuple[str, str | None]:
    """`value` without its lone surrogates: raw 8-bit text, by `hint`'s charset or a guess."""
    if value.isascii():
        return value, None
    raw = octets(value)
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        pass
    if hint:
        text, problem = charset.decode(raw, hint)
        if problem is None:
            return text, f"raw 8-bit octets; read as {hint[:40]}"
    return charset.guess(raw)


def decode(value: str, hint: str | None = None) -> tuple[str, str | None]:
    """`value` unfolded, with its encoded words decoded, and the first problem found.

    Neighbouring words of one charset are joined before they are decoded, for many programs split
    them inside a character.

    >>> decode("=?utf-8?b?5oqV?= =?utf-8?b?6K+J?= no. 5")
    ('投诉 no. 5', None)
    """
    line = unfold(value)
    pieces: list[tuple[bytes | str, str]] = []
    end = 0
    for match in _ENCODED_WORD.finditer(line):
        between = line[end : match.start()]
        if between.strip() or not (pieces and pieces[-1][1]):
            _literal(pieces, between)
        _append(pieces, _octets_of(match), match["charset"].lower())
        end = match.end()
    _literal(pieces, line[end:])
    return _joined(pieces, hint)


def _literal(pieces: list[tuple[bytes | str, str]], text: str) -> None:
    if text:
        pieces.append((text, ""))


def _append(pieces: list[tuple[bytes | str, str]], raw: bytes, name: str) -> None:
    name = name or "us-ascii"
    if pieces and pieces[-1][1] == name:
        before = pieces[-1][0]
        pieces[-1] = (before + raw, name)  # type: ignore[operator] # a charset goes with octets
    else:
        pieces.append((raw, name))


def _joined(pieces: list[tuple[bytes | str, str]], hint: str | None) -> tuple[str, str | None]:
    texts, first = [], None
    for piece, name in pieces:
        text, problem = (
            charset.decode(piece, name) if isinstance(piece, bytes) else plain(piece, hint)
        )
        texts.append(text)
        first = first or problem
    return clean("".join(texts)), first


def clean(text: str) -> str:
    """One line without control characters or lone surrogates."""
    text = _CONTROL.sub("", unfold(text))
    return text.encode("utf-8", "replace").decode().strip()


def _octets_of(match: re.Match[str]) -> bytes:
    raw = octets(match["text"])
    if match["how"] in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return base64(raw)[0]


_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_FOREIGN = re.compile(rb"[A-Za-z0-9+/=]+")
_MOST_JOINED = 10_000
_BETWEEN_WORDS = re.compile(rb"(?<=\S) (?=\S)")
_SPACE_OCTETS = re.compile(rb"\s+")
_PADDING = re.compile(rb"=[=\s]*")
# A line of full length, and what goes on from it.
_WHOLE_LINES = re.compile(
    rb"\s*[A-Za-z0-9+/]{60,}\s*?\n(?:[A-Za-z0-9+/]{4,}[ \t\r]*\n)*+(?:[A-Za-z0-9+/]+={1,2}\s)?"
)
# What follows padding is a further encoding when it fills whole lines, else somebody's words.
_GOES_ON = re.compile(rb"[A-Za-z0-9+/\r\n]*=*\s*")


def base64(raw: bytes) -> tuple[bytes, str | None]:
    """The octets of Base64 in which foreign characters, wrong padding and joins may stand."""
    problem = None
    decoded = []
    position = 0
    if _is_other_text(raw):
        # List servers put their footers below, encoded or not.
        whole = _WHOLE_LINES.match(raw)
        if whole is None:
            return raw, "says Base64, and is none"
        problem, raw = "text after the end of the Base64; left out", whole[0]
    while position < len(raw):
        padding = _PADDING.search(raw, position)
        end = padding.start() if padding else len(raw)
        segment = _NO_BASE64.sub(b"", raw[position:end])
        if len(segment) % 4 == 1:
            problem = "Base64 that ends in the middle"
            segment = segment[:-1]  # six bits make no octet
        decoded.append(binascii.a2b_base64(segment + b"=" * (-len(segment) % 4)))
        position = padding.end() if padding else len(raw)
        joined = len(decoded) < _MOST_JOINED and padding and _is_joined(raw, padding)
        if padding and position < len(raw) and not joined:
            problem = "text after the end of the Base64; left out"
            break
    return b"".join(decoded), problem


def _is_other_text(raw: bytes) -> bool:
    """Whether so much of `raw` is foreign to Base64 that it was never encoded."""
    dense = _SPACE_OCTETS.sub(b"", raw)
    foreign = len(_FOREIGN.sub(b"", dense)) + len(_BETWEEN_WORDS.findall(raw))
    return foreign > 3 and foreign * 10 > len(dense)


def _is_joined(raw: bytes, padding: re.Match[bytes]) -> bool:
    on_new_line = b"\n" in padding[0] or b"\r" in padding[0]
    line_end = raw.find(b"\n", padding.end())
    line = raw[padding.end() : line_end if line_end >= 0 else len(raw)]
    return on_new_line and _GOES_ON.fullmatch(line) is not None


def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """The bare value and its parameters (names in lower case), RFC 2231 sections joined.

    >>> parameters("text/plain; name*0*=gbk''%CD%B6; name*1*=%CB%DF.txt")
    ('text/plain', {'name': '投诉.txt'})
    """
    # Some programs forget the semicolon after the bare value.
    start = _BARE.match(value)
    bare, rest = (start[0], value[start.end() :].lstrip("; \t\r\n")) if start else ("", value)
    found: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(";" + rest):
        text = match["plain"]
        text = text.strip() if text is not None else _ESCAPED.sub(r"\1", match["quoted"])
        section = _SECTION.fullmatch(match["name"].lower())
        if section is None or not (section["number"] or section["coded"]):
            found.setdefault(match["name"].lower(), _parameter(text))
            continue
        numbered = sections.setdefault(section["name"], {})
        numbered.setdefault(int(section["number"] or 0), (text, bool(section["coded"])))
    for name, numbered in sections.items():
        found[name] = _sections(numbered)
    return unfold(bare).strip("\"' "), found


def _parameter(text: str) -> str:
    return decode(text)[0]


def _sections(numbered: Mapping[int, tuple[str, bool]]) -> str:
    """RFC 2231: `charset'language'percent-encoded`, over several sections."""
    stated = ""
    raw = b""
    for position, (_, (text, coded)) in enumerate(sorted(numbered.items())):
        if not coded:
            raw += octets(text)
            continue
        if position == 0 and text.count("'") >= 2:
            stated, _, text = text.split("'", 2)  # noqa: PLW2901
        raw += unquote_to_bytes(octets(text))
    text, _ = charset.decode(raw, stated)
    # Some programs put encoded words even here.
    return decode(text)[0] if _ENCODED_WORD.search(text) else clean(text)
