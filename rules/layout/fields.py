"""What the model says of a place in a rulebook: the order of fields, and whether it is short."""

from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from rules import contacts, model, people, service_levels, when

Shape = Any
"""The type of what stands at a place: a model, a mapping or list of something; None is unknown."""

SHORT = (
    model.Action,
    model.Budget,
    contacts.Quiet,
    contacts.Webhook,
    when.Condition,
    service_levels.LadderLevel,
    people.QueueTarget,
    model.Step,
    when.Comparison,
    when.TextMatch,
)
"""Entries that are written in one line where they fit in one."""


def shape_of(name: str) -> Shape:
    """The shape of the file `name`: calendars' overlays are no part of the model."""
    return None if name.startswith("calendars/") else model.Rulebook


def fields_of(shape: Shape) -> list[str]:
    """The names of the fields in their order, as they are written."""
    found = _models(shape)
    return [field.alias or name for name, field in found[0].model_fields.items()] if found else []


def is_short(shape: Shape) -> bool:
    """Whether an entry of this shape is written in one line where it fits."""
    return any(issubclass(one, SHORT) for one in _models(shape))


def of_field(shape: Shape, name: str) -> Shape:
    """The shape of a field, or of the entry of that name in a mapping."""
    for one in _models(shape):
        for own, field in one.model_fields.items():
            if name == (field.alias or own):
                return field.annotation
    return _last_argument(shape, dict)


def of_item(shape: Shape) -> Shape:
    """The shape of a list's items."""
    return _last_argument(shape, list)


def _members(shape: Shape) -> list[Any]:
    """A union's members, without what `Annotated` adds."""
    if get_origin(shape) in {Union, UnionType}:
        return [inner for one in get_args(shape) for inner in _members(one)]
    return _members(get_args(shape)[0]) if hasattr(shape, "__metadata__") else [shape]


def _models(shape: Shape) -> list[type[BaseModel]]:
    return [one for one in _members(shape) if isinstance(one, type) and issubclass(one, BaseModel)]


def _last_argument(shape: Shape, of: type) -> Shape:
    found = (get_args(one)[-1] for one in _members(shape) if get_origin(one) is of)
    return next(found, None)
