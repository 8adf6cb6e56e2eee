"""What no field alone can show: names that nothing bears, two of what there is one of, no default.

Each check yields the path of what is wrong, and a sentence.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from rules import aftercare_checks
from rules.condition_checks import wrong_conditions
from rules.lists import list_error
from rules.model import Rulebook
from rules.notice_texts import PARTS
from rules.people import STAGES, Agent
from rules.service_level_checks import named_by_rows, wrong_rows
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
    yield from aftercare_checks.wrong(rulebook, files)


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
        "stage": (*rulebook.stages, *STAGES),
        "list": rulebook.lists,
        "condition": rulebook.conditions,
    }
    for names in _NAMES:
        for path, kind, name in names(rulebook):
            if name is not None and name not in known[kind]:
                yield path, f"there is no {kind} {name!r}{did_you_mean(name, known[kind])}"


def _of_service_levels(rulebook: Rulebook) -> Iterator[Name]:
    for key, sla in rulebook.slas.items():
        yield ("slas", key, "calendar"), "calendar", sla.calendar
        yield ("slas", key, "ladder"), "ladder", sla.ladder
    yield from named_by_rows(rulebook)
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
            place = ("queues", key, "targets", number)
            yield (*place, "move_to"), "queue", target.move_to
            for index, queue in enumerate(target.queues):
                yield (*place, "queues", index), "queue", queue


def _of_agents(rulebook: Rulebook) -> Iterator[Name]:
    for key, agent in rulebook.agents.items():
        yield ("agents", key, "pool"), "pool", agent.pool
        yield ("agents", key, "calendar"), "calendar", agent.calendar
        yield ("agents", key, "stage"), "stage", agent.stage
        for path, queue in _served(key, agent):
            yield path, "queue", queue
        for index, tier in enumerate(agent.reserve.tiers if agent.reserve else ()):
            yield ("agents", key, "reserve", "tiers", index), "tier", tier


def _of_rules_about_agents(rulebook: Rulebook) -> Iterator[Name]:
    for key, stage in rulebook.stages.items():
        for field, kinds in (("types", stage.types), ("not_types", stage.not_types)):
            for index, kind in enumerate(kinds):
                yield ("stages", key, field, index), "type", kind
    for index, kind in enumerate(rulebook.protection.types):
        yield ("protection", "types", index), "type", kind


def _served(key: str, agent: Agent) -> Iterator[tuple[Path, str]]:
    """An agent's queues, each with its place in the list, or the mapping, of them."""
    is_list = isinstance(agent.queues, list)
    for index, queue in enumerate(agent.queues):
        yield ("agents", key, "queues", index if is_list else queue), queue


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
    yield from _overflow(rulebook)


def _strays(rulebook: Rulebook, pool_of: Mapping[str, str]) -> Iterator[Wrong]:
    """An agent serves queues of one pool."""
    for key, agent in rulebook.agents.items():
        for path, queue in _served(key, agent):
            if agent.pool in rulebook.pools and pool_of.get(queue, agent.pool) != agent.pool:
                yield path, f"queue {queue!r} is in pool {pool_of[queue]!r}, not {agent.pool!r}"


def _targets(rulebook: Rulebook, pool_of: Mapping[str, str]) -> Iterator[Wrong]:
    """A chain widens within its pool."""
    for key, spec in rulebook.queues.items():
        for number, target in enumerate(spec.targets):
            for index, queue in enumerate(target.queues):
                if pool_of.get(queue, pool_of.get(key)) != pool_of.get(key):
                    path = ("queues", key, "targets", number, "queues", index)
                    yield path, f"queue {queue!r} is in another pool than {key!r}"


def _overflow(rulebook: Rulebook) -> Iterator[Wrong]:
    """A chain may end in another queue, but not in a circle of them."""
    for key, spec in rulebook.queues.items():
        for number, target in enumerate(spec.targets):
            path = ("queues", key, "targets", number)
            others = target.model_fields_set - {"move_to"}
            if target.move_to is not None and others:
                yield path, f"a step with move_to has nothing else: not {', '.join(sorted(others))}"
            elif target.move_to is not None and number + 1 < len(spec.targets):
                yield (*path, "move_to"), "the steps after it are never reached"
        circle = _circle(rulebook, key)
        if circle and key == min(circle):
            last = len(spec.targets) - 1
            said = f"overflow goes round in a circle: {' -> '.join(circle)}"
            yield ("queues", key, "targets", last, "move_to"), said


def _circle(rulebook: Rulebook, queue: str) -> list[str]:
    """The queues through which a ticket of `queue` comes back to it; empty when it does not."""
    way = [queue]
    while (spec := rulebook.queues.get(way[-1])) and spec.targets and spec.targets[-1].move_to:
        way.append(spec.targets[-1].move_to)
        if way[-1] in way[:-1]:
            return way if way[-1] == queue else []
    return []


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


_NAMES: tuple[Callable[[Rulebook], Iterator[Name]], ...] = (
    _of_service_levels,
    _of_work,
    _of_agents,
    _of_rules_about_agents,
    _of_customers,
    _of_routes,
    _of_conditions,
    aftercare_checks.names,
)

_CHECKS: tuple[Callable[[Rulebook], Iterator[Wrong]], ...] = (
    _references,
    _pools,
    _twice,
    _addresses,
    _contacts,
    _default,
    _routes,
    _operators,
    wrong_rows,
    wrong_conditions,
)
