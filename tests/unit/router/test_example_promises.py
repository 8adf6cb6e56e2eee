"""What the trade promises: the example says it, and `switchboard simulate` plays it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.router.played import played

EXAMPLE = Path(__file__).resolve().parents[3] / "rules" / "example" / "rulebook"

RINGS = {"request": {"channel": "hotline", "kind": "call", "external_id": "x1"}}
ASKS = {"request": {"channel": "email", "external_id": "x1", "text": "什么时候开门"}}
COMPLAINS = {"request": {"channel": "sms", "external_id": "x1", "text": "我要投诉"}}
BROKEN = {"request": {"channel": "sms", "external_id": "x1", "text": "空调坏了，报修"}}
REPLY: dict[str, Any] = {"command": "reply", "text": "您好"}


def hours(text: str) -> str:
    """An instant of a Wednesday on which the shop is open from nine to twelve, one to six."""
    return f"2026-11-25T{text}+08:00"


def lines(request: dict[str, Any], agent: str, *acts: tuple[str, dict[str, Any]]) -> list[str]:
    """A script: the request at ten, accepted at once by the agent if anything is done with it."""
    sender = {"sender": {"address": "+8613900000001"}}
    told = {"request": {**request["request"], **sender}}
    script: list[dict[str, Any]] = [{"at": hours("10:00:00"), **told}]
    if acts:
        come = {"agent": agent, "command": "presence", "state": "available"}
        script.insert(0, {"at": hours("09:59:00"), **come})
    for at, act in acts:
        script.append({"at": hours(at), "agent": agent, "ticket": "@x1", **act})
    return [json.dumps(line) for line in (*script, {"at": hours("19:00:00")})]


ACCEPT: dict[str, Any] = {"command": "accept"}
DONE: dict[str, Any] = {"command": "step_done", "step": "dispatch"}

PROMISES = {
    "a call is answered by the second ring": (
        RINGS, "ann", "queue_time", [("10:00:12", ACCEPT)], "10:00:12",
    ),
    "the first answer comes within one hour": (
        ASKS, "chen", "first_response", [("10:00:05", ACCEPT), ("11:00:00", REPLY)], "11:00:00",
    ),
    "a complaint is answered within 30 minutes": (
        COMPLAINS, "ann", "first_response",
        [("10:00:05", ACCEPT), ("10:30:00", REPLY)], "10:30:00",
    ),
    "somebody is sent for a repair within two hours": (
        BROKEN, "fang", "step:dispatch", [("10:00:05", ACCEPT), ("12:00:00", DONE)], "12:00:00",
    ),
}  # fmt: skip


def of(events: list[dict[str, Any]], kind: str, target: str) -> list[dict[str, Any]]:
    """The events of a kind about a target, as told on `tickets.events`."""
    return [
        event
        for event in events
        if (event["type"], event["topic"]) == (kind, "tickets.events")
        and event["data"]["target"] == target
    ]


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_that_is_kept_at_the_last_instant_is_met(name: str, tmp_path: Path) -> None:
    """Exactly at the due instant is in time."""
    request, agent, target, acts, due = PROMISES[name]
    events = played(EXAMPLE, lines(request, agent, *acts), tmp_path)
    (started,), (met,) = of(events, "sla.started", target), of(events, "sla.met", target)
    assert started["data"]["due_at"] == f"2026-11-25T{utc(due)}Z"
    assert met["data"]["in_time"] is True
    assert of(events, "sla.breached", target) == []


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_that_is_broken_is_told_once_at_its_instant(name: str, tmp_path: Path) -> None:
    """Nobody does anything; the ladder begins."""
    request, agent, target, _, due = PROMISES[name]
    events = played(EXAMPLE, lines(request, agent), tmp_path)
    (breached,) = of(events, "sla.breached", target)
    assert breached["data"]["lapsed_at"] == f"2026-11-25T{utc(due)}Z"
    first = of(events, "sla.escalated", target)[0]
    assert (first["data"]["level"], first["data"]["lapsed_at"]) == (
        1,
        breached["data"]["lapsed_at"],
    )


def utc(local: str) -> str:
    """A time of day in Shanghai as that in UTC."""
    hour, rest = local.split(":", 1)
    return f"{int(hour) - 8:02}:{rest}"
