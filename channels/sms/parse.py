"""A Twilio webhook's form as a `CustomerRequest`. Pure: no I/O, no clock; it never raises.

Definition of the fields: Twilio, "Twilio's Request to your Webhook URL" (messages) and "Track the
Message Status of Outbound Messages" (receipts). The table stands in `docs/channels-sms.md`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from channels import phone
from channels.draft import Defects, anonymous, finish, stand_in_id
from channels.identity import request_id
from channels.language import detect
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest, Kind, Recipient, Sender
from channels.text import decode

MOST_FIELDS = 1_000
MOST_MEDIA = 10

_IDS = ("MessageSid", "SmsMessageSid", "SmsSid")
_STATUSES = ("MessageStatus", "SmsStatus")
_INBOUND_STATUSES = frozenset({"received", "receiving"})
_RECEIPT_STATUSES = frozenset(
    {"accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed"}
    | {"canceled", "read"}
)

# A carrier acts on these when a message is nothing else. START's synonym YES is left out: it
# answers an agent's question far more often.
_KEYWORDS = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"), "stop"),
    **dict.fromkeys(("REVOKE", "OPTOUT", "退订", "退訂", "TD"), "stop"),
    **dict.fromkeys(("START", "UNSTOP"), "start"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}

Fields = Mapping[str, Sequence[str]]


def form(raw: bytes) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The names and values of an `application/x-www-form-urlencoded` body, in their order.

    The second item says what was wrong with its charset. Raises `ValueError` when there are more
    than `MOST_FIELDS` fields.
    """
    # Octets pass through Latin-1 unharmed, so that each value's own charset can be told after.
    pairs = parse_qsl(
        raw.decode("latin-1"),
        keep_blank_values=True,
        encoding="latin-1",
        max_num_fields=MOST_FIELDS,
    )
    decoded = [(decode(n.encode("latin-1")), decode(v.encode("latin-1"))) for n, v in pairs]
    problem = next((bad for pair in decoded for _, bad in pair if bad), None)
    return tuple((name, value) for (name, _), (value, _) in decoded), problem


def parse(
    raw: bytes, *, account: str, received_at: datetime, region: str | None = None
) -> Parsed | Unreadable:
    """Make a request of the body of one Twilio webhook call.

    Args:
        raw: The form as it was posted.
        account: The account that received it; empty means our own number in the form.
        received_at: When the call arrived.
        region: ISO 3166-1 alpha-2, for numbers without a country code; without it, the form's
            `FromCountry`.

    Returns:
        A message, a command (`STOP`, `START`, `HELP`) or a delivery receipt. `Unreadable` when
        the body is no form, or has nothing of a message in it.
    """
    try:
        pairs, charset_problem = form(raw)
    except ValueError:
        return Unreadable("body", f"more than {MOST_FIELDS} form fields", raw)
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    if not fields:
        return Unreadable("body", "expected the fields of a form (name=value&…)", raw)
    if not any(name in fields for name in (*_IDS, "Body", "MediaUrl0")):
        return Unreadable("MessageSid", "neither MessageSid nor Body: not a message", raw)
    defects = Defects()
    defects.add("body", charset_problem)
    for name, values in fields.items():
        if len(set(values)) > 1:
            defects.add(name, f"given {len(values)} times; the first was taken")
    draft = _Draft(fields, region or _first(fields, "FromCountry") or None, defects)
    return finish(draft.request(account, received_at, raw), defects, raw, {})


class _Draft:
    """One form on its way to a request."""

    def __init__(self, fields: Fields, region: str | None, defects: Defects) -> None:
        self._fields = fields
        self._region = region
        self._defects = defects

    def request(self, account: str, received_at: datetime, raw: bytes) -> CustomerRequest:
        status = self._any(_STATUSES).lower()
        receipt = status in _RECEIPT_STATUSES
        if status and not receipt and status not in _INBOUND_STATUSES:
            self._defects.add("MessageStatus", "unknown; taken for a message")
        # A receipt tells of our own message: there the customer is the one it went to.
        customer, own = ("To", "From") if receipt else ("From", "To")
        external_id = self._external_id(status if receipt else None, received_at, raw)
        address = self._address(customer) or anonymous(external_id)
        own_address = self._address(own)
        account = account or self._account(own, own_address)
        text = _first(self._fields, "Body").strip()
        kind, named = self._receipt(status) if receipt else self._message(text)
        return CustomerRequest(
            id=request_id("sms", account, external_id),
            channel="sms",
            account=account,
            external_id=external_id,
            kind=kind,
            sender=Sender(address=address, name=_first(self._fields, "ProfileName") or None),
            recipients=(Recipient(address=own_address),) if own_address else (),
            text=text,
            language=detect(text),
            received_at=received_at,
            automatic=None if receipt else self._automatic(customer),
            attributes={**self._attributes(), **named},
        )

    def _any(self, names: Sequence[str]) -> str:
        return next(filter(None, (_first(self._fields, name) for name in names)), "")

    def _account(self, field: str, address: str) -> str:
        """Our own number. A WhatsApp sender keeps its scheme, which an answer needs as well."""
        if not address:
            self._defects.add(field, "missing, and no account was named")
            return "unknown"
        scheme, colon, _ = _first(self._fields, field).strip().lower().partition(":")
        return f"{scheme}:{address}" if colon else address

    def _external_id(self, status: str | None, received_at: datetime, raw: bytes) -> str:
        found = self._any(_IDS)
        if not found:
            self._defects.add("MessageSid", "missing: a repetition cannot be recognized")
            found = stand_in_id(received_at.isoformat(), raw)
        # One message has several receipts, and each is news.
        return f"{found}:{status}" if status else found

    def _address(self, field: str) -> str:
        """The number in `field`: E.164, or as it stands."""
        written = _first(self._fields, field).strip()
        if not written:
            self._defects.add(field, "missing")
            return ""
        number = phone.normalize(written, self._region)
        if number is None and not _machine(written, self._region):
            self._defects.add(field, "not a telephone number in E.164")
        return number or phone.bare(written) or written

    def _automatic(self, field: str) -> str | None:
        written = _first(self._fields, field)
        if phone.is_short_code(written, self._region):
            return "short-code"
        return "no-reply" if phone.is_alphanumeric(written) else None

    def _receipt(self, status: str) -> tuple[Kind, dict[str, Any]]:
        return "receipt", {"status": status, "message_id": self._any(_IDS) or None}

    def _message(self, text: str) -> tuple[Kind, dict[str, Any]]:
        keyword = _first(self._fields, "OptOutType").lower() or _KEYWORDS.get(text.upper())
        if keyword in {"stop", "start", "help"}:
            return "command", {"keyword": keyword}
        return "message", {}

    def _attributes(self) -> dict[str, Any]:
        """What has no field of its own, under Twilio's names; of a repeated name all values."""
        taken = {"Body", "From", "To", "ProfileName", *_IDS, *_STATUSES}
        attributes: dict[str, Any] = {
            name: values[0] if len(set(values)) == 1 else list(values)
            for name, values in self._fields.items()
            if (name not in taken or len(set(values)) > 1) and not name.startswith("Media")
        }
        scheme, colon, _ = _first(self._fields, "From").partition(":")
        if colon:
            attributes["via"] = scheme.lower()
        media = self._media()
        if media:
            attributes["media"] = media
        return attributes

    def _media(self) -> list[dict[str, str | None]]:
        """The files that lie at Twilio: a pure parser cannot fetch them."""
        stated = _first(self._fields, "NumMedia")
        if stated and not (stated.isascii() and stated.isdigit()):
            self._defects.add("NumMedia", "not a number")
            stated = ""
        media = [
            {"url": url, "media_type": _first(self._fields, f"MediaContentType{index}") or None}
            for index in range(MOST_MEDIA)
            if (url := _first(self._fields, f"MediaUrl{index}"))
        ]
        if stated and stated.lstrip("0") != str(len(media) or ""):
            self._defects.add("NumMedia", f"says {stated[:9]}, and there are {len(media)} files")
        return media


def _machine(written: str, region: str | None) -> bool:
    return phone.is_short_code(written, region) or phone.is_alphanumeric(written)


def _first(fields: Fields, name: str) -> str:
    return fields.get(name, ("",))[0]
