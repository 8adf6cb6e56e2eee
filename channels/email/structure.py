"""The parts of a mail, by the standard library's parser, kept within bounds and from raising.

Public hooks of `email.policy` do it: a policy that leaves header values raw (the library's header
parser raises on some of them, and takes quadratic time on others), and a message class that says
which parts the parser descends into.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import EmailPolicy
from functools import cached_property
from typing import Any, cast

from channels.draft import Defects
from channels.email import headers, transfer

MOST_LINES = 1_000_000
MOST_HEADERS = 2_000
MOST_LINES_OF_HEAD = 20_000
MOST_HEADER_CHARACTERS = 32_768
MOST_MULTIPARTS = 20
MOST_PARTS = 1_000
MOST_BOUNDARIES = 20_000

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_BLANK = re.compile(rb"(?:\r\n|\r(?!\n)|\n)[ \t]*(?=\r\n|\r|\n)")
_KNOWN = re.compile(
    rb"(?i)(?:from|to|cc|subject|date|message-id|in-reply-to|references|mime-version"
    rb"|content-[a-z-]+|reply-to|return-path|sender|auto-submitted|precedence)[ \t]*:"
)
_MBOX_LINE = re.compile(rb">?From [^\r\n]*(?:\r\n|\r|\n)")
_MEDIA_TYPE = re.compile(r"[^\s/;\"]+/[^\s/;,\"]+")


class _Message(EmailMessage):
    """A part. The parser asks it what it is, and so learns where to stop."""

    @property
    def stored(self) -> object:
        """The payload as it was parsed; `get_payload` would decode text, with losses."""
        return vars(self).get("_payload")

    @cached_property
    def _content_type(self) -> tuple[str, Mapping[str, str]]:
        bare, found = headers.parameters(self.get("content-type") or "")
        return bare.lower(), found

    def media_type(self) -> str:
        """The media type by RFC 2045, 5.2: what is no type is text."""
        match = _MEDIA_TYPE.match(self._content_type[0])
        return match[0] if match else self.get_default_type()

    def parameter(self, name: str) -> str | None:
        """A parameter of Content-Type, decoded."""
        return self._content_type[1].get(name)

    # The parser would take mails inside and delivery reports apart; as they stand they are
    # attachments with their own octets.
    def get_content_maintype(self) -> str:
        return self.get_content_type().partition("/")[0]

    def get_content_type(self) -> str:
        kind = self.media_type()
        if kind.startswith("multipart/") and cast("_Policy", self.policy).may_descend(self):
            return kind
        return "application/octet-stream"

    def get_boundary(self, failobj: Any = None) -> Any:
        boundary = self.parameter("boundary")
        return boundary.rstrip() if boundary else failobj


class _Policy(EmailPolicy):
    """`policy.default` with raw values, and counters of one mail."""

    found: Defects
    opened: set[int]

    def __init__(self, defects: Defects) -> None:
        super().__init__(message_factory=_Message)
        # A policy is immutable for everybody else.
        object.__setattr__(self, "found", defects)
        object.__setattr__(self, "opened", set())

    def may_descend(self, message: _Message) -> bool:
        """Whether one more multipart may be opened: the parser recurses."""
        if id(message) not in self.opened and len(self.opened) >= MOST_MULTIPARTS:
            self.found.add("parts", f"over {MOST_MULTIPARTS} multiparts; the rest is not opened")
            return False
        self.opened.add(id(message))
        return True

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        name, _, value = "".join(sourcelines).partition(":")
        if len(value) > MOST_HEADER_CHARACTERS:
            self.found.add(name[:40], f"cut after {MOST_HEADER_CHARACTERS} characters")
            value = value[:MOST_HEADER_CHARACTERS]
        return name, value.strip(" \t\r\n")

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value

    def handle_defect(self, obj: Any, defect: Any) -> None:
        self.found.add("mime", _words(type(defect).__name__))


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name.removesuffix("Defect")).lower()


@dataclass(frozen=True)
class Place:
    """Where a part stands: in which multipart, whether as its first, among which alternatives."""

    parent: str = "multipart/mixed"
    first: bool = True
    alternative: int | None = None


@dataclass(frozen=True)
class Part:
    """A leaf: what it says of itself, and its octets with the transfer encoding undone.

    `media_type` is what it is read as: of a multipart without parts, plain text.
    """

    message: _Message
    media_type: str
    content: bytes
    place: Place

    @property
    def is_unopened(self) -> bool:
        """Whether it is a multipart in which no part was found."""
        return _is_multipart(self.message)

    @property
    def charset(self) -> str | None:
        """The charset that Content-Type states."""
        return self.message.parameter("charset")

    @cached_property
    def _disposition(self) -> tuple[str, Mapping[str, str]]:
        return headers.parameters(self.message.get("content-disposition") or "")

    @property
    def disposition(self) -> str:
        """`attachment`, `inline`, another word, or nothing."""
        return self._disposition[0].lower()

    @property
    def name(self) -> str | None:
        """The file's name, from Content-Disposition, else from Content-Type."""
        return self._disposition[1].get("filename") or self.message.parameter("name") or None


@dataclass
class Mail:
    """The headers of a mail in their order, and its leaves."""

    message: _Message
    media_type: str
    leaves: list[Part] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The first value of a header, raw."""
        value = self.message.get(name)
        return None if value is None else str(value)

    def headers(self, name: str) -> list[str]:
        """All values of a header, raw."""
        return [str(value) for value in self.message.get_all(name, [])]


def read(raw: bytes, defects: Defects) -> Mail:
    """The mail in `raw`. Whatever is odd, cut or repaired is a defect."""
    repaired = _repaired(_bounded(raw, defects), defects)
    message = _parsed(repaired, defects)
    if _is_multipart(message) and not isinstance(message.stored, list):
        message = _parsed(_with_exact_boundaries(repaired, message.get_boundary()), defects)
    mail = Mail(message, message.media_type())
    for part in _leaves(message, Place(), defects):
        if len(mail.leaves) == MOST_PARTS:
            defects.add("parts", f"more than {MOST_PARTS}; the rest stands only in the raw mail")
            break
        mail.leaves.append(part)
    if not any(part.content.strip() for part in mail.leaves):
        _show_body(mail, repaired, defects)
    return mail


def _parsed(raw: bytes, defects: Defects) -> _Message:
    # The stubs know no other class than the library's own; the policy's factory makes ours.
    return cast("_Message", BytesParser(policy=_Policy(defects)).parsebytes(raw))


def _with_exact_boundaries(raw: bytes, boundary: str | None) -> bytes:
    """`raw` with the lines that only begin with the boundary cut to it.

    RFC 2046, 5.1.1: it suffices that a line begins with it. Boundaries of nested multiparts often
    do so with each other, hence only where no line is the boundary to the letter. A dash in a text
    is no boundary: a header of a part has to follow.
    """
    delimiter = b"--" + headers.octets(boundary or "")
    begins = rb"(?m)^" + re.escape(delimiter) + rb"[^\r\n]*"
    if not boundary or not re.search(begins + rb"(?:\r\n|\r|\n)(?i:content-[a-z-]+:)", raw):
        return raw
    return re.sub(
        begins, lambda line: delimiter + (b"--" if line[0].rstrip().endswith(b"--") else b""), raw
    )


def _show_body(mail: Mail, raw: bytes, defects: Defects) -> None:
    """No part says anything and one was not opened, so whatever stands there was written."""
    blank = _BLANK.search(raw)
    body = raw[blank.end() :].strip() if blank else b""
    if body and any(part.is_unopened for part in mail.leaves):
        defects.add("mime", "no part could be told from another; the body is shown as it came")
        mail.leaves.append(Part(_Message(mail.message.policy), "text/plain", body, Place()))


def _bounded(raw: bytes, defects: Defects) -> bytes:
    """`raw` with no more lines, and lines that may be boundaries, than the parser can hold."""
    if raw.count(b"\n--") > MOST_BOUNDARIES:
        defects.add("body", f"cut after {MOST_BOUNDARIES} lines that begin with --")
        raw = b"\n--".join(raw.split(b"\n--", MOST_BOUNDARIES)[:MOST_BOUNDARIES])
    end = 0
    if raw.count(b"\n") + raw.count(b"\r") <= MOST_LINES:
        return raw
    for number, match in enumerate(_LINE.finditer(raw)):
        end = match.end()
        if number == MOST_LINES:
            break
    defects.add("body", f"cut after {MOST_LINES} lines")
    return raw[:end]


def _repaired(raw: bytes, defects: Defects) -> bytes:
    """`raw` with a head that the parser understands."""
    start = raw[: len(raw) - len(raw.lstrip(b"\r\n"))]
    if start and _HEADER.match(raw, len(start)):
        defects.add("headers", "empty lines before the headers")
        raw = raw[len(start) :]
    mbox = _MBOX_LINE.match(raw)
    raw = raw[mbox.end() :] if mbox else raw
    blank = _BLANK.search(raw)
    head_end = blank.start() if blank else len(raw)
    head, body = raw[:head_end], raw[head_end:]
    lines = [m[0] for m in _LINE.finditer(head) if m[0]]
    last_known = max((i for i, line in enumerate(lines) if _KNOWN.match(line)), default=-1)
    kept: list[bytes] = []
    fields = 0
    for index, line in enumerate(lines):
        if _HEADER.match(line):
            fields += 1
            name, _, value = line.partition(b":")
            line = name.rstrip() + b":" + value  # noqa: PLW2901
        elif line[:1] not in (b" ", b"\t"):
            if index > last_known:
                defects.add("headers", "no empty line between headers and body")
                return b"".join(kept) + b"\n" + b"".join(lines[index:]) + body
            defects.add("headers", "a line that is no header; taken for a continuation")
            line = b" " + line  # noqa: PLW2901
        if fields > MOST_HEADERS and not (_KNOWN.match(line) and len(kept) < MOST_LINES_OF_HEAD):
            defects.add("headers", f"more than {MOST_HEADERS}; the rest was left out")
            continue
        kept.append(line)
    return b"".join(kept) + body


def _leaves(message: _Message, place: Place, defects: Defects) -> Iterator[Part]:
    kind = message.media_type()
    payload = message.stored
    if isinstance(payload, list):
        alternative = id(message) if kind == "multipart/alternative" else place.alternative
        for index, child in enumerate(message.iter_parts()):
            below = Place(kind, index == 0, alternative)
            yield from _leaves(cast("_Message", child), below, defects)
        return
    how = headers.parameters(str(message.get("content-transfer-encoding") or ""))[0].lower()
    # Without that header the library hands out the octets as they came; with it, or as text, it
    # decodes them with the charset that they claim.
    del message["content-transfer-encoding"]
    encoded = message.get_payload(decode=True)
    encoded = encoded if isinstance(encoded, bytes) else b""
    content, problem = transfer.decoded(encoded, how.strip())
    defects.add("content-transfer-encoding", problem)
    yield Part(message, "text/plain" if _is_multipart(message) else kind, content, place)


def _is_multipart(message: _Message) -> bool:
    return message.media_type().startswith("multipart/")
