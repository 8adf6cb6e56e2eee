"""What a run came to, counted by hand from a short day."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from channels.defaults import fill
from router.core.commands import Command
from router.whatif.engine import Engine
from router.whatif.figures import Figures, Outcome, QueueFigures, RunFigures
from router.whatif.gauges import Buckets, Level, Spread
from tests.unit.router.core.story import START, rules, written

FILES = written(
    rules(
        """
        ladders: {duty: [{level: 1, after: 0s, notify: [lead]}, {level: 2, after: 60s}]}
        slas: {standard: {ladder: duty, warn: [50%]}}
        acks: {got: {sms: "{{ ticket }}", email: "{{ ticket }}"}}
        routes:
        - {id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}
        - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, sla: standard}}
        - {id: default, then: {queue: billing, sla: standard, ack: got}}
        """
    )
)
"""First response within a minute, resolution within ten; nobody is there for claims."""


def at(seconds: float) -> datetime:
    """The instant so many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def played(steps: Iterable[tuple[float, str, str]], end: float) -> RunFigures:
    """The figures of a story: an address writes what stands there, an agent does it."""
    figures = Figures(Buckets.of(START, at(end), timedelta(minutes=1)))
    tickets: list[str] = []

    def heard(output: Any) -> None:
        figures.take(output)
        if output.type == "ticket.opened":
            tickets.append(output.data.ticket)

    engine = Engine(FILES, START, heard)
    for number, (seconds, who, what) in enumerate(steps):
        engine.advance(at(seconds))
        if not who.isalpha():
            channel = "email" if "@" in who else "sms"
            given = {"channel": channel, "external_id": f"x{number}", "sender": who, "text": what}
            engine.request(fill(given, at=at(seconds)))
            continue
        name, _, ticket = what.partition(" ")
        said: Any = {"command": "presence", "state": name} if not ticket else {"command": name}
        if ticket:
            said |= {"ticket": tickets[int(ticket)], "text": "Hello", "queue": "repairs"}
            said |= {"into": tickets[0]}
        engine.command(Command(id=f"c{number}", agent=who, **said))
    engine.advance(at(end))
    engine.finish()
    return figures.finish(at(end), engine.dead_letters)


DAY = [
    (0, "ann", "available"),
    (0, "+8610", "a bill"),  # ticket 0, offered to ann at once
    (6, "ann", "accept 0"),
    (10, "+8611", "another bill"),  # ticket 1, offered to ann at once
    (18, "ann", "accept 1"),
    (20, "+8610", "and this"),
    (30, "ann", "reply 0"),  # in time
    (40, "+8612", "claim"),  # ticket 2: nobody is there
    (90, "ann", "resolve 0"),
    (100, "ann", "reply 1"),  # 30 s late
    (110, "+8613", "casino"),
    (120, "ann", "accept 0"),  # it is resolved
]


def test_targets_by_hand() -> None:
    """Ticket 0 met both, ticket 1's reply was late and is still open, ticket 2 lapsed."""
    found = played(DAY, 180)
    assert found.targets == {
        "first_response": {
            "billing": Outcome(met=1, breached=1),
            "claims": Outcome(breached=1),
        },
        "resolution": {
            "billing": Outcome(met=1, running=1),
            "claims": Outcome(running=1),
        },
    }
    # Half of a minute for tickets 1 and 2; level 1 at each breach, level 2 of ticket 2 at 160 s.
    assert found.warnings == 2
    assert found.escalations == {1: 2, 2: 1}


def test_times_by_hand() -> None:
    """Offers at once, accepted after 6 and 8 s, answered after 30 and 90."""
    found = played(DAY, 180).times
    assert found["offer"][""] == Spread(2, 0.0, 0.0, 0.0)
    assert found["assignment"]["billing"] == Spread(2, 6.0, 8.0, 8.0)
    assert found["reply"][""] == Spread(2, 30.0, 90.0, 90.0)
    assert found["resolution"][""] == Spread(1, 90.0, 90.0, 90.0)


def test_queues_by_hand() -> None:
    """Billing waited 6 and 8 of 180 seconds, the claim from its 40th second to the end."""
    found = played(DAY, 180).queues
    assert found["billing"] == QueueFigures(2, 0, Level(1, round(14 / 180, 3), 0, [0, 0, 0]))
    assert found["claims"] == QueueFigures(1, 0, Level(1, round(140 / 180, 3), 1, [1, 1, 1]))


def test_agents_by_hand() -> None:
    """Ann had one ticket for 84 seconds and the other for 162."""
    found = played(DAY, 180)
    ann = found.agents["ann"]
    assert (ann.assigned, ann.replied, ann.resolved, ann.refused) == (2, 2, 1, 0)
    assert ann.in_hand == Level(2, round((84 + 162) / 180, 3), 1, [2, 1, 1])
    assert found.in_hand == ann.in_hand


def test_requests_by_hand() -> None:
    """Three tickets, a further message, spam; two acknowledgements; one command too late."""
    found = played(DAY, 180)
    assert (found.tickets, found.messages, found.duplicates) == (3, 1, 0)
    assert found.filed == {"spam": 1}
    assert found.acks == {"got": 2}
    assert found.withheld == {}
    assert found.rejected == {"no_offer": 1}
    assert found.dead_letters == {}


def test_a_transfer_moves_what_waits() -> None:
    """It leaves its agent's hands and waits in the other queue."""
    found = played(
        [
            (0, "ann", "available"),
            (0, "+8610", "a bill"),
            (10, "ann", "accept 0"),
            (30, "ann", "transfer 0"),
            (30, "ann", "away"),
        ],
        60,
    )
    assert found.queues["repairs"] == QueueFigures(0, 1, Level(1, 0.5, 1, [1]))
    assert found.agents["ann"].in_hand.mean == round(20 / 60, 3)


def test_a_pending_ticket_is_in_nobodys_hands() -> None:
    """Until the customer answers; a reopened one waits again, its clock begins anew."""
    found = played(
        [
            (0, "ann", "available"),
            (0, "+8610", "a bill"),
            (0, "ann", "accept 0"),
            (0, "ann", "reply 0"),
            (12, "ann", "pending 0"),
            (36, "+8610", "here it is"),
            (48, "ann", "resolve 0"),
            (54, "+8610", "no"),
        ],
        60,
    )
    assert found.agents["ann"].in_hand.mean == round((12 + 12) / 60, 3)
    assert found.queues["billing"].waiting.mean == round(6 / 60, 3)
    assert found.targets["resolution"]["billing"] == Outcome(met=1, running=1)
    assert found.targets["next_response"]["billing"] == Outcome(ended=1, running=1)


def test_a_held_ticket_is_in_nobodys_hands_and_a_merged_one_is_over() -> None:
    """The second mail of the customer waits for 6 seconds, then it is the first one's matter."""
    found = played(
        [
            (0, "ann", "available"),
            (0, "w@x.example", "a bill"),
            (0, "ann", "accept 0"),
            (12, "ann", "hold 0"),
            (30, "ann", "busy"),
            (36, "w@x.example", "the same bill"),
            (42, "ann", "merge 1"),
        ],
        60,
    )
    assert found.rejected == {}
    assert found.agents["ann"].in_hand.mean == round(12 / 60, 3)
    assert found.queues["billing"].waiting.mean == round(6 / 60, 3)
    assert found.targets["resolution"]["billing"] == Outcome(ended=1, running=1)


def test_acknowledgements_withheld_have_their_reason() -> None:
    """Each mail is a matter of its own; the third with the same text is not acknowledged."""
    found = played([(float(number), "li@mail.example", "again") for number in range(3)], 10)
    assert (found.acks, found.withheld) == ({"got": 2}, {"repeated-text": 1})
