"""What a rulebook says, as plain data: what two rulebooks that mean the same have in common.

Defaults are filled in, what says nothing is left out, and a file that is named stands there itself.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from rules.index import compile_rulebook
from rules.source import read

NULL = "null"
"""What is written as null, where that says something else than nothing at all."""


def meaning(files: Mapping[str, str]) -> dict[str, Any]:
    """The sections: entries by name, or in a list where their order counts.

    A section that is one entry has it under the name "". Raises `RulebookError`.
    """
    rulebook = compile_rulebook(files).rulebook
    full = rulebook.model_dump(mode="json", by_alias=True)
    written = rulebook.model_dump(mode="json", by_alias=True, exclude_unset=True)
    single = {name for name in full if isinstance(getattr(rulebook, name), BaseModel)}
    plain = _plain(full, written, files)
    return {
        name: {"": plain.get(name, {})} if name in single else plain.get(name, {}) for name in full
    }


def _plain(full: Any, written: Any, files: Mapping[str, str]) -> Any:
    """Without what says nothing: a field not set, an empty list; with the files' content."""
    if isinstance(full, dict):
        said = written if isinstance(written, dict) else {}
        found = {
            key: NULL if value is None else _plain(value, said.get(key), files)
            for key, value in full.items()
            if value is not None or key in said
        }
        return {key: value for key, value in found.items() if value not in ({}, [])}
    if isinstance(full, list):
        items = written if isinstance(written, list) else [None] * len(full)
        return [_plain(*pair, files) for pair in zip(full, items, strict=True)]
    if isinstance(full, str) and full in files:
        return _content(full, files[full])
    return full


def _content(name: str, text: str) -> Any:
    """A file that the rulebook names: dates of a calendar, or text."""
    if not name.endswith((".yaml", ".yml")):
        return text.strip("\n")
    data = read(name, text).data
    return {key: "off" if value is False else value for key, value in data.items()}
