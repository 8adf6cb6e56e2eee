"""What a rulebook says, as plain data: what two rulebooks that mean the same have in common.

Defaults are filled in, what says nothing is left out, and what a file says stands there in place
of its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from rules.index import compile_rulebook
from rules.lists import words_of
from rules.model import Rulebook
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
    plain = _plain(full, (written, special))
    _read_in(plain, rulebook, files)
    return {
        name: {"": plain.get(name, {})} if name in single else plain.get(name, {}) for name in full
    }


def _read_in(plain: dict[str, Any], rulebook: Rulebook, files: Mapping[str, str]) -> None:
    """Put the content of files in place of their names, in the fields that name files."""
    for name, calendar in rulebook.calendars.items():
        if calendar.overlay is not None:
            plain["calendars"][name]["overlay"] = _dates(calendar.overlay, files)
    for name, words in rulebook.lists.items():
        plain["lists"][name] = {"entries": list(words_of(words, files))}
    for templates in (*plain.get("acks", {}).values(), plain.get("notices", {})):
        for name, template in templates.items():
            if isinstance(template, str):
                templates[name] = _text(template, files)
            else:
                templates[name] = {key: _text(one, files) for key, one in template.items()}


def _dates(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    data = read(name, files[name]).data
    return {key: "off" if value is False else value for key, value in data.items()}


def _text(template: str, files: Mapping[str, str]) -> str:
    return files[template].strip("\n") if template in files else template


def _plain(full: Any, marks: Sequence[Any]) -> Any:
    """Without what says nothing.

    `marks` are the same data without what is not written, and without what is as by default.
    """
    written, special = marks
    if isinstance(full, dict):
        written, special = written or {}, special or {}
        found = {
            key: NULL if value is None else _plain(value, (written.get(key), special.get(key)))
            for key, value in full.items()
            if value is not None or key in written
        }
        return {key: one for key, one in found.items() if key in special or one not in _NOTHING}
    if isinstance(full, list):
        places = [None] * len(full)
        items = zip(full, written or places, special or places, strict=True)
        return [_plain(one, marked) for one, *marked in items]
    return full
