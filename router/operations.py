"""What operations are told besides tickets: dead letters, watermarks, what failed, calendars."""

from datetime import datetime
from typing import ClassVar

from channels.contract import encode
from router.core.events import Event
from router.log.protocol import Envelope, Message
from router.topics import OPERATIONS


class Watermark(Event, frozen=True, kw_only=True):
    """A shard or source is alive and has read everything up to `read_through`."""

    TYPE: ClassVar[str] = "health.watermark"
    source: str
    read_through: datetime
    records: int
    at: datetime


class DeadLettered(Event, frozen=True, kw_only=True):
    """Something could not be processed and lies in `deadletter` under `letter`."""

    TYPE: ClassVar[str] = "operations.deadlettered"
    letter: str
    origin: str
    error: str
    problem: str
    at: datetime


class TimerFailed(Event, frozen=True, kw_only=True):
    """What was due could not be done; it is tried again at `again_at`."""

    TYPE: ClassVar[str] = "operations.timer_failed"
    source: str
    error: str
    problem: str
    again_at: datetime
    at: datetime


class CalendarUncovered(Event, frozen=True, kw_only=True):
    """A calendar in force lacks the days off of years that begin soon; told once a day."""

    TYPE: ClassVar[str] = "operations.calendar_uncovered"
    rulebook: str
    calendar: str
    first_year: int
    last_year: int
    problem: str
    at: datetime


class NoticeFailed(Event, frozen=True, kw_only=True):
    """A notice did not reach its contact, and is not tried again: somebody has to tell them."""

    TYPE: ClassVar[str] = "operations.notice_failed"
    notice: str
    contact: str
    channel: str
    ticket: str | None
    outcome: str
    reason: str | None
    at: datetime


def message(event: Event, *, id: str, source: str, at: datetime) -> Message:
    """The record for topic `operations`."""
    return Message(
        topic=OPERATIONS,
        key=source,
        value=encode(event),
        envelope=Envelope(id=id, type=event.TYPE, source=source, time=at),
    )
