"""What pydantic found wrong, in the rulebook's words: where, what was expected, what is there."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rules.source import Document, Path, Place, Problem, problem

_SHOWN_CHARACTERS = 80
SECRETS = "whsec_"
"""What begins so is a secret that was written where its name belongs."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` for the most similar known name, or nothing."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def nearest(whole: Document, path: Path) -> Place:
    """The place of `path`, or of the nearest thing around it that stands in a file."""
    for length in range(len(path), 0, -1):
        for places in (whole.places, whole.keys):
            if path[:length] in places:
                return places[path[:length]]
    return next(iter(whole.places.values()), Place("rulebook", 1, 1))


def named(path: Path, data: Any) -> str:
    """A path as a person writes it: items that have an id by their id (`routes.refund.when`)."""
    steps: list[str] = []
    here = data
    for step in path:
        here = _inside(here, step)
        named_by_id = isinstance(step, int) and isinstance(here, dict) and "id" in here
        steps.append(str(here["id"] if named_by_id else step))
    return ".".join(steps)


def _inside(data: Any, step: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(step)
    return data[step] if isinstance(data, list) and isinstance(step, int) else None


def explained(error: ValidationError, whole: Document, model: type[BaseModel]) -> list[Problem]:
    """The problems, one for each wrong value: a value may be wrong in several ways at once."""
    expected: dict[Path, list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        expected.setdefault(_data_path(one["loc"], whole.data), []).append(one)
    return [_problem(path, found, whole, model) for path, found in expected.items()]


def _problem(
    path: Path, found: list[ErrorDetails], whole: Document, model: type[BaseModel]
) -> Problem:
    kind, name = found[0]["type"], named(path, whole.data)
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _fields_at(model, path[:-1]))
        return problem(whole.keys.get(path) or nearest(whole, path), f"{name}: unknown field{hint}")
    if kind == "missing":
        return problem(nearest(whole, path[:-1]), f"{name}: required, but not there")
    if found[0]["loc"][-1] == "[key]":
        said = f"{name}: {_sentence(found)} (it is {str(path[-1])!r})"
        return problem(whole.keys.get(path) or nearest(whole, path), said)
    value = found[0]["input"]
    said = f"{name}: {_sentence(found)} (it is {_shown(value)}){_hint(found, value)}"
    return problem(nearest(whole, path), said)


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


def _sentence(found: list[ErrorDetails]) -> str:
    """What was expected: of a union, any of its members."""
    expected = dict.fromkeys(_expected(one) for one in found)
    return " or ".join(expected)


_PLAIN: Mapping[str, str] = {
    "string_type": "expected text (in quotes, if it looks like a number, a date or on/off)",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected names with their settings (`name: …`)",
    "model_type": "expected settings (`name: …`)",
    "string_pattern_mismatch": "expected an id: a-z, 0-9 and -, at most 64 of them",
    "too_short": "expected at least one item, for nothing matches an empty list",
    "string_too_short": "expected text that is not empty",
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _expected(one: ErrorDetails) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"expected {words} {context[bound]}"
    if kind == "literal_error":
        return f"expected {context['expected']}"
    return _PLAIN.get(kind) or one["msg"].removeprefix("Value error, ")


def _hint(found: list[ErrorDetails], value: object) -> str:
    """The most similar of the words that were expected."""
    words = [
        word.strip("' ")
        for one in found
        if one["type"] == "literal_error"
        for word in one["ctx"]["expected"].replace(" or ", ",").split(",")
    ]
    return did_you_mean(value, words) if isinstance(value, str) else ""


def _shown(value: object) -> str:
    if isinstance(value, str) and value.startswith(SECRETS):
        return f"{SECRETS}…"  # errors are logged, and go to the log's readers
    text = repr(value) if value is not None else "empty"
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def _fields_at(model: Any, path: Path) -> set[str]:
    """The fields that are known where `path` stands."""
    here: Any = model
    for step in path:
        here = _annotation_inside(here, step)
    fields = here.model_fields if _is_model(here) else {}
    return {field.alias or name for name, field in fields.items()}


def _annotation_inside(annotation: Any, step: str | int) -> Any:
    """The type inside a type: a field's of a model, or that of a mapping's or list's items."""
    if _is_model(annotation):
        fields: Iterator[Any] = (
            field.annotation
            for name, field in annotation.model_fields.items()
            if step in {name, field.alias}
        )
        return _bare(next(fields, None))
    items = get_args(annotation)
    return _bare(items[-1]) if items else None


def _bare(annotation: Any) -> Any:
    """Of `X | None` the X, of `Annotated[X, …]` the X, of several the one that has fields."""
    if get_origin(annotation) in {Union, UnionType}:
        choices = [_bare(one) for one in get_args(annotation)]
        return next((one for one in choices if _is_model(one)), choices[0])
    return _bare(get_args(annotation)[0]) if hasattr(annotation, "__metadata__") else annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
