"""Calls out of Asterisk's queue_log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import decode, encode
from channels.hotline import parse as hotline
from channels.hotline.parse import Assembler, parse
from channels.hotline.queue_log import ENDINGS, LONGEST_LINE
from channels.parsed import Parsed, Unreadable
from channels.request import Call, CustomerRequest

START = 1_700_000_000
ENTER = "ENTERQUEUE||13800138000|1|王先生"
CONNECT = "CONNECT|7|1700000000.2|3"


def _log(*events: tuple[int, str] | str, call: str = "1700000000.1", queue: str = "sales") -> bytes:
    """Lines at START + n seconds; the agent is PJSIP/ann where one has answered."""
    lines = []
    for item in events:
        after, event = item if isinstance(item, tuple) else (0, item)
        agent = "NONE" if event.startswith(("ENTER", "ABANDON", "EXIT")) else "PJSIP/ann"
        lines.append(f"{START + after}|{call}|{queue}|{agent}|{event}\n")
    return "".join(lines).encode()


def _calls(raw: bytes, region: str | None = "CN") -> list[CustomerRequest]:
    found = parse(raw, account="pbx", region=region)
    assert not [one for one in found if isinstance(one, Unreadable)]
    return [one.request for one in found if isinstance(one, Parsed)]


def _call(request: CustomerRequest) -> Call:
    assert request.call is not None
    return request.call


def test_answered() -> None:
    """An answered call has its caller, its agent, and how long was waited and talked."""
    (request,) = _calls(_log(ENTER, (7, CONNECT), (127, "COMPLETECALLER|7|120|1")))
    assert (request.kind, request.sender.address) == ("call", "+8613800138000")
    assert request.sender.name == "王先生"
    assert request.received_at == datetime.fromtimestamp(START + 127, UTC)
    assert request.call == Call(
        id="1700000000.1",
        queue="sales",
        agent="PJSIP/ann",
        outcome="answered",
        wait_seconds=7,
        talk_seconds=120,
        started_at=datetime.fromtimestamp(START, UTC),
    )
    assert request.defects == ()
    assert request.attributes == {"event": "COMPLETECALLER"}


@pytest.mark.parametrize(
    ("event", "outcome", "wait", "talk", "attributes"),
    [
        ("COMPLETEAGENT|5|60|1", "answered", 5, 60, {}),
        ("ABANDON|1|2|31", "abandoned", 31, None, {}),
        ("EXITWITHTIMEOUT|1|2|90", "timeout", 90, None, {}),
        ("EXITEMPTY|1|2|3", "failed", 3, None, {}),
        ("EXITWITHKEY|2|1|2|12", "transferred", 12, None, {"key": "2"}),
        ("SYSCOMPAT", "failed", 60, None, {}),
        ("TRANSFER|200|default|5|6|1", "transferred", 5, 6, {"transferred_to": "200@default"}),
        ("BLINDTRANSFER|200|default|5|6|1", "transferred", 5, 6, {"transferred_to": "200@default"}),
        ("ATTENDEDTRANSFER|BRIDGE|b-1|5|6|1", "transferred", 5, 6, {}),
        ("ATTENDEDTRANSFER|LINK|PJSIP/a|PJSIP/b|5|6|1", "transferred", 5, 6, {}),
        ("BLINDTRANSFER|vmu1000|ext-local|5|6|1", "voicemail", 5, 6,
         {"transferred_to": "vmu1000@ext-local"}),
        ("VOICEMAIL", "voicemail", 60, None, {}),
    ],
)  # fmt: skip
def test_endings(
    event: str, outcome: str, wait: float, talk: float | None, attributes: dict[str, str]
) -> None:
    """Every event that ends a call has its outcome and says the durations in its own places."""
    (request,) = _calls(_log(ENTER, (60, event)))
    call = _call(request)
    assert (call.outcome, call.wait_seconds, call.talk_seconds) == (outcome, wait, talk)
    assert request.attributes == {"event": event.partition("|")[0], **attributes}
    assert request.defects == ()


def test_every_ending_is_tested() -> None:
    """The table above has every event of ENDINGS, but for the one of the test before it."""
    marks: list[Any] = test_endings.pytestmark  # type: ignore[attr-defined]  # set by pytest
    tested = {case[0].partition("|")[0] for case in marks[0].args[1]}
    assert tested | {"COMPLETECALLER"} == set(ENDINGS)


def test_missing_durations() -> None:
    """A truncated ending is still one: durations come from the lines' times, with a defect."""
    (request,) = _calls(_log(ENTER, (9, CONNECT), (20, "COMPLETEAGENT|9")))
    call = _call(request)
    assert (call.wait_seconds, call.talk_seconds) == (9, 11)
    assert [defect.where for defect in request.defects] == ["COMPLETEAGENT"]


@pytest.mark.parametrize("number", ["", "anonymous", "Unknown"])
def test_withheld(number: str) -> None:
    """A withheld number is a defect, and two such callers are two strangers."""
    raw = b"".join(
        _log(f"ENTERQUEUE||{number}|1", (5, "ABANDON|1|1|5"), call=f"{START}.{n}") for n in (1, 2)
    )
    one, other = _calls(raw)
    assert one.sender.address != other.sender.address
    assert [defect.where for defect in one.defects] == ["caller"]


@pytest.mark.parametrize(("number", "address"), [("1001", "1001"), ("+1 201 5550123", None)])
def test_other_numbers(number: str, address: str | None) -> None:
    """An extension stays as it is."""
    (request,) = _calls(_log(f"ENTERQUEUE||{number}|1|a|b", (5, "ABANDON|1|1|5")))
    assert request.sender.address == (address or "+12015550123")
    assert request.sender.name == "a|b"


def test_interleaved_calls() -> None:
    """Calls end in the order of their ends, whatever stands between their lines."""
    one, two = {"call": "c.1"}, {"call": "c.2"}
    raw = (
        _log(ENTER, **one)
        + _log("CONFIGRELOAD", "ADDMEMBER|", "PAUSEALL|lunch", call="NONE")
        + _log((1, ENTER), **two)
        + _log((2, "RINGNOANSWER|1000"), (3, "SOMETHINGNEW|x"), **one)
        + _log((4, CONNECT), (9, "COMPLETEAGENT|3|5|2"), **two)
        + _log((30, "ABANDON|1|1|30"), **one)
    )
    calls = [_call(request) for request in _calls(raw)]
    assert [(call.id, call.outcome) for call in calls] == [
        ("c.2", "answered"),
        ("c.1", "abandoned"),
    ]


def test_two_queues() -> None:
    """A caller who goes from queue to queue is a request for each, under one call id."""
    raw = _log(ENTER, (60, "EXITWITHTIMEOUT|1|1|60"))
    raw += _log((61, ENTER), (70, CONNECT), (90, "COMPLETEAGENT|9|20|1"), queue="overflow")
    one, other = _calls(raw)
    assert one.id != other.id
    assert _call(one).id == _call(other).id
    assert [_call(one).outcome, _call(other).outcome] == ["timeout", "answered"]


def test_entered_again() -> None:
    """A second ENTERQUEUE ends the first one, with a defect."""
    one, other = _calls(_log(ENTER, (5, ENTER), (9, "ABANDON|1|1|4")))
    assert (_call(one).outcome, _call(other).outcome) == ("failed", "abandoned")
    assert [defect.where for defect in one.defects] == ["call"]


@pytest.mark.parametrize(
    ("events", "outcome"), [((ENTER,), "failed"), ((ENTER, (3, CONNECT)), "answered")]
)
def test_the_end_of_the_file(events: tuple[str | tuple[int, str], ...], outcome: str) -> None:
    """A call that is open at the end of the file is not forgotten."""
    (request,) = _calls(_log(*events))
    assert _call(request).outcome == outcome
    assert [defect.where for defect in request.defects] == ["call"]


def test_restart_of_asterisk() -> None:
    """QUEUESTART ends what was open: Asterisk knows of it no more."""
    raw = _log(ENTER) + f"{START + 50}|NONE|NONE|NONE|QUEUESTART|\n".encode()
    (request,) = _calls(raw)
    assert request.received_at == datetime.fromtimestamp(START + 50, UTC)


def test_the_log_begins_within_a_call() -> None:
    """A call whose beginning is not in the log is a call of a stranger, and it says so."""
    connected, ended = _calls(
        _log(CONNECT, (9, "COMPLETEAGENT|5|9|1"), call="a") + _log((10, "ABANDON|1|1|44"), call="b")
    )
    assert _call(connected).outcome == "answered"
    assert (_call(ended).outcome, _call(ended).wait_seconds) == ("abandoned", 44)
    assert [defect.where for defect in ended.defects] == ["caller"]
    assert _call(ended).started_at is None


def test_eviction_by_age() -> None:
    """A call that has been open for more than a day is given up."""
    assembler = Assembler("pbx")
    assert assembler.feed(_log(ENTER), 0) == []
    day = int(timedelta(days=1).total_seconds())
    assert assembler.feed(_log((day, "PAUSE|"), call="NONE"), 90) == []
    (given_up,) = assembler.feed(_log((day + 1, "PAUSE|"), call="NONE"), 180)
    assert isinstance(given_up, Parsed)
    assert given_up.request.defects
    assert assembler.open_calls() == ()


@pytest.mark.parametrize("event", [ENTER, CONNECT])
def test_eviction_by_number(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of open calls is bounded; the oldest is given up, not dropped."""
    monkeypatch.setattr(hotline, "MOST_OPEN_CALLS", 2)
    assembler = Assembler("pbx")
    found = [
        one
        for n in range(5)
        for one in assembler.feed(_log((n, event), call=f"c.{n}"), n)
        if isinstance(one, Parsed)
    ]
    assert [_call(one.request).id for one in found] == ["c.0", "c.1", "c.2"]
    assert len(assembler.open_calls()) == 2


@pytest.mark.parametrize("begin", [ENTER, CONNECT])
def test_open_calls_can_be_fed_again(begin: str) -> None:
    """The few lines kept of an open call make the same request in another assembler."""
    raw = _log(begin, (5, "RINGNOANSWER|1000"), *[(9, CONNECT)] * 9).splitlines(keepends=True)
    end = _log((20, "COMPLETEAGENT|9"))
    first, second = Assembler("pbx"), Assembler("pbx")
    for offset, line in enumerate(raw):
        first.feed(line, offset)
    (open_call,) = first.open_calls()
    assert len(open_call.raw) == 2
    for line in open_call.raw:
        assert second.feed(line, 0) == []
    assert first.feed(end, 9) == second.feed(end, 9)


@pytest.mark.parametrize(
    "line",
    [b"170000", b"1700000000|1700000000.1|sales|NONE", b"x|1|q|NONE|ABANDON|1|1|1",
     b"99999999999|1|q|a|b", b"1700000000|1|q|NONE||", b"\xff\xfe", b"-1|1|q|NONE|ABANDON|1|1|1",
     b"1700000000|1|q|NONE|X|" + b"x" * LONGEST_LINE],
)  # fmt: skip
def test_unreadable_lines(line: bytes) -> None:
    """A line that is none is kept with its number; the lines around it still count."""
    raw = _log(ENTER) + line + b"\n" + _log((5, "ABANDON|1|1|5"))
    bad, good = parse(raw, account="pbx")
    assert isinstance(bad, Unreadable)
    assert (bad.where, bad.raw) == ("line 2", line + b"\n")
    assert isinstance(good, Parsed)
    assert _call(good.request).outcome == "abandoned"


def test_other_charset() -> None:
    """A caller's name in GBK is readable, with a defect."""
    raw = _log(ENTER).decode().encode("gbk") + _log((5, "ABANDON|1|1|5"))
    (request,) = _calls(raw)
    assert request.sender.name == "王先生"
    assert [defect.where for defect in request.defects] == ["line"]


EVENTS = st.sampled_from([*ENDINGS, "ENTERQUEUE", "CONNECT", "QUEUESTART", "RINGNOANSWER", "X"])
LINES = st.builds(
    lambda at, call, event, data: f"{START + at}|{call}|q|NONE|{event}|{data}\n".encode(),
    st.integers(0, 200_000), st.sampled_from("abN"), EVENTS, st.text("0123|a", max_size=12),
)  # fmt: skip


@given(st.binary() | st.lists(LINES, max_size=30).map(b"".join))
def test_never_raises(raw: bytes) -> None:
    """Any octets become calls, which JSON carries unchanged, or unreadable lines."""
    for one in parse(raw, account="pbx"):
        if isinstance(one, Parsed):
            assert decode(CustomerRequest, encode(one.request)) == one.request


@given(st.lists(LINES, max_size=30))
def test_no_caller_is_forgotten(lines: list[bytes]) -> None:
    """Every ENTERQUEUE makes exactly one request."""
    entered = sum(b"|ENTERQUEUE|" in line for line in lines)
    found = parse(b"".join(lines), account="pbx")
    unknown = "the log does not show how the call began"
    begun = [
        one
        for one in found
        if isinstance(one, Parsed)
        and unknown not in [defect.problem for defect in one.request.defects]
    ]
    assert len(begun) == entered
