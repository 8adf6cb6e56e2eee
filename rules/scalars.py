"""The plain values of a rulebook: durations, shares, instants, ids, one or many of them.

Durations are written `90s`, `15m`, `4h`, `2d` and are `timedelta`s here; a day is 24 hours of the
calendar in which it is counted, business or not.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Entry(BaseModel):
    """Every mapping of the rulebook: frozen, and an unknown field is an error.

    The sentence below a field is its description, in JSON Schema and docs/rulebook-reference.md.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


ID_PATTERN = r"^[a-z0-9-]{1,64}$"
DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"
SHARE_PATTERN = r"^\d{1,2}(\.\d+)?%$"
ROLLOUT_PATTERN = r"^(\d{1,2}(\.\d+)?|100)%$"
LANGUAGE_PATTERN = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"

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
    if not re.match(SHARE_PATTERN, text) or not float(text[:-1]):
        raise ValueError("expected a percentage between 0% and 100%, such as 75%")
    return float(text[:-1]) / 100


def _rollout(value: object) -> float:
    text = str(value).strip()
    if not re.match(ROLLOUT_PATTERN, text):
        raise ValueError("expected a percentage from 0% to 100%, such as 25%")
    return float(text[:-1]) / 100


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
    PlainSerializer(format_duration, return_type=str),
]


def _positive(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("expected a duration of more than nothing")
    return duration


def _positive_duration(value: object) -> timedelta:
    return _positive(parse_duration(value))


def within_a_day(duration: timedelta) -> timedelta:
    """`duration`, which is a day at most."""
    if duration > timedelta(days=1):
        raise ValueError("expected a day at most: no more is remembered")
    return duration


Span = Annotated[Duration, AfterValidator(_positive)]
"""A duration that is not zero."""


def _warning(value: object) -> float | timedelta:
    try:
        return _percent(value) if str(value).strip().endswith("%") else _positive_duration(value)
    except ValueError:
        raise ValueError(
            "expected a share of the target such as 75%, or a time before its end such as 10m"
        ) from None


Warn = Annotated[
    float | timedelta,
    BeforeValidator(_warning),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": one} for one in (SHARE_PATTERN, DURATION_PATTERN)]}
    ),
    PlainSerializer(
        lambda one: f"{one * 100:g}%" if isinstance(one, float) else format_duration(one),
        return_type=str,
    ),
]
"""When to warn: at a share of a target, or so long before its end."""

Rollout = Annotated[
    float,
    BeforeValidator(_rollout),
    WithJsonSchema({"type": "string", "pattern": ROLLOUT_PATTERN}),
    PlainSerializer(lambda share: f"{share * 100:g}%", return_type=str),
]
"""A share that may also be nothing, or all."""

Id = Annotated[str, Field(pattern=ID_PATTERN)]


def _instant(value: object) -> datetime:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError("expected an instant with its offset from UTC: 2027-01-04T09:00:00+08:00")
    return at


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
    PlainSerializer(datetime.isoformat, return_type=str),
]
"""An RFC 3339 instant; a date alone would leave open where its day begins."""

_CHINESE = {"cn": "Hans", "sg": "Hans", "my": "Hans", "tw": "Hant", "hk": "Hant", "mo": "Hant"}
"""The script in which a region writes Chinese, where a tag names none (CLDR, likely subtags)."""


@lru_cache(maxsize=1024)
def language_tag(tag: str) -> str:
    """A tag as we compare it: `ZH-cn` is `zh-Hans`. Raises `ValueError` for what is none.

    >>> language_tag("en-gb")
    'en-GB'
    """
    if not re.match(LANGUAGE_PATTERN, tag):
        raise ValueError("expected a language's tag, such as zh-Hans, zh or en")
    language, *rest = tag.lower().split("-")
    if language == "zh" and rest and rest[0] in _CHINESE:
        rest = [_CHINESE[rest[0]].lower()]
    return "-".join((language, *map(_subtag, rest)))


def _subtag(one: str) -> str:
    return one.title() if len(one) == 4 else one.upper() if len(one) == 2 else one


Level = Annotated[int, Field(ge=0, le=10)]
Skills = dict[Id, Level]
Language = Annotated[
    str,
    AfterValidator(language_tag),
    WithJsonSchema({"type": "string", "pattern": LANGUAGE_PATTERN}),
]
"""A BCP 47 tag: `zh-Hans`, `zh-Hant`, `en`; `zh` matches both scripts."""

Template = str | dict[Language, str]
"""A Jinja template's text, the path of a template file (`acks/x.txt`), or either by language."""


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


Listed = Annotated[list[T], _OneOrMany()]
"""One item, or a list of them, which may be empty."""

Many = Annotated[list[T], Field(min_length=1), _OneOrMany()]
"""One item, or a list of several: a condition holds when one of them does."""


Scalar = bool | int | float | str
"""A value that attributes are compared with."""
