"""Requests that people and other programs write down."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import jsonl
from channels.contract import decode, encode
from channels.defaults import fill
from channels.errors import Malformed
from channels.identity import request_id
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_everything_is_filled_in() -> None:
    """A text alone is a request: of a stranger, in the chat, received now."""
    request = fill({"text": "我要投诉"}, at=NOW)
    assert (request.channel, request.account, request.language) == ("chat", "default", "zh-Hans")
    assert request.received_at == NOW
    assert request.sender.address == f"anonymous:{request.external_id}"
    assert request.id == request_id("chat", "default", request.external_id)


def test_what_is_given_stays() -> None:
    """A whole request is itself again."""
    whole = fill({"text": "hi", "external_id": "x", "sender": "wang"}, at=NOW, account="shop")
    assert fill(json.loads(encode(whole)), at=NOW.replace(year=2030), account="other") == whole


def test_unknown_fields() -> None:
    """A field that a request does not have is kept as an attribute, and said."""
    request = fill({"text": "hi", "store": 7, "attributes": {"a": 1}}, at=NOW)
    assert request.attributes == {"store": 7, "a": 1}
    assert [defect.where for defect in request.defects] == ["store"]


def test_instants_are_utc() -> None:
    """Instants with an offset become UTC; one without is refused."""
    assert fill({"received_at": "2026-03-02T17:00:00+08:00"}, at=NOW).received_at == NOW
    with pytest.raises(Malformed, match="received_at: an instant without its offset"):
        fill({"received_at": "2026-03-02T17:00:00"}, at=NOW)


def test_equal_documents() -> None:
    """Equal documents are one request, unless they stand in different places."""
    assert fill({"text": "hi"}, at=NOW) == fill({"text": "hi"}, at=NOW)
    one, other = (fill({"text": "hi"}, at=NOW, place=place) for place in "12")
    assert one.id != other.id


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"channel": "fax"}, "channel"),
        ({"sender": {}}, "sender.address"),
        ({"external_id": 7}, "external_id"),
        ({"text": ["x"]}, "text"),
        ({"call": {"id": "1", "outcome": "lost"}}, "call.outcome"),
        ({"sent_at": "yesterday"}, "sent_at"),
    ],
)
def test_wrong_fields(document: dict[str, Any], where: str) -> None:
    """A field of the wrong type is named."""
    with pytest.raises(Malformed, match=where):
        fill(document, at=NOW)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"channel": "fax"}', b"\xff"])
def test_unreadable_lines(raw: bytes) -> None:
    """A line that is no request is kept as it came."""
    found = jsonl.parse(raw, account="", received_at=NOW)
    assert isinstance(found, Unreadable)
    assert found.raw == raw


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from([*CustomerRequest.__dataclass_fields__, "other"])


@given(st.binary() | st.dictionaries(FIELDS, VALUES).map(lambda given: json.dumps(given).encode()))
def test_never_raises(raw: bytes) -> None:
    """Any octets become a request, which JSON carries unchanged, or unreadable."""
    found = jsonl.parse(raw, account="", received_at=NOW)
    if isinstance(found, Parsed):
        assert decode(CustomerRequest, encode(found.request)) == found.request
