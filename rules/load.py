"""The user's YAML -> `Rulebook`, or every error with file, line, column, and what was expected."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import re2
from pydantic import BaseModel, ValidationError

from channels.errors import Malformed
from rules.model import Condition, Rulebook, TextMatch
from rules.source import Document, Path, Place, Problem, merged, problem, read
from rules.walk import conditions, listed


class RulebookError(Malformed):
    """The rulebook is wrong: `problems` says where, `str` has a `file:line:col: message` a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def version(files: Mapping[str, str]) -> str:
    """The content hash of a rulebook: 12 hex digits of SHA-256, whatever the order of files."""
    text = json.dumps(dict(files), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(files: Mapping[str, str]) -> Rulebook:
    """The rulebook in `files` (name -> text). Raises `RulebookError` with all that is wrong."""
    return load_document(files)[0]


def load_document(files: Mapping[str, str]) -> tuple[Rulebook, Document]:
    """The rulebook, and where everything in it stands."""
    whole = merged({name: read(name, text) for name, text in rule_files(files).items()})
    if not whole.data and not whole.problems:
        raise RulebookError([Problem(first_file(files), 1, 1, "the rulebook is empty")])
    if whole.problems:
        raise RulebookError(whole.problems)
    try:
        rulebook = Rulebook.model_validate(whole.data)
    except ValidationError as error:
        raise RulebookError(_problems(error, whole)) from None
    wrong = [problem(nearest(whole, path), message) for path, message in check(rulebook, files)]
    if wrong:
        raise RulebookError(wrong)
    return rulebook, whole


def rule_files(files: Mapping[str, str]) -> dict[str, str]:
    """Those of the files that are the rulebook itself; calendars' overlays are not."""
    return {
        name: text
        for name, text in sorted(files.items())
        if name.endswith((".yaml", ".yml")) and not name.startswith("calendars/")
    }


def first_file(files: Mapping[str, str]) -> str:
    """The name under which problems of the whole are reported."""
    return next(iter(sorted(rule_files(files))), "rulebook")


def nearest(whole: Document, path: Path) -> Place:
    """The place of `path`, or of the nearest thing around it that stands in a file."""
    for length in range(len(path), 0, -1):
        for places in (whole.places, whole.keys):
            if path[:length] in places:
                return places[path[:length]]
    return next(iter(whole.places.values()), Place("rulebook", 1, 1))


def _problems(error: ValidationError, whole: Document) -> Iterator[Problem]:
    for one in error.errors(include_url=False):
        path = _data_path(one["loc"], whole.data)
        name = ".".join(map(str, path))
        if one["type"] == "extra_forbidden":
            key = str(one["loc"][-1])
            place = whole.keys.get(path) or nearest(whole, path)
            hint = did_you_mean(key, _siblings(path))
            yield problem(place, f"{name}: unknown field{hint}")
        elif one["type"] == "missing":
            yield problem(nearest(whole, path), f"{name}: required, but not there")
        else:
            message = one["msg"].removeprefix("Value error, ")
            yield problem(nearest(whole, path), f"{name}: {message} (it is {_shown(one['input'])})")


def _data_path(location: tuple[str | int, ...], data: Any) -> Path:
    """A location of pydantic without what it adds for unions and keys: only steps that exist."""
    path: list[str | int] = []
    here = data
    for index, step in enumerate(location):
        last = index == len(location) - 1
        in_list = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if in_list or (isinstance(here, dict) and step in here):
            path.append(step)
            here = here[step]
        elif last and isinstance(here, dict) and isinstance(step, str) and "[" not in step:
            path.append(step)
    return tuple(path)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` for the most similar known name, or nothing."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def _siblings(path: Path) -> set[str]:
    """The fields that are known where `path` stands."""
    model: Any = Rulebook
    for step in path[:-1]:
        model = _inner(model, step)
        if model is None:
            return set()
    return _field_names(model)


def _field_names(model: Any) -> set[str]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return set()
    return {field.alias or name for name, field in model.model_fields.items()}


def _inner(model: Any, step: str | int) -> Any:
    """The model inside `model` at `step`: a field's, or that of a mapping's or list's items."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if step in {name, field.alias}:
                return _unwrapped(field.annotation)
        return None
    items = getattr(model, "__args__", ())
    return _unwrapped(items[-1]) if items else None


def _unwrapped(annotation: Any) -> Any:
    """The model of an annotation: of `X | None` the X, `dict[K, X]` and `list[X]` as they are."""
    if getattr(annotation, "__origin__", None) in {dict, list}:
        return annotation
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return annotation


def check(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """What each field alone cannot show: names that nothing bears, a route that decides nothing."""
    yield from _references(rulebook)
    yield from _pools(rulebook)
    yield from _routes(rulebook)
    yield from _files(rulebook, files)


def _references(rulebook: Rulebook) -> Iterator[tuple[Path, str]]:
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
    }
    for path, kind, name in _names(rulebook):
        if name is not None and name not in known[kind]:
            hint = did_you_mean(name, known[kind])
            yield path, f"{'.'.join(map(str, path))}: there is no {kind} {name!r}{hint}"


_Name = tuple[Path, str, str | None]
"""A path, the kind of thing that is named there, and the name."""


def _names(rulebook: Rulebook) -> Iterator[_Name]:
    yield from _names_of_service_levels(rulebook)
    yield from _names_of_work(rulebook)
    for key, tier in rulebook.tiers.items():
        yield ("tiers", key, "sla"), "sla", tier.sla
    for key, kind in rulebook.types.items():
        yield ("types", key, "sla"), "sla", kind.sla
    for key, customer in rulebook.customers.items():
        yield ("customers", key, "tier"), "tier", customer.tier
        yield ("customers", key, "account_agent"), "agent", customer.account_agent
    for index, route in enumerate(rulebook.routes):
        for field in ("queue", "sla", "type", "ack"):
            yield ("routes", index, "then", field), field, getattr(route.then, field)
        yield from _condition_names(("routes", index, "when"), route.when)


def _names_of_service_levels(rulebook: Rulebook) -> Iterator[_Name]:
    for key, sla in rulebook.slas.items():
        yield ("slas", key, "calendar"), "calendar", sla.calendar
        yield ("slas", key, "ladder"), "ladder", sla.ladder
    for key, rungs in rulebook.ladders.items():
        for index, rung in enumerate(rungs):
            yield ("ladders", key, index, "move_to"), "queue", rung.move_to


def _names_of_work(rulebook: Rulebook) -> Iterator[_Name]:
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


def _condition_names(path: Path, condition: Condition | None) -> Iterator[_Name]:
    for at, one in conditions(path, condition):
        for tier in listed(one.tier):
            yield (*at, "tier"), "tier", tier
        for calendar in one.hours or {}:
            yield (*at, "hours", calendar), "calendar", calendar


def _pools(rulebook: Rulebook) -> Iterator[tuple[Path, str]]:
    pool_of: dict[str, str] = {}
    for key, pool in rulebook.pools.items():
        if not pool.queues:
            yield ("pools", key, "queues"), f"pools.{key}: a pool needs at least one queue"
        for index, queue in enumerate(pool.queues):
            if queue in pool_of:
                path = ("pools", key, "queues", index)
                yield path, f"queue {queue!r} is in pool {pool_of[queue]!r} already"
            pool_of.setdefault(queue, key)
    for queue in rulebook.queues.keys() - pool_of.keys():
        yield ("queues", queue), f"queues.{queue}: the queue is in no pool"
    yield from _strays(rulebook, pool_of)
    yield from _moves(rulebook, pool_of)


def _strays(rulebook: Rulebook, pool_of: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """An agent serves queues of one pool."""
    for key, agent in rulebook.agents.items():
        for index, queue in enumerate(agent.queues):
            if pool_of.get(queue, agent.pool) != agent.pool:
                path = ("agents", key, "queues", index)
                yield (
                    path,
                    f"queue {queue!r} belongs to pool {pool_of[queue]!r}, not {agent.pool!r}",
                )


def _moves(rulebook: Rulebook, pool_of: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """A chain widens within its pool."""
    for key, spec in rulebook.queues.items():
        for number, target in enumerate(spec.targets):
            for index, queue in enumerate(target.queues):
                if pool_of.get(queue, pool_of.get(key)) != pool_of.get(key):
                    path = ("queues", key, "targets", number, "queues", index)
                    yield path, f"queue {queue!r} is in another pool than {key!r}"


def _routes(rulebook: Rulebook) -> Iterator[tuple[Path, str]]:
    seen: dict[str, int] = {}
    for index, route in enumerate(rulebook.routes):
        if route.id in seen:
            yield ("routes", index, "id"), f"route id {route.id!r} stands twice"
        seen[route.id] = index
        final = not route.then.continue_ and route.then.drop is None
        if final and route.then.queue is None:
            yield ("routes", index, "then"), f"route {route.id!r}: then needs a queue (or drop)"
        for path, one in conditions(("routes", index, "when"), route.when):
            yield from _regexes((*path, "text", "regex"), one.text)
            yield from _regexes((*path, "subject", "regex"), one.subject)
    last = len(rulebook.routes) - 1
    if last < 0:
        yield ("routes",), "routes: there must be at least one, the default"
    elif rulebook.routes[last].when is not None or rulebook.routes[last].then.continue_:
        yield ("routes", last), "the last route must be the default: without `when`"


def _regexes(path: Path, match: TextMatch | None) -> Iterator[tuple[Path, str]]:
    for pattern in listed(match.regex) if match is not None else ():
        error = regex_error(pattern)
        if error is not None:
            yield path, f"regex {pattern!r}: {error}"


def regex_error(pattern: str) -> str | None:
    """What RE2 says against `pattern`, or None. RE2 knows no look-around and no backreferences."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else "invalid"
        text = said.decode() if isinstance(said, bytes) else str(said)
        if "perl operator" in text:
            text += " (RE2 has no look-around; use a second condition or `not`)"
        return text
    return None


def _files(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for key, by_channel in rulebook.acks.items():
        for channel, template in by_channel.items():
            texts = template.values() if isinstance(template, dict) else [template]
            for text in texts:
                if is_file(text) and text not in files:
                    path = ("acks", key, channel)
                    hint = did_you_mean(text, files)
                    yield path, f"acks.{key}.{channel}: no file {text!r}{hint}"
    for key, calendar in rulebook.calendars.items():
        if calendar.overlay is not None and calendar.overlay not in files:
            hint = did_you_mean(calendar.overlay, files)
            yield ("calendars", key, "overlay"), f"no file {calendar.overlay!r}{hint}"


def is_file(template: str) -> bool:
    """Whether a template is given as a path (`acks/x.txt`) and not as its text."""
    return template.endswith(".txt") and "\n" not in template and "{" not in template
