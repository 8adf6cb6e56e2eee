"""Whose request a form's mail is, and who is answered."""

import pytest

from channels.email.parse import parse
from channels.request import CustomerRequest
from tests.unit.channels.email.test_machines import RECEIVED_AT

ACCOUNT = "help@shop.example"


def read(sender: str, reply_to: str, more: str = "") -> CustomerRequest:
    """The request of a mail with these headers, for our mailbox."""
    raw = (
        f"From: {sender}\nReply-To: {reply_to}\nTo: {ACCOUNT}\nMessage-ID: <1@x>\n"
        f"Date: Mon, 2 Mar 2026 17:00:00 +0800\nSubject: A question\n{more}\n我要投诉\n"
    )
    own = (ACCOUNT, "sales@shop.example")
    return parse(raw.encode(), account=ACCOUNT, received_at=RECEIVED_AT, own_addresses=own).request


@pytest.mark.parametrize(
    "form",
    [
        "Shop <wordpress@shop.example>",
        "www-data@shop.example",
        "Kontakt-Formular <no-reply@forms.example>",
        ACCOUNT,
        "Sales <sales@shop.example>",
    ],
)
def test_who_filled_in_a_form_is_the_customer(form: str) -> None:
    """The form's own address is kept for the rules; it is neither a loop nor a machine's mail."""
    request = read(form, "王 <Wang@Customer.example>")
    assert (request.sender.address, request.sender.name) == ("wang@customer.example", "王")
    assert request.attributes["form"] == form.rpartition("<")[2].rstrip(">")
    assert request.automatic is None


@pytest.mark.parametrize(
    ("sender", "reply_to", "automatic"),
    [
        ("Wang <wang@customer.example>", "wang@home.example", None),
        ("contact@customer.example", "wang@home.example", None),
        ("no-reply@carrier.example", "service@carrier.example", "no-reply"),
        ("no-reply@carrier.example", "noreply@other.example", "no-reply"),
        ("no-reply@carrier.example", "nonsense", "no-reply"),
        (ACCOUNT, "help+abcdefgh23456777-3.x@shop.example", "loop"),
    ],
)
def test_who_writes_in_their_own_name_is_the_sender(
    sender: str, reply_to: str, automatic: str | None
) -> None:
    """Another address for answers makes nobody else of them."""
    request = read(sender, reply_to)
    assert request.sender.address == sender.rpartition("<")[2].rstrip(">")
    assert request.automatic == automatic
    assert "form" not in request.attributes


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("List-Id: <news>", "list"),
        ("Precedence: bulk", "bulk"),
        ("Auto-Submitted: auto-replied", "auto-reply"),
        ("X-Loop: shop", "loop"),
    ],
)
def test_a_machine_that_is_answered_elsewhere_stays_a_machine(header: str, automatic: str) -> None:
    """A newsletter has an editor; that is no form."""
    request = read("no-reply@news.example", "editor@press.example", f"{header}\n")
    assert request.automatic == automatic
