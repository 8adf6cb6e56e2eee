"""The mail parser: what a request says of a mail, whatever the mail is like."""

import base64
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.blobs import ref_of
from channels.email import bodies, structure
from channels.email.parse import parse
from channels.identity import request_id
from channels.parsed import Parsed
from channels.proof import message_id, reply_address
from channels.request import CustomerRequest

RECEIVED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRETS = (b"s" * 32,)
CONVERSATION = "abcdefgh23456777-3"
HEAD = (
    "From: Wang <wang@example.cn>\nDate: Mon, 2 Mar 2026 17:00:00 +0800\n"
    "Message-ID: <1@example.cn>\n"
)


def parsed(raw: bytes | str, **options: object) -> Parsed:
    """The mail of some octets, or of a text in UTF-8."""
    octets = raw.encode() if isinstance(raw, str) else raw
    return parse(octets, account="help", received_at=RECEIVED_AT, **options)  # type: ignore[arg-type]


def read(raw: bytes | str, **options: object) -> CustomerRequest:
    """Its request."""
    return parsed(raw, **options).request


def problems(request: CustomerRequest) -> dict[str, str]:
    """What is wrong, by where."""
    return {defect.where: defect.problem for defect in request.defects}


def test_a_plain_mail_has_no_defects() -> None:
    """What a well-formed mail says stands in the request, and nothing is wrong with it."""
    request = read(
        HEAD + "To: Help <help@example.org>, b@EXAMPLE.org\nCc: c@example.org\n"
        "Reply-To: r@example.cn\nSubject: =?utf-8?b?5oqV6K+J?=\nIn-Reply-To: <0@example.org>\n"
        "References: <9@a> <0@example.org>\nContent-Type: text/plain; charset=utf-8\n\n"
        "我要投诉\n"
    )
    assert request.defects == ()
    assert (request.sender.address, request.sender.name) == ("wang@example.cn", "Wang")
    assert [(one.role, one.address) for one in request.recipients] == [
        ("to", "help@example.org"),
        ("to", "b@example.org"),
        ("cc", "c@example.org"),
        ("reply_to", "r@example.cn"),
    ]
    assert (request.subject, request.text, request.language) == ("投诉", "我要投诉", "zh-Hans")
    assert request.sent_at == RECEIVED_AT
    assert request.in_reply_to == "<0@example.org>"
    assert request.references == ("<9@a>", "<0@example.org>")
    assert request.attributes == {"message_id": "<1@example.cn>"}
    assert request.id == request_id("email", "help", request.external_id)


def test_the_raw_mail_is_kept() -> None:
    """`raw_ref` names the mail as it came, and every attachment's octets are in the blobs."""
    raw = (
        HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n"
        "Content-Type: application/pdf; name*=gbk''%CD%B6%CB%DF.pdf\n"
        "Content-Transfer-Encoding: base64\n\naGVs\nbG8=\n--b--\n"
    ).encode()
    found = parsed(raw)
    (file,) = found.request.attachments
    assert found.request.raw_ref == ref_of(raw)
    assert found.blobs == {ref_of(raw): raw, file.ref: b"hello"}
    assert (file.name, file.media_type, file.size) == ("投诉.pdf", "application/pdf", 5)
    assert file.ref == f"sha256:{file.sha256}"


@pytest.mark.parametrize(
    ("header", "address", "where"),
    [
        ("From: A <a@b.example>", "a@b.example", None),
        ("From: a@b.example (Ann)", "a@b.example", None),
        ('From: "x, y" <a@b.example>, c@d.example', "a@b.example", None),
        ("From: <A@Bücher.example>", "a@xn--bcher-kva.example", None),
        ("Sender: s@b.example", "s@b.example", "from"),
        ("From: nobody\nReply-To: r@b.example", "r@b.example", "from"),
        ("Return-Path: <p@b.example>", "p@b.example", "from"),
        ("From: nobody", "", "from"),
        ("From: <>", "", "from"),
        ("Subject: no sender", "", "from"),
        ("From: System <MAILER-DAEMON>", "mailer-daemon", "from"),
        ("From: a@-..\u20ac", "a@-..\u20ac", "from"),
    ],
)
def test_the_sender(header: str, address: str, where: str | None) -> None:
    """From, else Sender, Reply-To, Return-Path; whatever is not From's own is a defect."""
    request = read(f"{header}\n\nhi")
    assert request.sender.address == address
    assert ("from" in problems(request)) == (where is not None)


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("gb2312", "gb18030", "朱镕基说：您好，我要投诉"),
        ("big5", "cp950", "我要投訴，請回覆"),
        ("big5", "big5hkscs", "我哋嚟咗香港"),
        ("iso-8859-1", "windows-1252", "“Grüße” – 5 €"),
        ("ks_c_5601-1987", "cp949", "안녕하세요 똠방각하"),
        ("iso-8859-1", "utf-8", "我要投诉"),
        ("utf-8", "gb18030", "我的订单在哪里"),
        ("x-nothing", "gb18030", "我的订单在哪里"),
        ("", "gb18030", "我的订单在哪里，请尽快答复"),
        ("", "utf-8", "我的订单"),
        ("", "windows-1252", "Grüße aus Köln"),
        ("us-ascii", "utf-8", "我的订单"),
        ("punycode", "utf-8", "我的订单"),
        ("", "windows-1252", "Größe"),
        ("utf-8", "windows-1252", "où est ma commande du 2 mars ? J’attends."),
        ("", "cp950", "您好，我要投訴"),
        ("", "cp950", "您好"),
    ],
)
def test_charsets_that_lie(charset: str, encoding: str, text: str) -> None:
    """A body is read by what its octets are, when they are not what the mail says."""
    stated = f"Content-Type: text/plain; charset={charset}\n" if charset else ""
    assert read((HEAD + stated + "\n").encode() + text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"=?utf-8?B?5oqV6A==?= =?utf-8?B?r4k=?=", "投诉"),
        (b"=?gb2312?B?zbY=?=\n =?gb2312?B?y98=?= no. 5", "投诉 no. 5"),
        (b"=?gb2312?Q?=CD=B6=CB=DF?=", "投诉"),
        ("投诉".encode(), "投诉"),
        ("我的订单在哪里".encode("gb18030"), "我的订单在哪里"),
        (b"=?utf-8?B?5oqV6K+J", "=?utf-8?B?5oqV6K+J"),
        (b"=?utf-8?B?%%%?= x", "x"),
        (b"=?none?Q?abc?=", "abc"),
        (b"a\n folded\n\tline", "a folded line"),
        (b"a\x00b\x07c", "abc"),
    ],
)
def test_subjects(raw: bytes, subject: str) -> None:
    """Encoded words, split inside a character or broken, and raw octets are read as meant."""
    assert read(b"From: a@b.example\nSubject: " + raw + b"\n\nhi").subject == subject


def test_a_damaged_octet_costs_one_character() -> None:
    """What the stated charset reads stays as it reads it, and the loss is a defect."""
    request = read(HEAD.encode() + b"Subject: =?gbk?Q?=CD=B6=CB=DF=B6?=\n\nhi")
    assert request.subject == "投诉\ufffd"
    assert "octets that are no gbk" in problems(request)["subject"]


def test_a_mail_is_the_same_by_whatever_way_it_came() -> None:
    """Trace headers, a server's line ends and an mbox's first line do not change the id."""
    raw = HEAD + "Subject: s\n\nhello\n"
    ways = (
        raw,
        "Return-Path: <x@y>\nDelivered-To: help@example.org\nReceived: by z; now\n" + raw,
        raw.replace("\n", "\r\n"),
        "From wang@example.cn Mon Mar  2 09:00:00 2026\n" + raw,
        raw + "\n\n",
    )
    assert len({read(way).external_id for way in ways}) == 1


@pytest.mark.parametrize("change", ["From: w", "Date: M", "Subject: ", "hello", "<1@"])
def test_other_mails_are_others(change: str) -> None:
    """Another sender, date, subject, body or Message-ID makes another external id."""
    raw = HEAD.replace("From: Wang", "From: w") + "Subject: s\n\nhello\n"
    assert read(raw).external_id != read(raw.replace(change, change + "x", 1)).external_id


def test_mails_without_headers_differ() -> None:
    """Bare text has an id of its own."""
    assert read("one").external_id != read("two").external_id


@pytest.mark.parametrize(
    "header",
    [
        f"In-Reply-To: {message_id(CONVERSATION, 'ack', SECRETS, 'x.example')}",
        f"References: <a@b>\n {message_id(CONVERSATION, 'ack', SECRETS, 'x.example')}",
        f"To: {reply_address('help@example.org', CONVERSATION, SECRETS)}",
        f"Delivered-To: {reply_address('help@example.org', CONVERSATION, SECRETS)}",
    ],
)
def test_a_proof_names_the_conversation(header: str) -> None:
    """A token of ours proves the conversation wherever it stands; a forged one does not."""
    raw = f"{HEAD}{header}\n\nhi"
    assert read(raw, secrets=SECRETS).conversation == CONVERSATION
    assert read(raw).conversation is None
    assert read(raw, secrets=(b"t" * 32,)).conversation is None


def test_a_delivery_report() -> None:
    """A DSN is a receipt; our Message-ID in the returned mail proves the conversation."""
    original = message_id(CONVERSATION, "reply", SECRETS, "x.example")
    request = read(
        "From: Mail Delivery <mailer-daemon@mx.example>\nReturn-Path: <>\nSubject: failed\nDate: "
        "Mon, 2 Mar 2026 17:00:00 +0800\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\n\nCould not be delivered.\n--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; Li@Example.cn\nAction: failed\n"
        "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
        "Final-Recipient: rfc822; ok@example.cn\nAction: delayed\nStatus: 4.4.1\n"
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: {original}\nSubject: x\n\nbody\n--b--\n",
        secrets=SECRETS,
    )
    dsn = request.attributes["dsn"]
    assert (request.kind, request.automatic) == ("receipt", "dsn")
    assert dsn["failed_recipients"] == ["li@example.cn"]
    assert [one["address"] for one in dsn["recipients"]] == ["li@example.cn", "ok@example.cn"]
    assert (dsn["status"], dsn["action"]) == ("5.1.1", "failed")
    assert dsn["diagnostic"] == "550 5.1.1 no such user"
    assert dsn["original_message_id"] == original
    assert request.conversation == CONVERSATION


@pytest.mark.parametrize(
    ("notice", "status", "diagnostic"),
    [
        ("<li@example.cn>:\n550 5.1.1 no such user", "5.1.1", "550 5.1.1 no such user"),
        ("Could not be delivered to:\n  li@example.cn", None, "Could not be delivered to:"),
        ("It failed.\n<li@example.cn>: mailbox full (#5.2.2)", "5.2.2", None),
        ("Order 1550 for\nli@example.cn: user unknown", None, None),
    ],
)
def test_a_notice_in_words(notice: str, status: str | None, diagnostic: str | None) -> None:
    """A bounce without a report's structure says by its words who failed and why."""
    raw = f"From: mailer-daemon@example.org\nSubject: failure notice\n\n{notice}\n"
    dsn = read(raw).attributes["dsn"]
    assert (dsn["failed_recipients"], dsn["status"]) == (["li@example.cn"], status)
    assert dsn["diagnostic"] == (diagnostic or notice.splitlines()[-1])


@pytest.mark.parametrize(
    ("headers", "label"),
    [
        ("From: a@b.example\nSubject: Undelivered order", None),
        ("From: a@b.example\nAuto-Submitted: no", None),
        ("From: postmaster@b.example\nSubject: Undelivered Mail Returned to Sender", "dsn"),
        ("From: a@b.example\nX-Failed-Recipients: c@d.example", "dsn"),
        ("From: a@b.example\nAuto-Submitted: auto-replied (vacation)", "auto-reply"),
        ("From: a@b.example\nX-Autoreply: yes\nList-Id: <x.y>", "auto-reply"),
        ("From: a@b.example\nSubject: =?utf-8?b?6Ieq5Yqo5Zue5aSN77ya?= x", "auto-reply"),
        ("From: a@b.example\nX-Precedence: auto_reply", "auto-reply"),
        ("From: mailer-daemon@b.example\nSubject: hi", "daemon"),
        ("Return-Path: <>\nFrom: a@b.example", "daemon"),
        ("From: Help@example.org", "loop"),
        ("From: a@b.example\nX-Loop: x", "loop"),
        ("From: no-reply@b.example", "no-reply"),
        ("From: donotreply@b.example\nPrecedence: bulk", "no-reply"),
        ("From: a@b.example\nList-Id: <x.y>\nPrecedence: bulk", "list"),
        ("From: a@b.example\nPrecedence: junk", "bulk"),
        ("From: a@b.example\nX-Auto-Response-Suppress: All", "bulk"),
    ],
)
def test_machines(headers: str, label: str | None) -> None:
    """The first sign in the order of the design names the reason; a person has none."""
    assert read(f"{headers}\n\nhello", own_addresses=("help@EXAMPLE.org",)).automatic == label


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Content-Type: text/html\n\n<p>Hi <b>you</b><script>x()</script></p>", "Hi you"),
        (
            "Content-Type: text/html\n\n<div>New</div><div class=gmail_quote>On x<blockquote>old",
            "New",
        ),
        (
            "Content-Type: text/html\n\n<blockquote type=cite>old</blockquote>New<p>words",
            "New\n\nwords",
        ),
        (
            "Content-Type: text/html\n\n<div class=moz-cite-prefix>Am 1.1. schrieb A:</div>"
            "<blockquote type=cite>old</blockquote><p>New",
            "New",
        ),
        ("Content-Type: text/plain; format=flowed\n\none \ntwo\n", "one two"),
        ("Content-Type: text/plain; format=flowed; delsp=yes\n\n我要 \n投诉\n", "我要投诉"),
        ("Content-Transfer-Encoding: base64\n\naGVs*bG8\n", "hello"),
        (
            "Content-Transfer-Encoding: base64\n\nThis is no Base64, is it?\n",
            "This is no Base64, is it?",
        ),
        (
            f"Content-Transfer-Encoding: base64\n\n{'aGVsbG8g' * 8}\naGVsbG8=\n"
            f"{'-' * 60}\nThis list is sponsored by nobody: http://example.org/\n",
            "hello " * 8 + "hello",
        ),
        ("Content-Transfer-Encoding: quoted-printable\n\na=3Db=\nc=\n", "a=bc"),
        (
            "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n"
            "Content-Type: text/html\n\n<p>html</p>\n--b--",
            "plain",
        ),
        (
            "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n\n--b\n"
            "Content-Type: text/html\n\n<p>html</p>\n--b--",
            "html",
        ),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ncut off", "cut off"),
        ("Content-Type: message/rfc822\n\nFrom: x@y\n\ninside", "inside"),
    ],
)
def test_bodies(raw: str, text: str) -> None:
    """The text is what a reader would see of the mail."""
    assert read(HEAD + raw).text == text


def test_bare_carriage_returns_end_lines() -> None:
    """A mail with CR alone as its line end is a mail."""
    request = read(b"From: a@b.example\rSubject: s\r\rone\rtwo")
    assert (request.subject, request.text) == ("s", "one\ntwo")


def test_a_missing_empty_line_is_a_defect() -> None:
    """The body begins with the first line that can be no header."""
    request = read("From: a@b.example\nSubject: s\nHello, I have a question\nbye")
    assert (request.subject, request.text) == ("s", "Hello, I have a question\nbye")
    assert "no empty line" in problems(request)["headers"]


def test_a_body_that_cannot_be_taken_apart_is_shown_as_it_came() -> None:
    """Boundaries that end each other leave no part: the customer's words are shown all the same."""
    request = read(
        HEAD + 'Content-Type: multipart/mixed; boundary="a--"\n\n--a--\n'
        'Content-Type: multipart/mixed; boundary="a----"\n\n--a----\n\n空调坏了\n--a------\n'
    )
    assert "空调坏了" in (request.full_text or "")
    assert "shown as it came" in str(request.defects)


def test_a_mail_that_only_forwards_has_the_files_of_what_it_forwards() -> None:
    """Its text is shown as the mail's own, so its files are at hand too, besides the whole."""
    inside = (
        "From: Li <li@example.cn>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n见附件\n"
        "--b\nContent-Type: image/gif; name=photo.gif\nContent-Transfer-Encoding: base64\n\n"
        "R0lGODlhAQABAAAAADs=\n--b--\n"
    )
    found = parsed(
        HEAD
        + "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(inside.encode()).decode()
    )
    assert found.request.full_text == "见附件"
    mail, photo = found.request.attachments
    assert (mail.media_type, photo.name) == ("message/rfc822", "photo.gif")
    assert photo.ref is not None
    assert found.blobs[photo.ref].startswith(b"GIF89a")


def test_an_empty_mail_is_empty() -> None:
    """Parts that were told from each other and say nothing are not shown as raw MIME."""
    request = read(
        HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: text/plain\n\n\n--b--\n"
    )
    assert request.full_text == ""
    assert request.attachments == ()


@pytest.mark.parametrize("ending", ["7", "-7 (mailer)", " ="])
def test_a_boundary_may_go_on(ending: str) -> None:
    """RFC 2046, 5.1.1: a line that begins with the boundary is one, when none is it exactly."""
    request = read(
        HEAD + "Content-Type: multipart/mixed; boundary=part\n\npreamble\n"
        f"--part{ending}\nContent-Type: text/plain\n\nhello\n"
        f"--part{ending}\nContent-Type: image/gif; name=a.gif\n\nGIF\n--part{ending}--\nend\n"
    )
    assert request.full_text == "hello"
    assert [(one.name, one.size) for one in request.attachments] == [("a.gif", 3)]


@pytest.mark.parametrize(
    "line", ["--part of the bill was wrong", "--partial\n\nContent-Type: text/plain"]
)
def test_dashes_in_a_text_are_no_boundary(line: str) -> None:
    """Only a line that headers of a part follow opens a multipart that none opens exactly."""
    request = read(HEAD + f"Content-Type: multipart/mixed; boundary=part\n\nhello\n{line}\n")
    assert request.full_text == f"hello\n{line}"


def test_all_mails_that_are_forwarded_are_shown() -> None:
    """Who forwards several mails without a word wants each read; their files stay with them."""
    inside = "".join(
        "--b\nContent-Type: message/rfc822\n\nFrom: x@y.example\n"
        "Content-Type: multipart/mixed; boundary=c\n\n"
        f"--c\n\n{text}\n--c\nContent-Type: image/gif; name=a.gif\n\nGIF\n--c--\n"
        for text in ("first", "second", "third")
    )
    request = read(HEAD + f"Content-Type: multipart/digest; boundary=b\n\n{inside}--b--\n")
    assert request.full_text == "first\n\nsecond\n\nthird"
    assert [one.media_type for one in request.attachments] == ["message/rfc822"] * 3


def test_uuencoded_files_are_attachments() -> None:
    """A file that stands uuencoded in the text is a file, and not text."""
    request = read(HEAD + "\nsee below\n\nbegin 644 a.txt\n%:&5L;&\\\n`\nend\n")
    assert request.text == "see below"
    assert [(one.name, one.size) for one in request.attachments] == [("a.txt", 5)]


def _nested(depth: int) -> bytes:
    levels = [
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level)
        for level in range(depth)
    ]
    return b"From: a@b.example\n" + b"".join(levels) + b"\nhello\n"


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (_nested(10_000), "parts"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000, "parts"),
        (b"X-A: b\n" * 100_000 + b"From: a@b.example\n\nhi", "headers"),
        (b"From: a@b.example\nSubject: " + b"a" * 2**20 + b"\n\nhi", "Subject"),
        (b"From: a@b.example\n\n" + b"word\n" * (structure.MOST_LINES + 1), "body"),
        (b"From: a@b.example\n\n" + b"a" * (bodies.MOST_CHARACTERS + 1), "text"),
        (b"From: a@b.example\nContent-Type: text/html\n\n" + b"<div>" * 50_000 + b"x", "html"),
        (
            b"Content-Type: multipart/mixed; boundary=b\n\n"
            + (b"--b\nContent-Type: text/html\n\n<p>" + b"x" * 120_000 + b"\n") * 10,
            "text",
        ),
    ],
    ids=["nested", "parts", "headers", "header", "lines", "text", "html", "texts"],
)
def test_what_is_too_much_is_cut_and_said(raw: bytes, where: str) -> None:
    """Every bound leaves a defect, and the raw mail is whole."""
    found = parsed(raw)
    assert where in problems(found.request)
    assert found.blobs[ref_of(raw)] == raw
    assert len(found.request.full_text or "") <= bodies.MOST_CHARACTERS


def test_a_mail_of_thirty_mebibytes() -> None:
    """A large attachment comes through whole."""
    content = bytes(range(256)) * (22 * 2**12)
    raw = (
        HEAD.encode() + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n"
        b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(content)
        + b"--b--\n"
    )
    request = read(raw)
    assert [one.ref for one in request.attachments] == [ref_of(content)]
    assert request.text == "hi"


_PIECES = st.sampled_from(
    [
        *(
            b"From: ",
            b"To: ",
            b"Subject: ",
            b"Date: ",
            b"Content-Type: text/html; charset=gb2312\n",
        ),
        *(b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Transfer-Encoding: base64\n"),
        *(b"=?gb2312?B?", b"?=", b"a@b.example", b"<", b">", b'"', b"(", b"\\", b";", b":", b"\r"),
        *(b"\n\n", b"--b\n", b"--b--", b"begin 644 x\n", b"<div>", b"On 1:00 a wrote:\n> "),
        "投诉".encode("gbk"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.lists(_PIECES | st.binary(max_size=6)).map(b"".join)))
def test_it_never_raises(raw: bytes) -> None:
    """Any octets make a request, the same each time, whose sender is there or accounted for."""
    request = read(raw)
    assert request.sender.address or "from" in problems(request)
    assert request == read(raw)
    assert request.full_text is not None
    request.full_text.encode()


@pytest.mark.shared_data
def test_every_real_mail(shared_data: Path) -> None:
    """No real mail raises, whole or cut in half, nor lacks a sender without a defect."""
    paths = sorted(one for one in (shared_data / "email").rglob("*") if one.suffix != ".tsv")
    for path in filter(Path.is_file, paths):
        raw = path.read_bytes()
        for piece in (raw, raw[: len(raw) // 2]):
            request = read(piece)
            assert request.sender.address or "from" in problems(request), path.name


_HANZI = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]){3}")


@pytest.mark.shared_data
@pytest.mark.parametrize("charset", ["gb2312", "gbk", "big5"])
def test_chinese_is_readable(shared_data: Path, charset: str) -> None:
    """Mails in Chinese charsets have Chinese characters, and no replacement character."""
    folder = shared_data / "email" / "non-latin-charsets" / charset
    for path in sorted(folder.glob("*.txt.eml")):
        request = read(path.read_bytes())
        seen = f"{request.subject} {request.full_text}"
        damaged = any("octets that are no" in one.problem for one in request.defects)
        assert "\ufffd" not in seen or damaged, path.name
        if _HANZI.search(path.read_bytes()):
            assert any("\u4e00" <= c <= "\u9fff" for c in seen), path.name
