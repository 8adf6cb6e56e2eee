"""A Twilio webhook's form as a request."""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import decode, encode
from channels.identity import request_id
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest
from channels.sms.parse import MOST_FIELDS, parse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MESSAGE = {
    "MessageSid": "SM1",
    "SmsSid": "SM1",
    "SmsStatus": "received",
    "From": "+8613800138000",
    "To": "+14155238886",
    "Body": "我要投诉 😁",
    "NumMedia": "0",
    "FromCountry": "CN",
}


def _parsed(raw: bytes, *, account: str = "", region: str | None = None) -> Parsed:
    found = parse(raw, account=account, received_at=NOW, region=region)
    assert isinstance(found, Parsed)
    return found


def _request(changes: dict[str, str | None] | None = None, **options: str) -> CustomerRequest:
    fields = {**MESSAGE, **(changes or {})}
    kept = {name: value for name, value in fields.items() if value is not None}
    return _parsed(urlencode(kept).encode(), **options).request


def _where(request: CustomerRequest) -> list[str]:
    return [defect.where for defect in request.defects]


def test_message() -> None:
    """An inbound message has its sender, our number as account, its text and language."""
    request = _request()
    assert request == CustomerRequest(
        id=request_id("sms", "+14155238886", "SM1"),
        channel="sms",
        account="+14155238886",
        external_id="SM1",
        sender=request.sender,
        recipients=request.recipients,
        text="我要投诉 😁",
        language="zh-Hans",
        received_at=NOW,
        attributes={"NumMedia": "0", "FromCountry": "CN"},
    )
    assert request.sender.address == "+8613800138000"
    assert [recipient.address for recipient in request.recipients] == ["+14155238886"]


def test_account() -> None:
    """An account that is named goes before our own number."""
    assert _request(account="shop").account == "shop"


def test_whatsapp() -> None:
    """A WhatsApp number is E.164; its scheme stands in the account and the attributes."""
    request = _request(
        {"From": "whatsapp:+8613800138000", "To": "whatsapp:+14155238886", "ProfileName": "王"}
    )
    assert (request.sender.address, request.sender.name) == ("+8613800138000", "王")
    assert request.account == "whatsapp:+14155238886"
    assert request.attributes["via"] == "whatsapp"


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        ("STOP", "stop"), (" stop ", "stop"), ("Unsubscribe", "stop"), ("退订", "stop"),
        ("TD", "stop"), ("Start", "start"), ("HELP", "help"), ("yes", None),
        ("stop calling me", None), ("", None),
    ],
)  # fmt: skip
def test_keywords(body: str, keyword: str | None) -> None:
    """A message that is a keyword and nothing else is a command."""
    request = _request({"Body": body})
    assert request.kind == ("command" if keyword else "message")
    assert request.attributes.get("keyword") == keyword


def test_opt_out_type() -> None:
    """What Twilio itself took for an opt-out is one, whatever its words."""
    request = _request({"Body": "genug", "OptOutType": "STOP"})
    assert (request.kind, request.attributes["keyword"]) == ("command", "stop")


@pytest.mark.parametrize("status", ["sent", "delivered", "undelivered", "failed", "read"])
def test_receipt(status: str) -> None:
    """A status callback is a receipt: of the customer it went to, and of one status only."""
    request = _request(
        {
            "From": "+14155238886", "To": "+8613800138000", "Body": None, "SmsStatus": status,
            "MessageStatus": status, "ErrorCode": "30003",
        }
    )  # fmt: skip
    assert (request.kind, request.external_id) == ("receipt", f"SM1:{status}")
    assert (request.account, request.sender.address) == ("+14155238886", "+8613800138000")
    assert request.attributes["status"] == status
    assert request.attributes["message_id"] == "SM1"
    assert request.attributes["ErrorCode"] == "30003"


def test_unknown_status() -> None:
    """A status that nobody knows makes no receipt of a customer's message."""
    request = _request({"SmsStatus": "sideways"})
    assert (request.kind, _where(request)) == ("message", ["MessageStatus"])


@pytest.mark.parametrize(
    ("sender", "automatic"),
    [("12345", "short-code"), ("106575001234", "short-code"), ("MyBank", "no-reply"),
     ("+8613800138000", None)],
)  # fmt: skip
def test_automatic(sender: str, automatic: str | None) -> None:
    """Short codes and names of letters are machines; they keep their address."""
    request = _request({"From": sender})
    assert (request.automatic, request.sender.address) == (automatic, sender)
    assert request.defects == ()


def test_region() -> None:
    """A national number is read in the region given, else in the sender's country."""
    assert _request({"From": "13800138000"}).sender.address == "+8613800138000"
    american = _request({"From": "2015550123"}, region="US")
    assert american.sender.address == "+12015550123"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"From": None}, ["From"]),
        ({"From": "12"}, ["From"]),
        ({"To": None}, ["To", "To"]),
        ({"MessageSid": None, "SmsSid": None}, ["MessageSid"]),
        ({"NumMedia": "many"}, ["NumMedia"]),
        ({"NumMedia": "2"}, ["NumMedia"]),
        ({"NumMedia": "1" * 5_000}, ["NumMedia"]),
    ],
)
def test_defects(changes: dict[str, str | None], where: list[str]) -> None:
    """What is missing or wrong is said, and the raw form lies beside the request."""
    kept = {name: value for name, value in {**MESSAGE, **changes}.items() if value is not None}
    raw = urlencode(kept).encode()
    found = _parsed(raw)
    assert _where(found.request) == where
    assert found.request.sender.address
    assert found.request.raw_ref is not None
    assert found.blobs[found.request.raw_ref] == raw


def test_strangers_share_no_address() -> None:
    """Two messages without a sender are two strangers."""
    one = _request({"From": None})
    other = _request({"From": None, "MessageSid": "SM2"})
    assert one.sender.address != other.sender.address


def test_repeated_names() -> None:
    """Of a repeated name the first value counts, and none is thrown away."""
    request = _parsed(urlencode([*MESSAGE.items(), ("Body", "second")]).encode()).request
    assert request.text == MESSAGE["Body"]
    assert request.attributes["Body"] == [MESSAGE["Body"], "second"]
    assert _where(request) == ["Body"]


def test_media() -> None:
    """Files stay at Twilio: their addresses and types are attributes."""
    request = _request({"NumMedia": "1", "MediaUrl0": "https://m/1", "MediaContentType0": "a/b"})
    assert request.attributes["media"] == [{"url": "https://m/1", "media_type": "a/b"}]
    assert request.defects == ()


@pytest.mark.parametrize("charset", ["gbk", "gb18030"])
def test_wrong_charset(charset: str) -> None:
    """Chinese in another charset than UTF-8 is readable, with a defect."""
    text = "我要投诉，订单没到"
    raw = b"MessageSid=S&From=%2B8613800138000&To=%2B14155238886&Body="
    request = _parsed(raw + quote(text.encode(charset)).encode()).request
    assert (request.text, _where(request)) == (text, ["body"])


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b'[{"phone_number": "13900000001"}]', b"CallSid=CA1&From=%2B1", b"&&&", b"=",
     b"a=1&" * (MOST_FIELDS + 2)],
)  # fmt: skip
def test_unreadable(raw: bytes) -> None:
    """What is no form, or no message, is kept as it came."""
    found = parse(raw, account="a", received_at=NOW)
    assert isinstance(found, Unreadable)
    assert found.raw == raw


NAMES = st.sampled_from([*MESSAGE, "MessageStatus", "MediaUrl0", "OptOutType", "ProfileName"])


@given(
    st.binary()
    | st.lists(st.tuples(NAMES, st.text())).map(
        lambda pairs: urlencode(pairs, errors="surrogatepass").encode()
    )
)
def test_never_raises(raw: bytes) -> None:
    """Any octets become a request with a sender, which JSON carries unchanged, or unreadable."""
    found = parse(raw, account="", received_at=NOW)
    assert found == parse(raw, account="", received_at=NOW)
    if isinstance(found, Parsed):
        assert found.request.sender.address
        assert decode(CustomerRequest, encode(found.request)) == found.request
