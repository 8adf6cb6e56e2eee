"""What all trials say together: accuracy by part and group, routes never reached, confusions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.commands.rules.trial import Trial


@dataclass(slots=True)
class Count:
    """Cases, and how many of them passed."""

    cases: int = 0
    passed: int = 0

    @property
    def percent(self) -> float:
        """The accuracy; of no cases it is 100."""
        return 100 * self.passed / self.cases if self.cases else 100.0

    def add(self, *, passed: bool) -> None:
        """One more."""
        self.cases += 1
        self.passed += passed


Confusion = dict[str, Counter[str]]
"""Expected -> got -> how often."""

LABELS = ("queue", "rule")
"""The fields whose expectations are labels, each with a confusion table of its own."""


@dataclass(slots=True)
class Score:
    """Everything counted."""

    routes: Sequence[str]
    all: Count = field(default_factory=Count)
    parts: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    groups: dict[tuple[str, str], Count] = field(default_factory=lambda: defaultdict(Count))
    reached: set[str] = field(default_factory=set)
    confusion: dict[str, Confusion] = field(default_factory=lambda: {name: {} for name in LABELS})

    @property
    def never(self) -> list[str]:
        """The routes that no case reaches, in their order."""
        return [name for name in self.routes if name not in self.reached]

    def add(self, trial: Trial) -> None:
        """Count one trial."""
        spec, passed = trial.case.spec, trial.passed
        self.all.add(passed=passed)
        if spec.part is not None:
            self.parts[spec.part].add(passed=passed)
        if spec.group is not None:
            self.groups[spec.group, spec.part or ""].add(passed=passed)
        self.reached |= trial.reached
        for name, expected, got in _labels(trial):
            self.confusion[name].setdefault(expected, Counter())[got] += 1

    def below(self, percent: float) -> bool:
        """Whether the accuracy of all, or of one of the parts, is below `percent`."""
        return any(count.percent < percent for count in (self.all, *self.parts.values()))

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "kind": "summary",
            **_counted(self.all),
            "parts": {name: _counted(one) for name, one in sorted(self.parts.items())},
            "groups": [
                {"group": group, "part": part or None, **_counted(one)}
                for (group, part), one in sorted(self.groups.items())
            ],
            "routes": {"total": len(self.routes), "never": self.never},
            "confusion": {
                name: {expected: dict(got) for expected, got in sorted(table.items())}
                for name, table in self.confusion.items()
            },
        }


def scored(routes: Sequence[str], trials: Iterable[Trial]) -> Score:
    """The score of these trials under a rulebook with these routes."""
    score = Score(routes)
    for trial in trials:
        score.add(trial)
    return score


def _counted(count: Count) -> dict[str, Any]:
    return {"cases": count.cases, "passed": count.passed, "accuracy": round(count.percent, 2)}


def _labels(trial: Trial) -> Iterator[tuple[str, str, str]]:
    """Field, expected label, label got. What is dropped has the label `(spam)`, `(history)`."""
    expect, outcome = trial.case.spec.expect, trial.outcome
    dropped = f"({outcome['drop']})" if outcome["drop"] else None
    if drops := [f"({reason})" for reason in expect.drop if reason]:
        yield "queue", *_pair(drops, dropped or outcome["queue"])
    elif queues := [name for name in expect.queue if name]:
        yield "queue", *_pair(queues, dropped or outcome["queue"])
    if rules := [name for name in expect.rule if name]:
        yield "rule", *_pair(rules, outcome["rule"])


def _pair(wanted: list[str], got: str) -> tuple[str, str]:
    """Of several that would be right, the one that was got; else the first."""
    return (got if got in wanted else wanted[0]), got
