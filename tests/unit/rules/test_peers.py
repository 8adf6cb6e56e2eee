"""What Chatwoot, Zendesk and Twilio can say is written as docs/rules-peers.md tells."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from channels.defaults import fill
from rules.decide import decide
from rules.decision import Decision, Facts
from rules.index import Compiled, compile_rulebook
from rules.lint import lint

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "rules-peers.md"
BOOKS = sorted((Path(__file__).parent / "peers").glob("*.yaml"))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Row(NamedTuple):
    """One line of the page's tables."""

    peer: str
    kind: str
    part: str
    name: str
    here: str

    @property
    def snippets(self) -> list[dict[str, Any]]:
        """The code spans that are YAML of a rulebook: they begin with a field and a colon."""
        spans = re.findall(r"`([a-z_]+: [^`]*)`", self.here)
        documents = [yaml.safe_load(span) for span in spans]
        return [one for one in documents if not one.keys() <= WITHIN_A_CONDITION]

    @property
    def when(self) -> list[dict[str, Any]]:
        """The conditions among them."""
        return [one["when"] for one in self.snippets if "when" in one]


WITHIN_A_CONDITION = {"customer", "sender", "present", "mode", "pause"}
"""What the prose of a row shows without a route, or a section, around it."""


def rows() -> list[Row]:
    """All lines of the page's tables, each with its peer from the heading."""
    found: list[Row] = []
    peer = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            peer = line.removeprefix("## ")
        elif line.startswith(("| action |", "| condition |")):
            kind, part, name, here = line.strip("| ").split(" | ", 3)
            found.append(Row(peer, kind, part, name.strip("`"), here))
    return found


ROWS = rows()
FRAME: dict[str, Any] = {
    "calendars": {
        "office": {"timezone": "UTC", "hours": {"mon-fri": ["09:00-17:00"]}},
        "always": {"timezone": "UTC", "hours": {"mon-sun": ["00:00-24:00"]}},
    },
    "pools": {"desk": {"queues": ["everyone", "sales", "support", "callbacks"]}},
    "queues": {"everyone": {}, "sales": {}, "support": {}, "callbacks": {}},
    "types": {"incident": {}},
    "acks": {"received": {"chat": "Thanks"}},
    "customers": {"wang": {}},
}
DEFAULT = {"id": "default", "then": {"queue": "everyone"}}


def book(snippets: list[dict[str, Any]]) -> Compiled:
    """A rulebook of which the snippets are parts: a route of `when` and `then`, and sections."""
    whole = dict(FRAME)
    when: dict[str, Any] = {}
    then: dict[str, Any] = {"queue": "support"}
    for snippet in snippets:
        for field, value in snippet.items():
            if field == "when":
                when = value
            elif field == "then":
                then = value
            elif isinstance(value, dict):
                whole[field] = whole.get(field, {}) | value
            else:
                whole[field] = value
    whole.setdefault("routes", [{"id": "tried", "when": when, "then": then}, DEFAULT])
    return compile_rulebook({"peer.yaml": json.dumps(whole, ensure_ascii=False, default=str)})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.peer}-{row.kind}-{row.name}")
def test_a_row_is_yaml_that_compiles_or_says_why_not(row: Row) -> None:
    """Nothing is said to be written so that cannot be written so; what cannot be has a reason."""
    if row.snippets:
        book(row.snippets)
    else:
        assert re.match(r"\*\*(cannot be|elsewhere)\*\*: \w.{15,}", row.here)


# -- conditions: a request for which each holds, and one for which it does not

Fields = dict[str, Any]


def has(**attributes: Any) -> Fields:
    """A request with these attributes."""
    return {"attributes": attributes}


AGO = "2026-02-20T00:00:00Z"
RECENT = "2026-03-02T00:00:00Z"
TRIED: dict[tuple[str, str], tuple[Fields, Fields]] = {
    ("chatwoot", "AND"): ({"channel": "chat", **has(plan="gold")}, {"channel": "chat"}),
    ("chatwoot", "browser_language"): (has(browser_language="zh-CN"), has(browser_language="en")),
    ("chatwoot", "campaign_id"): (has(campaign_id=7), {}),
    ("chatwoot", "city"): (has(city="上海"), has(city="Beijing")),
    ("chatwoot", "company"): (has(company="ACME Ltd."), has(company="Umbrella")),
    ("chatwoot", "contact_id"): ({"customer": "wang"}, {"customer": "li"}),
    ("chatwoot", "contains"): (has(referer="https://x.example/pricing?a"), has(referer="/about")),
    ("chatwoot", "content"): ({"text": "I am complaining"}, {"text": "I was refunded"}),
    ("chatwoot", "country_code"): (has(country_code="HK"), has(country_code="DE")),
    ("chatwoot", "created_at"): (has(created_at=AGO), has(created_at="2025-02-20T00:00:00Z")),
    ("chatwoot", "days_before"): (has(created_at=AGO), has(created_at=RECENT)),
    ("chatwoot", "does_not_contain"): (has(city="Beijing"), has(city="上海市")),
    ("chatwoot", "email"): ({"sender": "li@shop.example"}, {"sender": "li@mail.example"}),
    ("chatwoot", "equal_to"): (has(plan="platinum"), has(plan="golden")),
    ("chatwoot", "exactly_equal_to"): (has(labels=["gold", "press"]), has(labels=["gold"])),
    ("chatwoot", "identifier"): (has(identifier="c-4711"), has(identifier="c-4712")),
    ("chatwoot", "inbox_id"): ({"account": "help@shop.example"}, {"account": "x@shop.example"}),
    ("chatwoot", "is_greater_than"): (has(created_at=AGO), has(created_at="2025-12-31T00:00:00Z")),
    ("chatwoot", "is_less_than"): (has(created_at="2025-12-31T00:00:00Z"), has(created_at=AGO)),
    ("chatwoot", "is_not_present"): ({}, has(campaign_id=7)),
    ("chatwoot", "is_present"): (has(campaign_id=7), has(campaign_id="")),
    ("chatwoot", "labels"): (has(labels=["gold", "press"]), has(labels=["gold"])),
    ("chatwoot", "last_activity_at"): ({"previous": [DAY]}, {"previous": [8 * DAY]}),
    ("chatwoot", "message_type"): ({"kind": "message"}, {"kind": "receipt"}),
    ("chatwoot", "not_equal_to"): (has(plan="gold"), has(plan="trial")),
    ("chatwoot", "phone_number"): ({"sender": "+8613800138000"}, {"sender": "+4930123456"}),
    ("chatwoot", "plan"): (has(plan="gold"), has(plan="free")),
    ("chatwoot", "present"): (has(country_code="CN"), {}),
    ("chatwoot", "referer"): (has(referer="https://shop.example/a"), has(referer="/a")),
    ("twilio-studio", "callComplete"): (
        {"call": {"id": "1", "outcome": "answered"}},
        {"call": {"id": "1", "outcome": "abandoned"}},
    ),
    ("twilio-studio", "callFailure"): (
        {"call": {"id": "1", "outcome": "failed"}},
        {"call": {"id": "1", "outcome": "answered"}},
    ),
    ("twilio-studio", "equal_to"): (has(is_open="true"), has(is_open="false")),
    ("twilio-studio", "fail"): ({}, has(is_open=False)),
    ("twilio-studio", "incomingCall"): ({"kind": "call"}, {"kind": "message"}),
    ("twilio-studio", "incomingConversationMessage"): ({"channel": "chat"}, {"channel": "sms"}),
    ("twilio-studio", "incomingMessage"): ({"channel": "sms"}, {"channel": "chat"}),
    ("twilio-studio", "incomingRequest"): ({"account": "orders-api"}, {"account": "shop"}),
    ("twilio-studio", "match"): (has(is_open=True), has(is_open=False)),
    ("twilio-studio", "noMatch"): (has(is_open=False), has(is_open=True)),
    ("twilio-studio", "success"): (has(is_open=False), {}),
    ("twilio-taskrouter", "!="): (has(type="support"), has(type="sales")),
    ("twilio-taskrouter", "=="): (has(type="sales"), has(type="support")),
    ("twilio-taskrouter", ">"): (has(attempts=2), has(attempts=1)),
    ("twilio-taskrouter", "AND"): (
        has(target_worker="client:dan"),
        has(target_worker="client:dan", to_queue="Sales"),
    ),
    ("twilio-taskrouter", "NOT IN"): (has(region="east"), has(region="south")),
    ("twilio-taskrouter", "task.targetWorker"): (has(target_worker="client:dan"), {}),
    ("twilio-taskrouter", "worker.contact_uri"): (
        has(target_worker="client:dan"),
        has(target_worker="client:eve"),
    ),
    ("zendesk", "all"): ({"channel": "email", **has(type="incident")}, {"channel": "email"}),
    ("zendesk", "any"): ({"channel": "email"}, {"channel": "sms"}),
    ("zendesk", "current_via_id"): ({"channel": "email"}, {"channel": "chat"}),
    ("zendesk", "greater_than"): (has(amount="97"), has(amount=96)),
    ("zendesk", "is"): (has(type="incident"), has(type="problem")),
    ("zendesk", "is_not"): (has(type="problem"), has(type="incident")),
    ("zendesk", "less_than"): (has(amount=95), has(amount=96)),
    ("zendesk", "requester_id"): ({"customer": "wang"}, {"customer": None}),
    ("zendesk", "type"): (has(type="incident"), has(type="task")),
}


def decided(compiled: Compiled, fields: Fields, at: datetime = NOON) -> Decision:
    """What is decided of a request with these fields; `customer` and `previous` are facts of it."""
    document = {"sender": "x@mail.example", **fields}
    customer, previous = document.pop("customer", None), document.pop("previous", ())
    request = fill(document, at=at)
    known = compiled.rulebook.customers.get(customer or "")
    return decide(
        compiled,
        Facts(
            request=request,
            at=at,
            customer=customer,
            language=request.language,
            attributes=known.attributes if known else {},
            previous=tuple(at - age for age in previous),
        ),
    )


def test_every_condition_of_the_page_is_tried() -> None:
    """None is left out of the table, and none in it is not on the page."""
    conditions = [row for row in ROWS if row.kind == "condition" and row.when]
    assert [len(row.when) for row in conditions] == [1] * len(conditions)
    assert {(row.peer, row.name) for row in conditions} == TRIED.keys()


@pytest.mark.parametrize(("peer", "name"), TRIED)
def test_a_condition_holds_of_what_the_peers_would(peer: str, name: str) -> None:
    """As it is written on the page, it holds of one request and not of the other."""
    row = next(row for row in ROWS if (row.peer, row.name, row.kind) == (peer, name, "condition"))
    compiled = book([{"when": row.when[0]}])
    matching, other = TRIED[peer, name]
    assert decided(compiled, matching).rule == "tried"
    assert decided(compiled, other).rule == "default"


# -- whole configurations


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_configuration_is_clean(path: Path) -> None:
    """It compiles; the only warnings are that some conditions cannot be indexed."""
    found = [one.message for one in lint({path.name: path.read_text(encoding="utf-8")})]
    assert [one for one in found if "cannot be indexed" not in one] == []


@pytest.mark.parametrize(
    ("peer", "fields", "at", "expected"),
    [
        ("chatwoot", {"text": "Refunds, please"}, NOON, ("billing", "received", ["billing"])),
        ("chatwoot", {"text": "hello"}, NOON, ("everyone", "received", [])),
        (
            "chatwoot",
            {"account": "website", **has(referer="https://x.example/pricing", campaign_id=3)},
            NOON,
            ("sales", "received", ["campaign", "lead"]),
        ),
        ("chatwoot", has(country_code="FR", plan="gold"), NOON, ("sales", None, [])),
        ("chatwoot", has(country_code="FR", plan="free"), NOON, ("everyone", "received", [])),
        ("chatwoot", has(country_code="CN"), NOON, ("everyone", "received", [])),
        ("chatwoot", {"sender": "+8613800138000"}, NOON, ("support", None, ["zh"])),
        ("chatwoot", {"customer": "wang"}, NOON, ("sales", None, ["press"])),
        ("chatwoot", {"sender": "li@partner.example"}, NOON, ("support", None, [])),
        ("chatwoot", has(created_at=RECENT), NOON, ("everyone", "received", ["new-contact"])),
        ("zendesk", {}, NOON, ("inbox", "none-agreed", 0, None)),
        ("zendesk", has(type="incident"), NOON, ("inbox", "incident-normal", 1, "incident")),
        (
            "zendesk",
            has(type="incident", priority="urgent"),
            NOON,
            ("inbox", "incident-urgent", 3, "incident"),
        ),
        (
            "zendesk",
            has(type="incident", priority="low"),
            NOON,
            ("inbox", "incident-low", 0, "incident"),
        ),
        ("zendesk", has(type="task", priority="high"), NOON, ("inbox", "none-agreed", 2, "task")),
        ("taskrouter", {}, NOON, ("everyone", 0, {})),
        ("taskrouter", has(type="sales"), NOON, ("sales", 0, {})),
        ("taskrouter", has(type="marketing"), NOON, ("marketing", 0, {})),
        ("taskrouter", has(selected_queue="support"), NOON, ("support", 0, {})),
        ("taskrouter", has(original_queue="Sales"), NOON, ("sales", 0, {})),
        ("taskrouter", has(transfer_queue="Support"), NOON, ("support", 0, {})),
        ("taskrouter", has(transfer_queue="Everyone", type="sales"), NOON, ("everyone", 0, {})),
        ("taskrouter", has(type="leads"), NOON, ("leads", 1, {})),
        ("taskrouter", has(callback_attempts=1), NOON, ("callbacks", 1, {})),
        ("taskrouter", has(callback_attempts=4), NOON, ("callbacks", 0, {})),
        (
            "taskrouter",
            has(target_worker="client:dan"),
            NOON,
            ("internal", 9, {"line-dan": 1}),
        ),
        (
            "taskrouter",
            has(target_worker="client:dan", call_to_queue="Everyone"),
            NOON,
            ("everyone", 0, {}),
        ),
        ("studio", {}, NOON + 3 * HOUR, ("agents", None)),
        ("studio", {}, NIGHT, ("agents", "closed")),
        ("studio", {}, NOON + 4 * DAY + 3 * HOUR, ("agents", "closed")),
        ("studio", {"kind": "call"}, NIGHT, ("callbacks", None)),
        ("studio", {"kind": "call"}, NOON + 3 * HOUR, ("agents", None)),
    ],
)
def test_a_configuration_decides_as_the_peer_would(
    peer: str, fields: Fields, at: datetime, expected: tuple[Any, ...]
) -> None:
    """The same queue, and what else the peer's entry is about."""
    path = Path(__file__).parent / "peers" / f"{peer}.yaml"
    compiled = compile_rulebook({path.name: path.read_text(encoding="utf-8")})
    got = decided(compiled, fields, at)
    shown = {
        "chatwoot": (got.queue, got.ack, list(got.tags)),
        "zendesk": (got.queue, got.sla, got.priority, got.type),
        "taskrouter": (got.queue, got.priority, got.skills),
        "studio": (got.queue, got.ack),
    }[peer]
    assert shown == expected


@pytest.mark.shared_data
def test_the_page_has_each_of_the_peers_words_once(shared_data: Path) -> None:
    """One row for each condition and action of the peers' files: none missing, none invented."""
    lines = (shared_data / "cases" / "peer_conditions.jsonl").read_text(encoding="utf-8")
    wanted = [json.loads(line) for line in lines.splitlines()]
    expected = [(one["peer"], one["kind"], one["part"], one["name"]) for one in wanted]
    assert len(expected) == 107
    assert sorted(row[:4] for row in ROWS) == sorted(expected)
