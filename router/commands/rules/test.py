"""`switchboard rules test`: does the rulebook decide as its cases say?"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from channels.errors import Malformed
from router.commands import output
from router.commands.rules.case import Part
from router.commands.rules.cases import case_files, read_cases
from router.commands.rules.score import Confusion, Count, Score, scored
from router.commands.rules.trial import Trial, shown, tried
from router.rulebook_files import read_folder
from router.visible import visible, visible_lines
from rules.index import Compiled, compile_rulebook
from rules.load import RulebookError

CONFUSED_SHOWN = 3


def try_cases(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The rulebook's folder.")],
    *,
    cases: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file or folder of cases, instead of cases/."),
    ] = None,
    part: Annotated[
        Part | None, typer.Option(help="Only the cases of this part: written, or kept (aside).")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a case, then one with the summary.")
    ] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Only the summary.")] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            min=0,
            max=100,
            help="Fail when the accuracy, of all or of a part, is below; not at each failure.",
        ),
    ] = None,
) -> None:
    """Try the rulebook on its cases: failures with their reasons, coverage, accuracy."""
    compiled, trials = _tried(folder, cases or (), part)
    score = scored([route.id for route in compiled.rulebook.routes], trials)
    with output.lines() as write:
        for one in [] if summary else trials:
            for line in [msgspec.json.encode(_as_data(one))] if as_json else _failure(one):
                write(line)
        if as_json:
            write(msgspec.json.encode({**score.as_data(), "rulebook": compiled.version}))
        else:
            for text in _summary(score):
                write(visible(text).encode())
    failed = score.all.passed < score.all.cases if fail_under is None else score.below(fail_under)
    if failed:
        raise typer.Exit(1)


def _tried(folder: Path, files: Iterable[Path], part: Part | None) -> tuple[Compiled, list[Trial]]:
    """The rulebook, and its cases tried."""
    try:
        compiled = compile_rulebook(read_folder(folder))
        cases = read_cases(case_files(folder, files), compiled.rulebook)
    except RulebookError as error:
        typer.echo(visible_lines(str(error)), err=True)
        raise typer.Exit(1) from None
    chosen = [case for case in cases if part in {None, case.spec.part}]
    if not chosen:
        raise Malformed(
            f"{folder}: there is no case to try{f' of the part {part}' if part else ''}"
        )
    return compiled, list(tried(compiled, chosen))


def _as_data(trial: Trial) -> dict[str, Any]:
    place, spec = trial.case.place, trial.case.spec
    return {
        "kind": "case",
        "file": place.file,
        "line": place.line,
        "name": spec.name,
        "part": spec.part,
        "group": spec.group,
        "passed": trial.passed,
        "failures": [
            {"field": miss.field, "expected": miss.wanted, "got": miss.got} for miss in trial.misses
        ],
        "why": trial.why,
        "decision": trial.outcome,
    }


def _failure(trial: Trial) -> Iterator[bytes]:
    if trial.passed:
        return
    place, explanation = trial.case.place, trial.outcome["explanation"]
    words = ", ".join(dict.fromkeys(repr(span["text"]) for span in explanation["spans"]))
    because = f", for {words}" if words else ""
    lines = [
        f"{place.file}:{place.line}: {trial.case.spec.name or 'failed'}",
        *(f"    {one.field}: expected {one.wanted}, got {shown(one.got)}" for one in trial.misses),
        f"    {trial.outcome['rule']!r} won by {explanation['clause']}{because}",
        *(f"    {sentence}" for sentence in trial.why),
    ]
    yield from (visible(line).encode() for line in lines)


def _summary(score: Score) -> Iterator[str]:
    for name, table in score.confusion.items():
        yield from _table(name, table)
    reached = len(score.routes) - len(score.never)
    never = f"; never: {', '.join(score.never)}" if score.never else ""
    yield f"routes reached: {reached} of {len(score.routes)}{never}"
    for name in ("written", "kept"):
        if name in score.parts:
            yield f"part {name}: {_accuracy(score.parts[name])}"
    for (group, part), count in sorted(score.groups.items()):
        yield f"group {group}{f', part {part}' if part else ''}: {_accuracy(count)}"
    yield f"passed: {_accuracy(score.all)}"


def _accuracy(count: Count) -> str:
    return f"{count.passed} of {count.cases} ({count.percent:.1f} %)"


def _table(name: str, table: Confusion) -> Iterator[str]:
    """A line for each label: how often it was right, and what was got instead."""
    wrong = sum(got.total() - got[expected] for expected, got in table.items())
    if not wrong:
        return
    head = f"{name} expected"
    width = max(len(head), *map(len, table))
    yield f"{head:{width}}  cases  right      %  got instead"
    for expected, got in sorted(table.items()):
        others = [one for one in got.most_common() if one[0] != expected]
        told = ", ".join(f"{label} {number}" for label, number in others[:CONFUSED_SHOWN])
        more = f", … {len(others) - CONFUSED_SHOWN} more" if len(others) > CONFUSED_SHOWN else ""
        cases, right = got.total(), got[expected]
        share = f"{100 * right / cases:5.1f}"
        yield f"{expected:{width}}  {cases:5}  {right:5}  {share}  {told}{more}".rstrip()
    yield ""
