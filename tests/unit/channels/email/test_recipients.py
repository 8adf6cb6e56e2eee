"""Addresses as the SMTP listener compares them."""

import pytest

from channels.email.source import normal, traced


@pytest.mark.parametrize(
    ("address", "compared"),
    [
        ("Support@Shop.EXAMPLE", "support@shop.example"),
        ("a@例子.CN", "a@xn--fsqu00a.cn"),
        ("王+x@BÜCHER.example", "王+x@xn--bcher-kva.example"),
        ("postmaster", "postmaster"),
        ("a@[127.0.0.1]", "a@[127.0.0.1]"),
        ("a@_x..example", "a@_x..example"),
        ("@", "@"),
        ("", ""),
    ],
)
def test_address_is_compared_in_lower_case_and_ascii(address: str, compared: str) -> None:
    """What is no domain name stays as it is, and is nobody's account."""
    assert normal(address) == compared


@pytest.mark.parametrize(
    ("mail_from", "path"),
    [(None, b"<>"), ("", b"<>"), ("<>", b"<>"), ("a@b.example", b"<a@b.example>")],
)
def test_envelope_is_put_before_the_mail(mail_from: str | None, path: bytes) -> None:
    """Octets that are no UTF-8 pass unharmed."""
    found = traced(b"Subject: x\r\n", mail_from, "\udcff@shop.example")
    assert found == (
        b"Return-Path: " + path + b"\r\nDelivered-To: \xff@shop.example\r\nSubject: x\r\n"
    )
