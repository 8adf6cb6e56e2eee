"""Files in the formats of the channels, as requests: what `normalize` and `demo --input` read.

A reader takes an open file and yields each request, or what could not be read, with the number of
the line (from 1) on which it ended.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import BinaryIO

from channels import jsonl
from channels.chat.parse import parse as parse_chat
from channels.hotline.parse import parse_lines as parse_queue_log
from channels.identity import request_id
from channels.parsed import Parsed, Unreadable
from channels.sms.parse import parse as parse_twilio

Item = tuple[int, Parsed | Unreadable]

_UNKNOWN_ACCOUNT = "unknown"
_PBX_ACCOUNT = "asterisk"

# RFC 4155: a message begins with "From ", an address and a time, after an empty line.
_MBOX_FROM = re.compile(rb"From \S+ .*\d\d:\d\d.*")
_MBOX_QUOTED = re.compile(rb">+From ")


@dataclass(frozen=True, kw_only=True)
class Options:
    """`account`: empty means what the input itself says. `region`: for national numbers."""

    account: str = ""
    received_at: datetime
    region: str | None = None


Reader = Callable[[BinaryIO, Options], Iterator[Item]]


def read_twilio(file: BinaryIO, options: Options) -> Iterator[Item]:
    """Webhook bodies, one a line."""
    for number, line in _lines(file):
        yield (
            number,
            parse_twilio(
                line,
                account=options.account,
                received_at=options.received_at,
                region=options.region,
            ),
        )


def read_chat(file: BinaryIO, options: Options) -> Iterator[Item]:
    """JSON lines, or one JSON document over several lines: so when the first is no JSON alone."""

    def parse(raw: bytes) -> Parsed | Unreadable:
        return parse_chat(raw, account=options.account, received_at=options.received_at)

    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        return
    head: Iterable[tuple[int, bytes]] = (first,)
    if _no_json(parse(first[1])):
        head = (first, *lines)
        whole = parse(b"\n".join(line for _, line in head))
        if not _no_json(whole):
            yield first[0], whole
            return
    for number, line in chain(head, lines):
        yield number, parse(line)


def _no_json(found: Parsed | Unreadable) -> bool:
    return isinstance(found, Unreadable) and found.where == "document"


def read_queue_log(file: BinaryIO, options: Options) -> Iterator[Item]:
    """A whole `queue_log`; `received_at` is each line's own time."""
    account = options.account or _PBX_ACCOUNT
    return parse_queue_log(file, account=account, region=options.region)


def read_jsonl(file: BinaryIO, options: Options) -> Iterator[Item]:
    """`CustomerRequest`s, one a line."""
    for number, line in _lines(file):
        found = jsonl.parse(
            line, account=options.account, received_at=options.received_at, place=str(number)
        )
        yield number, found


def read_email(file: BinaryIO, options: Options) -> Iterator[Item]:
    """One mail, or an mbox: so when the file begins with an mbox's `From ` line."""
    raw = file.read()
    if not _MBOX_FROM.match(raw):
        yield 1, _mail(raw, options)
        return
    for number, mail in split_mbox(raw):
        yield number, _mail(mail, options)


def split_mbox(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The mails of an mbox, each with the number of its `From ` line; `>From ` is unquoted."""
    lines: list[bytes] = []
    start, after_empty = 1, True
    for number, line in enumerate(raw.splitlines(keepends=True), start=1):
        if after_empty and _MBOX_FROM.match(line):
            if number > 1:
                yield start, b"".join(lines)
            lines, start = [], number
        else:
            lines.append(line[1:] if _MBOX_QUOTED.match(line) else line)
        after_empty = not line.strip(b"\r\n")
    yield start, b"".join(lines)


def _mail(raw: bytes, options: Options) -> Parsed | Unreadable:
    from channels.email.parse import parse  # noqa: PLC0415 - heavy, and only mail needs it

    found = parse(raw, account=options.account, received_at=options.received_at)
    if options.account or isinstance(found, Unreadable):
        return found
    request = found.request
    to = [one.address for one in request.recipients if one.role == "to" and one.address]
    account = to[0] if to else _UNKNOWN_ACCOUNT
    derived = request_id("email", account, request.external_id)
    return replace(found, request=replace(request, account=account, id=derived))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(file, start=1):
        stripped = line.strip(b"\r\n")
        if stripped.strip():
            yield number, stripped


READERS: Mapping[str, Reader] = {
    "email": read_email,
    "twilio": read_twilio,
    "chat": read_chat,
    "asterisk-queue-log": read_queue_log,
    "jsonl": read_jsonl,
}
"""The formats by the names that the command line has for them."""
