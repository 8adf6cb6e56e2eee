"""What is replayed, read from lines: in order of time, or refused by file and line."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.errors import Malformed
from channels.identity import request_id, ticket_id
from router.whatif.traffic import Arrival, Order, Traffic, read

AT = "2027-03-01T09:00:0{}Z"


def lines(*documents: Any) -> Traffic:
    """The traffic in these lines."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in documents]
    return read(texts, "in.jsonl")


def bare(name: str, second: int, **fields: Any) -> dict[str, Any]:
    """A request as `normalize` prints it, as far as it matters."""
    return {"channel": "sms", "external_id": name, "received_at": AT.format(second), **fields}


def test_bare_requests_are_sorted_by_when_they_came() -> None:
    """Whatever the order of the lines; equal instants keep it."""
    traffic = lines(bare("c", 3), "", bare("a", 1), bare("b", 1))
    assert [one.request.external_id for one in traffic.arrivals] == ["a", "b", "c"]
    assert traffic.start == datetime(2027, 3, 1, 9, 0, 1, tzinfo=UTC)
    assert traffic.end == datetime(2027, 3, 1, 9, 0, 3, tzinfo=UTC)


def test_a_script_is_read_as_simulate_reads_it() -> None:
    """Requests, commands with the request that `@x` names, and time that passes."""
    traffic = lines(
        {"at": AT.format(1), "request": {"channel": "sms", "account": "s", "external_id": "x"}},
        {"at": AT.format(2), "agent": "ann", "command": "accept", "ticket": "@x"},
        {"at": AT.format(3), "agent": "ann", "command": "resolve", "ticket": "T1"},
        {"at": AT.format(9)},
    )
    kinds = [type(one) for one in traffic.inputs]
    assert kinds == [Arrival, Order, Order]
    accept, resolve = traffic.orders
    assert (accept.about, accept.command.ticket) == (request_id("sms", "s", "x"), None)
    assert (resolve.about, resolve.command.ticket) == (None, "T1")
    assert traffic.end == datetime(2027, 3, 1, 9, 0, 9, tzinfo=UTC)


def test_further_tickets_of_a_command_are_those_that_their_requests_open() -> None:
    """Also of a topic that was split off; an id stays what it is."""
    common = {"channel": "sms", "account": "s"}
    traffic = lines(
        {"at": AT.format(1), "request": {**common, "external_id": "x"}},
        {"at": AT.format(1), "request": {**common, "external_id": "y"}},
        {"at": AT.format(2), "agent": "ann", "command": "merge", "ticket": "@x", "into": "@y"},
        {"at": AT.format(3), "agent": "ann", "command": "split", "ticket": "@x", "id": "s",
         "text": "a door"},
        {"at": AT.format(4), "agent": "sue", "command": "transfer", "queue": "q",
         "tickets": ["@split/s", "T1"]},
    )  # fmt: skip
    merge, _, transfer = (one.command for one in traffic.orders)
    assert merge.into == ticket_id(request_id("sms", "s", "y"))
    assert transfer.tickets == (ticket_id(request_id("sms", "s", "split/s")), "T1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ({"channel": "sms"}, "received_at: missing"),
        ({"received_at": "now"}, "received_at: 'now' is not an RFC 3339 instant"),
        (
            {"received_at": "2027-03-01T09:00:00"},
            "received_at: '2027-03-01T09:00:00' has no offset",
        ),
        ({"received_at": "9999-12-31T23:59:59Z"}, "out of range"),
        ({"at": "now", "request": {}}, "at: 'now' is not"),
        ({"request": {}}, "at: None is not"),
        (bare("x", 2, channel="fax"), "channel"),
        ({"at": AT.format(2), "agent": "ann", "command": "fly"}, "command"),
        ({"at": AT.format(2), "agent": "ann", "command": "note", "ticket": "@y"}, "@y"),
        ({"at": AT.format(2), "agent": "ann", "command": "note", "ticket": "@x"}, "ambiguous"),
        ({"at": AT.format(2), "reqest": {}}, "reqest"),
    ],
)
def test_a_wrong_line_is_named(line: Any, said: str) -> None:
    """File, line, and what was expected."""
    both = bare("x", 1), bare("x", 1, channel="chat")
    with pytest.raises(Malformed, match=r"^in\.jsonl:3: ") as error:
        lines(*both, line)
    assert said in str(error.value)


def test_without_a_request_there_is_nothing_to_replay() -> None:
    """It is said, with what was expected."""
    with pytest.raises(Malformed, match=r"in\.jsonl: no request in it"):
        lines({"at": AT.format(1)})
