"""What is legal in a rulebook but most likely not meant. Warnings: nothing here stops a rulebook.

Only what can be proved is said: a route is called unreachable when an earlier one matches
whatever it matches, not when that merely seems likely.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain

from rules import (
    aftercare_checks,
    lint_agents,
    lint_calendars,
    lint_notices,
    lint_routes,
    lint_work,
    service_level_checks,
)
from rules.load import load_document
from rules.model import Rulebook
from rules.source import Path, Problem, problem
from rules.wording import nearest


def lint(files: Mapping[str, str], at: datetime | None = None) -> list[Problem]:
    """The warnings about a valid rulebook as of `at`, in the order of files and lines.

    Raises:
        RulebookError: The rulebook is wrong.
    """
    rulebook, document = load_document(files)
    found = findings(rulebook, files, at)
    return sorted(problem(nearest(document, path), said) for path, said in found)


def findings(
    rulebook: Rulebook, files: Mapping[str, str], at: datetime | None = None
) -> Iterator[tuple[Path, str]]:
    """All that is odd, as paths and sentences."""
    everywhere = (
        lint_routes, lint_work, lint_agents, lint_notices, service_level_checks, aftercare_checks,
    )  # fmt: skip
    for look in chain.from_iterable(one.LOOKS for one in everywhere):
        yield from look(rulebook)
    if at is not None:
        yield from lint_routes.over(rulebook, at)
        yield from lint_calendars.uncovered(rulebook, files, at)
        yield from lint_calendars.no_shifts(rulebook, files, at)
