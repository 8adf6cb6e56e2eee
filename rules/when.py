"""`when`: the condition of a route as typed data, field by field."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from channels.request import Channel, Kind, Outcome
from rules.scalars import Duration, Entry, Id, Language, Many, Scalar, Span


class TextMatch(Entry):
    """A condition on text: any of the keywords, of the lists' words, or of the regexes."""

    keywords: Many[str] | None = None
    """Words and phrases, compared without regard to case, width, script, spacing. A word of a
    script that has words stands by itself: `refund` is not in `refunded`, `refund*` is, `*bank`
    finds `e-bank`, and `\\*` is a star itself. Chinese, Japanese and Korean words are
    found anywhere."""
    lists: Many[Id] | None = None
    """Named lists of such words (`lists`)."""
    regex: Many[str] | None = None
    """RE2 patterns, searched in the original text."""
    lookalikes: bool = False
    """Compare keywords and lists by how they look: `pаypal` with a Cyrillic а is `paypal`, and so
    is `paypa1` (Unicode Technical Standard 39)."""


class Comparison(Entry):
    """What is asked of an attribute; all fields given must hold, of a list one item."""

    present: bool | None = None
    """Whether there is such an attribute that is not empty."""
    is_not: Many[Scalar] | None = None
    """It is equal to none of these; also when there is no such attribute."""
    contains: Many[str] | None = None
    """One of these texts is in it, or in an item of it, without regard to case, width, script."""
    starts_with: Many[str] | None = None
    """It, or an item of it, begins with one of these texts."""
    more_than: float | None = None
    """It is a number, or the text of one, above this."""
    at_least: float | None = None
    """It is a number of at least this."""
    less_than: float | None = None
    """It is a number below this."""
    at_most: float | None = None
    """It is a number of at most this."""
    older_than: Duration | None = None
    """It is an instant (RFC 3339) that was longer ago than this when the request came."""
    newer_than: Duration | None = None
    """It is an instant that was at most so long ago, or lies ahead."""


def _kind_of_wanted(value: object) -> str:
    return "compared" if isinstance(value, dict | Comparison) else "equal"


Wanted = Annotated[
    Annotated[Many[Scalar], Tag("equal")] | Annotated[Comparison, Tag("compared")],
    Discriminator(_kind_of_wanted),
]
"""Of an attribute: the values that it may be equal to, or a comparison."""


class Attachments(Entry):
    """So many files of a kind; all that is given must hold of each of them."""

    type: Many[str] | None = None
    """The media type, with `*` for anything: `image/*`."""
    name: Many[str] | None = None
    """The file's name, with `*` for anything: `*.pdf`; case does not matter."""
    larger_than: int | None = Field(default=None, ge=0)
    """More octets than this."""
    at_least: int = Field(default=1, ge=1)
    """So many such files."""


class PreviousTickets(Entry):
    """How many tickets the same address has had; the last 20 are known, for at least 30 days."""

    within: Span | None = None
    """Only those that were opened so shortly before the request."""
    at_least: int | None = Field(default=None, ge=1, le=20)
    """So many of them; 1 where no bound is given."""
    at_most: int | None = Field(default=None, ge=0, le=20)
    """No more of them; alone it also holds where there is none."""

    @property
    def least(self) -> int:
        """How many there must be."""
        if self.at_least is None:
            return 1 if self.at_most is None else 0
        return self.at_least

    @property
    def never_holds(self) -> bool:
        """Whether no number is in these bounds."""
        return self.at_most is not None and self.least > self.at_most


class Congestion(Entry):
    """How full a queue is; either of what is given is enough.

    Dispatch tells it at most every ten seconds, so it is that old when a request is decided.
    """

    waiting: int | None = Field(default=None, ge=1)
    """At least so many tickets wait."""
    oldest: Span | None = None
    """The one that waits longest has waited for so long."""


class Condition(Entry):
    """All fields given must hold; of a list, one item."""

    any: Annotated[list["Condition"], Field(min_length=1)] | None = None
    """One of these conditions holds."""
    all: Annotated[list["Condition"], Field(min_length=1)] | None = None
    """All of these conditions hold."""
    not_: "Condition | None" = Field(default=None, alias="not")
    """This condition does not hold."""
    condition: Many[Id] | None = None
    """One of these named conditions (`conditions`) holds."""
    channel: Many[Channel] | None = None
    """The channel that the request came by."""
    account: Many[str] | None = None
    """The mailbox, number, chat or PBX that it came to."""
    kind: Many[Kind] | None = None
    """What it is: a person's message, a call, a receipt, a command such as STOP."""
    sender: Many[str] | None = None
    """The sender's address; `@shop.example` is a domain (not its subdomains), `+8613*` the
    beginning of an address."""
    sender_list: Many[Id] | None = None
    """The sender is in one of these named lists, written as for `sender`."""
    recipient: Many[str] | None = None
    """One of the recipients, written as for `sender`."""
    customer: bool | Many[str] | None = None
    """Whether reference data knows the sender; or the customers' ids."""
    tier: Many[str] | None = None
    """The customer's tier."""
    language: Many[Language] | None = None
    """The language's tag (BCP 47); `zh` holds for `zh-Hans` and `zh-Hant`, which do not
    hold for `zh`."""
    text: TextMatch | None = None
    """What the customer wrote, without quoted history."""
    subject: TextMatch | None = None
    """The subject."""
    attributes: dict[str, Wanted] | None = None
    """For each name: the attribute is there and equal to one of the values, or compares as given.
    What reference data says of the customer goes before what the request says. `7` and `"7"` are
    equal, `true` and `1` are not; lists and objects equal nothing."""
    attachments: bool | Attachments | None = None
    """Whether there are files; or files of a kind."""
    previous_tickets: bool | PreviousTickets | None = None
    """Whether the address has had a ticket before; or how many, and how recently."""
    queues: dict[Id, Congestion] | None = None
    """For each queue: it is as full as that."""
    hours: dict[Id, Literal["open", "closed"]] | None = None
    """For each calendar: it is open, or closed, when the request came."""
    call_outcome: Many[Outcome] | None = None
    """How a call ended."""
    automatic: bool | Many[str] | None = None
    """Whether a machine wrote; or the reasons why we think so: `dsn`, `auto-reply`, `list`, …."""
    cel: str | None = None
    """An expression of the Common Expression Language that is true: the escape hatch."""


Condition.model_rebuild()
