"""The rulebook's fields as a page, made from their definitions (docs/rulebook-reference.md)."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from rules.model import Rulebook
from rules.scalars import DURATION_PATTERN, ID_PATTERN, SHARE_PATTERN, format_duration

_HEAD = """# The rulebook, field by field

Generated from `rules/model.py` and what it is made of by `make docs`; the guide is
[rules.md](rules.md). A field without a default is required; *none* means that nothing is said.
"""

_FORMS = {ID_PATTERN: "id", DURATION_PATTERN: "duration", SHARE_PATTERN: "percentage"}
_WORDS = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
}  # fmt: skip


class _Schema(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        """Durations as the rulebook writes them."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def rulebook_schema() -> dict[str, Any]:
    """The JSON Schema of a whole rulebook."""
    return Rulebook.model_json_schema(by_alias=True, schema_generator=_Schema)


def reference() -> str:
    """The whole page: the rulebook's sections, then every kind of entry in the order of its use."""
    schema = rulebook_schema()
    entries = {"Rulebook": schema, **schema["$defs"]}
    order = list(dict.fromkeys(_reached("Rulebook", entries, set())))
    return "\n".join([_HEAD, *(line for name in order for line in _section(name, entries[name]))])


def _reached(name: str, entries: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    if name in seen:
        return
    seen.add(name)
    yield name
    for field in entries[name].get("properties", {}).values():
        for other in _names(field):
            yield from _reached(other, entries, seen)


def _names(schema: Any) -> Iterator[str]:
    """The entries that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for key, value in schema.items():
            if key != "default":
                yield from _names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _names(value)


def _section(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"{entry['description']}\n"
    yield "| field | is | default | |\n|---|---|---|---|"
    required = entry.get("required", ())
    for field, schema in entry["properties"].items():
        description = " ".join(schema["description"].split()).replace("|", "\\|")
        default = "" if field in required else _default(schema.get("default"))
        yield f"| `{field}` | {_kind(schema)} | {default} | {description} |"
    yield ""


def _default(value: Any) -> str:
    if value is None:
        return "*none*"
    if value in ([], {}):
        return "*empty*"
    if isinstance(value, dict | list):
        return "*its own*" if isinstance(value, dict) else f"`{json.dumps(value)}`"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _kind(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"$ref": str() as ref}:
            name = ref.rpartition("/")[2]
            said = f"[{name}](#{name.lower()})"
        case {"anyOf": choices} | {"oneOf": choices}:
            said = _any_of([_kind(one) for one in choices if one.get("type") != "null"])
        case {"enum": values}:
            said = ", ".join(f"`{one}`" for one in values)
        case {"type": "array", "items": items}:
            said = f"list of {_kind(items)}"
        case {"type": "object"}:
            said = _by_name(schema)
        case _:
            said = _scalar(schema)
    return said


def _by_name(schema: Mapping[str, Any]) -> str:
    by_pattern = list(schema.get("patternProperties", {}).values())
    if by_pattern:
        return f"{_kind(by_pattern[0])} by id"
    values = schema.get("additionalProperties")
    return f"{_kind(values)} by name" if isinstance(values, dict) else "anything by name"


def _any_of(kinds: list[str]) -> str:
    """One of several; what may also be a list of itself is said once."""
    kinds = list(dict.fromkeys(kinds))
    single = [one for one in kinds if f"list of {one}" in kinds]
    for one in single:
        kinds.remove(f"list of {one}")
        kinds[kinds.index(one)] = f"{one}, or a list"
    return " or ".join(kinds)


def _scalar(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "instant"
    word = _FORMS.get(schema.get("pattern", "")) or _WORDS.get(schema.get("type", ""), "anything")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return word if low is None else f"{word} from {low}"
