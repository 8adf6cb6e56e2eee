"""What a rulebook says, as plain data: what two rulebooks that mean the same have in common.

Defaults are filled in, what says nothing is left out, and a file that is named stands there itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from rules.index import compile_rulebook
from rules.source import read

NULL = "null"
"""What is written as null, where that says something else than nothing at all."""

_NOTHING: tuple[Any, ...] = (False, 0, "0s", {}, [])
"""Values that say nothing where they are the default; of others the default is worth telling."""


def meaning(files: Mapping[str, str]) -> dict[str, Any]:
    """The sections: entries by name, or in a list where their order counts.

    A section that is one entry has it under the name "". Raises `RulebookError`.
    """
    rulebook = compile_rulebook(files).rulebook
    full = rulebook.model_dump(mode="json", by_alias=True)
    written = rulebook.model_dump(mode="json", by_alias=True, exclude_unset=True)
    special = rulebook.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    single = {name for name in full if isinstance(getattr(rulebook, name), BaseModel)}
    plain = _plain(full, (written, special), files)
    return {
        name: {"": plain.get(name, {})} if name in single else plain.get(name, {}) for name in full
    }


def _plain(full: Any, marks: Sequence[Any], files: Mapping[str, str]) -> Any:
    """Without what says nothing, and with the files' content.

    `marks` are the same data without what is not written, and without what is as by default.
    """
    written, special = marks
    if isinstance(full, dict):
        written, special = written or {}, special or {}
        found = {
            key: NULL
            if value is None
            else _plain(value, (written.get(key), special.get(key)), files)
            for key, value in full.items()
            if value is not None or key in written
        }
        return {key: one for key, one in found.items() if key in special or one not in _NOTHING}
    if isinstance(full, list):
        places = [None] * len(full)
        items = zip(full, written or places, special or places, strict=True)
        return [_plain(one, marked, files) for one, *marked in items]
    if isinstance(full, str) and full in files:
        return _content(full, files[full])
    return full


def _content(name: str, text: str) -> Any:
    """A file that the rulebook names: dates of a calendar, or text."""
    if not name.endswith((".yaml", ".yml")):
        return text.strip("\n")
    data = read(name, text).data
    return {key: "off" if value is False else value for key, value in data.items()}
