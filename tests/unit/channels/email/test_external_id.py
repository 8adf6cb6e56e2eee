"""A mail's external id: what a delivery adds does not change it, what tells mails apart does."""

from datetime import UTC, datetime

import pytest

from channels.email.parse import parse
from channels.email.source import traced

NOW = datetime(2027, 3, 1, tzinfo=UTC)
MAIL = b"From: a@b.example\r\nSubject: hi\r\nMessage-ID: <1@b.example>\r\n\r\nhello\r\n"


def external_id(raw: bytes) -> str:
    """The id that the parser gives."""
    return parse(raw, account="us", received_at=NOW).request.external_id


@pytest.mark.parametrize(
    "other",
    [
        MAIL.replace(b"\r\n", b"\n"),
        MAIL.rstrip(),
        b"\r\n" + MAIL,
        traced(MAIL, "x@y.example", "us@our.example"),
        traced(b"\n" + MAIL, "x@y.example", "us@our.example"),
        b"From a@b.example Mon Mar  1 12:00:00 2027\n" + MAIL,
        traced(b"From a@b.example Mon Mar  1 12:00:00 2027\n" + MAIL, None, "us@our.example"),
        b"Received: from x by y;\r\n\tMon, 1 Mar 2027\r\n" + MAIL,
    ],
)
def test_a_delivery_does_not_change_it(other: bytes) -> None:
    """Line ends, empty lines around, trace headers and a mailbox's From line are the delivery's."""
    assert external_id(other) == external_id(MAIL)


def test_what_is_no_mail_is_told_apart_by_all_that_it_is() -> None:
    """Two heads without a body, a sender and an id are two mails; each is itself again by SMTP."""
    one, other = b'{"id":"1","text":"x"}', b'{"id":"2","text":"y"}'
    assert external_id(one) != external_id(other)
    assert external_id(traced(one + b"\r\n", "x@y.example", "us@our.example")) == external_id(one)
