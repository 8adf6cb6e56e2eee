"""What a step yields: facts to be stored, each under an id that follows from its cause."""

from datetime import datetime
from typing import Any

import msgspec


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to store: `data` is a contract, or JSON bytes that are passed on untouched."""

    topic: str
    key: str
    type: str
    id: str
    time: datetime
    data: Any
    extensions: dict[str, str] = msgspec.field(default_factory=dict)


class Given(msgspec.Struct, frozen=True, gc=False):
    """How an input came: the id that causes what follows, its instant in the log, its bytes."""

    cause: str
    at: datetime
    raw: bytes = b"null"
