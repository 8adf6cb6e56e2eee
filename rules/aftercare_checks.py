"""What is wrong, or odd, about follow-ups, missed chats, workers and their orders."""

from collections.abc import Callable, Iterator, Mapping

from rules.model import Rulebook
from rules.order_texts import wrong_texts
from rules.source import Path
from rules.walk import every_condition
from rules.wording import did_you_mean

Said = tuple[Path, str]


def names(rulebook: Rulebook) -> Iterator[tuple[Path, str, str | None]]:
    """What is named there: a path, the kind of thing, its name."""
    for key, kind in rulebook.types.items():
        if kind.follow_up is not None:
            yield ("types", key, "follow_up", "calendar"), "calendar", kind.follow_up.calendar
    for key, queue in rulebook.queues.items():
        if queue.missed is not None:
            for field in ("queue", "type", "sla"):
                yield ("queues", key, "missed", field), field, getattr(queue.missed, field)


def wrong(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[Said]:
    """What cannot work."""
    yield from _missed(rulebook)
    yield from _steps(rulebook)
    yield from _workers(rulebook)
    yield from wrong_texts(rulebook, files)


def _missed(rulebook: Rulebook) -> Iterator[Said]:
    """A missed chat goes to another queue, within its pool."""
    pool_of = {queue: key for key, pool in rulebook.pools.items() for queue in pool.queues}
    for key, queue in rulebook.queues.items():
        if queue.missed is None:
            continue
        path: Path = ("queues", key, "missed", "queue")
        to = queue.missed.queue
        if to == key:
            yield path, "a missed chat cannot go to the queue that it comes from"
        elif pool_of.get(to, pool_of.get(key)) != pool_of.get(key):
            yield path, f"queue {to!r} is in another pool than {key!r}"


def _steps(rulebook: Rulebook) -> Iterator[Said]:
    for key, kind in rulebook.types.items():
        steps = [step.id for step in kind.steps]
        if kind.order_step is not None and kind.order_step not in steps:
            said = f"there is no step {kind.order_step!r}{did_you_mean(kind.order_step, steps)}"
            yield ("types", key, "order_step"), said


def _workers(rulebook: Rulebook) -> Iterator[Said]:
    """A number is one worker's, by whom an answer is known; an order leaves by some account."""
    owners: dict[str, str] = {}
    for key, worker in rulebook.workers.items():
        owner = owners.setdefault(worker.phone, key)
        if owner != key:
            yield ("workers", key, "phone"), f"{worker.phone!r} is the worker {owner!r} already"
    if rulebook.workers and rulebook.orders.account is None:
        yield ("workers",), "workers need `orders: {account: …}`: the SMS account of their orders"


def _unrouted(rulebook: Rulebook) -> Iterator[Said]:
    """A type has follow-ups, and no condition asks for them."""
    asked = any("follow_up" in (one.kind or ()) for _, one in every_condition(rulebook))
    for key, kind in rulebook.types.items():
        if kind.follow_up is not None and not asked:
            said = "no route asks for `kind: follow_up`: follow-ups go where their words send them"
            yield ("types", key, "follow_up"), said


LOOKS: tuple[Callable[[Rulebook], Iterator[Said]], ...] = (_unrouted,)
