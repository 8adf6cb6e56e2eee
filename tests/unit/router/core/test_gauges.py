"""How full queues are reaches the conditions that ask for it."""

from router.core.entities.ticket import Ticket
from router.core.gauges import SPARE, Gauges
from router.core.lifecycle import TicketState
from router.core.state import Journal
from router.topics import QUEUES_STATISTICS
from tests.unit.router.core.cores import at
from tests.unit.router.core.story import Story, rules

CONDITION = "{queues: {billing: {waiting: 2, oldest: 30m}}}"
ASKING = f"""
routes:
  - {{id: overflow, when: {CONDITION}, then: {{queue: repairs, sla: standard}}}}
  - {{id: default, then: {{queue: billing, sla: standard}}}}
"""


def told(story: Story) -> list[tuple[float, str, int]]:
    """What was told of queues, in order: when, of which, how many wait."""
    found = story.events("queue.statistics", topic=QUEUES_STATISTICS)
    return [(one.at, one.data["queue"], one.data["waiting"]) for one in found]


async def test_a_queue_is_told_of_at_once_and_then_every_ten_seconds() -> None:
    """The first change is told at once, what follows when ten seconds are over, all in one."""
    story = await Story.begin(ASKING)
    for number in range(3):
        await story.at(number)
        await story.request(f"m{number}", sender=f"+861{number}")
    await story.at(100)
    assert told(story) == [(0, "billing", 1), (10, "billing", 3)]
    oldest = [
        one.data["oldest"] for one in story.events("queue.statistics", topic=QUEUES_STATISTICS)
    ]
    assert oldest == ["2027-03-01T09:00:00Z"] * 2


async def test_a_full_queue_sends_requests_elsewhere_until_it_is_not() -> None:
    """A condition on a queue sees what was last told of it."""
    story = await Story.begin(ASKING)
    for number in range(2):
        await story.request(f"m{number}", sender=f"+861{number}")
    await story.request("too-soon", sender="+8620")
    await story.at(15)
    await story.request("elsewhere", sender="+8621")
    assert story.ticket("too-soon").queue == "billing"
    assert story.ticket("elsewhere").queue == "repairs"
    await story.available("bob", "ann")
    for agent, name in (("bob", "m0"), ("ann", "m1"), ("ann", "too-soon")):
        await story.hand(agent, name)
    await story.at(40)
    assert told(story)[-1][1:] == ("billing", 0)
    await story.request("again", sender="+8622")
    assert story.ticket("again").queue == "billing"


async def test_the_oldest_ticket_counts_whatever_its_number() -> None:
    """A ticket that waits for half an hour makes its queue full by its age alone."""
    story = await Story.begin(ASKING)
    await story.request("old", sender="+8610")
    await story.at(29 * 60)
    await story.request("young", sender="+8611")
    await story.at(31 * 60)
    await story.request("late", sender="+8612")
    assert story.ticket("young").queue == "billing"
    assert story.ticket("late").queue == "repairs"


async def test_what_changes_back_is_not_told() -> None:
    """A queue that is as it was told, when it is time again, is not told of anew."""
    story = await Story.begin(ASKING)
    await story.request("m0", sender="+8610")
    await story.at(3)
    await story.available("bob")
    await story.at(5)
    assert await story.command("bob", "decline", "m0") is None
    await story.at(12)
    assert told(story) == [(0, "billing", 1)]
    assert next(iter(story.desk.gauges.table.rows.values())).wake_at is None


async def test_queues_that_no_condition_asks_for_are_not_told_of() -> None:
    """Without such a condition nothing is counted; when it goes, the queue counts as empty."""
    story = await Story.begin()
    await story.request("m0", sender="+8610")
    await story.at(60)
    assert told(story) == []
    await story.enforce(rules(ASKING))
    assert told(story) == [(60, "billing", 1)]
    await story.at(90)
    await story.enforce(rules())
    assert told(story)[-1] == (90, "billing", 0)


def waiting(number: int, queue: str = "billing") -> Ticket:
    """A ticket that came at that second."""
    return Ticket(
        id=f"t{number}", conversation="c", pool="p", queue=queue, channel="sms", account="",
        external_id="", rulebook="", state=TicketState.QUEUED, created_at=at(number),
        enqueued_at=at(number), chain_since=at(number),
    )  # fmt: skip


def test_what_is_remembered_of_a_queue_is_about_as_much_as_waits_in_it() -> None:
    """One ticket waits for long while thousands pass: they leave nothing behind."""
    gauges = Gauges(Journal())
    gauges.ask(["billing"], [])
    gauges.changed("t0", None, waiting(0))
    for number in range(1, 5_000):
        gauges.changed(f"t{number}", None, waiting(number))
        gauges.changed(f"t{number}", waiting(number), None)
        assert gauges._now("billing") == (1, at(0))
    assert len(gauges._ages["billing"]) <= 2 + SPARE
    gauges.changed("t0", waiting(0), None)
    gauges.changed("t1", None, waiting(1))
    assert gauges._now("billing") == (1, at(1))


def test_many_that_wait_are_found_in_their_order_after_the_others_went() -> None:
    """The oldest that still waits is told, whoever leaves before it."""
    gauges = Gauges(Journal())
    gauges.ask(["billing"], map(waiting, range(1_000)))
    for number in range(1_000):
        assert gauges._now("billing") == (1_000 - number, at(number))
        gauges.changed(f"t{number}", waiting(number), None)
    assert gauges._now("billing") == (0, None)
