"""What a pure parser returns: a request, or the reason why there is none. It never raises."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from channels.request import CustomerRequest


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request, and the bytes that its `ref`s name (`sha256:<hex>`), for the blob store."""

    request: CustomerRequest
    blobs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Input from which no request can be made; it goes to the dead letters with its bytes.

    `where` is a field, a line or an offset; `problem` says what was expected there. `origin` is
    the channel and account, which the source fills in.
    """

    where: str
    problem: str
    raw: bytes
    origin: str | None = None
