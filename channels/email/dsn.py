"""What a delivery report says (RFC 3464), and what notices without its structure say in words."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from channels.email import addresses, headers
from channels.email.machine_words import BOUNCE_TEXT
from channels.email.structure import Mail

MOST_RECIPIENTS = 100
MOST_OCTETS = 200_000
MOST_LINES = 500
MOST_DIAGNOSTIC = 500
"""Characters."""

_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_RECIPIENTS = ("final-recipient", "original-recipient", "x-actual-recipient")
_FAILED = re.compile(
    r"(?i)undeliver|fail|unknown|affected|not be deliver|not deliver|reject|said:|recipient"
    r"|following|address|no such|not exist|full|bounce|could not|unable"
)
_HELPERS = re.compile(r"(?:postmaster|mailer-daemon|support|help|abuse|info|hostmaster|root)@")
_CONTACT = re.compile(r"(?i)contact|assistance|reporting|please (?:send|mail|write)|from:|sender")

_FIELD = re.compile(r"(?m)^(?P<name>[A-Za-z-]{3,40}):[ \t]*(?P<value>.*(?:\r?\n[ \t].*)*)")
_FIELD_NAME = re.compile(r"(?i)diagnostic-code:\s*")
_BLOCK = re.compile(r"\n[ \t]*\n")
_RECIPIENT = re.compile(r"^(?=final-recipient[ \t]*:)", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^<>\s]{1,900}>)")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY_CODE = re.compile(r"(?<![\d.])[45]\d\d[ -](?:[45]\.\d|\D)")
_ADDRESS = re.compile(r"[\w.+=/'&%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_TYPED = re.compile(r"(?i)^\s*(?:rfc822|utf-8|x400|unknown|dns|smtp|x-[a-z0-9-]{1,30})\s*;\s*")
_RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
)
_ORIGINAL_BELOW = re.compile(
    r"(?im)^[ \t>*-]{0,40}(?:received:|return-path:|message-id:"
    r"|[^\n]{0,60}(?:copy of (?:the|your) (?:original )?message|original message (?:follows|header)"
    r"|unsent message|returned message|original message|included below|message headers?))"
)


def read(mail: Mail, text: str) -> dict[str, Any]:
    """`recipients` (address, status, action, diagnostic), the first one's values, and the original.

    Absent values are None. Without a Diagnostic-Code, `diagnostic` is the line of the notice that
    says why. `original_message_id` is that of the returned message.
    """
    found = (
        list(_machine_readable(mail))
        or list(_from_headers(mail, text))
        or list(_in_words(mail, text))
    )
    failed = [one for one in found if one["address"]][:MOST_RECIPIENTS]
    first = (failed or found or [{}])[0]
    return {
        "recipients": failed,
        "failed_recipients": [
            one["address"] for one in failed if one["action"] in (None, "failed")
        ],
        "status": first.get("status"),
        "action": first.get("action"),
        "diagnostic": first.get("diagnostic") or _said(text),
        "original_message_id": _original_id(mail, text),
    }


def _machine_readable(mail: Mail) -> Iterator[dict[str, Any]]:
    for part in mail.leaves:
        if part.media_type not in _REPORTS:
            continue
        report = part.content[:MOST_OCTETS].decode("utf-8", "replace").replace("\r\n", "\n")
        for block in _blocks(report):
            fields = {m["name"].lower(): headers.unfold(m["value"]) for m in _FIELD.finditer(block)}
            if any(name in fields for name in _RECIPIENTS):
                yield _one(
                    _address(fields),
                    _first(_STATUS, fields.get("status", "")),
                    fields.get("action"),
                    fields.get("diagnostic-code"),
                )


def _blocks(report: str) -> Iterator[str]:
    """RFC 3464 parts the recipients by empty lines; some reports just begin anew."""
    for block in _BLOCK.split(report):
        several = len(_RECIPIENT.findall(block)) > 1
        yield from _RECIPIENT.split(block) if several else [block]


def _address(fields: dict[str, str]) -> str:
    for name in _RECIPIENTS:
        written = headers.decode(_TYPED.sub("", fields.get(name, "")))[0]
        address = addresses.normalize(written.strip("<> "))[0]
        if address:
            return address
    return ""


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1] if match else None


def _one(
    address: str, status: str | None, action: str | None, diagnostic: str | None
) -> dict[str, Any]:
    action = action.partition("(")[0].strip().lower() if action else None
    return {
        "address": address,
        "status": status,
        "action": action or None,
        "diagnostic": _TYPED.sub("", diagnostic)[:MOST_DIAGNOSTIC] if diagnostic else None,
    }


def _from_headers(mail: Mail, text: str) -> Iterator[dict[str, Any]]:
    status = _first(_STATUS, text)
    for address in addresses.parse(", ".join(mail.headers("x-failed-recipients"))):
        if address.address:
            yield _one(address.address, status, "failed", None)


def _said(text: str) -> str | None:
    """The line with the mail server's answer (RFC 5321, 4.2), else what says that it failed."""
    lines = [line.strip()[:MOST_DIAGNOSTIC] for line in _notice(text).split("\n")[:MOST_LINES]]
    for pattern in (_REPLY_CODE, _STATUS, BOUNCE_TEXT):
        for line in lines:
            if pattern.search(line):
                return _TYPED.sub("", _FIELD_NAME.sub("", line))
    return None


def _notice(text: str) -> str:
    """What stands above the returned message."""
    below = _ORIGINAL_BELOW.search(text, 1)
    return (text[: below.start()] if below else text)[:MOST_OCTETS]


def _in_words(mail: Mail, text: str) -> Iterator[dict[str, Any]]:
    """The address that the notice, above the returned message, most likely speaks of."""
    notice = _notice(text)
    ours = {
        one.address
        for name in ("to", "x-rcpt-to")
        for one in addresses.parse(mail.header(name) or "")
    }
    best: tuple[int, str] | None = None
    previous = ""
    for line in notice.split("\n")[:MOST_LINES]:
        line = line[:1_000]  # noqa: PLW2901
        for match in _ADDRESS.finditer(line):
            address = addresses.normalize(match[0])[0]
            weight = _weight(address, match, previous, ours)
            if best is None or weight > best[0]:
                best = weight, address
        previous = line if line.strip() else previous
    if best:
        yield _one(best[1], _first(_STATUS, notice), None, None)


def _weight(address: str, match: re.Match[str], previous: str, ours: Collection[str]) -> int:
    """How much speaks for it that mail to `address` failed."""
    line = match.string
    weight = 2 * bool(_FAILED.search(line)) + bool(_FAILED.search(previous))
    weight += 2 * (not line[: match.start()].strip(" \t<>*-:\"'"))
    weight -= 4 * (address in ours) + 4 * bool(_HELPERS.match(address))
    return weight - 3 * bool(_CONTACT.search(line))


def _original_id(mail: Mail, text: str) -> str | None:
    for part in mail.leaves:
        if part.media_type in _RETURNED:
            match = _MESSAGE_ID.search(part.content[:MOST_OCTETS])
            if match:
                return match[1].decode("ascii", "replace")
    match = _MESSAGE_ID.search(text.encode("utf-8", "replace"))
    return match[1].decode("ascii", "replace") if match else None


def returned(mail: Mail, text: str) -> str:
    """All of the returned message that stands in the report: our proof may be in it."""
    inside = [
        p.content[:MOST_OCTETS].decode("latin-1")
        for p in mail.leaves
        if p.media_type.startswith(("message/", "text/rfc822"))
    ]
    return "\n".join([*inside, text])
