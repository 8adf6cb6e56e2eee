"""A mail as a `CustomerRequest`. Pure: no I/O, no clock; it never raises, whatever the octets are.

RFC 5322 (headers), RFC 2045-2047 and 2231 (MIME), RFC 3676 (flowed text), RFC 3464 (reports). How
a machine's mail is told stands in `docs/channels-email.md`.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from channels.blobs import ref_of
from channels.draft import Defects
from channels.email import addresses, bodies, dsn, headers, machines, quotes, structure
from channels.email.markup import unmarked
from channels.email.structure import Mail
from channels.identity import request_id
from channels.language import detect
from channels.parsed import Parsed
from channels.proof import Secrets, prove, untagged
from channels.request import CustomerRequest, Recipient, Sender

MOST_REFERENCES = 100
MOST_SUBJECT_CHARACTERS = 2_000
MOST_DEFECTS = 50

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")
_HEAD = re.compile(rb"(?:>?From [^\n]*\n|[!-9;-~]++[ \t]*+:[^\n]*\n(?:[ \t]+[^\n]*\n)*+)*+")
_TRACE = re.compile(
    rb"^(?:return-path|delivered-to|received):[^\n]*\n(?:[ \t]+[^\n]*\n)*+", re.I | re.M
)
_SENDERS = ("from", "sender", "reply-to", "return-path")
_ROLES = (("to", "to"), ("cc", "cc"), ("bcc", "bcc"), ("reply-to", "reply_to"))
_OF_A_FORM = (None, "no-reply", "loop")
"""What the verdict on a form's mail is, as long as the form counts as its sender."""

_PROOFS = ("in-reply-to", "references", "to", "cc", "delivered-to", "x-original-to")


def parse(
    raw: bytes,
    *,
    account: str,
    received_at: datetime,
    secrets: Secrets = (),
    own_addresses: Collection[str] = (),
) -> Parsed:
    """Make a request of one mail.

    Args:
        raw: The mail as it came, with the trace headers of its delivery.
        account: The mailbox that received it.
        received_at: When we got it.
        secrets: Which proofs of a conversation to accept; without them none.
        own_addresses: Our own addresses: a mail from one of them is a loop.

    Returns:
        Always a request; what could not be read is named in its `defects`. The blobs hold the raw
        mail (`raw_ref`) and each attachment.
    """
    defects = Defects()
    mail = structure.read(raw, defects)
    return _Draft(mail, defects, secrets, own_addresses).parsed(raw, account, received_at)


class _Draft:
    """One mail on its way to a request."""

    def __init__(
        self, mail: Mail, defects: Defects, secrets: Secrets, own_addresses: Collection[str]
    ) -> None:
        self._mail = mail
        self._defects = defects
        self._secrets = secrets
        self._own = frozenset(addresses.normalize(one)[0] for one in own_addresses)
        self._hint = next((p.charset for p in mail.leaves if p.charset), None)

    def parsed(self, raw: bytes, account: str, received_at: datetime) -> Parsed:
        read = bodies.read(self._mail, self._defects)
        marked = "\n\n".join(text for text in read.texts if text)
        full = self._cut("text", unmarked(marked), bodies.MOST_CHARACTERS)
        text = quotes.own_text(marked[: bodies.MOST_CHARACTERS])
        subject = self._subject()
        writer = sender = self._sender()
        automatic = self._verdict(sender, subject, full)
        if automatic in _OF_A_FORM and (person := self._behind_form(writer, account)) is not None:
            sender, automatic = person, self._verdict(person, subject, full)
        attributes, returned = self._attributes(full, is_dsn=automatic == "dsn")
        if sender is not writer:
            attributes["form"] = writer.address
        external_id = external_id_of(self._mail, raw)
        reference = ref_of(raw)
        request = CustomerRequest(
            id=request_id("email", account, external_id),
            channel="email",
            account=account,
            external_id=external_id,
            kind="receipt" if automatic == "dsn" else "message",
            sender=sender,
            recipients=tuple(self._recipients()),
            subject=subject,
            text=text,
            full_text=full,
            language=detect(text or subject or ""),
            attachments=tuple(read.attachments),
            sent_at=self._sent_at(),
            received_at=received_at,
            in_reply_to=next(iter(self._ids("in-reply-to")), None),
            references=tuple(self._ids("references")[-MOST_REFERENCES:]),
            conversation=self._proved(returned),
            automatic=automatic,
            attributes=attributes,
            raw_ref=reference,
            defects=self._defects.all()[:MOST_DEFECTS],
        )
        return Parsed(request, {**read.blobs, reference: raw})

    def _cut(self, where: str, text: str, most: int) -> str:
        if len(text) > most:
            self._defects.add(where, f"cut after {most} characters; the raw mail has all")
        return text[:most]

    def _sender(self) -> Sender:
        named = None
        for header in _SENDERS:
            for address in self._addresses(header):
                named = named or address.name
                if address.address:
                    self._defects.add(header, address.problem)
                    if header != "from":
                        self._defects.add("from", f"no address; taken from {header}")
                    return Sender(address=address.address, name=named)
        present = self._mail.header("from")
        why = "missing" if present is None else f"no address in {headers.clean(present)[:80]!r}"
        self._defects.add("from", f"{why}; nobody else is named as the sender")
        return Sender(address="", name=named)

    def _verdict(self, sender: Sender, subject: str | None, full: str) -> str | None:
        return machines.verdict(
            machines.Facts(
                self._mail, sender.address, sender.name or "", subject or "", full, self._own
            )
        )

    def _behind_form(self, writer: Sender, account: str) -> Sender | None:
        """The person for whom a form wrote, under an address of ours or one that nobody reads.

        Who they are stands in Reply-To (RFC 5322, 3.6.2: where answers are to be sent).
        """
        ours = self._own | {account}
        house = account.rpartition("@")[2]
        if not (writer.address in ours or machines.is_form(writer.address, house)):
            return None
        for one in self._addresses("reply-to"):
            reachable = "@" in one.address and untagged(one.address) not in ours
            if not reachable or machines.is_form(one.address, house):
                continue
            if not _of_the_same_stranger(one.address, writer.address, house):
                return Sender(address=one.address, name=one.name or writer.name)
        return None

    def _addresses(self, header: str) -> list[addresses.Address]:
        values = self._mail.headers(header)[:20]
        return [one for value in values for one in addresses.parse(value, self._hint)]

    def _recipients(self) -> Iterable[Recipient]:
        for header, role in _ROLES:
            for one in self._addresses(header)[: addresses.MOST_ADDRESSES]:
                self._defects.add(header, one.problem)
                if one.address:
                    yield Recipient(address=one.address, name=one.name, role=role)

    def _subject(self) -> str | None:
        value = self._mail.header("subject")
        if value is None:
            return None
        text, problem = headers.decode(value, self._hint)
        self._defects.add("subject", problem)
        return self._cut("subject", text, MOST_SUBJECT_CHARACTERS)

    def _sent_at(self) -> datetime | None:
        value = self._mail.header("date")
        if value is None:
            self._defects.add("date", "missing")
            return None
        try:
            sent = parsedate_to_datetime(headers.clean(value)[:200])
            return (sent if sent.tzinfo else sent.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            self._defects.add("date", f"no date: {headers.clean(value)[:60]!r}")
            return None

    def _ids(self, header: str) -> list[str]:
        value = headers.clean(headers.plain(" ".join(self._mail.headers(header)))[0])
        return list(dict.fromkeys(_MESSAGE_ID.findall(value)))

    def _attributes(self, full: str, *, is_dsn: bool) -> tuple[dict[str, Any], str]:
        ids = self._ids("message-id")
        attributes: dict[str, Any] = {"message_id": ids[0]} if ids else {}
        if not is_dsn:
            return attributes, ""
        attributes["dsn"] = dsn.read(self._mail, full)
        return attributes, dsn.returned(self._mail, full)

    def _proved(self, returned: str) -> str | None:
        if not self._secrets:
            return None
        values = [value for header in _PROOFS for value in self._mail.headers(header)]
        return prove("\n".join([*values, returned]), self._secrets)


def _of_the_same_stranger(reply_to: str, writer: str, house: str) -> bool:
    """Whether another company asks for answers at its other address: that is no form of ours."""
    domain = reply_to.rpartition("@")[2]
    return domain != house and domain == writer.rpartition("@")[2]


def external_id_of(mail: Mail, raw: bytes) -> str:
    """Message-ID and a hash of From, Date, Subject and body.

    What a delivery adds (trace headers, other line ends) does not change it.
    """
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n") + b"\n"
    head = _HEAD.match(lines)
    digest = hashlib.sha256()
    for name in ("from", "date", "subject"):
        value = " ".join(headers.octets(mail.header(name) or "").decode("latin-1").split())
        digest.update(value.encode("latin-1") + b"\0")
    body = lines[head.end() if head else 0 :].strip(b"\n")
    # What has nothing but a head (it may be no mail at all) is told apart by that.
    digest.update(body or _TRACE.sub(b"", lines))
    found = _MESSAGE_ID.search(headers.clean(headers.plain(mail.header("message-id") or "")[0]))
    own = f"sha256:{digest.hexdigest()[:32]}"
    return f"{found[0]}:{own}" if found else own
