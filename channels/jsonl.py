"""`CustomerRequest`s as JSON lines. Pure: it never raises."""

from datetime import datetime

import msgspec

from channels.defaults import fill
from channels.errors import Malformed
from channels.parsed import Parsed, Unreadable


def parse(
    raw: bytes, *, account: str, received_at: datetime, place: str = ""
) -> Parsed | Unreadable:
    """One line, completed by `fill`. What is no request is `Unreadable`, every problem named.

    Args:
        raw: A JSON object.
        account: For a document that names none; empty means `default`.
        received_at: For a document that states none.
        place: Tells equal lines without an `external_id` apart, such as the line's number.
    """
    try:
        document = msgspec.json.decode(raw)
        if not isinstance(document, dict):
            return Unreadable("document", "expected a JSON object", raw)
        return Parsed(fill(document, at=received_at, account=account, place=place))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Unreadable("document", f"expected JSON: {error}", raw)
    except Malformed as error:
        return Unreadable("request", str(error), raw)
