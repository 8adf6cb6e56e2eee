"""`switchboard check`: is this rulebook right?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import Malformed
from router.rulebook_files import read_folder
from rules.index import compile_rulebook
from rules.lint import lint
from rules.load import RulebookError
from rules.source import Problem


def check(
    folder: Annotated[Path, typer.Argument(help="The rulebook's folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a finding.")] = False,
    strict: Annotated[bool, typer.Option(help="Warnings count as errors.")] = False,
) -> None:
    """Validate and lint a rulebook; exit 1 and `file:line:col: message` when it is wrong."""
    with _whole_shown(folder) if as_json else nullcontext(), errors_shown(as_json=as_json):
        files = read_folder(folder)
        compiled = compile_rulebook(files)
    warnings = lint(files, datetime.now(UTC))
    for one in warnings:
        _show(one, "warning", as_json)
    book = compiled.rulebook
    typer.echo(
        f"rulebook {compiled.version}: {len(book.routes)} routes, {len(book.queues)} queues, "
        f"{len(book.agents)} agents, {len(book.slas)} SLAs; {len(warnings)} warnings",
        err=True,
    )
    if strict and warnings:
        raise typer.Exit(1)


@contextmanager
def errors_shown(*, as_json: bool = False, what: str = "") -> Iterator[None]:
    """Print what is wrong with a rulebook, a line each, and end with 1; `what` names it before."""
    try:
        yield
    except RulebookError as error:
        if what:
            typer.echo(what, err=True)
        for one in error.problems:
            _show(one, "error", as_json)
        raise typer.Exit(1) from None


@contextmanager
def _whole_shown(folder: Path) -> Iterator[None]:
    """Print for programs what is wrong with the folder, or with a file, as a whole."""
    try:
        yield
    except Malformed as error:
        said = str(error)
        own = str(folder) if said.startswith(str(folder)) else ""
        file, _, message = said.removeprefix(own).partition(": ")
        found = {"file": own + file, "line": None, "column": None, "message": message}
        typer.echo(json.dumps({"severity": "error", **found}, ensure_ascii=False))
        raise typer.Exit(1) from None


def _show(one: Problem, severity: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"severity": severity, **asdict(one)}, ensure_ascii=False))
    elif severity == "warning":
        typer.echo(f"{one.file}:{one.line}:{one.column}: warning: {one.message}")
    else:
        typer.echo(str(one))
