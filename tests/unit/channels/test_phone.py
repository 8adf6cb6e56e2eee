"""Telephone numbers as addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import phone
from channels.text import decode


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("+86 138 0013 8000", None, "+8613800138000"),
        ("13800138000", "CN", "+8613800138000"),
        ("13800138000", "cn", "+8613800138000"),
        ("008613800138000", "CN", "+8613800138000"),
        ("021-1234 5678", "CN", "+862112345678"),
        ("４００-１２３-４５６７", "CN", "+864001234567"),
        ("whatsapp:+14155238886", None, "+14155238886"),
        ("tel:+1-201-555-0123", None, "+12015550123"),
        ("+852 9123 4567", None, "+85291234567"),
        ("91234567", "HK", "+85291234567"),
        ("13800138000", None, None),
        ("13800138000", "XX", None),
        ("1001", "CN", None),
        ("95588", "CN", None),
        ("10690000", "CN", None),
        ("+86106575001234", None, None),
        ("anonymous", "CN", None),
        ("Switchboard", "CN", None),
        ("+19", None, None),
        ("", "CN", None),
        ("+" + "1" * 10_000, None, None),
    ],
)
def test_normalize(number: str, region: str | None, expected: str | None) -> None:
    """A number is E.164, by its country code or as a valid number of the region, or it is none."""
    assert phone.normalize(number, region) == expected


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("12345", "US", True),
        ("whatsapp:12345", None, True),
        ("95588", "CN", True),
        ("106575001234", "CN", True),
        ("+8610690000", None, True),
        ("106575001234", "US", False),
        ("91234567", "HK", False),
        ("91234567", None, True),
        ("+14155238886", "US", False),
        ("12", "US", False),
        ("１２３４５", "US", False),
        ("", None, False),
    ],
)
def test_short_code(number: str, region: str | None, expected: bool) -> None:
    """Three to eight digits are a short code, and so are China's 106 numbers."""
    assert phone.is_short_code(number, region) is expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [("MyBank", True), ("Shop 24", True), ("12345", False), ("+1415", False), ("A" * 12, False)],
)
def test_alphanumeric(number: str, expected: bool) -> None:
    """A name of up to eleven letters and digits is a sender whom nobody can answer."""
    assert phone.is_alphanumeric(number) is expected


@given(st.text(), st.none() | st.text(max_size=3))
def test_phone_never_raises(number: str, region: str | None) -> None:
    """Any text is a number or none; what is normalized stays as it is."""
    found = phone.normalize(number, region)
    assert found is None or phone.normalize(found, None) == found
    phone.is_short_code(number, region)
    phone.is_alphanumeric(number)


@pytest.mark.parametrize(
    ("raw", "text", "flawed"),
    [
        ("退款".encode(), "退款", False),
        ("退款".encode("gbk"), "退款", True),
        (b"caf\xe9", "café", True),
        (b"\x81", "\x81", True),
        (b"", "", False),
    ],
)
def test_decode(raw: bytes, text: str, flawed: bool) -> None:
    """Whatever the charset, there is a text; other than UTF-8 it is said."""
    found, problem = decode(raw)
    assert (found, bool(problem)) == (text, flawed)


@given(st.binary())
def test_decode_never_raises(raw: bytes) -> None:
    """Any octets are some text."""
    decode(raw)
