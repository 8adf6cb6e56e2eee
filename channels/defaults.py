"""`CustomerRequest`s that people and other programs write down: completed by defaults. Pure.

What a document leaves out is filled in: `channel` `chat`, `account` `default`, `external_id` a
hash of the document, `id` derived from those three, `sender` a stranger, `text` empty, `language`
by the text, `received_at` by the caller. `sender` may be a bare address. A field that
`CustomerRequest` does not have becomes an attribute, with a defect.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from channels.contract import validate
from channels.draft import anonymous, stand_in_id
from channels.errors import Malformed
from channels.identity import request_id
from channels.language import detect
from channels.request import CustomerRequest, Defect

DEFAULT_CHANNEL = "chat"
DEFAULT_ACCOUNT = "default"

_FIELDS = frozenset(field.name for field in fields(CustomerRequest))


def fill(
    document: Mapping[str, Any], *, at: datetime, account: str = "", place: str = ""
) -> CustomerRequest:
    """The request that `document`, a JSON object, describes.

    Args:
        document: Fields of `CustomerRequest`; null counts as left out.
        at: The `received_at` of a document that states none.
        account: The `account` of a document that names none; empty means `default`.
        place: Tells equal documents without an `external_id` apart.

    Raises:
        Malformed: A field is not of its type, or an instant has no offset from UTC.
    """
    given = {name: value for name, value in document.items() if value is not None}
    unknown = {name: given.pop(name) for name in tuple(given) if name not in _FIELDS}
    filled: dict[str, Any] = {
        "channel": DEFAULT_CHANNEL,
        "account": account or DEFAULT_ACCOUNT,
        "external_id": stand_in_id(place, sorted(given.items())),
        "received_at": at,
        **given,
    }
    filled.setdefault("sender", anonymous(str(filled["external_id"])))
    if isinstance(filled["sender"], str):
        filled["sender"] = {"address": filled["sender"]}
    filled.setdefault("language", detect(str(filled.get("text", ""))))
    # What is no text here is refused by the validation.
    identity = (str(filled[name]) for name in ("channel", "account", "external_id"))
    filled.setdefault("id", request_id(*identity))
    request = validate(CustomerRequest, filled)
    return replace(
        request,
        received_at=_in_utc(request.received_at, "received_at"),
        sent_at=_in_utc(request.sent_at, "sent_at") if request.sent_at else None,
        attributes={**unknown, **request.attributes},
        defects=(*request.defects, *map(_unknown_field, unknown)),
    )


def _unknown_field(name: str) -> Defect:
    return Defect(where=name, problem="no field of a CustomerRequest: kept as an attribute")


def _in_utc(instant: datetime, where: str) -> datetime:
    if instant.tzinfo is None:
        raise Malformed(f"{where}: an instant without its offset from UTC (write ...Z)")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Malformed(f"{where}: out of range") from None
