"""Files in the formats of the channels."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from channels.contract import decode, encode
from channels.formats import READERS, Item, Options, split_mbox
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest

OPTIONS = Options(received_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
MBOX = b"""From a@example.org Mon Mar  2 09:00:00 2026
Subject: one

>From here it is quoted.
From there it is not a mail, for no time follows.

From b@example.org Mon Mar  2 09:01:00 2026
Subject: two

bye
"""


def _read(name: str, raw: bytes) -> list[Item]:
    return list(READERS[name](BytesIO(raw), OPTIONS))


def _lines(items: list[Item]) -> list[tuple[int, bool]]:
    return [(line, isinstance(found, Parsed)) for line, found in items]


def test_twilio_has_a_body_a_line() -> None:
    """Each line is a body; an empty one is nothing."""
    raw = b"MessageSid=1&From=%2B1&To=%2B1&Body=a\r\n\nnothing\nMessageSid=2&Body=b"
    assert _lines(_read("twilio", raw)) == [(1, True), (3, False), (4, True)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"id": "1", "text": "a"}\n{"id": "2", "text": "b"}\n', [(1, True), (2, True)]),
        (b'{"id": "1",\n "text": "a"}\n', [(1, True)]),
        (b'{"id": "1", "text": "a"}\nbroken\n', [(1, True), (2, False)]),
        (b'broken\n\n{"id": "1", "text": "a"}\n', [(1, False), (3, True)]),
        (b'{"id": "1",\n "nothing": 1}\n', [(1, False)]),
        (b"", []),
    ],
)
def test_chat_is_a_document_or_lines(raw: bytes, expected: list[tuple[int, bool]]) -> None:
    """A document may go over lines; where the first line is JSON, or all are none, lines count."""
    assert _lines(_read("chat", raw)) == expected


def test_queue_log_has_its_own_account_and_times() -> None:
    """A call is received when its last line was written."""
    raw = b"1700000000|1.1|q|NONE|ENTERQUEUE||1001|1\n1700000009|1.1|q|NONE|ABANDON|1|1|9\n"
    ((line, found),) = _read("asterisk-queue-log", raw)
    assert isinstance(found, Parsed)
    assert (line, found.request.account) == (2, "asterisk")
    assert found.request.received_at == datetime.fromtimestamp(1_700_000_009, UTC)


def test_equal_jsonl_lines_are_two_requests() -> None:
    """Two equal lines without ids are two messages."""
    found = [item for _, item in _read("jsonl", b'{"text": "a"}\n{"text": "a"}\n')]
    ids = {item.request.id for item in found if isinstance(item, Parsed)}
    assert len(ids) == 2


def test_mbox() -> None:
    """An mbox is cut before each `From ` line with a time; quoted ones lose a mark."""
    mails = list(split_mbox(MBOX))
    assert [number for number, _ in mails] == [1, 7]
    assert mails[0][1].startswith(b"Subject: one\n\nFrom here it is quoted.\nFrom there")
    assert mails[1][1] == b"Subject: two\n\nbye\n"


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.shared_data
@pytest.mark.parametrize("name", sorted(set(READERS) - {"email"}))
def test_foreign_files(name: str, shared_data: Path) -> None:
    """Every format reads any file of the channels' folders without raising, and drops no bytes."""
    files = [path for part in ("sms", "chat", "hotline") for path in _files(shared_data / part)]
    assert len(files) > 100
    for path in files:
        for _, found in READERS[name](BytesIO(path.read_bytes()), OPTIONS):
            if isinstance(found, Unreadable):
                assert found.problem
                assert found.raw
            else:
                assert found.request.sender.address
                assert decode(CustomerRequest, encode(found.request)) == found.request
