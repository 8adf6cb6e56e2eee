"""What no field alone can show: names that nothing bears, two of what there is one of, no default.

Each check yields the path of what is wrong, and a sentence.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from rules.condition_checks import wrong_conditions
from rules.lists import list_error
from rules.model import Rulebook
from rules.notice_texts import PARTS
from rules.source import Path
from rules.walk import every_condition, matches
from rules.wording import did_you_mean

OPERATORS = ("any", "all", "not")

Wrong = tuple[Path, str]
Name = tuple[Path, str, str | None]
"""A path, the kind of thing that is named there, and the name."""


def wrong(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[Wrong]:
    """All that is wrong with a rulebook whose fields are right each by itself."""
    for check in _CHECKS:
        yield from check(rulebook)
    yield from _files(rulebook, files)


def _references(rulebook: Rulebook) -> Iterator[Wrong]:
    known: dict[str, Iterable[str]] = {
        "calendar": rulebook.calendars,
        "ladder": rulebook.ladders,
        "sla": rulebook.slas,
        "queue": rulebook.queues,
        "pool": rulebook.pools,
        "tier": rulebook.tiers,
        "type": rulebook.types,
        "ack": rulebook.acks,
        "agent": rulebook.agents,
        "list": rulebook.lists,
        "condition": rulebook.conditions,
    }
    for names in (_of_service_levels, _of_work, _of_customers, _of_routes, _of_conditions):
        for path, kind, name in names(rulebook):
            if name is not None and name not in known[kind]:
                yield path, f"there is no {kind} {name!r}{did_you_mean(name, known[kind])}"


def _of_service_levels(rulebook: Rulebook) -> Iterator[Name]:
    for key, sla in rulebook.slas.items():
        yield ("slas", key, "calendar"), "calendar", sla.calendar
        yield ("slas", key, "ladder"), "ladder", sla.ladder
    for key, rungs in rulebook.ladders.items():
        for index, rung in enumerate(rungs):
            yield ("ladders", key, index, "move_to"), "queue", rung.move_to
    for key, kind in rulebook.types.items():
        yield ("types", key, "sla"), "sla", kind.sla
    for key, contact in rulebook.contacts.items():
        if contact.quiet is not None:
            yield ("contacts", key, "quiet", "outside"), "calendar", contact.quiet.outside


def _of_work(rulebook: Rulebook) -> Iterator[Name]:
    for key, pool in rulebook.pools.items():
        for index, queue in enumerate(pool.queues):
            yield ("pools", key, "queues", index), "queue", queue
    for key, spec in rulebook.queues.items():
        for number, target in enumerate(spec.targets):
            for index, queue in enumerate(target.queues):
                yield ("queues", key, "targets", number, "queues", index), "queue", queue
    for key, agent in rulebook.agents.items():
        yield ("agents", key, "pool"), "pool", agent.pool
        yield ("agents", key, "calendar"), "calendar", agent.calendar
        for index, queue in enumerate(agent.queues):
            yield ("agents", key, "queues", index), "queue", queue


def _of_customers(rulebook: Rulebook) -> Iterator[Name]:
    for key, tier in rulebook.tiers.items():
        yield ("tiers", key, "sla"), "sla", tier.sla
    for key, customer in rulebook.customers.items():
        yield ("customers", key, "tier"), "tier", customer.tier
        yield ("customers", key, "account_agent"), "agent", customer.account_agent


def _of_routes(rulebook: Rulebook) -> Iterator[Name]:
    for field in ("type", "sla", "ack"):
        yield ("defaults", field), field, getattr(rulebook.defaults, field)
    for index, route in enumerate(rulebook.routes):
        for field in ("queue", "sla", "type", "ack"):
            yield ("routes", index, "then", field), field, getattr(route.then, field)


def _of_conditions(rulebook: Rulebook) -> Iterator[Name]:
    for path, one in every_condition(rulebook):
        for field, kind in (("tier", "tier"), ("sender_list", "list"), ("condition", "condition")):
            for number, name in enumerate(getattr(one, field) or ()):
                yield (*path, field, number), kind, name
        for calendar in one.hours or ():
            yield (*path, "hours", calendar), "calendar", calendar
        for queue in one.queues or ():
            yield (*path, "queues", queue), "queue", queue
        for field, match in matches(one):
            for number, name in enumerate(match.lists or ()):
                yield (*path, field, "lists", number), "list", name


def _pools(rulebook: Rulebook) -> Iterator[Wrong]:
    pool_of: dict[str, str] = {}
    for key, pool in rulebook.pools.items():
        if not pool.queues:
            yield ("pools", key, "queues"), "a pool needs at least one queue"
        for index, queue in enumerate(pool.queues):
            if queue in pool_of:
                path = ("pools", key, "queues", index)
                yield path, f"queue {queue!r} is in pool {pool_of[queue]!r} already"
            pool_of.setdefault(queue, key)
    for queue in rulebook.queues.keys() - pool_of.keys():
        yield ("queues", queue), "the queue is in no pool"
    yield from _strays(rulebook, pool_of)
    yield from _targets(rulebook, pool_of)


def _strays(rulebook: Rulebook, pool_of: Mapping[str, str]) -> Iterator[Wrong]:
    """An agent serves queues of one pool."""
    for key, agent in rulebook.agents.items():
        for index, queue in enumerate(agent.queues):
            if agent.pool in rulebook.pools and pool_of.get(queue, agent.pool) != agent.pool:
                path = ("agents", key, "queues", index)
                yield path, f"queue {queue!r} is in pool {pool_of[queue]!r}, not {agent.pool!r}"


def _targets(rulebook: Rulebook, pool_of: Mapping[str, str]) -> Iterator[Wrong]:
    """A chain widens within its pool."""
    for key, spec in rulebook.queues.items():
        for number, target in enumerate(spec.targets):
            for index, queue in enumerate(target.queues):
                if pool_of.get(queue, pool_of.get(key)) != pool_of.get(key):
                    path = ("queues", key, "targets", number, "queues", index)
                    yield path, f"queue {queue!r} is in another pool than {key!r}"


def _twice(rulebook: Rulebook) -> Iterator[Wrong]:
    for key, rungs in rulebook.ladders.items():
        for index in _repeated(rung.level for rung in rungs):
            yield ("ladders", key, index), f"level {rungs[index].level} stands twice"
    for key, kind in rulebook.types.items():
        for index in _repeated(step.id for step in kind.steps):
            yield ("types", key, "steps", index), f"step {kind.steps[index].id!r} stands twice"
    for index in _repeated(route.id for route in rulebook.routes):
        yield ("routes", index, "id"), f"route {rulebook.routes[index].id!r} stands twice"


def _repeated(values: Iterable[object]) -> Iterator[int]:
    """The positions of values that were there before."""
    seen: set[object] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield index
        seen.add(value)


def _addresses(rulebook: Rulebook) -> Iterator[Wrong]:
    """An address belongs to one customer."""
    owners: dict[tuple[str, str], str] = {}
    for key, customer in rulebook.customers.items():
        for channel, addresses in customer.addresses.items():
            for index, address in enumerate(addresses):
                owner = owners.setdefault((channel, address), key)
                if owner != key:
                    path = ("customers", key, "addresses", channel, index)
                    yield path, f"{address!r} is the customer {owner!r} already"


def _contacts(rulebook: Rulebook) -> Iterator[Wrong]:
    """Notices by mail come from an account of ours, and go to somebody else."""
    account = rulebook.notices.email
    for key, contact in rulebook.contacts.items():
        for index, address in enumerate(contact.email):
            path = ("contacts", key, "email", index)
            if account is None:
                yield path, "which mail account sends notices? (`notices: {email: …}`)"
            elif address == account:
                yield path, f"notices are sent from {account!r}, and would come back as requests"


def _default(rulebook: Rulebook) -> Iterator[Wrong]:
    if not rulebook.routes:
        yield ("routes",), "there must be at least one, the default"
        return
    last = len(rulebook.routes) - 1
    catch_all = [index for index, route in enumerate(rulebook.routes) if route.takes_everything]
    if not catch_all:
        said = "the last route must be the default: only `id` and `then`, without `continue`"
        yield ("routes", last), said
    for index in catch_all:
        if index != last:
            yield ("routes", index), "a route without `when` must be the last: it takes everything"


def _operators(rulebook: Rulebook) -> Iterator[Wrong]:
    """An explanation names conditions and what joins them alike."""
    for name in rulebook.conditions:
        if name in OPERATORS:
            yield ("conditions", name), f"`{name}` joins conditions, and can be the name of none"


def _lists(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[Wrong]:
    for name, words in rulebook.lists.items():
        error = list_error(words, files)
        if error is not None:
            yield ("lists", name), error + _hint_of_ending(words.file or "", files)


def _hint_of_ending(file: str, files: Mapping[str, str]) -> str:
    """A folder's files are read by the ends of their names: `.CSV` is none of them."""
    ending = PurePosixPath(file).suffix
    if file in files or ending == ending.lower() or ending.lower() not in {".csv", ".txt"}:
        return ""
    return f"; a file is read when its name ends with {ending.lower()!r}, not with {ending!r}"


def _routes(rulebook: Rulebook) -> Iterator[Wrong]:
    for index, route in enumerate(rulebook.routes):
        action = route.then
        if action.queue is None and action.drop is None and not action.continue_:
            yield ("routes", index, "then"), "a queue is missing (or `drop`, or `continue: true`)"
        if action.drop is not None and action.continue_:
            yield ("routes", index, "then"), "`drop` ends the search: it cannot `continue`"
        if route.from_ and route.until and route.until <= route.from_:
            yield ("routes", index, "until"), "it ends before it begins (`from`)"


def _files(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[Wrong]:
    yield from _lists(rulebook, files)
    for path, text in _templates(rulebook):
        if is_file(text) and text not in files:
            yield path, f"no file {text!r}{did_you_mean(text, files)}"
        elif not files.get(text, text).strip():
            yield path, "the text is empty"
    for key, calendar in rulebook.calendars.items():
        if calendar.overlay is not None and calendar.overlay not in files:
            hint = did_you_mean(calendar.overlay, files)
            yield ("calendars", key, "overlay"), f"no file {calendar.overlay!r}{hint}"


def _templates(rulebook: Rulebook) -> Iterator[tuple[Path, str]]:
    for key, by_channel in rulebook.acks.items():
        for channel, template in by_channel.items():
            path: Path = ("acks", key, channel)
            if isinstance(template, str):
                yield path, template
            else:
                yield from (((*path, language), text) for language, text in template.items())
    for part in PARTS:
        given = getattr(rulebook.notices, part)
        if isinstance(given, dict):
            yield from ((("notices", part, language), text) for language, text in given.items())
        elif given is not None:
            yield ("notices", part), given


def is_file(template: str) -> bool:
    """Whether a template is given as a path (`acks/x.txt`) and not as its text."""
    return template.endswith(".txt") and "\n" not in template and "{" not in template


_CHECKS: tuple[Callable[[Rulebook], Iterator[Wrong]], ...] = (
    _references,
    _pools,
    _twice,
    _addresses,
    _contacts,
    _default,
    _routes,
    _operators,
    wrong_conditions,
)
