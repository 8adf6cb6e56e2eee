"""What a legal rulebook most likely does not mean."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.lint import lint
from rules.load import RulebookError

CLEAN: dict[str, Any] = {
    "calendars": {"desk": {"timezone": "UTC", "hours": {"mon": ["09:00-17:00"]}}},
    "slas": {"usual": {"calendar": "desk", "first_response": "1h", "ladder": "duty"}},
    "ladders": {"duty": [{"level": 1, "after": "0s", "notify": ["lead"]}]},
    "pools": {"front": {"queues": ["one", "two"]}, "back": {"queues": ["three"]}},
    "queues": {"one": {}, "two": {}, "three": {}},
    "agents": {
        "ann": {"pool": "front", "queues": ["one", "two"], "skills": {"zh": 3}, "capacity": 2},
        "bo": {"pool": "back", "queues": ["three"]},
    },
    "types": {"matter": {"sla": "usual"}},
    "acks": {"thanks": {"email": "Thanks", "sms": "Thanks", "chat": "Thanks"}},
}
NAMED: dict[str, Any] = {
    "tiers": {"vip": {}},
    "lists": {"words": ["x"], "known": ["@x.example"]},
    "conditions": {"noisy": {"channel": "sms"}, "calm": {"channel": "chat"}},
}
DEFAULT: dict[str, Any] = {
    "id": "default",
    "then": {"queue": "one", "type": "matter", "ack": "thanks"},
}


def warnings(*whens: Any, **sections: Any) -> list[str]:
    """The warnings about the clean rulebook with these conditions' routes, and these sections."""
    routes = [
        {"id": f"r{n}", "when": when, "then": {"queue": "one", "type": "matter"}}
        for n, when in enumerate(whens)
    ]
    document = {**CLEAN, "routes": [*routes, DEFAULT], **sections}
    return [problem.message for problem in lint({"a.yaml": json.dumps(document, indent=1)})]


def test_a_clean_rulebook_has_no_warnings() -> None:
    """Nothing is said where nothing is odd."""
    assert warnings({"channel": "sms"}, {"text": {"keywords": ["x"]}}) == []


@pytest.mark.parametrize(
    ("general", "special"),
    [
        ({}, {"channel": "sms"}),
        ({"channel": ["sms", "chat"]}, {"channel": "sms"}),
        ({"channel": "sms"}, {"channel": "sms", "text": {"keywords": "x"}}),
        ({"text": {"keywords": ["x", "y"]}}, {"text": {"keywords": ["Y"]}}),
        ({"text": {"keywords": "投诉", "regex": "a+"}}, {"text": {"keywords": "投訴"}}),
        ({"text": {"regex": ["a", "b"]}}, {"text": {"regex": "b"}, "tier": "vip"}),
        ({"language": "zh"}, {"language": ["zh-Hans", "zh-Hant"]}),
        ({"sender": "@x.example"}, {"sender": ["a@x.example", "b@x.example"]}),
        ({"automatic": True}, {"automatic": ["dsn", "list"]}),
        ({"automatic": False}, {"automatic": False, "channel": "email"}),
        ({"attributes": {"form": ["a", "b"]}}, {"attributes": {"form": "a", "paid": True}}),
        ({"hours": {"desk": "closed"}}, {"hours": {"desk": "closed"}, "channel": "chat"}),
        ({"any": [{"channel": "sms"}]}, {"any": [{"channel": "sms"}], "kind": "message"}),
        ({"not": {"channel": "sms"}}, {"not": {"channel": "sms"}}),
        ({"condition": ["noisy", "calm"]}, {"condition": "calm", "channel": "sms"}),
        ({"sender_list": "known"}, {"sender_list": "known", "cel": "text != ''"}),
        ({"recipient": "@x.example"}, {"recipient": "a@x.example"}),
        ({"customer": True}, {"customer": ["wang"]}),
        ({"attachments": {"at_least": 2}}, {"attachments": {"at_least": 2}, "kind": "message"}),
        ({"queues": {"one": {"waiting": 2}}}, {"queues": {"one": {"waiting": 2}}, "tier": "vip"}),
        ({"text": {"lists": "words"}}, {"text": {"lists": "words"}, "previous_tickets": True}),
    ],
)
def test_a_route_that_an_earlier_one_takes_everything_from(
    general: dict[str, Any], special: dict[str, Any]
) -> None:
    """A route is never reached when an earlier one matches all that it matches."""
    said = "route 'r1' is never reached: 'r0' matches all that it matches"
    assert said in warnings(general, special, **NAMED)
    assert (said in warnings(special, general, **NAMED)) is (general == special)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"channel": "sms"}, {"channel": ["sms", "chat"]}),
        ({"channel": "sms"}, {"account": "sms"}),
        ({"text": {"keywords": "x"}}, {"subject": {"keywords": "x"}}),
        ({"text": {"keywords": "x"}}, {"text": {"regex": "x"}}),
        ({"language": "zh-Hans"}, {"language": "zh"}),
        ({"sender": "@x.example"}, {"sender": "a@x.example*"}),
        ({"automatic": True}, {"automatic": False}),
        ({"hours": {"desk": "open"}}, {"hours": {"desk": "closed"}}),
        ({"attributes": {"form": 1}}, {"attributes": {"form": "x"}}),
        ({"any": [{"channel": "sms"}]}, {"channel": "sms"}),
        ({"channel": "sms", "cel": "text != ''"}, {"channel": "sms"}),
        ({"channel": "sms", "attachments": True}, {"channel": "sms", "attachments": False}),
        ({"previous_tickets": {"at_least": 1}}, {"previous_tickets": {"at_least": 2}}),
        ({"queues": {"one": {"waiting": 2}}}, {"queues": {"two": {"waiting": 2}}}),
        ({"text": {"keywords": "x"}}, {"text": {"keywords": "x", "lookalikes": True}}),
        ({"text": {"lists": "words"}}, {"text": {"keywords": "words"}}),
        ({"attributes": {"n": {"at_least": 1}}}, {"attributes": {"n": {"at_least": 2}}}),
        ({"attributes": {"n": {"at_least": 1}}}, {"attributes": {"n": 1}}),
    ],
)
def test_what_cannot_be_proved_is_not_said(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Routes that merely resemble each other are no concern of lint's."""
    assert not [one for one in warnings(first, second, **NAMED) if "reached" in one]


@pytest.mark.parametrize("bound", ["from", "until", "rollout"])
def test_a_route_that_is_not_always_in_force_takes_nothing_away(bound: str) -> None:
    """Outside of its time, or for the other requests, later routes are reached."""
    value = "50%" if bound == "rollout" else "2027-01-04T09:00:00Z"
    then = {"queue": "one", "type": "matter"}
    routes = [
        {"id": "a", bound: value, "when": {"channel": "sms"}, "then": then},
        {"id": "b", "when": {"channel": "sms"}, "then": then},
        DEFAULT,
    ]
    assert warnings(routes=routes) == []


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"not": {"channel": "sms"}}, "`not` shows nothing to find it by; it costs every request"),
        ({"hours": {"desk": "open"}}, "`hours.desk` shows nothing to find it by"),
        ({"any": [{"channel": "sms"}, {"cel": "text != ''"}]}, "`any` shows nothing"),
        ({"sender": "a*", "cel": "text != ''"}, "`sender`, `cel` shows nothing"),
    ],
)
def test_a_route_that_cannot_be_indexed_has_its_cost(when: dict[str, Any], expected: str) -> None:
    """What is tried for every request is said, with about how many microseconds it takes."""
    (said,) = warnings(when)
    assert expected in said
    assert re.search(r"about \d+\.\d µs$", said)


def test_an_empty_condition_is_said() -> None:
    """It is no clause that could be indexed: it always holds."""
    assert warnings({}) == [
        "route 'r0': the condition is empty: it always holds",
        "route 'default' is never reached: 'r0' matches all that it matches",
    ]


def test_a_queue_that_is_decided_in_vain_is_said() -> None:
    """A route that goes on decides no queue: whoever ends the search does."""
    then = {"queue": "two", "type": "matter", "continue": True}
    routes = [{"id": "a", "when": {"channel": "sms"}, "then": then}, DEFAULT]
    assert warnings(routes=routes) == [
        "route 'a' goes on, so its queue is replaced by that of the last route"
    ]


def test_a_machine_that_no_channel_knows_is_said() -> None:
    """A reason that is misspelt never holds."""
    assert warnings({"automatic": ["dsn", "autoreply"]}) == [
        "no channel says 'autoreply' of a machine; did you mean 'auto-reply'?"
    ]


def test_a_route_whose_time_is_over_is_said() -> None:
    """A route that ended before now is a leftover."""
    then = {"queue": "one", "type": "matter"}
    routes = [{"id": "sale", "until": "2027-01-04T09:00:00Z", "then": then}, DEFAULT]
    files = {"a.yaml": json.dumps({**CLEAN, "routes": routes}, indent=1)}
    at = datetime(2027, 1, 4, 9, tzinfo=UTC)
    assert [one.message for one in lint(files, at)] == [
        "route 'sale' is over since 2027-01-04T09:00:00+00:00"
    ]
    assert lint(files, at - timedelta(seconds=1)) == []


def test_a_route_that_continues_takes_nothing_away() -> None:
    """After `continue` the search goes on, so later routes are reached."""
    routes = [
        {"id": "a", "when": {"channel": "sms"}, "then": {"tags": ["x"], "continue": True}},
        {"id": "b", "when": {"channel": "sms"}, "then": {"queue": "one", "type": "matter"}},
        DEFAULT,
    ]
    assert warnings(routes=routes) == []


def test_a_supervisor_needs_no_queues() -> None:
    """Who only looks after the others is assigned nothing, and is meant to be."""
    sue = {"pool": CLEAN["agents"]["ann"]["pool"], "queues": [], "role": "supervisor"}
    assert warnings(agents={**CLEAN["agents"], "sue": sue}) == []


def agents(**changes: Any) -> dict[str, Any]:
    """The agents, Ann changed."""
    known: dict[str, Any] = CLEAN["agents"]
    return {"agents": {**known, "ann": {**known["ann"], **changes}}}


def default(**then: Any) -> dict[str, Any]:
    """The routes: only the default, changed."""
    return {"routes": [{"id": "default", "then": DEFAULT["then"] | then}]}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (agents(queues=["one"]), "queue 'two': no agent serves it"),
        (agents(queues=[]), "agent 'ann' can never be assigned anything: no queues"),
        (agents(capacity=0), "agent 'ann' can never be assigned anything: no capacity"),
        (agents(weights={"email": 3}), "agent 'ann' never gets email: weight 3 > capacity 2"),
        (
            agents(weights={"email": 3, "sms": 3, "chat": 3, "hotline": 3}),
            "agent 'ann' can never be assigned anything: every channel weighs more than the "
            "capacity 2",
        ),
        (default(skills={"zh": 5}), "nobody who serves 'one' has zh 5 (the best: 3)"),
        (default(skills={"fr": 1}), "nobody who serves 'one' has fr 1"),
        (
            {"queues": {**CLEAN["queues"], "two": {"targets": [{"skills": {"zh": 9}}]}}},
            "nobody who serves 'two' has zh 9 (the best: 3)",
        ),
        (
            {"ladders": {"duty": [{"level": 1, "after": "5m"}]}},
            "ladder 'duty': level 1 notifies nobody and does nothing",
        ),
        (
            {"ladders": {"duty": [
                {"level": 1, "after": "5m", "notify": ["a"]},
                {"level": 2, "after": "1m", "notify": ["b"]},
            ]}},
            "ladder 'duty': level 2 comes before level 1",
        ),
        (default(type=None), "route 'default': its tickets have no SLA of their own"),
        ({"slas": {**CLEAN["slas"], "x": {"calendar": "desk"}}}, "slas: 'x' is not used"),
        ({"ladders": {**CLEAN["ladders"], "x": []}}, "ladders: 'x' is not used"),
        ({"types": {**CLEAN["types"], "x": {}}}, "types: 'x' is not used"),
        (
            {"calendars": {**CLEAN["calendars"], "x": CLEAN["calendars"]["desk"]}},
            "calendars: 'x' is not used",
        ),
        ({"acks": {**CLEAN["acks"], "x": {"sms": "x"}}}, "acks: 'x' is not used"),
        (
            {"acks": {"thanks": {"email": "Thanks"}}},
            "ack 'thanks' has no text for sms, chat, which route 'default' serves",
        ),
    ],
)  # fmt: skip
def test_what_is_odd(sections: dict[str, Any], expected: str) -> None:
    """Each oddity makes its warning."""
    assert expected in warnings(**sections)


def test_an_sla_without_a_ladder_moves_nothing() -> None:
    """A ladder that moves tickets is odd only for those whose SLA climbs it."""
    slas = {**CLEAN["slas"], "calm": {"calendar": "desk"}}
    ladders = {"duty": [{"level": 1, "after": "0s", "move_to": "three"}]}
    routes = [
        {"id": "a", "when": {"channel": "sms"}, "then": {"queue": "three", "sla": "usual"}},
        {"id": "default", "then": {"queue": "one", "sla": "calm", "ack": "thanks"}},
    ]
    found = warnings(slas=slas, ladders=ladders, routes=routes, types={})
    assert [one for one in found if "moves tickets" in one] == []


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"keywords": ["投诉", "投訴"]}, "keyword '投訴' is the same as '投诉'"),
        ({"regex": "a*"}, "regex 'a*' matches any text, even none"),
    ],
)
def test_odd_texts(match: dict[str, Any], expected: str) -> None:
    """Keywords that are the same when folded; regexes that match whatever is said."""
    assert warnings({"text": match}) == [expected]


def test_an_ack_is_needed_only_on_the_routes_channels() -> None:
    """A route for SMS alone needs no text for mail; calls have no text at all."""
    routes = [
        {"id": "a", "when": {"channel": ["sms", "hotline"]},
         "then": {"queue": "one", "type": "matter", "ack": "short"}},
        DEFAULT,
    ]  # fmt: skip
    acks = {**CLEAN["acks"], "short": {"sms": "ok"}}
    assert warnings(routes=routes, acks=acks) == []


def test_warnings_have_places() -> None:
    """A warning stands where the odd thing is written."""
    text = (
        "queues: {q: {}}\npools: {p: {queues: [q]}}\nroutes:\n- {id: default, then: {queue: q}}\n"
    )
    assert [str(one) for one in lint({"a.yaml": text})] == [
        "a.yaml:1:13: queue 'q': no agent serves it",
        "a.yaml:4:3: route 'default': its tickets have no SLA of their own",
    ]


def test_a_wrong_rulebook_is_not_linted() -> None:
    """Errors come first: they are raised."""
    with pytest.raises(RulebookError):
        lint({"a.yaml": "routes: []"})


def test_lint_of_many_routes_compares_only_what_may_be_implied() -> None:
    """Ten thousand routes are not compared with each other: this ends."""
    many = [{"text": {"keywords": [f"a{n}", f"b{n}"]}, "channel": "sms"} for n in range(3000)]
    assert warnings(*many) == []


def test_follow_ups_that_no_route_asks_for() -> None:
    """They would go wherever their words send them; a route that asks for the kind is enough."""
    types = {"matter": {"sla": "usual", "follow_up": {"after": "3d"}}}
    said = "no route asks for `kind: follow_up`: follow-ups go where their words send them"
    assert warnings(types=types) == [said]
    assert warnings({"kind": "follow_up"}, types=types) == []
    assert warnings({"any": [{"kind": ["follow_up"]}, {"channel": "sms"}]}, types=types) == []


CONTACTS: dict[str, Any] = {"lead": {"email": "lead@shop.example"}}
NOTICES: dict[str, Any] = {"email": "notices@shop.example"}


def of_contacts(notify: list[str], contacts: dict[str, Any], **sections: Any) -> list[str]:
    """The warnings about a ladder that notifies these, with these contacts."""
    ladders = {"duty": [{"level": 1, "after": "0s", "notify": notify}]}
    return warnings(ladders=ladders, contacts=contacts, notices=NOTICES, **sections)


@pytest.mark.parametrize("notify", [["lead"], ["lead", "manager"], ["lead", "whoever-has-duty"]])
def test_words_beside_contacts_are_free(notify: list[str]) -> None:
    """Whoever watches the topic may have words of their own."""
    assert of_contacts(notify, CONTACTS) == []


@pytest.mark.parametrize("notify", ["leed", "Lead", "leads"])
def test_a_misspelt_contact(notify: str) -> None:
    """What is nearly a contact's name would notify nobody."""
    found = of_contacts(["lead", notify], CONTACTS)
    assert found == [f"{notify!r} is no contact; did you mean 'lead'?"]


def test_a_contact_that_nobody_notifies() -> None:
    """Named by no ladder and no SLA; by either it is."""
    said = "nobody notifies the contact 'lead'"
    slas = {"usual": {**CLEAN["slas"]["usual"], "warn": ["50%"], "warn_notify": ["lead"]}}
    assert of_contacts(["x"], CONTACTS) == [said]
    assert of_contacts(["x"], CONTACTS, slas=slas) == []


def test_a_contact_without_a_way() -> None:
    """A name alone reaches nobody."""
    said = "contact 'lead' has neither email nor webhook: no notice reaches them"
    assert of_contacts(["lead"], {"lead": {"name": "组长"}}) == [said]


def test_a_contact_at_an_address_of_ours() -> None:
    """Its notices would come in as requests, which lapse."""
    said = "'lead@shop.example' is an address of ours: a notice to it opens a ticket"
    policy = {"own_addresses": ["lead@shop.example"]}
    assert of_contacts(["lead"], CONTACTS, ack_policy=policy) == [said]


@pytest.mark.parametrize(
    ("url", "is_odd"),
    [
        ("https://ops.example/in", False),
        ("http://127.0.0.1:8080/in", False),
        ("http://localhost/in", False),
        ("http://[::1]:9/in", False),
        ("http://ops.example/in", True),
    ],
)
def test_a_webhook_in_the_clear(url: str, is_odd: bool) -> None:
    """Without https only on the own machine."""
    contacts = {"lead": {"webhook": {"url": url, "secrets": "env:X"}}}
    said = "without https, whoever stands in between can read the notices"
    assert of_contacts(["lead"], contacts) == [said] * is_odd


def test_a_warning_that_is_never_given() -> None:
    """Whom it would notify is not notified."""
    slas = {"usual": {**CLEAN["slas"]["usual"], "warn_notify": ["x"]}}
    assert warnings(slas=slas) == ["SLA 'usual' warns of nothing (`warn`): nobody is notified"]


def test_an_sla_that_promises_nothing() -> None:
    """Neither by itself, nor in a row, nor for the steps that it would measure; yet it warns."""
    said = "sla 'usual' names no target: nothing of it can lapse"
    bare = {key: value for key, value in CLEAN["slas"]["usual"].items() if key != "first_response"}
    assert said in warnings(slas={"usual": bare})
    assert said not in warnings(slas={"usual": {**bare, "queue_time": "1m"}})
    row = {"when": {"priority": {"at_least": 2}}, "resolution": "1h"}
    assert said not in warnings(slas={"usual": {**bare, "targets": [row]}})
    steps = {**CLEAN["types"], "repair": {"steps": [{"id": "visit", "within": "2h"}]}}
    assert said not in warnings(slas={"usual": bare}, types=steps)
    assert said not in warnings(slas={"usual": bare}, orders={"accept_within": "10m"})
    parks = {**CLEAN["queues"], "one": {"max_offers": 3}}
    assert said not in warnings(slas={"usual": bare}, queues=parks)
    assert said not in warnings(slas={"usual": {"calendar": "desk"}})
