"""Files of cases read, checked against the rulebook, and their requests completed.

A `*.yaml` file has a list of cases, or a mapping with `cases` and what holds for all of them; a
`*.jsonl` file has one case a line. Everything that is wrong is said with file, line and field.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from channels.defaults import fill
from channels.errors import Malformed
from channels.request import CustomerRequest
from router.commands.rules.case import DEFAULT_AT, CaseFile, CaseSpec, Common
from router.rulebook_files import CASES, rulebook_folder
from rules.load import RulebookError
from rules.model import Rulebook
from rules.source import Document, Place, Problem, problem, read
from rules.source import Path as Path_
from rules.wording import did_you_mean, explained, nearest

MAX_FILE_BYTES = 64 * 1024 * 1024

SECTION = "cases"
_YAML = (".yaml", ".yml")
_LINES = (".jsonl",)


@dataclass(frozen=True, slots=True)
class Case:
    """A case ready to be tried, and where it stands."""

    place: Place
    spec: CaseSpec
    request: CustomerRequest


def case_files(folder: Path, given: Iterable[Path] = ()) -> list[Path]:
    """The files of cases: those given, or those of `cases/` below the rulebook and beside it.

    Raises:
        Malformed: There is none.
    """
    chosen = list(given)
    if not chosen:
        own = rulebook_folder(folder)
        chosen = [place for place in (own / CASES, _beside(own)) if place.is_dir()]
        if not chosen:
            raise Malformed(f"{folder}: no folder {CASES}/ in it or beside it; see --cases")
    found: dict[Path, Path] = {}
    for place in chosen:
        if not place.exists():
            raise Malformed(f"{place}: no such file or folder")
        inside = sorted(place.iterdir()) if place.is_dir() else [place]
        files = [file for file in inside if file.name.endswith(_YAML + _LINES)]
        if not files:
            raise Malformed(f"{place}: expected *.yaml or *.jsonl with cases")
        found.update((file.resolve(), file) for file in files)
    return list(found.values())


def _beside(own: Path) -> Path:
    """The folder of cases beside a rulebook's, written as shortly as `own` was."""
    parent = own.resolve().parent
    here = Path.cwd()
    return (parent.relative_to(here) if parent.is_relative_to(here) else parent) / CASES


def read_cases(files: Iterable[Path], rulebook: Rulebook) -> list[Case]:
    """The cases of all files. Raises `RulebookError` with everything that is wrong in them."""
    cases: list[Case] = []
    problems: list[Problem] = []
    known = _known(rulebook)
    for file in files:
        for document in _documents(file):
            for index, spec in enumerate(_specs(document)):
                path: Path_ = (SECTION, index)
                document.problems += _wrong_names(spec, known, document, path)
                cases += _case(spec, document, path)
            problems += document.problems
    if problems:
        raise RulebookError(problems)
    return cases


# -- reading: whatever the form, a document with cases in its section


def _documents(file: Path) -> Iterator[Document]:
    """A YAML file as one document; of JSON lines each line as one."""
    text = _text(file)
    if file.name.endswith(_YAML):
        document = read(str(file), text)
        if isinstance(document.data, list):
            _move_below(document, (SECTION,))
            document.data = {SECTION: document.data}
        yield document
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _line(str(file), number, line)


def _move_below(document: Document, above: Path_) -> None:
    document.places = {(*above, *path): place for path, place in document.places.items()}
    document.keys = {(*above, *path): place for path, place in document.keys.items()}


def _line(file: str, number: int, text: str) -> Document:
    document = Document(file, places={(): Place(file, number, 1)})
    try:
        document.data = {SECTION: [msgspec.json.decode(text)]}
    except (msgspec.DecodeError, RecursionError) as error:
        document.problems.append(Problem(file, number, 1, f"expected JSON: {error}"))
    _move_below(document, (SECTION, 0))
    return document


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise Malformed(f"{file}: more than {MAX_FILE_BYTES} bytes of cases")
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Malformed(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Malformed(f"{file}: not UTF-8: save the file as UTF-8") from None


# -- checking: fields, then names, then the request


def _specs(document: Document) -> list[CaseSpec]:
    """The cases of a document, each with what holds for all; what is wrong is noted in it."""
    if document.problems:
        return []
    if not isinstance(document.data, dict):
        document.problems.append(Problem(document.file, 1, 1, "expected a list of cases"))
        return []
    try:
        found = CaseFile.model_validate(document.data)
    except ValidationError as error:
        found_wrong = explained(error, document, CaseFile)
        if document.file.endswith(_LINES):  # a line is one case: it needs no number
            found_wrong = [
                replace(one, message=one.message.removeprefix(f"{SECTION}.0."))
                for one in found_wrong
            ]
        document.problems += found_wrong
        return []
    common = {name: getattr(found, name) for name in Common.model_fields}
    return [
        spec.model_copy(
            update={name: value for name, value in common.items() if getattr(spec, name) is None}
        )
        for spec in found.cases
    ]


def _known(rulebook: Rulebook) -> Mapping[str, Collection[str]]:
    """The names that there are, by field."""
    return {
        "queue": rulebook.queues.keys(),
        "queues": rulebook.queues.keys(),
        "pool": rulebook.pools.keys(),
        "type": rulebook.types.keys(),
        "tier": rulebook.tiers.keys(),
        "sla": rulebook.slas.keys(),
        "ack": rulebook.acks.keys(),
        "rule": [route.id for route in rulebook.routes],
        "customer": rulebook.customers.keys(),
    }


def _wrong_names(
    spec: CaseSpec, known: Mapping[str, Collection[str]], document: Document, path: Path_
) -> Iterator[Problem]:
    """Names that the rulebook does not have: such a case could never pass, or never fail."""
    if not spec.expect.said and not spec.expect_not.said:
        yield problem(nearest(document, path), "expect: required, but not there, or empty")
    said: list[tuple[tuple[str, ...], list[Any]]] = [
        (("customer",), [spec.customer]),
        (("tier",), [spec.tier]),
        (("queues",), list(spec.queues)),
    ]
    for section in ("expect", "expect_not"):
        wanted = getattr(spec, section).said
        said += [((section, name), values) for name, values in wanted.items() if name in known]
    for place, names in said:
        field = place[-1]
        for name in names:
            if name is not None and name not in known[field]:
                hint = did_you_mean(name, known[field])
                what = f"{'.'.join(place)}: the rulebook has no {field} {name!r}{hint}"
                yield problem(nearest(document, (*path, *place)), what)


_REQUEST_FIELDS = frozenset(field.name for field in fields(CustomerRequest))


def _case(spec: CaseSpec, document: Document, path: Path_) -> Iterator[Case]:
    """The case with its request; where that is wrong, a problem instead."""
    written = {"text": spec.request} if isinstance(spec.request, str) else spec.request
    unknown = sorted(written.keys() - _REQUEST_FIELDS)
    for name in unknown:
        hint = did_you_mean(name, _REQUEST_FIELDS) or "; attributes stand under `attributes`"
        inside = (*path, "request", name)
        place = document.keys.get(inside) or nearest(document, inside)
        document.problems.append(problem(place, f"request.{name}: unknown field{hint}"))
    if unknown:
        return
    try:
        request = fill(written, at=spec.at or DEFAULT_AT)
    except Malformed as error:
        place = nearest(document, (*path, "request"))
        said = str(error).removeprefix("CustomerRequest: ")
        document.problems.append(problem(place, f"request: {said}"))
        return
    if spec.customer is not None:
        request = replace(request, sender=replace(request.sender, customer=spec.customer))
    yield Case(nearest(document, path), spec, request)
