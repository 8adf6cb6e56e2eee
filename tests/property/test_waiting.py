"""What waits is found in order, whatever came and left, through every queue that is asked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from router.core import queues
from router.core.queues import Entry, Need, Waiting

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
QUEUES = ("billing", "repairs")
PLACES = st.lists(st.sampled_from(QUEUES), min_size=1, max_size=2, unique=True).map(tuple)


@dataclass(frozen=True)
class Waits:
    """As much of a ticket as the index asks for."""

    id: str
    seconds: int
    kind: int
    waits: bool = True


KINDS, IDS = 6, [str(number) for number in range(12)]


def _some(them: list[Any]) -> st.SearchStrategy[set[Any]]:
    """Any of them, each as likely as not."""
    draws = st.lists(st.booleans(), min_size=len(them), max_size=len(them))
    return draws.map(lambda drawn: {one for one, is_in in zip(them, drawn, strict=True) if is_in})


CHANGES = st.lists(
    st.builds(
        Waits, st.sampled_from(IDS), st.integers(0, 6), st.integers(0, KINDS - 1),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=20,
    max_size=40,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PLACES, min_size=KINDS, max_size=KINDS),
    CHANGES,
    st.tuples(
        st.lists(st.sampled_from(QUEUES), min_size=1, unique=True),
        _some([*range(KINDS)]),
        _some(IDS),
    ),
    st.sampled_from([(1, 2), (4, 2), (6, 3)]),
)
def test_the_first_is_the_first_of_all_that_is_open_and_not_refused(
    places: list[tuple[str, ...]],
    changes: list[Waits],
    question: tuple[list[str], set[int], set[str]],
    looks: tuple[int, int],
) -> None:
    """Ticket by ticket; and every line's heads are the first of each kind of work, in order."""
    asked, open_kinds, refused = question
    needs = [
        Need(places=one, skills=(), channel="sms", push=True, barred=(), hard=False, tier=None)
        for one in places
    ]
    waiting = Waiting(
        lambda _: True,
        lambda one: needs[cast("Waits", one).kind],
        lambda one: (START + timedelta(seconds=cast("Waits", one).seconds), None),
    )
    there: dict[str, Waits] = {}
    for new in changes:
        waiting.changed(new.id, cast("Any", there.get(new.id)), cast("Any", new))
        there[new.id] = new
    found = [one for one in there.values() if one.waits]
    for queue in QUEUES:
        firsts = (
            min(((one.seconds, one.id) for one in found if one.kind == kind), default=None)
            for kind in range(len(needs))
            if queue in places[kind]
        )
        line = waiting.line(queue)
        assert [_short(one) for one in line.heads] == sorted(one for one in firsts if one)
        assert [one.need for one in line.heads] == line.needs
    first = min(
        (
            (one.seconds, one.id)
            for one in found
            if one.kind in open_kinds and one.id not in refused and set(places[one.kind]) & {*asked}
        ),
        default=None,
    )
    wanted = [needs[kind] for kind in open_kinds]
    with (
        mock.patch.object(queues, "FIRST_LOOK", looks[0]),
        mock.patch.object(queues, "WIDER", looks[1]),
    ):
        mine = waiting.first(
            asked,
            lambda seen: [number for number, need in enumerate(seen) if need in wanted],
            lambda entry: entry.ticket in refused,
        )
    assert (None if mine is None else _short(mine)) == first


def _short(entry: Entry) -> tuple[int, str]:
    return int((entry.order - START).total_seconds()), entry.ticket
