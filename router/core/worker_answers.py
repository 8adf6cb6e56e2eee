"""What a worker's SMS says of an order, and what the provider's receipt of ours says. Pure."""

import re
import unicodedata
from typing import NamedTuple

from channels.request import CustomerRequest

UNREACHABLE = "unreachable"
"""What a worker is whose SMS never arrived, as the provider reports later."""

UNDELIVERED = frozenset({"failed", "undelivered"})
"""The statuses of a text message that never arrived (Twilio, "Message Status")."""

_ANSWER = re.compile(r"([12])(?:\s+(\S{1,80}))?", re.ASCII)
_STATES = {"1": "accepted", "2": "done"}


class Answer(NamedTuple):
    """What the order `order` is now, None: the worker's newest; `reason` is the provider's."""

    state: str
    order: str | None
    reason: str | None = None


def answer_in(request: CustomerRequest) -> Answer | None:
    """The answer in what came from a worker's number by SMS; None: it is none."""
    if request.kind == "message":
        return answer_of(request.text)
    status = request.attributes.get("status")
    if request.kind != "receipt" or status not in UNDELIVERED:
        return None
    return Answer(UNREACHABLE, None, str(request.attributes.get("ErrorCode") or status))


def answer_of(text: str) -> Answer | None:
    """`1` accepts, `2` is done, perhaps with the order's number; anything else is no answer.

    >>> answer_of("１")[:2], answer_of("2 k7f3q2mzt4ab-1")[:2]
    (('accepted', None), ('done', 'k7f3q2mzt4ab-1'))
    """
    found = _ANSWER.fullmatch(unicodedata.normalize("NFKC", text).strip().lower())
    return Answer(_STATES[found[1]], found[2]) if found else None
