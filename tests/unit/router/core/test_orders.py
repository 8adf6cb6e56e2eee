"""Orders to workers in the field: sent by SMS, accepted in time or not, done, taken back."""

from typing import Any

import pytest
import yaml

from router.core.entities.aftercare import MOST_ORDERS
from router.core.events import WorkerAnswered
from router.core.worker_answers import answer_of
from tests.unit.router.core.cores import Core, fields_of, of, triaged
from tests.unit.router.core.story import START, Story, Told, merged, rules

LI = "+8613900000001"

WORKERS = """
slas:
  field:
    calendar: always
    first_response: 1h
    warn: [50%]
    pause: [pending]
    ladder: duty
ladders: {duty: [{level: 1, after: 60s, notify: [lead]}]}
types: {repair: {name: 报修, sla: field, steps: [{id: dispatch, within: 2h}, {id: visit}]}}
workers:
  li: {name: 李师傅, phone: "+86 139 0000 0001", language: zh-Hans}
  mo: {phone: "+8613900000002"}
orders: {account: main, accept_within: 10m}
routes: [{id: default, then: {queue: billing, type: repair, sla: field}}]
"""


async def taken(changes: str = "", **fields: Any) -> Story:
    """Ann has a repair, the ticket x1."""
    story = Story()
    await story.enforce(rules_with(changes))
    await story.available("ann")
    await story.request(
        "x1", **({"sender": {"address": "+8613800138000", "name": "王芳"}} | fields)
    )
    await story.hand("ann", "x1")
    return story


def rules_with(changes: str) -> dict[str, Any]:
    """The story's rulebook with workers, and `changes`."""
    return merged(rules(WORKERS), yaml.safe_load(changes) or {})


async def ordered(changes: str = "", **fields: Any) -> Story:
    """Li has been sent to the customer."""
    story = await taken(changes)
    assert await story.command("ann", "order", "x1", **wish(**fields)) is None
    return story


def wish(**fields: Any) -> dict[str, Any]:
    """What an order needs, and more."""
    return {"worker": "li", "address": "世纪大道1号", **fields}


def sms(story: Story) -> list[Told]:
    """What was sent to workers."""
    return [
        one
        for one in story.events("message.outbound", topic="messages.outbound")
        if one.data["kind"] == "notice"
    ]


async def answers(story: Story, text: str, sender: str = LI) -> None:
    """A worker writes an SMS."""
    await story.request(f"sms{len(story.told)}", text, sender=sender)


async def test_a_worker_is_told_by_sms() -> None:
    """By the account that the rulebook names, in the worker's language, with all they need."""
    story = await ordered(appointment="2027-03-02T09:00:00Z", text="空调漏水")
    created = story.one("order.created", "x1").data
    (notice,) = sms(story)
    assert (notice.data["channel"], notice.data["account"], notice.data["to"]) == (
        "sms",
        "main",
        LI,
    )
    number = f"{story.id('x1')}-1"
    assert notice.data["text"] == (
        f"派工单{number}：王芳+8613800138000，地址：世纪大道1号，时间：03-02 09:00。"
        "空调漏水。回复1接单，2完工"
    )
    assert notice.data["id"] == created["message"] == f"{number}/notice"
    assert (notice.data["ticket"], notice.data["pool"]) == (story.id("x1"), "service")


@pytest.mark.parametrize(
    ("appointment", "shown"),
    [
        ("tomorrow morning", ", tomorrow morning"),
        ("2027-03-02T09:00:00", ", 2027-03-02T09:00:00"),
        ("2027-03-02T09:00:00+08:00", ", 03-02 01:00"),
        (None, ""),
    ],
)
async def test_an_appointment_is_an_instant_or_words(appointment: str | None, shown: str) -> None:
    """An instant is shown in the time zone of the SLA's calendar; without one nothing is."""
    story = await ordered(worker="mo", appointment=appointment)
    number = f"{story.id('x1')}-1"
    assert sms(story)[0].data["text"] == (
        f"Order {number}: 王芳 +8613800138000, at 世纪大道1号{shown}. "
        "Reply 1 to accept, 2 when done."
    )


@pytest.mark.parametrize(
    ("sender", "phone", "said"),
    [
        ("wang", None, None),
        ("wang", "+86 138 0013 8001", "+8613800138001"),
        ("+8613800138000", "+8613800138001", "+8613800138001"),
    ],
)
async def test_the_worker_gets_a_number_to_call(
    sender: str, phone: str | None, said: str | None
) -> None:
    """The one that the agent gives, else the customer's own where it is one."""
    story = await taken('orders: {notice: "<{{ phone }}>"}', channel="chat", sender=sender)
    await story.command("ann", "order", "x1", **wish(phone=phone))
    assert sms(story)[0].data["text"] == f"<{said or ''}>"


async def test_an_order_meets_the_step_dispatch() -> None:
    """Its clock ends in time; a second order has nothing to meet."""
    story = await ordered()
    assert story.one("ticket.step_done", "x1").data["step"] == "dispatch"
    met = story.one("sla.met", "x1").data
    assert (met["target"], met["in_time"]) == ("step:dispatch", True)
    await story.command("ann", "order", "x1", **wish(worker="mo"))
    assert len(story.events("ticket.step_done")) == 1


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("{steps: [{id: send}, {id: dispatch}], order_step: send}", "send"),
        ("{steps: [{id: visit}]}", None),
    ],
)
async def test_a_type_may_name_the_step_that_an_order_meets(kind: str, step: str | None) -> None:
    """A type that has no such step has none met."""
    story = await ordered(f"types: {{repair: {kind}}}")
    found = [one.data["step"] for one in story.events("ticket.step_done")]
    assert found == ([] if step is None else [step])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"address": "here"}, "field_missing"),
        ({"worker": "li"}, "field_missing"),
        (wish(address=" \n"), "field_missing"),
        ({"worker": "nobody", "address": "here"}, "unknown_worker"),
        (wish(phone="12"), "field_invalid"),
        (wish(text="x" * 501), "field_invalid"),
        (wish(address="x" * 501), "field_invalid"),
        (wish(appointment="x" * 501), "field_invalid"),
    ],
)
async def test_an_order_that_cannot_be_given_is_refused(
    fields: dict[str, Any], reason: str
) -> None:
    """With its reason; nobody is told anything."""
    story = await taken()
    assert await story.command("ann", "order", "x1", **fields) == reason
    assert sms(story) == []


async def test_only_who_has_the_ticket_orders() -> None:
    """Others would not know that somebody is on the way."""
    story = await taken()
    assert await story.command("bob", "order", "x1", **wish()) == "not_yours"


async def test_so_many_orders_and_no_more() -> None:
    """A ticket that needs more of them is something else."""
    story = await taken()
    for _ in range(MOST_ORDERS):
        assert await story.command("ann", "order", "x1", **wish()) is None
    assert await story.command("ann", "order", "x1", **wish()) == "too_many_orders"


async def test_an_order_is_accepted_and_done() -> None:
    """Step by step, or with steps left out; each is told to the desks."""
    story = await ordered()
    for state in ("accepted", "arrived", "done"):
        assert await story.command("bob", "order_update", "x1", state=state, text="ok") is None
    updates = story.events("order.updated", "x1", topic="agent.queue.billing")
    assert [one.data["state"] for one in updates] == ["accepted", "arrived", "done"]
    assert (updates[0].data["agent"], updates[0].data["note"]) == ("bob", "ok")
    assert [one.data["target"] for one in story.events("sla.met")] == ["step:dispatch", "accept:1"]


@pytest.mark.parametrize(
    ("before", "fields", "reason"),
    [
        ((), {}, "field_missing"),
        ((), {"state": "available"}, "field_invalid"),
        ((), {"state": "done", "order": 2}, "unknown_order"),
        (("done",), {"state": "cancelled"}, "unknown_order"),
        (("done",), {"state": "cancelled", "order": 1}, "wrong_state"),
        (("arrived",), {"state": "accepted"}, "wrong_state"),
    ],
)
async def test_an_order_does_not_go_back(
    before: tuple[str, ...], fields: dict[str, Any], reason: str
) -> None:
    """What is done is done, and what is not there cannot be."""
    story = await ordered()
    for state in before:
        await story.command("ann", "order_update", "x1", state=state)
    assert await story.command("ann", "order_update", "x1", **fields) == reason


async def test_a_state_of_orders_is_none_of_agents() -> None:
    """Presence has its own."""
    story = await taken()
    assert await story.command("ann", "presence", state="done") == "field_invalid"


async def test_an_order_that_is_taken_back_is_told_to_its_worker() -> None:
    """And nobody waits for its acceptance any more."""
    story = await ordered()
    await story.command("ann", "order_update", "x1", state="cancelled")
    assert sms(story)[-1].data["text"] == f"派工单{story.id('x1')}-1已取消：世纪大道1号"
    assert story.one("order.updated").data["message"] == sms(story)[-1].data["id"]
    await story.after(700)
    assert not story.events("sla.breached", "x1")


async def test_who_does_not_accept_in_time_makes_an_alarm() -> None:
    """As every clock: a warning, the breach, the ladder; accepted late, it is cleared."""
    story = await ordered()
    await story.after(300)
    assert story.one("sla.warning", topic="sla.escalations").data["target"] == "accept:1"
    await story.after(660)
    assert story.one("sla.breached", topic="sla.escalations").data["target"] == "accept:1"
    assert story.one("sla.escalated", topic="sla.escalations").data["notify"] == ["lead"]
    await answers(story, "1")
    assert story.one("sla.cleared", topic="sla.escalations").data["target"] == "accept:1"
    assert story.events("sla.met")[-1].data["in_time"] is False


async def test_the_customer_is_waited_for_and_the_worker_too() -> None:
    """A pending ticket's clocks stop, that of the acceptance does not."""
    story = await ordered()
    await story.command("ann", "pending", "x1")
    assert [one.data["target"] for one in story.events("sla.paused")] == ["first_response"]
    await story.after(600)
    assert story.one("sla.breached").data["target"] == "accept:1"


def test_who_accepts_too_late_has_breached_before() -> None:
    """Also where the answer is read before the timer has fired: it is told first."""
    core, order = Core(WORKERS), triaged(type="repair", sla="field")
    core.command("ann", "presence", state="available")
    core.step(order)
    core.command("ann", "accept", 1, ticket=order.ticket)
    core.command("ann", "order", 2, ticket=order.ticket, worker="li", address="here")
    answer = WorkerAnswered(
        worker="li", pool="service", state="accepted", order=None, request="r", activation=1
    )
    told = {one.id: one for one in core.step(answer, 603) if one.type.startswith("sla.")}
    assert [one.type for one in told.values()] == [
        "sla.warning", "sla.breached", "sla.met", "sla.cleared",
    ]  # fmt: skip
    (met,) = [one for one in told.values() if one.type == "sla.met"]
    assert fields_of(met)["in_time"] is False


async def test_without_a_time_nothing_waits_for_acceptance() -> None:
    """The rulebook gives none."""
    story = await ordered("orders: {accept_within: null}")
    assert not [one for one in story.ticket("x1").clocks if one.target.startswith("accept")]


@pytest.mark.parametrize(
    ("state", "breached"), [(None, ["accept:1"]), ("accepted", []), ("reopened", [])]
)
async def test_a_time_that_is_given_later_counts_from_the_order(
    state: str | None, breached: list[str]
) -> None:
    """As what is newly promised does; but not of what is accepted, or was settled since."""
    story = await ordered("orders: {accept_within: null}")
    if state == "reopened":
        assert await story.command("ann", "resolve", "x1") is None
        await story.at(10)
        assert await story.command("ann", "reopen", "x1") is None
    elif state is not None:
        assert await story.command("ann", "order_update", "x1", state=state) is None
    await story.at(400)
    await story.enforce(rules_with("orders: {accept_within: 5m}"))
    await story.finish()
    found = [one.data["target"] for one in story.events("sla.breached")]
    assert found == breached
    assert [one.data["lapsed_at"] for one in story.events("sla.breached")] == [
        "2027-03-01T09:05:00Z" for _ in breached
    ]


async def test_an_sms_that_does_not_arrive_is_seen_by_agent_and_operations() -> None:
    """Nobody is on the way; one that arrived is a receipt and no alarm."""
    story = await ordered()
    message = sms(story)[0].data["id"]
    await story.receipt("x1", message=message, kind="notice", outcome="sent")
    assert not story.events("order.notice_failed")
    await story.receipt("x1", message=message, kind="notice", outcome="failed", reason="no route")
    for topic in ("tickets.events", "agent.queue.billing", "operations"):
        failed = story.one("order.notice_failed", "x1", topic=topic).data
        assert (failed["worker"], failed["reason"]) == ("li", "no route")


async def test_a_provider_may_say_later_that_an_sms_did_not_arrive() -> None:
    """A status callback of the worker's number: of their newest order that is not accepted."""
    story = await ordered()
    await receipt(story, "delivered")
    assert not story.events("order.notice_failed")
    await receipt(story, "undelivered", ErrorCode=30003)
    failed = story.one("order.notice_failed", "x1", topic="operations").data
    assert (failed["message"], failed["reason"]) == (f"{story.id('x1')}-1/notice", "30003")
    await story.command("ann", "order_update", "x1", state="accepted")
    await receipt(story, "failed")
    assert len(story.events("order.notice_failed", topic="operations")) == 1
    assert [one.data["reason"] for one in story.events("request.filed")] == [
        "receipt", "worker", "worker",
    ]  # fmt: skip


async def receipt(story: Story, status: str, **fields: Any) -> None:
    """The provider calls back about an SMS to the worker."""
    await story.request(
        f"sid:{status}", "", sender=LI, kind="receipt", attributes={"status": status, **fields}
    )


async def test_a_notice_of_something_else_is_no_orders() -> None:
    """Only an order's own SMS says something of it."""
    story = await ordered()
    await story.receipt("x1", message="other/notice", kind="notice", outcome="failed")
    await story.receipt("x1", kind="reply", outcome="failed")
    assert not story.events("order.notice_failed")


@pytest.mark.parametrize(
    ("text", "state", "order"),
    [
        ("1", "accepted", None),
        (" ２ ", "done", None),
        ("2 ABC-1", "done", "abc-1"),
        ("1 接单", "accepted", "接单"),
    ],
)
def test_what_an_answer_is(text: str, state: str, order: str | None) -> None:
    """A digit, of any width, perhaps with the order's number."""
    assert answer_of(text) == (state, order, None)


@pytest.mark.parametrize("text", ["", "3", "12", "1.", "ok", "我到了", "1 abc 2"])
def test_what_no_answer_is(text: str) -> None:
    """Anything else is for a person to read."""
    assert answer_of(text) is None


async def test_a_worker_answers_by_sms() -> None:
    """No ticket is opened for it; the order moves, said by nobody's desk."""
    story = await ordered()
    await answers(story, "1")
    updated = story.one("order.updated", "x1").data
    assert (updated["state"], updated["agent"]) == ("accepted", None)
    assert story.one("request.filed").data["reason"] == "worker"
    assert len(story.events("ticket.opened")) == 1


async def test_an_answer_is_to_the_newest_order_unless_it_names_one() -> None:
    """That is what the worker has before their eyes."""
    story = await ordered()
    await story.at(1)
    await story.command("ann", "order", "x1", **wish())
    await story.command("ann", "order", "x1", **wish(worker="mo"))
    await answers(story, "1")
    assert [one.data["number"] for one in story.events("order.updated")] == [2]
    await answers(story, f"1 {story.id('x1')}-1")
    await answers(story, "1")
    await answers(story, "2 nothing")
    assert [one.data["number"] for one in story.events("order.updated")] == [2, 1]


async def test_what_else_a_worker_writes_is_a_message() -> None:
    """Somebody reads it; and who is no worker may write "1"."""
    story = await ordered()
    await answers(story, "找不到地址")
    await answers(story, "1", sender="+8613800138009")
    assert len(story.events("ticket.opened")) == 3
    assert not story.events("order.updated")


async def test_an_order_goes_with_its_ticket_to_another_pool() -> None:
    """Its worker's answer finds it there."""
    story = await ordered()
    await story.command("ann", "transfer", "x1", queue="claims")
    await answers(story, "1")
    assert story.one("order.updated").data["pool"] == "office"


async def test_a_worker_who_is_gone_from_the_rulebook_is_told_nothing() -> None:
    """The order can still be taken back; the event says that no message went out."""
    story = await ordered()
    await story.enforce(rules_with("{workers: null, orders: null}"))
    assert await story.command("ann", "order_update", "x1", state="cancelled") is None
    assert story.one("order.updated").data["message"] is None
    assert len(sms(story)) == 1


async def test_a_closed_ticket_has_no_open_order() -> None:
    """It may still be kept for a follow-up; its orders are history."""
    story = await ordered()
    await story.command("ann", "follow_up", "x1", kind="revisit", after="2h")
    await story.command("ann", "resolve", "x1")
    await story.after(601)
    assert await story.command("ann", "order_update", "x1", state="done") == "wrong_state"
    await answers(story, "2")
    assert not story.events("order.updated")


def test_an_instant_without_an_sla_stays_as_it_is() -> None:
    """There is no calendar to show it in; and there is no clock."""
    core = Core(WORKERS)
    core.step(triaged(sla=None, type="repair"))
    core.command("ann", "presence", state="available")
    (ticket,) = core.core.desk.tickets.rows
    core.command("ann", "accept", ticket=ticket)
    found = core.command("ann", "order", ticket=ticket, **wish(appointment=START.isoformat()))
    assert START.isoformat() in fields_of(of(found, "message.outbound")[0])["text"]
    assert of(found, "sla.started") == []
