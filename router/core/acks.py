"""Who gets an acknowledgement, and the named reason of everyone who does not."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from channels.request import CustomerRequest
from router.core.entities.conversation import Contact, Sent
from rules.model import AckPolicy

SENT_KEPT = 200
REPEAT_WITHIN = timedelta(days=1)


class Withheld(StrEnum):
    """Why no acknowledgement is sent though a rule names one. Machines' reasons come first."""

    DSN = "dsn"
    AUTO_REPLY = "auto-reply"
    DAEMON = "daemon"
    LOOP = "loop"
    NO_REPLY = "no-reply"
    LIST = "list"
    BULK = "bulk"
    SHORT_CODE = "short-code"
    AUTOMATIC = "automatic"
    SPLIT = "split"
    NOT_A_MESSAGE = "not-a-message"
    OPTED_OUT = "opted-out"
    NO_ADDRESS = "no-address"
    OWN_ADDRESS = "own-address"
    NO_TEMPLATE = "no-template"
    REPEATED_TEXT = "repeated-text"
    BUDGET = "budget"


def withheld_reason(
    request: CustomerRequest,
    policy: AckPolicy,
    contact: Contact | None = None,
    *,
    has_template: bool = True,
) -> Withheld | None:
    """The reason not to acknowledge `request`, or None: the first that applies, in a fixed order.

    Without a `contact` only what the request itself shows is considered.
    """
    if request.automatic is not None:
        known = {reason.value for reason in Withheld}
        return Withheld(request.automatic) if request.automatic in known else Withheld.AUTOMATIC
    if request.kind not in {"message", "call"}:
        return Withheld.NOT_A_MESSAGE
    address = request.sender.address
    if not address or address.startswith("anonymous"):
        return Withheld.NO_ADDRESS
    if is_own(address, request.account, policy.own_addresses):
        return Withheld.OWN_ADDRESS
    if not has_template:
        return Withheld.NO_TEMPLATE
    return None if contact is None else _contact_reason(request, policy, contact)


def _contact_reason(
    request: CustomerRequest, policy: AckPolicy, contact: Contact
) -> Withheld | None:
    if contact.opted_out:
        return Withheld.OPTED_OUT
    if not contact.sent:
        return None
    at = request.received_at
    same = fingerprint(request)
    repeats = sum(1 for one in contact.sent if one.text == same and at - one.at < REPEAT_WITHIN)
    if repeats >= policy.repeats:
        return Withheld.REPEATED_TEXT
    for budget in policy.budgets:
        if sum(1 for one in contact.sent if at - one.at < budget.within) >= budget.limit:
            return Withheld.BUDGET
    return None


def is_own(address: str, account: str, own: Collection[str]) -> bool:
    """Whether an address is the account's, or another one of ours."""
    return address == account or address in own


def fingerprint(request: CustomerRequest) -> str:
    """A short hash of what the customer said, by which a repetition is recognised."""
    said = f"{request.subject or ''}\n{' '.join(request.text.split())}"
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:12]


def counted(contact: Contact, request: CustomerRequest, at: datetime) -> tuple[Sent, ...]:
    """The contact's automatic messages with one more, the old ones forgotten."""
    recent = (one for one in contact.sent if at - one.at < REPEAT_WITHIN)
    return (*recent, Sent(at=at, text=fingerprint(request)))[-SENT_KEPT:]
