"""One line of Asterisk's `queue_log`, as data.

Definition: Asterisk documentation, "Queue Logs": `epoch|callid|queue|agent|event|data…`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from channels.errors import Malformed
from channels.request import Outcome
from channels.text import decode

LONGEST_LINE = 16_384
"""Octets; Asterisk itself writes no more than a few hundred."""

_EPOCH = re.compile(r"\d{1,10}(?:\.\d{1,9})?", re.ASCII)
_NO_CALL = frozenset({"", "NONE", "REALTIME", "MANAGER"})
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A line. `call` and `agent` are None where the log has NONE.

    `epoch` is `at` as it was written, `problem` what was wrong with the charset.
    """

    at: datetime
    epoch: str
    call: str | None
    queue: str
    agent: str | None
    event: str
    data: tuple[str, ...]
    problem: str | None = None


class Hold(Enum):
    """Where an event's parameters have the durations, in seconds."""

    NONE = "none"
    WAIT_LAST = "waittime is the last one"
    HOLD_AND_TALK = "holdtime, calltime, origposition are the last three"


@dataclass(frozen=True, slots=True)
class Ending:
    """An event that ends a call in its queue."""

    outcome: Outcome
    hold: Hold
    parameters: int


ENDINGS = {
    "COMPLETEAGENT": Ending("answered", Hold.HOLD_AND_TALK, 3),
    "COMPLETECALLER": Ending("answered", Hold.HOLD_AND_TALK, 3),
    "TRANSFER": Ending("transferred", Hold.HOLD_AND_TALK, 5),
    "BLINDTRANSFER": Ending("transferred", Hold.HOLD_AND_TALK, 5),
    "ATTENDEDTRANSFER": Ending("transferred", Hold.HOLD_AND_TALK, 5),
    "ABANDON": Ending("abandoned", Hold.WAIT_LAST, 3),
    "EXITWITHTIMEOUT": Ending("timeout", Hold.WAIT_LAST, 3),
    "EXITWITHKEY": Ending("transferred", Hold.WAIT_LAST, 4),
    "EXITEMPTY": Ending("failed", Hold.WAIT_LAST, 3),
    "SYSCOMPAT": Ending("failed", Hold.NONE, 0),
    # Not Asterisk's own: dialplans write it with QueueLog() when the caller leaves a message.
    "VOICEMAIL": Ending("voicemail", Hold.NONE, 0),
}
"""What ends a call, and how. A caller who leaves by a key is on the way to where it leads."""


def read(raw: bytes) -> Line:
    """Read one line, with or without its line feed. Raises `Malformed`."""
    if len(raw) > LONGEST_LINE:
        raise Malformed(f"longer than {LONGEST_LINE} octets")
    # A log that was truncated while it was being written begins with NULs.
    text, problem = decode(raw.strip(b"\0\r\n"))
    fields = text.split("|")
    if len(fields) < _FIELDS:
        raise Malformed(f"expected epoch|callid|queue|agent|event, found {len(fields)} of them")
    epoch, call, queue, agent, event, *data = fields
    if not _EPOCH.fullmatch(epoch):
        raise Malformed("expected seconds since 1970 as the first field")
    if not event:
        raise Malformed("no event")
    return Line(
        at=datetime.fromtimestamp(float(epoch), UTC),
        epoch=epoch,
        call=None if call.upper() in _NO_CALL else call,
        queue=queue,
        agent=None if agent.upper() in {"", "NONE"} else agent,
        event=event.upper(),
        data=tuple(data),
        problem=problem,
    )


def seconds(text: str) -> float | None:
    """A duration in the log: whole seconds, not negative; None when it is none."""
    return float(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def durations(line: Line, ending: Ending) -> tuple[float | None, float | None]:
    """How long the caller waited, and talked, as the line says; None where it does not."""
    if len(line.data) < ending.parameters or ending.hold is Hold.NONE:
        return None, None
    if ending.hold is Hold.WAIT_LAST:
        return seconds(line.data[-1]), None
    return seconds(line.data[-3]), seconds(line.data[-2])
