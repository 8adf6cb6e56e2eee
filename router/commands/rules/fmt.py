"""`switchboard rules fmt`: the files of a rulebook in one layout, with all comments."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import Malformed
from router.rulebook_files import read_folder, rulebook_folder
from rules.layout import Unfaithful, laid_out
from rules.load import RulebookError, load
from rules.source import read


def fmt(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The rulebook's folder.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 and name what would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show the changes.")] = False,
) -> None:
    """Lay out a rulebook's YAML files: order of fields, quotes, indentation; comments stay."""
    try:
        files = read_folder(folder)
    except RulebookError as error:
        _refuse(map(str, error.problems))
    rules = {name: text for name, text in files.items() if name.endswith((".yaml", ".yml"))}
    problems = [one for name, text in rules.items() for one in read(name, text).problems]
    if problems:
        _refuse(map(str, sorted(problems)))
    changed = dict(_changed(rules))
    if changed and _meaning(files) != _meaning({**files, **changed}):
        _refuse([f"{folder}: the rulebook would not be the same; nothing was written"])
    own = rulebook_folder(folder)
    for name, text in changed.items():
        if diff:
            typer.echo(_difference(name, rules[name], text), nl=False)
        elif check:
            typer.echo(f"{name}: would change")
        else:
            _replace(own / name, text)
            typer.echo(f"{name}: laid out anew", err=True)
    typer.echo(f"{len(rules)} files, {len(changed)} not in the layout", err=True)
    if check and changed:
        raise typer.Exit(1)


def _refuse(lines: Iterator[str] | list[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


def _changed(rules: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files that are not in the layout, as they would be. What cannot be kept is said."""
    for name, text in rules.items():
        try:
            found = laid_out(name, text)
        except Unfaithful as error:
            typer.echo(f"{name}: kept as it is: {error}", err=True)
            continue
        if found != text:
            yield name, found


def _meaning(files: Mapping[str, str]) -> object:
    """The rulebook as it is loaded; of one that is wrong, what is wrong with it."""
    try:
        return load(files)
    except RulebookError as error:
        return sorted(one.message for one in error.problems)


def _difference(name: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), name, f"{name} (laid out)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _replace(path: Path, text: str) -> None:
    """Write all of it or nothing; a link stays one, and so do the file's rights."""
    path = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}; it was not written") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, name)
        Path(name).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(name).unlink()
        raise Malformed(f"{path}: {error.strerror}; it was not written") from None
