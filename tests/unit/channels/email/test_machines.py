"""People who write about failed deliveries, and the machines that report them."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.email.parse import parse
from channels.request import CustomerRequest

RECEIVED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def mail(subject: str, text: str, sender: str = "Li <li@example.cn>", more: str = "") -> bytes:
    """A mail as a person's program writes it, with `more` headers."""
    return (
        f"From: {sender}\nTo: help@example.org\nDate: Mon, 2 Mar 2026 17:00:00 +0800\n"
        f"Message-ID: <1@example.cn>\nSubject: {subject}\n{more}"
        f"Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    ).encode()


def read(raw: bytes, **options: object) -> CustomerRequest:
    """Its request."""
    return parse(raw, account="help", received_at=RECEIVED_AT, **options).request  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Delivery failed", "My parcel could not be delivered and was returned to sender."),
        ("Delivery problem, order 4711", "It was not delivered: the address does not exist?"),
        ("My payment was rejected", "It says: delivery failed. Permanent error."),
        ("Mailbox full", "My mailbox is full, how can I increase the quota?"),
        ("Unknown user", "I cannot log in: unknown user"),
        ("Fwd: Undelivered Mail Returned to Sender", "I wrote to sales@ and got this:\n550 5.1.1"),
        ("退回的商品", "商品退回后一直没有退款，收件人不存在？请查"),
        ("投递失败", "快递投递失败，请重新派送"),
        ("Sendung unzustellbar", "Mein Paket wurde nicht zugestellt."),
        ("Посылка не доставлена", "Курьер не может найти адрес."),
        ("Re: Automatic reply: your ticket", "This does not answer my question."),
        ("自动回复功能坏了", "我的店铺自动回复不能用"),
        ("Out of office chair stock?", "Do you have office chairs?"),
        ("On vacation my suitcase broke", "Please replace it."),
        ("Autoreply for my shop", "How can I set one up?"),
        ("Abwesend beim Lieferversuch", "Bitte noch einmal."),
    ],
)
def test_a_customer_is_no_machine(subject: str, text: str) -> None:
    """Words of machines in a person's mail prove nothing: the request is a message."""
    request = read(mail(subject, text))
    assert (request.automatic, request.kind) == (None, "message")


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        (mail("Mail failed", "x", "MAILER-DAEMON <>"), "dsn"),
        (mail("hi", "unknown user", "Mail Delivery System <x@example.org>"), "dsn"),
        (mail("Notice", "user unknown", more="Return-Path: <>\n"), "daemon"),
        (mail("Undeliverable", "user unknown", more="Return-Path: <>\n"), "dsn"),
        (mail("hi", "x", '"p" <example.org postmaster@example.org>'), "daemon"),
        (mail("自动回复：您好", "x"), "auto-reply"),
        (mail("Automatic reply", "x"), "auto-reply"),
        (mail("Out of Office: back on Monday", "x"), "auto-reply"),
        (mail("Auto-Reply from Li", "x"), "auto-reply"),
        (mail("Re: hi", "这是来自QQ邮箱的假期自动回复邮件。\n您好"), "auto-reply"),
        (mail("hi", "x", more="X-Loop: help@example.org\nPrecedence: list\n"), "loop"),
        (mail("hi", "x", more="X-Loop: else@example.org\nPrecedence: list\n"), "list"),
        (mail("hi", "x", more="X-Loop: else@example.org\n"), "loop"),
    ],
)
def test_machines_give_themselves_away(raw: bytes, label: str) -> None:
    """By their sender, the beginning of their subject, or a mark of ours that comes back."""
    request = read(raw, own_addresses=("help@example.org",))
    assert request.automatic == label
    assert request.kind == ("receipt" if label == "dsn" else "message")


@pytest.mark.parametrize(
    ("sender", "subject", "label"),
    [
        ("Li <li@example.cn>", "Fwd: failed", None),
        ("Li <li@example.cn>", "failed", "dsn"),
        ("x <mailer-daemon@example.org>", "Re: hi", "dsn"),
    ],
)
def test_a_forwarded_report_is_a_persons(sender: str, subject: str, label: str | None) -> None:
    """A report that somebody forwards inside their mail does not make a receipt of it."""
    raw = (
        f"From: {sender}\nSubject: {subject}\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
        "What does this mean?\n--b\nContent-Type: message/delivery-status\n\n"
        "Final-Recipient: rfc822; a@example.org\nStatus: 5.1.1\n--b--\n"
    )
    assert read(raw.encode()).automatic == label


def _written(folder: Path) -> Iterator[str]:
    """Some 16,000 things that customers said."""
    with (folder / "banking77_train_4000.csv").open(newline="") as file:
        yield from (row["text"] for row in csv.DictReader(file))
    with (folder / "crosswoz_val_220dialogs.tsv").open(newline="") as file:
        yield from (row["text"] for row in csv.DictReader(file, delimiter="\t"))
    for name in ("sms_spam_collection_3300.tsv", "clinc150_val.tsv"):
        lines = (folder / name).read_text().splitlines()
        yield from (line.rpartition("\t")[2] for line in lines)
    for path in sorted(folder.glob("rasa-nlu-chi/*.json")):
        found = json.loads(path.read_text())["rasa_nlu_data"]["common_examples"]
        yield from (one["text"] for one in found)


@pytest.mark.shared_data
def test_what_customers_say_comes_through_whole(shared_data: Path) -> None:
    """Every fourth text of customers, as subject and as text: nobody is a machine, nothing cut."""
    texts = sorted({" ".join(one.split()) for one in _written(shared_data / "customer-messages")})
    wrong = []
    for text in filter(None, texts[::4]):
        request = read(mail(text[:150], text))
        if request.automatic or " ".join(request.text.split()) != text:
            wrong.append((request.automatic, text, request.text))
    assert len(texts) > 10_000
    assert wrong == []
