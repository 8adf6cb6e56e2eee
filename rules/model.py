"""The rulebook as typed data: what the user's YAML means, field by field.

The names are a contract. Durations are written `90s`, `15m`, `4h`, `2d` and are `timedelta`s
here; a day is 24 hours of the calendar in which it is counted, business or not. Ids are
`[a-z0-9-]{1,64}`, for they become topic names; names are free text.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from channels.request import Channel, Kind, Outcome

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = timedelta(days=3660)
"""No duration of a rulebook is longer: ten years."""


def parse_duration(value: object) -> timedelta:
    """`"1h30m"` as a `timedelta`. Raises `ValueError` that says what was expected.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("expected a duration such as 90s, 15m, 4h or 2d")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"expected a duration of at most {format_duration(LONGEST)}")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """A duration as the rulebook writes it."""
    seconds = duration.total_seconds()
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds / _UNIT_SECONDS[unit]:.0f}{unit}"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def _percent(value: object) -> float:
    text = str(value).strip()
    if not re.fullmatch(r"\d{1,2}(\.\d+)?%", text) or not float(text[:-1]):
        raise ValueError("expected a percentage between 0% and 100%, such as 75%")
    return float(text[:-1]) / 100


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]


def _positive(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("expected a duration of more than nothing")
    return duration


def _within_a_day(duration: timedelta) -> timedelta:
    if duration > timedelta(days=1):
        raise ValueError("expected a day at most: no more is remembered")
    return duration


Span = Annotated[Duration, AfterValidator(_positive)]
"""A duration that is not zero."""

Share = Annotated[
    float,
    BeforeValidator(_percent, json_schema_input_type=str),
    PlainSerializer(lambda share: f"{share * 100:g}%", return_type=str),
]
Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Skills = dict[Id, Annotated[int, Field(ge=0, le=10)]]
Language = str
"""A BCP 47 tag: `zh-Hans`, `zh-Hant`, `en`; `zh` matches both scripts."""


T = TypeVar("T")


def listed(value: Any) -> Any:
    """One item as a list of it."""
    return value if value is None or isinstance(value, list | tuple) else [value]


class _OneOrMany:
    """Lets a list with one item be written as the item alone."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(schema)
        return {"anyOf": [described["items"], described]}


Many = Annotated[list[T], Field(min_length=1), _OneOrMany()]
"""One item, or a list of several: a condition holds when one of them does."""


Scalar = bool | int | float | str
"""A value that attributes are compared with."""


class _Entry(BaseModel):
    """Every mapping of the rulebook: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CalendarSpec(_Entry):
    """Business hours, in full in docs/calendars.md.

    Intervals are half-open local times, `"09:00-12:00"`; `24:00` ends a day, `"22:00-06:00"` runs
    into the next. Of overlay, closed, holidays, special and hours the first that says something
    of a date holds.
    """

    timezone: str
    """An IANA name: `Asia/Shanghai`."""
    hours: dict[str, list[str]]
    """Weekdays to intervals: `{mon-fri: ["09:00-12:00", "13:00-18:00"], "sat,sun": []}`."""
    holidays: list[str] = []
    """Countries, and parts of them, whose public holidays are closed: `[CN, US-CA]`."""
    overlay: str | None = None
    """A file of dates: `2027-02-07: work`, `2027-02-08: off`, `2027-02-20: ["10:00-14:00"]`."""
    closed: list[str] = []
    """Dates on which no hours begin: `["2026-12-31"]`."""
    special: dict[str, list[str]] = {}
    """Dates with hours in place of the weekday's: `{"2026-12-24": ["09:00-12:00"]}`."""
    breaks: dict[str, list[str]] = {}
    """Dates with intervals taken out of what is open: `{"2027-01-04": ["15:00-15:30"]}`."""


class Sla(_Entry):
    """Service-level targets, counted in `calendar` from the moment we got the message."""

    calendar: Id
    first_response: Span | None = None
    next_response: Span | None = None
    resolution: Span | None = None
    pause: list[Literal["pending", "on-hold"]] = []
    warn: list[Share] = []
    ladder: Id | None = None


class LadderLevel(_Entry):
    """One rung: reached `after` the breach (wall-clock time), it notifies, raises or moves."""

    level: int = Field(ge=1, le=9)
    after: Duration
    notify: list[str] = []
    raise_priority: int = Field(default=0, ge=0, le=9)
    move_to: Id | None = None


class Pool(_Entry):
    """Queues and agents that share work; one pool has one writer at a time."""

    name: str | None = None
    queues: list[Id]


class QueueTarget(_Entry):
    """One step of a queue's chain: these skills, or these further queues' agents, for so long."""

    skills: Skills = {}
    queues: list[Id] = []
    for_: Span | None = Field(default=None, alias="for")


class Queue(_Entry):
    """Where tickets wait. `targets` relaxes skills and widens with the *ticket's* age."""

    name: str | None = None
    mode: Literal["push", "pull"] = "push"
    offer_timeout: Span = timedelta(seconds=30)
    targets: list[QueueTarget] = []
    aging: Duration = timedelta(minutes=10)


class Agent(_Entry):
    """Who works. `capacity` is shared by `weights` (default 1 a ticket; a call takes all)."""

    name: str | None = None
    pool: Id
    queues: list[Id]
    skills: Skills = {}
    capacity: int = Field(default=1, ge=0, le=1000)
    weights: dict[Channel, Annotated[int, Field(ge=0, le=1000)]] = {}
    stage: Literal["newcomer", "junior", "regular", "senior"] = "regular"
    calendar: Id | None = None


class Tier(_Entry):
    """A class of customers: added priority, an SLA of its own, a bonus in the queue's order."""

    name: str | None = None
    priority: int = Field(default=0, ge=0, le=9)
    sla: Id | None = None
    bonus: Duration = timedelta(0)


class Step(_Entry):
    """One step of a request type's procedure (SOP), due `within` the type's SLA calendar."""

    id: Id
    name: str | None = None
    within: Span | None = None


class RequestType(_Entry):
    """A kind of request (咨询 inquiry, 投诉 complaint, 报修 repair): its SLA and procedure."""

    name: str | None = None
    sla: Id | None = None
    steps: list[Step] = []


class TextMatch(_Entry):
    """A condition on text: any of the keywords, or any of the RE2 regexes."""

    keywords: Many[str] | None = None
    regex: Many[str] | None = None


class Condition(_Entry):
    """All fields given must hold (`any`, `all`, `not` nest); of a list, one item.

    `sender` is an address, `@domain`, or the beginning of an address and `*`. An `attributes`
    value holds when the customer's attribute, or else the request's, is equal to it. `automatic`
    is whether a machine wrote, or the reasons why we think so.
    """

    any: Annotated[list["Condition"], Field(min_length=1)] | None = None
    all: Annotated[list["Condition"], Field(min_length=1)] | None = None
    not_: "Condition | None" = Field(default=None, alias="not")
    channel: Many[Channel] | None = None
    account: Many[str] | None = None
    kind: Many[Kind] | None = None
    sender: Many[str] | None = None
    tier: Many[str] | None = None
    language: Many[Language] | None = None
    text: TextMatch | None = None
    subject: TextMatch | None = None
    attributes: dict[str, Many[Scalar]] | None = None
    hours: dict[Id, Literal["open", "closed"]] | None = None
    call_outcome: Many[Outcome] | None = None
    automatic: bool | Many[str] | None = None


class Action(_Entry):
    """What a matching route decides; what it leaves out, type, tier and defaults fill in."""

    queue: Id | None = None
    type: Id | None = None
    priority: int | None = Field(default=None, ge=0, le=9)
    skills: Skills = {}
    sla: Id | None = None
    ack: Id | None = None
    tags: list[str] = []
    drop: Literal["spam", "history"] | None = None
    continue_: bool = Field(default=False, alias="continue")


class Route(_Entry):
    """One rule: `when` it holds, `then` this. Routes are ordered; the first match wins."""

    id: Id
    name: str | None = None
    when: Condition | None = None
    then: Action


Template = str | dict[Language, str]
"""A Jinja template's text, the path of a template file (`acks/x.txt`), or either by language."""


class Threading(_Entry):
    """How long a conversation stays together on each channel, and a closed one can be reopened."""

    window: dict[Channel, Duration] = {}
    reopen: Duration = timedelta(days=7)
    dedup: Duration = timedelta(days=7)


class Budget(_Entry):
    """Automatic messages allowed to one address: `limit` within `within`, a day at most."""

    limit: int = Field(ge=0)
    within: Annotated[Span, AfterValidator(_within_a_day)]


class AckPolicy(_Entry):
    """The loop budget of automatic messages, and how often one text may answer a repeated one."""

    budgets: list[Budget] = [
        Budget(limit=10, within=timedelta(minutes=10)),
        Budget(limit=25, within=timedelta(minutes=60)),
        Budget(limit=100, within=timedelta(days=1)),
    ]
    repeats: int = Field(default=2, ge=1)
    own_addresses: list[str] = []


class Presence(_Entry):
    """An agent's presence is a lease: not renewed within `lease`, the agent is disconnected.

    Who lets `missed_offers` offers lapse one after another is `away`.
    """

    lease: Span = timedelta(minutes=2)
    grace: Duration = timedelta(minutes=1)
    missed_offers: int = Field(default=3, ge=1)


class Rulebook(_Entry):
    """All of it. `version` is the content hash that every decision carries."""

    calendars: dict[Id, CalendarSpec] = {}
    slas: dict[Id, Sla] = {}
    ladders: dict[Id, list[LadderLevel]] = {}
    pools: dict[Id, Pool]
    queues: dict[Id, Queue]
    agents: dict[Id, Agent] = {}
    tiers: dict[Id, Tier] = {}
    types: dict[Id, RequestType] = {}
    routes: list[Route]
    acks: dict[Id, dict[Channel, Template]] = {}
    customers: dict[str, "Customer"] = {}
    threading: Threading = Threading()
    ack_policy: AckPolicy = AckPolicy()
    presence: Presence = Presence()


class Customer(_Entry):
    """A customer known by reference data: tier, language, addresses by channel."""

    name: str | None = None
    tier: Id | None = None
    language: Language | None = None
    addresses: dict[Channel, list[str]] = {}
    attributes: dict[str, Any] = {}
    account_agent: Id | None = None


Condition.model_rebuild()
Rulebook.model_rebuild()
