"""What a delivery report says (RFC 3464), and what notices without its structure say in words."""

import re
from collections.abc import Iterator
from typing import Any

from channels.email import addresses, headers
from channels.email.structure import Mail

MOST_RECIPIENTS = 100

_FIELD = re.compile(r"(?m)^(?P<name>[A-Za-z-]{3,40}):[ \t]*(?P<value>.*(?:\r?\n[ \t].*)*)")
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^<>\s]{1,900}>)")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY_CODE = re.compile(r"\b([45])\d\d[ -]")
_ADDRESS = re.compile(r"[\w.+=/'&%-]+@[\w-]+(?:\.[\w-]+)+")
_TYPED = re.compile(r"(?i)^\s*(?:rfc822|utf-8|x400|unknown|dns)\s*;\s*")
_RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
)
_ORIGINAL_BELOW = re.compile(
    r"(?im)^[\s>*-]*(?:.*(?:copy of (?:the|your) (?:original )?message|original message (?:follows|header)|unsent message|returned message|original message|included below|message headers?).*"
    r"|received:.*|return-path:.*|message-id:.*)$"
)


def read(mail: Mail, text: str) -> dict[str, Any]:
    """`recipients` (address, status, action, diagnostic), the first one's values, and the original.

    Absent values are None. `original_message_id` is that of the returned message.
    """
    found = (
        list(_machine_readable(mail)) or list(_from_headers(mail, text)) or list(_in_words(text))
    )
    failed = [one for one in found if one["address"]][:MOST_RECIPIENTS]
    first = (failed or found or [{}])[0]
    return {
        "recipients": failed,
        "failed_recipients": [one["address"] for one in failed],
        "status": first.get("status"),
        "action": first.get("action"),
        "diagnostic": first.get("diagnostic"),
        "original_message_id": _original_id(mail, text),
    }


def _machine_readable(mail: Mail) -> Iterator[dict[str, Any]]:
    for part in mail.leaves:
        if part.media_type not in ("message/delivery-status", "message/global-delivery-status"):
            continue
        report = part.content[:200_000].decode("utf-8", "replace").replace("\r\n", "\n")
        for block in re.split(r"\n[ \t]*\n", report):
            fields = {m["name"].lower(): headers.unfold(m["value"]) for m in _FIELD.finditer(block)}
            recipient = fields.get("final-recipient") or fields.get("original-recipient")
            if recipient is None:
                continue
            status = _STATUS.search(fields.get("status", ""))
            yield _one(
                _address(fields),
                status[1] if status else None,
                fields.get("action"),
                fields.get("diagnostic-code"),
            )


def _address(fields: dict[str, str]) -> str:
    for name in ("final-recipient", "original-recipient", "x-actual-recipient"):
        written = headers.decode(_TYPED.sub("", fields.get(name, "")))[0]
        match = _ADDRESS.search(written)
        if match:
            return addresses.normalize(match[0])[0]
    return ""


def _one(
    address: str, status: str | None, action: str | None, diagnostic: str | None
) -> dict[str, Any]:
    action = action.partition("(")[0].strip().lower() if action else None
    return {
        "address": address,
        "status": status,
        "action": action or None,
        "diagnostic": _TYPED.sub("", diagnostic)[:500] if diagnostic else None,
    }


def _from_headers(mail: Mail, text: str) -> Iterator[dict[str, Any]]:
    status = _STATUS.search(text)
    for address in addresses.parse(", ".join(mail.headers("x-failed-recipients"))):
        if address.address:
            yield _one(address.address, status[1] if status else None, "failed", None)


def _in_words(text: str) -> Iterator[dict[str, Any]]:
    """The addresses named in the notice, before the returned message begins."""
    below = _ORIGINAL_BELOW.search(text)
    notice = text[: below.start()] if below and below.start() > 0 else text
    status = _STATUS.search(notice)
    named = dict.fromkeys(addresses.normalize(m)[0] for m in _ADDRESS.findall(notice[:20_000]))
    for address in list(named)[:1]:
        yield _one(address, status[1] if status else None, None, None)


def _original_id(mail: Mail, text: str) -> str | None:
    for part in mail.leaves:
        if part.media_type in _RETURNED:
            match = _MESSAGE_ID.search(part.content[:200_000])
            if match:
                return match[1].decode("ascii", "replace")
    match = _MESSAGE_ID.search(text.encode("utf-8", "replace"))
    return match[1].decode("ascii", "replace") if match else None


def returned(mail: Mail, text: str) -> str:
    """All of the returned message that stands in the report: our proof may be in it."""
    inside = [
        p.content[:200_000].decode("latin-1")
        for p in mail.leaves
        if p.media_type.startswith(("message/", "text/rfc822"))
    ]
    return "\n".join([*inside, text])
