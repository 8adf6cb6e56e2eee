"""The JSON of the web chat and of the generic webhook as a `CustomerRequest`. Pure; never raises.

The format is ours (`docs/channels-chat.md` has it as a table):

    {"id": "m-17",                      required: the client's id of this message
     "from": {"id": "wang", "name": "王", "customer": "c-9"},    or just "wang"
     "text": "我要投诉",
     "sent_at": "2026-03-02T09:00:00Z", RFC 3339, or seconds since 1970
     "account": "shop",                 unless the source names one
     "subject": "…", "language": "zh-Hans",
     "conversation": "…",               a proof, or the platform's own thread
     "attachments": [{"name": "a.png", "media_type": "image/png", "data": "<Base64>"}
                     or {"name": …, "media_type": …, "url": "https://…"}],
     "kind": "left", or "returned"      of a connector: the customer has gone, is back; no text
     "attributes": {…}}                 anything; unknown fields join it
"""

import hashlib
import math
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from channels.blobs import ref_of
from channels.draft import Defects, anonymous, finish, stand_in_id
from channels.identity import request_id
from channels.language import detect
from channels.parsed import Parsed, Unreadable
from channels.proof import Secrets, prove
from channels.request import Attachment, CustomerRequest, Kind, Sender
from channels.text import decode

MOST_ATTACHMENTS = 100
LONGEST_ID = 500
"""Characters of an id that are taken as they are; a longer one is replaced by its hash."""

_KNOWN = frozenset(
    {"id", "from", "text", "sent_at", "account", "subject", "language", "conversation"}
    | {"attachments", "attributes"}
)
_SIGNS: dict[str, Kind] = {"left": "left", "returned": "returned"}
_DEFAULT_MEDIA_TYPE = "application/octet-stream"

Document = Mapping[str, Any]


def parse(
    raw: bytes,
    *,
    account: str,
    received_at: datetime,
    secrets: Secrets = (),
    trusted: bool = True,
) -> Parsed | Unreadable:
    """Make a request of one chat message.

    Args:
        raw: A JSON object as in the module's description.
        account: The account that received it; empty means the document's own `account`.
        received_at: When it arrived.
        secrets: What proves a `conversation`; an unproved one is an attribute only.
        trusted: Whether who sent this may say which customer wrote. Not so for a visitor's
            browser: `from.customer` then becomes the attribute `claimed_customer`.

    Returns:
        The request, or `Unreadable` when `raw` is no JSON object, or has neither text nor
        attachments.
    """
    text, problem = decode(raw)
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Unreadable("document", f"expected JSON: {error}", raw)
    if not isinstance(document, dict):
        return Unreadable("document", "expected a JSON object", raw)
    is_sign = trusted and _sign(document) is not None
    if not (document.get("text") or document.get("attachments") or is_sign):
        return Unreadable("text", "neither text nor attachments: not a message", raw)
    defects = Defects()
    defects.add("document", problem)
    return _Draft(document, defects).finish(raw, account, received_at, secrets, trusted=trusted)


class _Draft:
    """One document on its way to a request."""

    def __init__(self, document: Document, defects: Defects) -> None:
        self._document = document
        self._defects = defects
        self._blobs: dict[str, bytes] = {}
        self._attributes: dict[str, Any] = {}

    def finish(
        self, raw: bytes, account: str, received_at: datetime, secrets: Secrets, *, trusted: bool
    ) -> Parsed:
        self._attributes = self._own_attributes()
        if not trusted:
            self._distrust()
        external_id = self._external_id(received_at, raw)
        account = account or self._account()
        text = self._text("text") or ""
        request = CustomerRequest(
            id=request_id("chat", account, external_id),
            channel="chat",
            account=account,
            external_id=external_id,
            kind=self._kind(trusted=trusted),
            sender=self._sender(external_id, trusted=trusted),
            subject=self._text("subject"),
            text=text,
            language=self._text("language") or detect(text),
            attachments=self._attachments(),
            sent_at=self._sent_at(),
            received_at=received_at,
            conversation=self._conversation(secrets),
            attributes=self._attributes,
        )
        return finish(request, self._defects, raw, self._blobs)

    def _distrust(self) -> None:
        """What the rules, and triage itself, believe of a request is not a visitor's to say."""
        if self._attributes.pop("tier", None) is not None:
            self._defects.add("attributes.tier", "a visitor may not say their own tier")
        if self._attributes.pop("split_of", None) is not None:
            self._defects.add("attributes.split_of", "a visitor may not split a ticket")

    def _kind(self, *, trusted: bool) -> Kind:
        """A message, unless a connector says that its customer has left, or is back."""
        sign = _sign(self._document) if trusted else None
        if sign is None:
            return "message"
        self._attributes.pop("kind", None)
        return sign

    def _text(self, field: str) -> str | None:
        return _string(self._document, field, field, self._defects)

    def _own_attributes(self) -> dict[str, Any]:
        unknown = {name: value for name, value in self._document.items() if name not in _KNOWN}
        given = self._document.get("attributes")
        if given is not None and not isinstance(given, dict):
            self._defects.add("attributes", "expected an object")
            given = {"attributes": given}
        return {**unknown, **(given or {})}

    def _external_id(self, received_at: datetime, raw: bytes) -> str:
        found = self._text("id")
        if not found:
            self._defects.add("id", "missing: a repetition cannot be recognized")
            return stand_in_id(received_at.isoformat(), raw)
        return _bounded(found)

    def _account(self) -> str:
        found = self._text("account")
        if not found:
            self._defects.add("account", "missing, and no account was named")
        return found or "unknown"

    def _sender(self, external_id: str, *, trusted: bool) -> Sender:
        given = self._document.get("from")
        who: Document = given if isinstance(given, dict) else {"id": given}
        address = _string(who, "id", "from.id", self._defects)
        if not address:
            self._defects.add("from.id", "missing: the sender cannot be answered")
        customer = _string(who, "customer", "from.customer", self._defects)
        if customer and not trusted:
            self._attributes["claimed_customer"] = customer
            customer = None
        return Sender(
            address=_bounded(address) if address else anonymous(external_id),
            name=_string(who, "name", "from.name", self._defects),
            customer=customer,
        )

    def _conversation(self, secrets: Secrets) -> str | None:
        given = self._text("conversation")
        if not given:
            return None
        proved = prove(given[:LONGEST_ID], secrets)
        if not proved:
            self._attributes["conversation"] = given
        return proved

    def _sent_at(self) -> datetime | None:
        given = self._document.get("sent_at")
        if given is None:
            return None
        instant = _instant(given)
        if instant is None:
            self._defects.add("sent_at", "expected RFC 3339 with its offset, or seconds since 1970")
            self._attributes["sent_at"] = given
        return instant

    def _attachments(self) -> tuple[Attachment, ...]:
        given = self._document.get("attachments") or []
        if not isinstance(given, list):
            self._defects.add("attachments", "expected a list")
            given = [given]
        if len(given) > MOST_ATTACHMENTS:
            self._defects.add(
                "attachments", f"more than {MOST_ATTACHMENTS}: the rest is in the raw"
            )
        found = [
            self._attachment(item, f"attachments.{index}")
            for index, item in enumerate(given[:MOST_ATTACHMENTS])
        ]
        return tuple(attachment for attachment in found if attachment)

    def _attachment(self, item: object, where: str) -> Attachment | None:
        """A file whose bytes came along; one that lies elsewhere is noted as `media`."""
        if not isinstance(item, dict):
            self._defects.add(where, "expected an object")
            return None
        name = _string(item, "name", f"{where}.name", self._defects)
        media_type = _string(item, "media_type", f"{where}.media_type", self._defects)
        url = _string(item, "url", f"{where}.url", self._defects)
        data = _string(item, "data", f"{where}.data", self._defects)
        if url:
            media = {"url": url, "media_type": media_type, "name": name}
            self._attributes["media"] = [*_as_list(self._attributes.get("media")), media]
        if data is None:
            self._defects.add(where, None if url else "expected data or url")
            return None
        try:
            content = b64decode(data, validate=True)
        except ValueError:
            self._defects.add(f"{where}.data", "not Base64")
            return None
        reference = ref_of(content)
        self._blobs[reference] = content
        return Attachment(
            name=name,
            media_type=media_type or _DEFAULT_MEDIA_TYPE,
            size=len(content),
            sha256=reference.removeprefix("sha256:"),
            ref=reference,
        )


def _sign(document: Document) -> Kind | None:
    said = document.get("kind")
    return _SIGNS.get(said) if isinstance(said, str) else None


def _string(document: Document, field: str, where: str, defects: Defects) -> str | None:
    """A text field; a number is taken for its digits, for some platforms number their ids."""
    value = document.get(field)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    defects.add(where, f"expected text, not {type(value).__name__}")
    return None


def _instant(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            instant = datetime.fromisoformat(value)
            return instant.astimezone(UTC) if instant.tzinfo else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_ID:
        return text
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _as_list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
