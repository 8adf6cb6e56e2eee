"""The JSON of the web chat and of the generic webhook as a request."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.chat.parse import LONGEST_ID, MOST_ATTACHMENTS, parse
from channels.contract import decode, encode
from channels.identity import request_id
from channels.parsed import Parsed, Unreadable
from channels.proof import token
from channels.request import CustomerRequest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MESSAGE: dict[str, Any] = {
    "id": "m-17",
    "from": {"id": "wang", "name": "王", "customer": "c-9"},
    "text": "我要投诉",
    "sent_at": "2026-03-02T16:59:00+08:00",
}


def _parsed(changes: dict[str, Any] | None = None, **options: Any) -> Parsed:
    raw = json.dumps({**MESSAGE, **(changes or {})}).encode()
    found = parse(raw, **{"account": "shop", "received_at": NOW, **options})
    assert isinstance(found, Parsed)
    return found


def _where(found: Parsed) -> list[str]:
    return [defect.where for defect in found.request.defects]


def test_message() -> None:
    """A message has its id, its sender, its text, and the sender's own time in UTC."""
    found = _parsed()
    request = found.request
    assert request == CustomerRequest(
        id=request_id("chat", "shop", "m-17"),
        channel="chat",
        account="shop",
        external_id="m-17",
        sender=request.sender,
        text="我要投诉",
        language="zh-Hans",
        sent_at=datetime(2026, 3, 2, 8, 59, tzinfo=UTC),
        received_at=NOW,
    )
    assert (request.sender.address, request.sender.name) == ("wang", "王")
    assert request.sender.customer == "c-9"
    assert found.blobs == {}


def test_account() -> None:
    """The source's account goes before the document's own."""
    assert _parsed({"account": "other"}).request.account == "shop"
    assert _parsed({"account": "other"}, account="").request.account == "other"


def test_a_visitor_cannot_be_a_customer_by_saying_so() -> None:
    """From an untrusted source the customer is a claim."""
    request = _parsed(trusted=False).request
    assert request.sender.customer is None
    assert request.attributes == {"claimed_customer": "c-9"}


def test_unknown_fields() -> None:
    """Fields that the format does not know are attributes; the given attributes go first."""
    request = _parsed({"page": "/cart", "x": 1, "attributes": {"x": 2}}).request
    assert request.attributes == {"page": "/cart", "x": 2}


def test_conversation() -> None:
    """A conversation counts when it is proved, and is an attribute otherwise."""
    secrets = (b"s" * 32,)
    proof = token("abcdefgh23456777-1", secrets)
    proved = _parsed({"conversation": proof}, secrets=secrets).request
    assert (proved.conversation, proved.attributes) == ("abcdefgh23456777-1", {})
    forged = _parsed({"conversation": proof}, secrets=(b"t" * 32,)).request
    assert (forged.conversation, forged.attributes) == (None, {"conversation": proof})


def test_attachments() -> None:
    """Bytes go to the blobs, by their hash; a file elsewhere is noted with its address."""
    items = [
        {"name": "a.txt", "media_type": "text/plain", "data": b64encode(b"hello").decode()},
        {"name": "b.png", "media_type": "image/png", "url": "https://x/b.png"},
    ]
    found = _parsed({"attachments": items, "text": ""})
    (attachment,) = found.request.attachments
    assert (attachment.name, attachment.size) == ("a.txt", 5)
    assert found.blobs == {attachment.ref: b"hello"}
    assert found.request.attributes["media"] == [
        {"url": "https://x/b.png", "media_type": "image/png", "name": "b.png"}
    ]
    assert found.request.defects == ()


@pytest.mark.parametrize("sent_at", [1772441940, 1772441940.0, "2026-03-02T08:59:00Z"])
def test_sent_at(sent_at: object) -> None:
    """Seconds since 1970 are an instant too."""
    assert _parsed({"sent_at": sent_at}).request.sent_at == datetime(2026, 3, 2, 8, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": None}, ["id"]),
        ({"id": ["x"]}, ["id", "id"]),
        ({"from": None}, ["from.id"]),
        ({"from": {"name": "王"}}, ["from.id"]),
        ({"from": []}, ["from.id", "from.id"]),
        ({"sent_at": "yesterday"}, ["sent_at"]),
        ({"sent_at": "2026-03-02T08:59:00"}, ["sent_at"]),
        ({"sent_at": 1e300}, ["sent_at"]),
        ({"sent_at": "0001-01-01T00:00:00+10:00"}, ["sent_at"]),
        ({"attributes": 7}, ["attributes"]),
        ({"text": ["我"]}, ["text"]),
        ({"attachments": "x"}, ["attachments", "attachments.0"]),
        ({"attachments": [{}]}, ["attachments.0"]),
        ({"attachments": [{"data": "%%%"}]}, ["attachments.0.data"]),
        ({"attachments": [{"url": "u"}] * (MOST_ATTACHMENTS + 1)}, ["attachments"]),
    ],
)
def test_defects(changes: dict[str, Any], where: list[str]) -> None:
    """What is missing or wrong is said, and the document lies beside the request."""
    found = _parsed(changes)
    assert _where(found) == where
    assert found.request.sender.address
    assert json.loads(found.blobs[str(found.request.raw_ref)]) == {**MESSAGE, **changes}


def test_no_account_at_all() -> None:
    """Without any account the request says so."""
    found = _parsed(account="")
    assert (found.request.account, _where(found)) == ("unknown", ["account"])


def test_a_missing_id_is_deterministic() -> None:
    """The same input at the same time has the same id; later words have another."""
    one, same = _parsed({"id": None}), _parsed({"id": None})
    assert one == same
    later = _parsed({"id": None}, received_at=NOW.replace(hour=10))
    assert later.request.id != one.request.id


def test_long_ids_are_bounded() -> None:
    """An id without measure is replaced by its hash."""
    request = _parsed({"id": "x" * 1_000_000, "from": "y" * 1_000_000}).request
    assert len(request.external_id) <= LONGEST_ID
    assert len(request.sender.address) <= LONGEST_ID


def test_plain_sender_and_numbers() -> None:
    """A sender may be a bare id, and ids may be numbers."""
    request = _parsed({"id": 17, "from": 42}).request
    assert (request.external_id, request.sender.address) == ("17", "42")


def test_other_charset() -> None:
    """JSON in GBK is readable, with a defect."""
    raw = '{"id": "1", "from": "w", "text": "订单没到"}'.encode("gbk")
    found = parse(raw, account="a", received_at=NOW)
    assert isinstance(found, Parsed)
    assert (found.request.text, _where(found)) == ("订单没到", ["document"])


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b'"text"', b"{", b"<xml/>", b'{"object": "whatsapp_business_account"}',
     b'{"id": "1", "text": ""}', b"[" * 100_000, b'{"text": "\\ud800"}'],
)  # fmt: skip
def test_unreadable(raw: bytes) -> None:
    """What is no message is kept as it came."""
    found = parse(raw, account="a", received_at=NOW)
    assert isinstance(found, Unreadable)
    assert found.raw == raw


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = [*MESSAGE, "account", "subject", "language", "conversation", "attachments", "attributes"]
PARTS = st.fixed_dictionaries({}, optional={"id": VALUES, "name": VALUES, "data": VALUES})


@given(
    st.binary()
    | st.dictionaries(st.sampled_from(FIELDS), VALUES | PARTS | st.lists(PARTS)).map(
        lambda document: json.dumps(document).encode()
    )
)
def test_never_raises(raw: bytes) -> None:
    """Any octets become a request with a sender, which JSON carries unchanged, or unreadable."""
    found = parse(raw, account="", received_at=NOW, secrets=(b"s" * 32,))
    assert found == parse(raw, account="", received_at=NOW, secrets=(b"s" * 32,))
    if isinstance(found, Parsed):
        assert found.request.sender.address
        assert decode(CustomerRequest, encode(found.request)) == found.request


def test_a_visitor_cannot_pretend_that_an_agent_has_split_a_ticket() -> None:
    """Triage believes what such a request says of its queue; a connector is believed."""
    body = b'{"id":"1","text":"hi","attributes":{"split_of":"t1","split_queue":"vips"}}'
    at = datetime(2027, 1, 4, tzinfo=UTC)
    found = parse(body, account="web", received_at=at, trusted=False)
    assert isinstance(found, Parsed)
    assert "split_of" not in found.request.attributes
    assert "attributes.split_of" in [defect.where for defect in found.request.defects]


@pytest.mark.parametrize(
    "body",
    [b'{"id":"1","text":"hi","tier":"vip"}', b'{"id":"1","text":"hi","attributes":{"tier":"vip"}}'],
)
def test_a_visitor_cannot_claim_a_tier(body: bytes) -> None:
    """What comes from a browser makes nobody a VIP; a connector may say it."""
    at = datetime(2027, 1, 4, tzinfo=UTC)
    found = parse(body, account="web", received_at=at, trusted=False)
    assert isinstance(found, Parsed)
    assert "tier" not in found.request.attributes
    assert "attributes.tier" in [defect.where for defect in found.request.defects]
    trusted = parse(body, account="web", received_at=at)
    assert isinstance(trusted, Parsed)
    assert trusted.request.attributes["tier"] == "vip"


@pytest.mark.parametrize("kind", ["left", "returned"])
def test_a_connector_tells_who_has_left(kind: str) -> None:
    """Without a text; of a visitor's browser it is a message's field as any other."""
    raw = json.dumps({"id": "1", "from": "wang", "kind": kind}).encode()
    found = parse(raw, account="shop", received_at=NOW)
    assert isinstance(found, Parsed)
    assert (found.request.kind, found.request.text, found.request.attributes) == (kind, "", {})
    assert isinstance(parse(raw, account="shop", received_at=NOW, trusted=False), Unreadable)


@pytest.mark.parametrize("kind", ["follow_up", "call", ["left"], 7, None])
def test_no_other_kind_can_be_claimed(kind: object) -> None:
    """What else is called `kind` stays an attribute of the message."""
    raw = json.dumps({"id": "1", "from": "wang", "text": "hi", "kind": kind}).encode()
    found = parse(raw, account="shop", received_at=NOW)
    assert isinstance(found, Parsed)
    assert (found.request.kind, found.request.attributes) == ("message", {"kind": kind})
