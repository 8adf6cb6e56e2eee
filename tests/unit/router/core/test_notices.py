"""Notices: to whom an alarm goes, in what words, and when they may be disturbed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from channels.contract import encode
from channels.outbound import Receipt
from router.core.dispatch import Dispatch
from router.core.entities.notice import Alarm
from router.core.notices import TOGETHER
from router.core.outputs import Output
from router.core.writing import one_line, written
from router.world import LETTERHEAD
from rules.index import compile_rulebook
from tests.unit.router.core.cores import Core, fields_of, of, triaged, types
from tests.unit.router.core.story import START, Rules, Story, Told, merged, rules
from tests.unit.router.core.story import written as files_of

LADDER = """
slas: {standard: {warn: [50%], ladder: duty}}
ladders:
  duty:
    - {level: 1, after: 0s, notify: [lead, whoever]}
    - {level: 2, after: 30s, notify: [lead, bot]}
notices: {email: notices@shop.example}
contacts:
  lead: {name: 组长, email: lead@shop.example, language: zh-CN}
  bot: {webhook: {url: "https://ops.example/in", secrets: "env:BOT_SECRET"}}
"""

NIGHT = """
calendars: {desk: {timezone: Europe/Berlin, hours: {mon-fri: ["10:05-18:00"]}}}
contacts: {lead: {quiet: {outside: desk}}}
"""
"""The story begins on a Monday at 10:00 in Berlin: the lead may be disturbed 300 s later."""

OPENS = 300


def of_all(*changes: str) -> Rules:
    """The story's rulebook with all of these changes."""
    found = rules()
    for one in changes:
        found = merged(found, yaml.safe_load(one))
    return found


async def begun(*changes: str) -> Story:
    """A story under the ladder and these changes."""
    story = Story()
    await story.enforce(of_all(LADDER, *changes))
    return story


def core_of(*changes: str) -> Core:
    """A dispatch core under the ladder and these changes."""
    core = Core()
    core.enforce(of_all(LADDER, *changes))
    return core


def sent(story: Story) -> list[Told]:
    """The notices that went out."""
    found = story.events("message.outbound", topic="messages.outbound")
    return [one for one in found if one.data["kind"] == "notice"]


def told(story: Story, type: str) -> list[tuple[float, int, str | None]]:
    """When operations were told of held or withheld notices, of which level, and why."""
    found = story.events(type, topic="sla.escalations")
    return [(one.at, one.data["level"], one.data.get("reason")) for one in found]


def ids(outputs: list[Output]) -> list[str]:
    """The notices that a core yields."""
    return [one.id for one in of(outputs, "message.outbound")]


async def test_each_level_tells_its_contacts_by_each_of_their_ways() -> None:
    """The id follows from the escalation's; a word that is no contact's stays a word."""
    story = await begun()
    one = await story.request("x1")
    await story.at(200)
    assert [(told.at, told.data["id"]) for told in sent(story)] == [
        (60, f"{one}/first_response/0/escalated/1/notice/lead/email/lead@shop.example"),
        (90, f"{one}/first_response/0/escalated/2/notice/lead/email/lead@shop.example"),
        (90, f"{one}/first_response/0/escalated/2/notice/bot/webhook"),
    ]
    assert story.events("sla.escalated", "x1")[0].data["notify"] == ["lead", "whoever"]


async def test_each_address_gets_a_mail_of_its_own_once() -> None:
    """One that is refused holds up no other, and a level may name a contact twice."""
    story = await begun(
        "contacts: {lead: {email: [a@shop.example, b@shop.example, a@shop.example]}}",
        "ladders: {duty: [{level: 1, after: 0s, notify: [lead, lead]}]}",
    )
    await story.request("x1")
    await story.at(200)
    assert [one.data["to"] for one in sent(story)] == ["a@shop.example", "b@shop.example"]
    assert len({one.data["message_id"] for one in sent(story)}) == 2


async def test_a_notice_by_mail_is_a_letter_of_its_own() -> None:
    """From the notices' account, marked as a machine's, in no conversation of a customer's."""
    story = await begun()
    ticket = await story.request(
        "x1", channel="email", sender="wang@example.org", subject="空调坏了"
    )
    await story.after(60)
    (mail,) = (one.data for one in sent(story))
    assert (mail["channel"], mail["account"]) == ("email", "notices@shop.example")
    assert (mail["to"], mail["to_name"]) == ("lead@shop.example", "组长")
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    assert (mail["conversation"], mail["reply_to"], mail["in_reply_to"]) == (None, None, None)
    assert mail["message_id"].endswith("@shop.example>")
    assert (mail["ticket"], mail["pool"]) == (ticket, "service")
    assert mail["subject"] == f"第 1 级升级：首次响应，billing，工单 {ticket}"
    assert "主题：空调坏了" in mail["text"]
    assert "坐席：无" in mail["text"]


async def test_a_webhooks_notice_has_the_alarm_as_data() -> None:
    """Its account is the URL; secrets are there by their names only."""
    story = await begun()
    ticket = await story.request("x1")
    await story.after(90)
    hook = sent(story)[-1].data
    assert (hook["channel"], hook["account"]) == ("webhook", "https://ops.example/in")
    assert hook["attributes"]["secrets"] == ["env:BOT_SECRET"]
    (data,) = hook["attributes"]["data"]["alarms"]
    assert (data["ticket"], data["target"], data["level"]) == (ticket, "first_response", 2)
    assert "." not in hook["id"], "it is signed as id.timestamp.body"


async def test_a_warning_tells_whom_its_sla_names() -> None:
    """`warn_notify`, as `notify` of a level: contacts, and words for others."""
    story = await begun("slas: {standard: {warn_notify: [lead, x]}}")
    await story.request("x1")
    await story.after(30)
    assert story.one("sla.warning", "x1").data["notify"] == ["lead", "x"]
    (mail,) = (one.data for one in sent(story))
    assert mail["subject"].startswith("预警：首次响应")
    assert "已用去 50%" in mail["text"]


@pytest.mark.parametrize(("warn", "share"), [("99.5%", "99.5%"), ("20s", "66.7%")])
async def test_a_webhooks_id_has_no_dot(warn: str, share: str) -> None:
    """It is signed as id.timestamp.body; a warning's own identity may have one."""
    story = await begun(f"slas: {{standard: {{warn: [{warn}], warn_notify: [bot]}}}}")
    await story.request("x1")
    await story.at(60)
    (hook,) = (one.data for one in sent(story))
    assert "." not in hook["id"]
    assert share in hook["text"]


def test_of_what_is_overdue_together_only_the_highest_notifies() -> None:
    """After a night without the router nobody reads of the warning, or of the level before."""
    core = core_of("slas: {standard: {warn_notify: [lead]}}")
    core.step(triaged())
    outputs = core.fire(150)
    assert warned(outputs) == [(0.5, [])]
    one = triaged().ticket
    assert ids(outputs) == [
        f"{one}/first_response/0/escalated/2/notice/lead/email/lead@shop.example",
        f"{one}/first_response/0/escalated/2/notice/bot/webhook",
    ]


def test_the_latest_of_two_warnings_notifies() -> None:
    """Three quarters are used up: that half was is no news."""
    core = core_of("slas: {standard: {warn: [50%, 75%], warn_notify: [lead]}}")
    core.step(triaged())
    assert warned(core.fire(50)) == [(0.5, []), (0.75, ["lead"])]


def warned(outputs: list[Output]) -> list[tuple[float, list[str]]]:
    """The warnings' shares, and whom they notify."""
    found = [fields_of(one) for one in of(outputs, "sla.warning") if one.topic == "sla.escalations"]
    return [(one["share"], one["notify"]) for one in found]


async def test_a_ticket_for_which_nobody_is_found_notifies() -> None:
    """The ladder that begins where a queue's chain ends has contacts too."""
    story = await begun("queues: {billing: {targets: [{for: 5s}]}}")
    await story.request("x1")
    await story.after(5)
    (mail,) = (one.data for one in sent(story))
    assert "分配坐席" in mail["subject"]


# -- quiet hours


async def test_quiet_hours_hold_notices_and_no_events() -> None:
    """Operations see both levels at their instants; the lead, when the desk opens, the latest."""
    story = await begun(NIGHT)
    one = await story.request("x1")
    await story.after(OPENS)
    assert [told.at for told in story.events("sla.escalated", "x1")] == [60, 90]
    assert told(story, "notice.held") == [(60, 1, None), (90, 2, None)]
    assert {
        told.data["until"] for told in story.events("notice.held", topic="sla.escalations")
    } == {"2027-03-01T09:05:00Z"}
    assert [(told.at, told.data["to"]) for told in sent(story)] == [
        (90, "bot"), (OPENS, "lead@shop.example"),
    ]  # fmt: skip
    assert sent(story)[-1].data["id"] == (
        f"{one}/first_response/0/escalated/2/notice/lead/email/lead@shop.example"
    )
    assert told(story, "notice.withheld") == [(90, 1, "overtaken")]
    assert len(story.desk.held.table) == 0


@pytest.mark.parametrize(
    ("command", "fields"),
    [("reply", {"text": "here you are"}), ("resolve", {})],
)
async def test_a_notice_of_an_alarm_that_is_over_is_withheld(
    command: str, fields: dict[str, str]
) -> None:
    """Nobody is sent after what was done in the night; operations read why."""
    story = await begun(NIGHT)
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.at(70)
    assert await story.command("ann", command, "x1", **fields) is None
    await story.after(OPENS)
    assert sent(story) == []
    assert told(story, "notice.withheld") == [(OPENS, 1, "cleared")]


async def test_a_closed_ticket_is_no_alarm() -> None:
    """Not even its ticket is there when the desk opens."""
    story = await begun(NIGHT, "threading: {reopen: 60s}")
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.at(70)
    await story.command("ann", "resolve", "x1")
    await story.after(OPENS)
    assert story.events("ticket.closed", "x1")
    assert told(story, "notice.withheld") == [(OPENS, 1, "cleared")]


async def test_what_has_waited_comes_in_one_message() -> None:
    """A morning's mail is one, with a part for each ticket as it is by then."""
    quiet = "contacts: {bot: {quiet: {outside: desk}}}"
    story = await begun(NIGHT, quiet, "types: {fault: {name: 故障}}")
    tickets = [await story.request(name, sender=f"+861{name[1]}") for name in ("x1", "x2", "x3")]
    await story.at(200)
    await story.available("ann")
    await story.hand("ann", "x1")
    assert await story.command("ann", "update", "x1", type="fault", priority=3) is None
    await story.after(OPENS)
    found = {one.data["channel"]: one.data for one in sent(story)}
    mail, hook = found["email"], found["webhook"]
    assert len(sent(story)) == 2
    assert (mail["subject"], mail["ticket"]) == ("有 3 条通知等您处理", None)
    assert [mail["text"].count(f"工单：{one}") for one in tickets] == [1, 1, 1]
    assert mail["text"].count("坐席：ann") == 1
    alarms = hook["attributes"]["data"]["alarms"]
    assert {(one["ticket"], one["level"]) for one in alarms} == {(one, 2) for one in tickets}
    assert [(one["type"], one["priority"]) for one in alarms if one["agent"]] == [("fault", 3)]
    assert mail["id"].startswith("notices/lead/")
    assert "." not in hook["id"]


def test_many_that_have_waited_come_in_several_messages() -> None:
    """A message holds so many; none is left out, and no two messages are one."""
    core = core_of(NIGHT)
    for number in range(TOGETHER + 1):
        core.step(triaged(f"x{number}"))
    core.fire(100)
    mails = of(core.fire(OPENS + 1), "message.outbound")
    texts = [mail.data.text for mail in mails if mail.data.channel == "email"]
    assert [text.count("工单：") for text in texts] == [TOGETHER, 1]
    assert len({mail.id for mail in mails}) == len(mails)


BERLIN = """
calendars: {{desk: {{timezone: Europe/Berlin, hours: {{mon-sun: ["{opens}-18:00"]}}}}}}
slas: {{standard: {{first_response: {seconds}s}}}}
ladders: {{duty: [{{level: 1, after: 0s, notify: [lead]}}]}}
contacts: {{lead: {{quiet: {{outside: desk}}}}}}
"""


@pytest.mark.parametrize(
    ("escalated", "opens", "sent_at"),
    [
        ("2027-03-26T20:00", "09:00", "2027-03-27T08:00"),
        ("2027-03-27T20:00", "09:00", "2027-03-28T07:00"),
        ("2027-03-27T20:00", "02:30", "2027-03-28T01:30"),
        ("2027-10-30T20:00", "09:00", "2027-10-31T08:00"),
        ("2027-10-30T20:00", "02:30", "2027-10-31T00:30"),
        ("2027-10-31T08:30", "09:00", "2027-10-31T08:30"),
    ],
)
def test_quiet_hours_end_when_the_calendar_opens(escalated: str, opens: str, sent_at: str) -> None:
    """An hour earlier in summer; a skipped 02:30 is 03:30, of a doubled one it is the first."""
    lapses = datetime.fromisoformat(escalated).replace(tzinfo=UTC)
    wanted = datetime.fromisoformat(sent_at).replace(tzinfo=UTC)
    seconds = (lapses - START).total_seconds()
    core = core_of(BERLIN.format(opens=opens, seconds=int(seconds)))
    core.step(triaged())
    first = core.fire(seconds + 0.001)
    assert "sla.escalated" in types(first)
    later = (wanted - START).total_seconds()
    assert bool(ids(first)) is (wanted == lapses)
    if wanted > lapses:
        assert core.core.next_at() == wanted
        assert ids(core.fire(later)) == []
        assert len(ids(core.fire(later + 0.001))) == 1


@pytest.mark.parametrize(
    ("up_again", "goes_out"),
    [
        ("2027-03-01T16:59:59", True),
        ("2027-03-01T17:00:00", False),
        ("2027-03-02T03:00:00", False),
        ("2027-03-02T09:05:01", True),
    ],
)
def test_a_notice_survives_downtime_and_wakes_nobody_after_it(
    up_again: str, goes_out: bool
) -> None:
    """Up again too late in the evening, the router waits for the next morning."""
    core = core_of(NIGHT, "slas: {standard: {resolution: null}}")
    core.step(triaged())
    core.fire(70)
    other = restored(core)
    now = datetime.fromisoformat(up_again).replace(tzinfo=UTC)
    outputs: list[Output] = []
    while (fired := other.fire(now, now)) is not None:
        outputs += fired
    mails = [one for one in ids(outputs) if "/lead/" in one]
    assert len(mails) == goes_out
    assert len(other.desk.held.table) == (not goes_out)
    if not goes_out:
        assert other.next_at() == datetime(2027, 3, 2, 9, 5, tzinfo=UTC)


def restored(core: Core) -> Dispatch:
    """Another core with what is stored of this one's state."""
    other = Dispatch(LETTERHEAD)
    desk = core.core.desk
    for table in (desk.rulebooks, desk.tickets, desk.agents, desk.held.table, desk.held.told):
        for key in table:
            stored = table.stored(key)
            assert stored is not None
            other.journal.load(f"{table.name}:{key}", stored)
    return other


def test_the_same_night_makes_the_same_messages() -> None:
    """Ids follow from the alarms: whoever replays them sends nothing anew."""
    found = []
    for _ in range(2):
        core = core_of(NIGHT)
        core.step(triaged("x1"))
        core.step(triaged("x2"))
        found.append(ids([*core.fire(100), *core.fire(OPENS + 1)]))
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0]) == 3


@pytest.mark.parametrize(
    ("change", "fate"),
    [
        ("contacts: {lead: {quiet: null}}", "sent"),
        ('calendars: {desk: {hours: {mon-fri: ["00:00-24:00"]}}}', "sent"),
        ("contacts: {lead: null}", "contact_removed"),
        ('calendars: {desk: {hours: {mon-fri: ["10:10-18:00"]}}}', "waits"),
    ],
)
async def test_a_new_rulebook_is_heeded_by_what_waits(change: str, fate: str) -> None:
    """Other hours, no quiet hours any more, no such contact: at once."""
    story = await begun(NIGHT)
    await story.request("x1")
    await story.after(60)
    await story.enforce(of_all(LADDER, NIGHT, change))
    await story.finish()
    assert [one.data["to"] for one in sent(story)] == ["lead@shop.example"] * (fate == "sent")
    reasons = [reason for _, _, reason in told(story, "notice.withheld")]
    assert reasons == ["contact_removed"] * (fate == "contact_removed")
    await story.after(OPENS)
    assert len(story.desk.held.table) == (fate == "waits")


def test_a_ticket_that_went_to_another_pool_is_still_told_of() -> None:
    """Its alarms went along, and whether they are over is not known here."""
    moves = "ladders: {duty: [{level: 1, after: 0s, notify: [lead], move_to: claims}]}"
    core = core_of(NIGHT, moves)
    core.step(triaged())
    assert "ticket.moved" in types(core.fire(70))
    (mail,) = of(core.fire(OPENS + 1), "message.outbound")
    assert triaged().ticket in mail.data.text


async def test_a_merged_ticket_is_no_alarm() -> None:
    """Its matter is the other ticket's, whose own alarm is told."""
    story = await begun(NIGHT, "agents: {sue: {pool: service, queues: [rescue], role: supervisor}}")
    await story.request("x1")
    await story.request("x2", text="repair", account="other")
    await story.after(70)
    assert await story.command("sue", "merge", "x1", into=story.id("x2")) is None
    await story.after(OPENS)
    assert [one.data["ticket"] for one in sent(story) if one.at == OPENS] == [story.id("x2")]
    (withheld,) = (one.data for one in story.events("notice.withheld", "x1", "sla.escalations"))
    assert withheld["reason"] == "cleared"


async def test_who_has_seen_an_alarm_spares_others_its_notice() -> None:
    """A supervisor has acknowledged it in the night."""
    story = await begun(NIGHT, "agents: {sue: {pool: service, queues: [rescue], role: supervisor}}")
    await story.request("x1")
    await story.after(70)
    told_of = {"target": "first_response"}
    assert await story.command("sue", "escalation_acknowledge", "x1", **told_of) is None
    await story.after(OPENS)
    assert sent(story) == []
    assert told(story, "notice.withheld") == [(OPENS, 1, "acknowledged")]


def test_that_nobody_was_found_is_over_when_the_ticket_left() -> None:
    """It was looked for somebody in the old queue."""
    moves = """
    queues: {billing: {targets: [{for: 5s}]}}
    slas: {standard: {first_response: 1h}}
    ladders: {duty: [{level: 1, after: 0s, notify: [lead], move_to: claims}]}
    """
    core = core_of(NIGHT, moves)
    core.step(triaged())
    core.fire(70)
    (withheld,) = of(core.fire(OPENS + 1), "notice.withheld")
    assert (withheld.data.target, withheld.data.reason) == ("queue_time", "cleared")


async def test_a_calendar_that_never_opens_again_holds_nothing() -> None:
    """What could never be sent is better sent at night."""
    days = ", ".join(f'"{year}-03-01"' for year in range(2027, 2028))
    spec = f'hours: {{}}, special: {{"2020-01-01": ["09:00-10:00"]}}, closed: [{days}]'
    story = await begun(
        f"calendars: {{past: {{timezone: UTC, {spec}}}}}",
        "contacts: {lead: {quiet: {outside: past}}}",
    )
    await story.request("x1")
    await story.after(60)
    assert len(sent(story)) == 1


async def test_what_becomes_of_a_notice_is_no_matter_of_the_desktops() -> None:
    """Its receipt is an event of the ticket, and of no queue."""
    story = await begun()
    await story.request("x1")
    await story.receipt("x1", kind="notice", outcome="bounced", permanent=True)
    assert story.one("message.receipt", "x1").data["outcome"] == "bounced"
    assert story.events("message.receipt", "x1", "agent.queue.billing") == []


def test_a_digests_receipt_is_of_no_ticket() -> None:
    """It is taken, and tells nobody."""
    core = core_of()
    receipt = Receipt(id="r", message="notices/lead/1", kind="notice", outcome="sent", at=START)
    assert core.step(receipt) == []


async def test_what_comes_close_together_is_gathered() -> None:
    """The first goes at once, the others half a minute later in one, at the latest state."""
    story = await begun()
    for name in ("x1", "x2", "x3"):
        await story.request(name, sender=f"+861{name[1]}")
    await story.at(80)
    assert len(sent(story)) == 1
    await story.available("ann")
    await story.hand("ann", "x1")
    await story.command("ann", "reply", "x1", text="hello")
    await story.after(120)
    mails = [(one.at, one.data["subject"]) for one in sent(story) if one.data["to"] != "bot"]
    assert [at for at, _ in mails] == [60, 90, 120]
    assert story.id("x3") in mails[1][1], "of two that waited one was answered"
    assert mails[2][1] == "有 2 条通知等您处理"
    assert told(story, "notice.withheld") == [(90, 1, "cleared")]


async def test_who_is_no_contact_any_more_is_forgotten() -> None:
    """State has its bounds."""
    story = await begun()
    await story.request("x1")
    await story.after(90)
    assert list(story.desk.held.told) == ["lead", "bot"]
    await story.enforce(of_all(LADDER, "contacts: {bot: null}"))
    assert list(story.desk.held.told) == ["lead"]


async def test_a_program_may_want_each_at_once() -> None:
    """`gather: 0s`."""
    story = await begun("contacts: {lead: {gather: 0s}}")
    for name in ("x1", "x2", "x3"):
        await story.request(name, sender=f"+861{name[1]}")
    await story.after(60)
    assert len(sent(story)) == 3
    assert story.events("notice.held", topic="sla.escalations") == []


def test_when_who_was_written_to_survives_a_restart() -> None:
    """A flood is no flood of mails because the router went down in it."""
    core = core_of("slas: {standard: {resolution: null}}")
    core.step(triaged("x1"))
    core.step(triaged("x2"))
    assert len(ids(core.fire(61))) == 1
    other = restored(core)
    assert other.desk.held.of("lead")
    assert other.next_at() == START + timedelta(seconds=90)


# -- words


def alarm(**fields: Any) -> Alarm:
    """A level of the ladder about some ticket."""
    known: dict[str, Any] = {
        "id": "t-1/first_response/0/escalated/1", "ticket": "t-1", "pool": "service",
        "queue": "billing", "target": "first_response", "cycle": 0, "level": 1, "due_at": START,
        "lapsed_at": START, "sla": "standard",
    }  # fmt: skip
    return Alarm(**(known | fields))


def words(change: str, **fields: Any) -> tuple[str, str]:
    """Subject and text of a notice to the lead."""
    compiled = compile_rulebook(files_of(of_all(LADDER, change)))
    return written(compiled, "lead", compiled.rulebook.contacts["lead"], alarm(**fields))


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("zh-Hans", "第 1 级升级：首次响应"),
        ("zh-TW", "第 1 級升級：首次回覆"),
        ("zh", "第 1 级升级：首次响应"),
        ("en-GB", "Escalation 1: first response"),
        ("fr", "Escalation 1: first response"),
        ("null", "Escalation 1: first response"),
    ],
)
def test_the_usual_texts_are_in_the_contacts_language(language: str, subject: str) -> None:
    """Chinese in both scripts, else English."""
    found = rules(LADDER)
    found["contacts"]["lead"]["language"] = None if language == "null" else language
    compiled = compile_rulebook(files_of(found))
    said, _ = written(compiled, "lead", compiled.rulebook.contacts["lead"], alarm())
    assert said.startswith(subject)


@pytest.mark.parametrize(
    ("target", "kind", "name"),
    [
        ("periodic", None, "progress update"),
        ("requester_wait", None, "customer's wait"),
        ("agent_work", None, "agents' work"),
        ("accept:2", None, "acceptance of order 2"),
        ("step:call", "repair", "电话诊断"),
        ("step:visit", "repair", "visit"),
        ("step:gone", "repair", "gone"),
        ("step:call", "gone", "call"),
        ("step:call", None, "call"),
    ],
)
def test_every_target_has_a_name_for_people(target: str, kind: str | None, name: str) -> None:
    """A step has the one that its type gives it, if there is one."""
    types = "types: {repair: {steps: [{id: call, name: 电话诊断}, {id: visit}]}}"
    said, _ = words(f"contacts: {{lead: {{language: en}}}}\n{types}", target=target, type=kind)
    assert said == f"Escalation 1: {name}, billing, ticket t-1"


def test_names_are_what_people_call_things() -> None:
    """Queues, agents and tiers by their names; instants in the contact's own zone."""
    change = """
    queues: {billing: {name: 账单}}
    agents: {ann: {name: 安}}
    tiers: {vip: {name: 贵宾}}
    notices:
      link: https://desk.example/{{ ticket }}
      subject: "{{ contact }} {{ queue }} {{ agent }} {{ tier }} {{ priority }}"
      text: "{{ due_at | local }} {{ lapsed_at | local('%H:%M') }} {{ link }}"
    calendars: {desk: {timezone: Asia/Shanghai, hours: {mon-sun: ["09:00-18:00"]}}}
    contacts: {lead: {quiet: {outside: desk}}}
    """
    assert words(change, agent="ann", tier="vip", priority=3) == (
        "组长 账单 安 贵宾 3", "03-01 17:00 17:00 https://desk.example/t-1",
    )  # fmt: skip


def test_what_is_gone_is_called_by_its_id() -> None:
    """An agent who left, a queue that was renamed, a step of a procedure, no SLA."""
    subject = "notices: {subject: '{{ agent }} {{ queue }} {{ target_name }} {{ timezone }}'}"
    said, _ = words(subject, agent="zed", queue="old", target="step:contact", sla=None)
    assert said == "zed old contact UTC"


def test_a_rulebooks_own_text_goes_before_the_usual_one() -> None:
    """By language: another language keeps its usual text."""
    change = "notices: {subject: {zh-Hans: 急, fr: urgent}}"
    assert words(change)[0] == "急"
    english = "contacts: {lead: {language: en}}\n" + change
    assert words(english)[0].startswith("Escalation 1")


def test_a_template_that_fails_gives_way_to_the_usual_one() -> None:
    """It did with every example, not with this ticket: the alarm must go out."""
    change = 'notices: {subject: "{{ 1 / (level - 9) }}"}'
    assert words(change, level=9)[0].startswith("第 9 级升级")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("Hello\r\nBcc: all@shop.example", "Hello Bcc: all@shop.example"),
        ("a\x00b\x1b[31mc\u202ed\u2028e\tf", "a b [31mc d e f"),
        ("x" * 200, "x" * 119 + "…"),
        ("  空调  坏了 ", "空调 坏了"),
        ("", ""),
    ],
)
def test_what_customers_write_is_a_part_of_one_line(given: str, line: str) -> None:
    """No header is made of it, no terminal is turned by it, and it has its bounds."""
    assert one_line(given, 120) == line
    change = "notices: {subject: '[{{ subject }}]', text: '[{{ subject }}]'}"
    assert words(change, subject=given) == (f"[{line}]", f"[{line}]")


def test_a_message_has_its_bounds() -> None:
    """Whatever a template makes of it, it fits into a record."""
    subject, text = words("notices: {subject: \"{{ 'x' * 5000 }}\", text: \"{{ '文' * 50000 }}\"}")
    assert len(subject) <= 240
    assert len(encode(text)) < 40_000
