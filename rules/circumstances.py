"""Conditions on what surrounds a request: its files, earlier tickets, the queues, the hour."""

from fnmatch import fnmatchcase
from math import inf

from channels.request import Attachment
from rules.decision import Waiting
from rules.parts import Context, Test
from rules.when import Attachments, Congestion, PreviousTickets

_EMPTY = Waiting(0, None)


def attachments(wanted: bool | Attachments) -> Test:  # noqa: FBT001 - the rulebook's value
    """Whether there are such files."""
    if isinstance(wanted, bool):
        return lambda context: bool(context.request.attachments) is wanted

    def test(context: Context) -> bool:
        count = sum(_is_such(one, wanted) for one in context.request.attachments)
        return count >= wanted.at_least

    return test


def _is_such(file: Attachment, wanted: Attachments) -> bool:
    name, kind = (file.name or "").casefold(), file.media_type.lower()
    return (
        (wanted.type is None or any(fnmatchcase(kind, one.lower()) for one in wanted.type))
        and (wanted.name is None or any(fnmatchcase(name, one.casefold()) for one in wanted.name))
        and (wanted.larger_than is None or file.size > wanted.larger_than)
    )


def previous_tickets(wanted: bool | PreviousTickets) -> Test:  # noqa: FBT001 - the rulebook's value
    """Whether the address has had so many tickets before."""
    if isinstance(wanted, bool):
        return lambda context: bool(context.facts.previous) is wanted
    most = inf if wanted.at_most is None else wanted.at_most

    def test(context: Context) -> bool:
        facts = context.facts
        since = None if wanted.within is None else facts.at - wanted.within
        count = sum(since is None or opened >= since for opened in facts.previous)
        return wanted.least <= count <= most

    return test


def congested(queue: str, wanted: Congestion) -> Test:
    """Whether a queue is as full as that."""

    def test(context: Context) -> bool:
        facts = context.facts
        state = facts.queues.get(queue, _EMPTY)
        if wanted.waiting is not None and state.tickets >= wanted.waiting:
            return True
        if wanted.oldest is None or state.oldest is None:
            return False
        return facts.at - state.oldest >= wanted.oldest

    return test


def hours(calendar: str, state: str) -> Test:
    """Whether a calendar is open, or closed, at the instant of the request."""
    wanted = state == "open"
    return lambda context: context.calendars[calendar].is_open(context.facts.at) is wanted
