"""A case as it is written: a request, and what a rulebook should decide about it.

docs/rules-test.md has the fields.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rules.scalars import Duration, listed

DEFAULT_AT = datetime(2027, 1, 6, 4, tzinfo=UTC)
"""When a case happens that does not say when: a fixed Wednesday, so that no result depends on the
day on which it is tried."""


def _one_of(value: Any) -> Any:
    """One value as the only one that is right; here null is a value too."""
    return value if isinstance(value, list) else [value]


def _instant(value: Any) -> Any:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError("expected an instant with its offset, such as 2027-01-04T09:00:00Z")
    return at.astimezone(UTC)


T = TypeVar("T")
OneOf = Annotated[list[T | None], Field(min_length=1), BeforeValidator(_one_of)]
Instant = Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=str)]
Part = Literal["written", "kept"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(_Entry):
    """What a decision should have, as `switchboard route` prints it; of a list, one."""

    queue: OneOf[str] = []
    pool: OneOf[str] = []
    type: OneOf[str] = []
    priority: OneOf[int] = []
    skills: dict[str, int] = {}
    tier: OneOf[str] = []
    sla: OneOf[str] = []
    ack: OneOf[str] = []
    ack_withheld: OneOf[str] = []
    tags: Annotated[list[str], BeforeValidator(listed)] = []
    drop: OneOf[str] = []
    rule: OneOf[str] = []

    @property
    def said(self) -> dict[str, Any]:
        """The fields that are given."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class Common(_Entry):
    """What a case says, or its file for all of its cases."""

    at: Instant | None = None
    part: Part | None = None
    group: str | None = None


class Full(_Entry):
    """How full a queue is when the request comes."""

    waiting: int = Field(default=1, ge=1)
    oldest: Duration | None = None


class CaseSpec(Common):
    """A case as it is written; `previous` are the ages of the address's earlier tickets."""

    name: str | None = None
    request: dict[str, Any] | str
    customer: str | None = None
    tier: str | None = None
    previous: Annotated[list[Duration], BeforeValidator(listed)] = []
    queues: dict[str, Full] = {}
    expect: Expected = Expected()
    expect_not: Expected = Expected()


class CaseFile(Common):
    """A file of cases."""

    cases: list[CaseSpec]
