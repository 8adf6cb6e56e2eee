"""Mails as they are written: the same each time, and readable to any parser."""

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.compose import compose
from channels.errors import Malformed
from tests.recording import outbound

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200)


@given(subject=ANY_TEXT, name=ANY_TEXT, text=ANY_TEXT)
def test_every_text_comes_back(subject: str, name: str, text: str) -> None:
    """Subject and text are whole; the bytes are ASCII in lines of at most 998 octets."""
    message = outbound(subject=subject, to_name=name, text=text, created_at=NOON)
    raw = compose(message, "support@shop.example", "小店客服")
    assert raw == compose(message, "support@shop.example", "小店客服")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert " ".join((mail["Subject"] or "").split()) == " ".join(subject.split())
    content = mail.get_content()
    assert content.split() == text.split()
    assert mail["To"].addresses[0].addr_spec == message.to


def test_long_reference_lists_keep_their_ends() -> None:
    """The thread's root and its last messages."""
    ids = tuple(f"<{number}@example.org>" for number in range(100))
    raw = compose(outbound(references=ids, created_at=NOON), "support@shop.example", None)
    found = email.message_from_bytes(raw, policy=email.policy.default)["References"].split()
    assert (found[0], found[-1], len(found)) == (ids[0], ids[-1], 20)


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"X-A": "a\r\nBcc: b@example.org"}},
        {"headers": {"X-A\r\nBcc": "b@example.org"}},
        {"headers": {"X A": "b"}},
        {"message_id": "<1@x>\r\nBcc: b@example.org"},
        {"references": ("<1@x>\nBcc: b@example.org",)},
        {"to": "a@b.example\r\nBcc: b@example.org"},
        {"to": ""},
    ],
)
def test_nobody_smuggles_a_header_in(fields: dict[str, object]) -> None:
    """A line break in a header is refused, or stays within its value."""
    try:
        raw = compose(outbound(created_at=NOON, **fields), "support@shop.example", None)  # type: ignore[arg-type]
    except Malformed:
        return
    assert email.message_from_bytes(raw, policy=email.policy.default)["Bcc"] is None
