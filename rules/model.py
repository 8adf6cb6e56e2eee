"""The rulebook as typed data: what the user's YAML means, field by field.

The names are a contract. Ids are `[a-z0-9-]{1,64}`, for they become topic names; names are free
text. The sentence below a field is its description, from which docs/rulebook-reference.md is made.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from channels.request import Channel
from rules.aftercare import FollowUpRule, Orders, Worker
from rules.contacts import Contact, Notices
from rules.people import Agent, Pool, Presence, Protection, Queue, Stage
from rules.scalars import (
    Duration,
    Entry,
    Id,
    Instant,
    Language,
    Rollout,
    Skills,
    Span,
    Template,
    within_a_day,
)
from rules.service_levels import LadderLevel, Sla
from rules.when import Condition


class CalendarSpec(Entry):
    """Business hours, in full in docs/calendars.md.

    Intervals are half-open local times, `"09:00-12:00"`; `24:00` ends a day, `"22:00-06:00"` runs
    into the next. Of overlay, closed, holidays, special, make-up working days and hours the first
    that says something of a date holds.
    """

    timezone: str
    """An IANA name: `Asia/Shanghai`."""
    hours: dict[str, list[str]]
    """Weekdays to intervals: `{mon-fri: ["09:00-12:00", "13:00-18:00"], "sat,sun": []}`."""
    holidays: list[str] = []
    """Countries, and parts of them, whose public holidays are closed: `[CN, US-CA]`.

    With `CN` the announced days off are closed and make-up working days (调休) are worked.
    """
    overlay: str | None = None
    """A file of dates: `2027-02-07: work`, `2027-02-08: off`, `2027-02-20: ["10:00-14:00"]`."""
    closed: list[str] = []
    """Dates on which no hours begin: `["2026-12-31"]`."""
    special: dict[str, list[str]] = {}
    """Dates with hours in place of the weekday's: `{"2026-12-24": ["09:00-12:00"]}`."""
    breaks: dict[str, list[str]] = {}
    """Dates with intervals taken out of what is open: `{"2027-01-04": ["15:00-15:30"]}`."""


class Tier(Entry):
    """A class of customers."""

    name: str | None = None
    """What people call it."""
    priority: int = Field(default=0, ge=0, le=9)
    """Added to the route's."""
    sla: Id | None = None
    """The SLA of its customers, where the route names none."""
    bonus: Duration = timedelta(0)
    """As if every ticket of theirs had waited so much longer."""


class Step(Entry):
    """One step of a request type's procedure (SOP)."""

    id: Id
    """By which an agent reports it done."""
    name: str | None = None
    """What people call it."""
    within: Span | None = None
    """When it is due, counted as the SLA's targets."""


class RequestType(Entry):
    """A kind of request: 咨询 inquiry, 投诉 complaint, 报修 repair."""

    name: str | None = None
    """What people call it."""
    sla: Id | None = None
    """Its SLA, where neither route nor tier names one."""
    steps: list[Step] = []
    """Its procedure."""
    follow_up: FollowUpRule | None = None
    """What follows when such a ticket has been resolved."""
    order_step: Id | None = None
    """The step that an order to a worker meets; without it the one called `dispatch`."""


class WordList(Entry):
    """Named words, or addresses; a plain list of them is one too."""

    entries: list[str] = []
    """Words that stand here."""
    file: str | None = None
    """A `.txt` file with a word a line (`#` begins a comment line), or a `.csv` file."""
    column: str | None = None
    """The column of the `.csv` file, by its name in the first line."""


def _as_word_list(value: object) -> object:
    return {"entries": value} if isinstance(value, list | tuple) else value


NamedWords = Annotated[
    WordList, BeforeValidator(_as_word_list, json_schema_input_type=list[str] | WordList)
]


class Action(Entry):
    """What a matching route decides; what it leaves out, tier, type and defaults fill in."""

    queue: Id | None = None
    """Where the ticket waits; every route needs one, or `drop`, or `continue`. With `continue` it
    is always replaced by that of the route that ends the search."""
    type: Id | None = None
    """The kind of request, with its procedure."""
    priority: int | None = Field(default=None, ge=0, le=9)
    """0 to 9, to which the tier's is added."""
    skills: Skills = {}
    """What an agent must be able to do, with levels."""
    sla: Id | None = None
    """The service level, before the tier's and the type's."""
    ack: Id | None = None
    """The acknowledgement; `null` says that there is none, whatever the defaults say."""
    tags: list[str] = []
    """Free words for reports."""
    drop: Literal["spam", "history"] | None = None
    """Kept on file for this reason, without a ticket."""
    continue_: bool = Field(default=False, alias="continue")
    """Keep what is decided here, and go on with the routes that follow."""


class Defaults(Entry):
    """What holds where neither route nor tier nor type says anything."""

    type: Id | None = None
    """The kind of request."""
    priority: int = Field(default=0, ge=0, le=9)
    """The priority, to which the tier's is added."""
    sla: Id | None = None
    """The service level."""
    ack: Id | None = None
    """The acknowledgement."""


class Route(Entry):
    """One rule: `when` it holds, `then` this. Routes are ordered; the first match wins."""

    id: Id
    """Its name in explanations and statistics."""
    name: str | None = None
    """What people call it."""
    from_: Instant | None = Field(default=None, alias="from")
    """In force from this instant on."""
    until: Instant | None = None
    """In force before this instant."""
    rollout: Rollout | None = None
    """In force for this share of the requests, `0%` to `100%`; a larger share has all of a smaller
    one's."""
    when: Condition | None = None
    """The condition; without one it always holds."""
    then: Action
    """The action."""

    @property
    def is_bounded(self) -> bool:
        """Whether the route is not always, or not for all requests, in force."""
        return any(one is not None for one in (self.from_, self.until, self.rollout))

    @property
    def takes_everything(self) -> bool:
        """Whether nothing gets past this route: what the default must be."""
        return self.when is None and not self.is_bounded and not self.then.continue_


class Threading(Entry):
    """For how long messages are one conversation, and requests the same."""

    window: dict[Channel, Duration] = {}
    """How long, by channel, an answer without proof belongs to the open conversation."""
    reopen: Duration = timedelta(days=7)
    """How long a resolved ticket is reopened by an answer."""
    dedup: Duration = timedelta(days=7)
    """How long a duplicate is recognised."""


class Budget(Entry):
    """Automatic messages allowed to one address."""

    limit: int = Field(ge=0)
    """So many of them."""
    within: Annotated[Span, AfterValidator(within_a_day)]
    """Within so long, a day at most."""


class AckPolicy(Entry):
    """The bounds of automatic messages."""

    budgets: list[Budget] = [
        Budget(limit=10, within=timedelta(minutes=10)),
        Budget(limit=25, within=timedelta(minutes=60)),
        Budget(limit=100, within=timedelta(days=1)),
    ]
    """Bounds for one address, all of which hold."""
    repeats: int = Field(default=2, ge=1)
    """How often a text that repeats is answered."""
    own_addresses: list[str] = []
    """Addresses of ours, which are never acknowledged."""


class Customer(Entry):
    """A customer known by reference data; the topic `customers` goes before it."""

    name: str | None = None
    """What they are called."""
    tier: Id | None = None
    """Their class."""
    language: Language | None = None
    """Their language, where a message does not show it."""
    addresses: dict[Channel, list[str]] = {}
    """By channel, the addresses that are theirs."""
    attributes: dict[str, Any] = {}
    """What conditions may ask of them."""
    account_agent: Id | None = None
    """The agent who looks after them."""


class Rulebook(Entry):
    """All of it. A file may also have `include`, which is resolved before this is read."""

    calendars: dict[Id, CalendarSpec] = {}
    """Business hours."""
    slas: dict[Id, Sla] = {}
    """Service levels."""
    ladders: dict[Id, list[LadderLevel]] = {}
    """What happens after a breach, level by level."""
    contacts: dict[Id, Contact] = {}
    """Whom ladders and SLAs notify, by mail or webhook."""
    notices: Notices = Notices()
    """How contacts are written to."""
    pools: dict[Id, Pool]
    """Queues and agents that share work."""
    queues: dict[Id, Queue]
    """Where tickets wait."""
    agents: dict[Id, Agent] = {}
    """Who works."""
    stages: dict[Id, Stage] = {}
    """How far agents have come, and what they are given there."""
    protection: Protection = Protection()
    """What is spared agents after hard cases."""
    tiers: dict[Id, Tier] = {}
    """Classes of customers; one without a tier is `standard` where there is such a tier."""
    types: dict[Id, RequestType] = {}
    """Kinds of request, with their procedures."""
    lists: dict[Id, NamedWords] = {}
    """Words, or addresses, that several routes look for."""
    conditions: dict[Id, Condition] = {}
    """Conditions that several routes share."""
    defaults: Defaults = Defaults()
    """What holds where nothing else is said."""
    routes: list[Route]
    """Where a request goes: from top to bottom, the first that matches wins."""
    acks: dict[Id, dict[Channel, Template]] = {}
    """Acknowledgements, by channel and perhaps language: a text, or the name of a `.txt` file."""
    customers: dict[str, Customer] = {}
    """Customers that are known."""
    threading: Threading = Threading()
    """How long what belongs together stays together."""
    ack_policy: AckPolicy = AckPolicy()
    """When automatic messages are too many."""
    presence: Presence = Presence()
    """How long an agent counts as there."""
    workers: dict[Id, Worker] = {}
    """Who works at the customer's, and gets orders by SMS."""
    orders: Orders = Orders()
    """How they are told."""
