"""What is wrong, or odd, about the rows of an SLA's targets, and about its warnings."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from rules.model import Rulebook
from rules.scalars import format_duration
from rules.service_levels import Priorities, Sla, TargetRow, TicketFacts
from rules.source import Path

NAMED = ("tier", "type", "queue")
"""What a row's `when` names that must be in the rulebook."""
SETS = (*NAMED, "channel")

Wrong = tuple[Path, str]


def _rows(rulebook: Rulebook) -> Iterator[tuple[Path, TargetRow]]:
    for key, sla in rulebook.slas.items():
        for index, row in enumerate(sla.targets):
            yield ("slas", key, "targets", index), row


def named_by_rows(rulebook: Rulebook) -> Iterator[tuple[Path, str, str]]:
    """What the rows name: paths, kinds and names."""
    for path, row in _rows(rulebook):
        for kind in NAMED:
            for index, name in enumerate(getattr(row.when, kind) or ()):
                yield (*path, "when", kind, index), kind, name


def wrong_rows(rulebook: Rulebook) -> Iterator[Wrong]:
    """Rows that choose no ticket, or nothing for it."""
    for path, row in _rows(rulebook):
        if not row.when.model_fields_set:
            yield (*path, "when"), "it chooses by nothing; the SLA's own targets hold for the rest"
        if not row.durations():
            yield path, "a row needs a target, such as `first_response: 10m`"
        if row.when.priority and row.when.priority.at_least > row.when.priority.at_most:
            yield (*path, "when", "priority"), "no priority is in this range"


def _covered(rulebook: Rulebook) -> Iterator[Wrong]:
    """Rows whose tickets an earlier row has all."""
    for key, sla in rulebook.slas.items():
        for index, row in enumerate(sla.targets):
            for number, earlier in enumerate(sla.targets[:index]):
                if _covers(earlier.when, row.when):
                    said = f"row {index + 1} never holds: row {number + 1} has all its tickets"
                    yield ("slas", key, "targets", index), f"sla {key!r}: {said}"
                    break


def _covers(wide: TicketFacts, narrow: TicketFacts) -> bool:
    for field in SETS:
        wanted, asked = getattr(wide, field), getattr(narrow, field)
        if wanted is not None and (asked is None or not set(asked) <= set(wanted)):
            return False
    low, high = _range(wide.priority)
    least, most = _range(narrow.priority)
    return low <= least and most <= high


def _range(priority: Priorities | None) -> tuple[int, int]:
    found = priority or Priorities()
    return found.at_least, found.at_most


def _too_early(rulebook: Rulebook) -> Iterator[Wrong]:
    """Warnings so long before the end that no target is longer."""
    for key, sla in rulebook.slas.items():
        longest = max(_spans(rulebook, sla), default=None)
        for index, one in enumerate(sla.warn):
            if isinstance(one, timedelta) and longest is not None and one >= longest:
                said = f"{format_duration(one)} before the end warns of nothing"
                longest_is = f"the longest target is {format_duration(longest)}"
                yield ("slas", key, "warn", index), f"sla {key!r}: {said}: {longest_is}"


def _spans(rulebook: Rulebook, sla: Sla) -> Iterator[timedelta]:
    """The times of an SLA's targets, and of all steps, which any SLA may measure."""
    for targets in (sla, *sla.targets):
        yield from targets.durations().values()
    for kind in rulebook.types.values():
        yield from (step.within for step in kind.steps if step.within is not None)


def _promising_nothing(rulebook: Rulebook) -> Iterator[Wrong]:
    """SLAs that say what becomes of a lapse, and promise nothing; an empty one may be meant."""
    for key, sla in rulebook.slas.items():
        says = sla.warn or sla.pause or (sla.ladder and not _parks(rulebook))
        if says and rulebook.orders.accept_within is None and not any(_spans(rulebook, sla)):
            yield ("slas", key), f"sla {key!r} names no target: nothing of it can lapse"


def _parks(rulebook: Rulebook) -> bool:
    """Whether some queue gives up looking, which lapses whatever was promised."""
    queues = rulebook.queues.values()
    ends = (one.targets[-1] for one in queues if one.targets)
    return any(one.max_offers for one in queues) or any(end.for_ or end.skip_if for end in ends)


LOOKS: tuple[Callable[[Rulebook], Iterator[Wrong]], ...] = (
    _covered,
    _too_early,
    _promising_nothing,
)
