"""The user's YAML -> `Rulebook`, or every error with file, line, column, and what was expected."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple

from pydantic import ValidationError

from channels.errors import Malformed
from rules.include import in_order
from rules.merge import merged
from rules.model import Rulebook
from rules.references import wrong
from rules.source import Document, Place, Problem, problem, read
from rules.wording import explained, named, nearest


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
    sources = rule_files(files)
    documents = {name: read(name, text) for name, text in sources.items()}
    ordered = in_order(documents)
    _take_out_misfits(ordered)
    whole = merged(ordered)
    if whole.problems:
        raise RulebookError(whole.problems)
    if not whole.data:
        name = next(iter(sources), "rulebook")
        raise RulebookError([Problem(name, 1, 1, "the rulebook is empty")])
    try:
        rulebook = Rulebook.model_validate(whole.data)
    except ValidationError as error:
        raise RulebookError(explained(error, whole, Rulebook)) from None
    problems = [
        problem(nearest(whole, path), f"{named(path, whole.data)}: {said}")
        for path, said in wrong(rulebook, files)
    ]
    if problems:
        raise RulebookError(problems)
    return rulebook, whole


def _take_out_misfits(documents: Sequence[Document]) -> None:
    """A section that cannot be united with other files' is wrong where it is not what it should be.

    One that was found wrong when it was read is said already.
    """
    kinds: dict[str, list[type]] = defaultdict(list)
    mappings = [one for one in documents if isinstance(one.data, dict)]
    for document in mappings:
        for section, value in document.data.items():
            kinds[section].append(type(value))
    misfits = {one for one, found in kinds.items() if len(found) > 1 and not _unites(found)}
    for document in mappings:
        for section in misfits & document.data.keys():
            place = document.places[(section,)]
            is_said = any(place == Place(*astuple(one)[:3]) for one in document.problems)
            found = [] if is_said else _wrong_kind(document, section)
            document.problems += found
            if is_said or found:
                del document.data[section]


def _unites(kinds: Collection[type]) -> bool:
    return set(kinds) in ({dict}, {list})


def _wrong_kind(document: Document, section: str) -> list[Problem]:
    """What a file alone would be told about the section as a whole."""
    found: list[Problem] = []
    try:
        Rulebook.model_validate({section: document.data[section]})
    except ValidationError as error:
        found = explained(error, document, Rulebook)
    return [one for one in found if one.message.startswith(f"{section}: ")]


def rule_files(files: Mapping[str, str]) -> dict[str, str]:
    """Those of the files that are the rulebook itself; calendars' overlays are not."""
    return {
        name: text
        for name, text in sorted(files.items())
        if name.endswith((".yaml", ".yml")) and not name.startswith("calendars/")
    }
