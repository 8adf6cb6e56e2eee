"""The text of a mail, and what of it is a file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels.blobs import ref_of
from channels.draft import Defects
from channels.email import charset, headers, markup
from channels.email.structure import Mail, Part, uudecoded
from channels.request import Attachment

MOST_CHARACTERS = 100_000
MOST_ATTACHMENTS = 200
MOST_NAME_CHARACTERS = 255

_UU_FILE = re.compile(
    rb"(?m)^begin [0-7]{3,4} [^\r\n]+\r?\n(?:[!-`][ -`]*\r?\n)*?`?[ ]*\r?\n?end[ \t]*\r?$"
)
_TEXTS = frozenset({"text/plain", "text/html"})
_BLANK_LINES = re.compile(r"\n{4,}")
_INVISIBLE = dict.fromkeys((0x200B, 0xFEFF, 0x200E, 0x200F, 0x2060, 0xAD))


@dataclass
class Bodies:
    """`plain` and `html` as text (the latter with quote marks), the files and their octets."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)


def read(mail: Mail, defects: Defects) -> Bodies:
    """Tell the texts from the files, and decode both."""
    bodies = Bodies()
    chosen = _chosen(mail, defects)
    for part in mail.leaves:
        if _is_body(part, mail):
            if part.number not in chosen:
                continue
            text = chosen[part.number]
            (bodies.html if part.media_type == "text/html" else bodies.plain).append(text)
            bodies.shown.append(text)
            if part.media_type == "text/plain":
                for name, content in _uufiles(part.content):
                    _attach(bodies, name, "application/octet-stream", content, defects)
            continue
        _attach(bodies, part.name, part.media_type, part.content, defects)
    return bodies


def _is_body(part: Part, mail: Mail) -> bool:
    if part.media_type not in _TEXTS or part.disposition == "attachment":
        return False
    if "multipart/report" in part.within and part is not _first_text(mail):
        return part.name is None and part.media_type in _TEXTS
    return part.name is None or part is _first_text(mail)


def _first_text(mail: Mail) -> Part | None:
    return next((p for p in mail.leaves if p.media_type in _TEXTS), None)


def _chosen(mail: Mail, defects: Defects) -> dict[int, str]:
    """The text of each body part that is shown: of alternatives the plain one, if it says a thing."""
    texts = {p.number: text_of(p, defects) for p in mail.leaves if _is_body(p, mail)}
    spoken = {p.of for p in mail.leaves if p.media_type == "text/plain" and _says(texts, p)}
    return {
        part.number: texts[part.number]
        for part in mail.leaves
        if part.number in texts
        and not (
            part.media_type == "text/html" and "multipart/alternative" in part.within and spoken
        )
    }


def _says(texts: dict[int, str], part: Part) -> bool:
    return "multipart/alternative" in part.within and bool(texts.get(part.number, "").strip())


def text_of(part: Part, defects: Defects) -> str:
    """The text of a part, its charset, format and markup undone."""
    content = _without_uufiles(part.content) if part.media_type == "text/plain" else part.content
    text, problem = charset.decode(content[: 4 * markup.MOST_CHARACTERS], _charset(part))
    defects.add("charset", problem)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.media_type == "text/html":
        return tidy(markup.text_of(text, defects))
    if (part.message.parameter("format") or "").lower() == "flowed":
        text = unflowed(text, delsp=(part.message.parameter("delsp") or "").lower() == "yes")
    return tidy(text)


_META = re.compile(rb"(?i)<meta[^>]{0,200}charset\s*=\s*[\"']?([a-z0-9_-]{2,40})")


def _charset(part: Part) -> str | None:
    if part.charset or part.media_type != "text/html":
        return part.charset
    meta = _META.search(part.content, 0, 4_096)
    return meta[1].decode() if meta else None


def tidy(text: str) -> str:
    """`text` without what nobody sees: control characters, trailing space, piles of empty lines."""
    text = text.translate(_INVISIBLE).replace("\xa0", " ")
    text = "".join(c for c in text if c in "\n\t" or c >= " ") if not text.isprintable() else text
    text = text.encode("utf-8", "replace").decode()
    lines = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n\n", lines).strip("\n")


def unflowed(text: str, *, delsp: bool) -> str:
    """RFC 3676: a line that ends in a space goes on in the next of the same quote depth."""
    lines: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if open_depth == depth and content != "-- ":
            lines[-1] += content
        else:
            lines.append((">" * depth + " " if depth else "") + content)
        flows = content.endswith(" ") and content != "-- "
        open_depth = depth if flows else None
        if flows and delsp:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def _without_uufiles(content: bytes) -> bytes:
    return _UU_FILE.sub(b"", content) if b"begin " in content else content


def _uufiles(content: bytes) -> Iterator[tuple[str, bytes]]:
    if b"begin " in content:
        for match in _UU_FILE.finditer(content):
            yield uudecoded(match[0])


def _attach(
    bodies: Bodies, name: str | None, media_type: str, content: bytes, defects: Defects
) -> None:
    if len(bodies.attachments) == MOST_ATTACHMENTS:
        defects.add("attachments", f"more than {MOST_ATTACHMENTS}; the rest is in the raw mail")
        return
    reference = ref_of(content)
    bodies.blobs[reference] = content
    bodies.attachments.append(
        Attachment(
            name=headers.clean(name)[:MOST_NAME_CHARACTERS] if name else None,
            media_type=headers.clean(headers.plain(media_type)[0])[:100],
            size=len(content),
            sha256=reference.removeprefix("sha256:"),
            ref=reference,
        )
    )
