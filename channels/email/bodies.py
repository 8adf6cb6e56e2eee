"""The text of a mail, and what of it is a file."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from channels.blobs import ref_of
from channels.draft import Defects
from channels.email import charset, headers, markup, structure
from channels.email.structure import Mail, Part
from channels.email.transfer import uudecoded
from channels.request import Attachment

MOST_CHARACTERS = 100_000
MOST_OCTETS_READ = 1_000_000
"""Of all texts together; the one that goes past it is read within its own bound."""
MOST_ATTACHMENTS = 200
MOST_NAME_CHARACTERS = 255
MOST_FORWARDS = 3

_UU_FILE = re.compile(
    rb"(?m)^begin [0-7]{3,4} [^\r\n]+\r?\n(?:[!-`][ -`]*\r?\n)*?`?[ ]*\r?\n?end[ \t]*\r?$"
)
_TEXTS = frozenset({"text/plain", "text/html"})
_BLANK_LINES = re.compile(r"\n{4,}")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass
class Bodies:
    """The texts in their order (with quote marks), the files and their octets."""

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    octets_read: int = 0


def read(mail: Mail, defects: Defects) -> Bodies:
    """Tell the texts from the files, and decode both.

    What is text follows RFC 8621, 4.1.4; of alternatives the plain one is taken when it says
    anything. A text that has a file's name is shown and kept as a file.
    A mail without a word of its own shows those of the mails that it forwards; when it is one
    mail, its files are at hand as well (of several nobody could tell whose a file was).
    """
    bodies = Bodies()
    _read(bodies, mail, defects, 0)
    return bodies


def _read(bodies: Bodies, mail: Mail, defects: Defects, depth: int) -> None:
    texts = list(_texts(bodies, mail, defects))
    spoken = {
        part.place.alternative
        for part, text in zip(mail.leaves, texts, strict=True)
        if text and text.strip() and part.media_type == "text/plain"
    }
    for part, text in zip(mail.leaves, texts, strict=True):
        if text is None or part.name is not None:
            _attach(bodies, part.name, part.media_type, part.content, defects)
        if text is None or _is_said_already(part, spoken):
            continue
        bodies.texts.append(text)
        for name, content in _uufiles(part):
            _attach(bodies, name, "application/octet-stream", content, defects)
    if not any(map(str.strip, bodies.texts)) and mail.media_type != "multipart/report":
        _add_forwarded(bodies, mail, depth)


def _add_forwarded(bodies: Bodies, mail: Mail, depth: int) -> None:
    forwarded = [part for part in mail.leaves if part.media_type == "message/rfc822"]
    for part in forwarded if depth < MOST_FORWARDS else ():
        inside = Bodies(octets_read=bodies.octets_read)
        # What is wrong with somebody else's mail is no defect of this one.
        _read(inside, structure.read(part.content, Defects()), Defects(), depth + 1)
        bodies.texts += inside.texts
        bodies.octets_read = inside.octets_read
        if len(forwarded) == 1:
            files = [one for one in inside.attachments if one.media_type != "message/rfc822"]
            files = files[: MOST_ATTACHMENTS - len(bodies.attachments)]
            bodies.attachments += files
            bodies.blobs |= {one.ref: inside.blobs[one.ref] for one in files if one.ref}


def _texts(bodies: Bodies, mail: Mail, defects: Defects) -> Iterator[str | None]:
    """The text of each part that is shown, None for a file."""
    for part in mail.leaves:
        if not _is_body(part):
            yield None
        elif bodies.octets_read > MOST_OCTETS_READ:
            defects.add("text", f"no text is read past {MOST_OCTETS_READ} octets; kept as files")
            yield None
        else:
            bodies.octets_read += len(part.content)
            yield text_of(part, defects)


def _is_body(part: Part) -> bool:
    if part.media_type not in _TEXTS or part.disposition == "attachment":
        return False
    place = part.place
    return place.first or (place.parent != "multipart/related" and part.name is None)


def _is_said_already(part: Part, spoken: Collection[int | None]) -> bool:
    among = part.place.alternative
    return part.media_type == "text/html" and among is not None and among in spoken


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
    text = text.removeprefix(_BYTE_ORDER_MARK).replace("\xa0", " ")
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


def _uufiles(part: Part) -> Iterator[tuple[str, bytes]]:
    if part.media_type == "text/plain" and b"begin " in part.content:
        for match in _UU_FILE.finditer(part.content):
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
