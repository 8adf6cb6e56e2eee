"""The demo's samples are what their manifest says, and become what it says."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import pytest

import router.demo
from channels.chat.parse import parse as parse_chat
from channels.contract import encode
from channels.email.parse import parse as parse_mail
from channels.email.source import traced
from channels.errors import Malformed
from channels.hotline.parse import Assembler
from channels.outbound import OutboundMessage
from channels.parsed import Parsed, Unreadable
from channels.phone import normalize
from channels.request import Channel, CustomerRequest
from channels.sms.parse import form
from channels.sms.parse import parse as parse_sms
from channels.sms.signature import sign, verify_form
from router.core.acks import Withheld
from router.core.events import (
    RequestDuplicate,
    RequestFiled,
    RulebookActivated,
    TicketFeedback,
    TicketMessage,
    TicketOpened,
    TicketTriaged,
)
from router.core.outputs import Given, Output
from router.core.triage import Triage
from router.demo.expected import Entry, expected, load
from router.demo.traffic import MANIFEST, Input, read
from router.demo.world import ACCOUNTS, TOKEN
from router.rulebook_files import read_folder
from router.world import LETTERHEAD
from rules.load import version

DEMO = Path(router.demo.__file__).parent
SAMPLES = DEMO / "samples"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
REGION = "CN"
LEAST_REQUESTS = 60

Found = list[Parsed | Unreadable]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Entry]:
    """What the samples are said to be."""
    return load(SAMPLES)


@pytest.fixture(scope="module")
def inputs() -> list[Input]:
    """The samples, in the order in which the demo sends them."""
    return read(SAMPLES).inputs


@pytest.fixture(scope="module")
def rulebook() -> RulebookActivated:
    """The demo's rulebook, put in force."""
    files = read_folder(DEMO / "rulebook")
    return RulebookActivated(activation=1, version=version(files), files=files)


# -- an input as its source hands it over


def mail(one: Input, at: datetime) -> Found:
    """As the SMTP listener reads what the demo's sender delivers."""
    account = ACCOUNTS["email"]
    raw = traced(one.raw, "sender@outside.example", account)
    return [parse_mail(raw, account=account, received_at=at, own_addresses=(account,))]


def text_message(one: Input, at: datetime) -> Found:
    """As the webhook does: a form with a wrong signature is not let in."""
    url = f"http://127.0.0.1/webhooks/twilio/{ACCOUNTS['sms']}"
    params, _ = form(one.raw)
    signature = sign("somebody else's token" if one.forged else TOKEN, url, params)
    if not verify_form(TOKEN, url, params, signature):
        return []
    return [parse_sms(one.raw, account=ACCOUNTS["sms"], received_at=at, region=REGION)]


def chat_line(one: Input, at: datetime) -> Found:
    """As the visitor's window does: it knows who the visitor is, and numbers by visitor."""
    said = json.loads(one.raw)
    who = {"id": one.sender, "name": one.sender}
    raw = json.dumps({**said, "id": f"{one.sender}/{said['id']}", "from": who}).encode()
    return [parse_chat(raw, account=ACCOUNTS["chat"], received_at=at, trusted=False)]


def log_line(calls: Assembler, one: Input, at: datetime) -> Found:
    """As the tail of the telephone system's log does, the line written at the present time."""
    epoch, separator, rest = one.raw.partition(b"|")
    assert epoch.isdigit(), one.name
    return calls.feed(str(int(at.timestamp())).encode() + separator + rest, 0)


def reader(channel: Channel) -> Callable[[Input, datetime], Found]:
    """How the inputs of `channel` are read, from its first on."""
    match channel:
        case "email":
            return mail
        case "sms":
            return text_message
        case "chat":
            return chat_line
        case "hotline":
            return partial(log_line, Assembler(ACCOUNTS["hotline"], REGION))


# -- what triage makes of it


class Desk:
    """Triage alone; `quick` agents resolve every ticket before the next input."""

    def __init__(self, activation: RulebookActivated, *, quick: bool) -> None:
        self.triage = Triage(LETTERHEAD)
        self.opened: dict[str, str] = {}
        self._quick = quick
        self.triage.step(activation, Given("rulebook/1", NOON), NOON)

    def fate(self, name: str, found: Found, at: datetime) -> dict[str, Any]:
        """What became of the input `name`, in the manifest's words."""
        if not found:
            return {}
        (one,) = found
        if isinstance(one, Unreadable):
            return {"deadletter": True}
        request = one.request
        given = Given(request.id, at, encode(request))
        outputs = self.triage.step(request, given, at)
        fate = dict(self._words(name, request, outputs))
        if self._quick:
            self._resolve(outputs, at)
        return fate

    def _words(
        self, name: str, request: CustomerRequest, outputs: list[Output]
    ) -> Iterator[tuple[str, Any]]:
        address = request.sender.address
        yield "sender", "anonymous" if address.startswith("anonymous") else address
        yield "attachments", len(request.attachments)
        for output in outputs:
            match output.data:
                case RequestDuplicate():
                    yield "duplicate", True
                case RequestFiled(reason=reason):
                    yield from (("ticket", "filed"), ("reason", reason))
                case TicketOpened() as opened:
                    self.opened[opened.ticket] = name
                    yield from (("ticket", "opens"), ("queue", opened.queue))
                    yield from [("type", opened.type)] if opened.type is not None else []
                    yield from (("tier", opened.tier), ("ack", opened.ack_withheld or "none"))
                case TicketMessage(ticket=ticket):
                    yield from (("ticket", "joins"), ("with", self.opened[ticket]))
                case OutboundMessage(kind="ack", to=to):
                    assert to == address
                    yield "ack", "sent"
                case TicketTriaged():
                    pass
                case other:
                    raise AssertionError(f"{name}: nobody expects {other}")

    def _resolve(self, outputs: list[Output], at: datetime) -> None:
        for output in outputs:
            if isinstance(output.data, TicketOpened):
                opened = output.data
                resolved = TicketFeedback(
                    ticket=opened.ticket,
                    conversation=opened.conversation,
                    change="resolved",
                    pool=opened.pool,
                    queue=opened.queue,
                    at=at,
                )
                self.triage.step(resolved, Given(f"{opened.ticket}/resolved", at), at)


def wanted(one: Entry) -> dict[str, Any]:
    """What the manifest says of an input, in the words of `Desk.fate`."""
    if one.deadletter:
        return {"deadletter": True}
    if not one.received:
        return {}
    number = normalize(one.sender, REGION) if one.channel == "hotline" else None
    said = {
        "sender": number or one.sender,
        "attachments": one.attachments,
        "duplicate": one.duplicate or None,
        "ticket": None if one.duplicate else one.ticket,
        "reason": one.reason,
        "queue": one.queue,
        "type": one.type,
        "ack": one.ack,
        "with": one.joined,
        "tier": one.tier or ("standard" if one.ticket == "opens" else None),
    }
    return {name: value for name, value in said.items() if value is not None}


@pytest.mark.parametrize("quick", [False, True], ids=["slow agents", "quick agents"])
@pytest.mark.parametrize("channel", get_args(Channel))
def test_each_sample_becomes_what_its_entry_says(
    channel: Channel,
    quick: bool,
    inputs: list[Input],
    manifest: dict[str, Entry],
    rulebook: RulebookActivated,
) -> None:
    """Parser and triage do with every sample what the manifest says, however quick agents are."""
    desk, parse = Desk(rulebook, quick=quick), reader(channel)
    wrong = []
    for second, one in enumerate(one for one in inputs if one.channel == channel):
        entry, at = manifest[one.name], NOON + timedelta(seconds=second)
        fate = desk.fate(one.name, parse(one, at), at)
        if fate != wanted(entry):
            wrong.append(f"{one.name} ({entry.what}): expected {wanted(entry)}, became {fate}")
    assert not wrong, "\n".join(wrong)


def test_every_input_has_an_entry_and_every_entry_an_input(
    inputs: list[Input], manifest: dict[str, Entry]
) -> None:
    """Neither an input nor an entry stands alone, and they agree on the channel."""
    assert {one.name: one.channel for one in inputs} == {
        name: entry.channel for name, entry in manifest.items()
    }
    assert not read(SAMPLES).skipped


def test_what_is_refused_is_what_is_forged(inputs: list[Input], manifest: dict[str, Entry]) -> None:
    """An input is refused exactly if it goes out with a wrong signature."""
    refused = {name for name, entry in manifest.items() if entry.refused}
    assert refused == {one.name for one in inputs if one.forged}


@pytest.mark.parametrize("channel", get_args(Channel))
def test_defects_are_noted_where_the_manifest_says(
    channel: Channel, inputs: list[Input], manifest: dict[str, Entry]
) -> None:
    """What is wrong with a sample is noted by its parser; of a sound one nothing is."""
    parse = reader(channel)
    for second, one in enumerate(one for one in inputs if one.channel == channel):
        for found in parse(one, NOON + timedelta(seconds=second)):
            if isinstance(found, Parsed):
                noted = bool(found.request.defects)
                assert noted == manifest[one.name].defects, (one.name, found.request.defects)


@pytest.mark.parametrize("channel", get_args(Channel))
def test_no_character_of_a_sample_is_lost(channel: Channel, inputs: list[Input]) -> None:
    """Whatever the charset, and whatever its label: what customers wrote is read in full."""
    parse = reader(channel)
    for second, one in enumerate(one for one in inputs if one.channel == channel):
        for found in parse(one, NOON + timedelta(seconds=second)):
            if isinstance(found, Parsed):
                said = (found.request.sender.name, found.request.subject, found.request.text)
                assert "\ufffd" not in "".join(filter(None, said)), (one.name, said)


def test_the_samples_show_every_kind(manifest: dict[str, Entry]) -> None:
    """All channels, fates, queues with rules, tiers, and each sign of a machine occur."""
    totals = expected(manifest)
    assert sum(totals["received"].values()) >= LEAST_REQUESTS
    assert all(totals["received"].values())
    assert all(totals[name] for name in ("duplicates", "tickets", "acks", "deadletters", "refused"))
    queues = {entry.queue for entry in manifest.values() if entry.queue}
    assert queues == {"billing", "complaints", "repairs", "callbacks", "machine-mail"}
    types = {entry.type for entry in manifest.values() if entry.type}
    assert types == {"inquiry", "complaint", "repair"}
    assert set(totals["acks_withheld"]) >= {
        *(Withheld.DSN, Withheld.AUTO_REPLY, Withheld.LOOP, Withheld.NO_REPLY, Withheld.LIST),
        *(Withheld.BULK, Withheld.SHORT_CODE, Withheld.OPTED_OUT, Withheld.REPEATED_TEXT),
    }
    assert set(totals["filed"]) == {"history", "opt-out", "opt-in", "receipt", "command"}
    assert {"joins", "opens", "filed"} <= {entry.ticket for entry in manifest.values()}
    vip = Counter(entry.channel for entry in manifest.values() if entry.tier == "vip")
    assert vip.keys() >= {"email", "sms", "chat"}


def test_customers_write_three_scripts_and_calls_end_in_every_way(inputs: list[Input]) -> None:
    """Simplified and traditional Chinese and English occur, and every outcome of a call."""
    languages, outcomes = set(), set()
    readers = {channel: reader(channel) for channel in get_args(Channel)}
    for second, one in enumerate(inputs):
        for found in readers[cast("Channel", one.channel)](one, NOON + timedelta(seconds=second)):
            if isinstance(found, Parsed):
                languages.add(found.request.language)
                outcomes.add(found.request.call.outcome if found.request.call else None)
    assert languages >= {"zh-Hans", "zh-Hant", "en"}
    assert outcomes >= {"answered", "abandoned", "timeout", "transferred", "voicemail", "failed"}


def test_totals_follow_from_the_entries() -> None:
    """Each fate is counted under the summary's name, and a reason by itself."""
    common: dict[str, Any] = {"channel": "sms", "what": "", "sender": ""}
    entries = [
        Entry(**common, ticket="opens", queue="a", ack="sent"),
        Entry(**common, ticket="opens", queue="a", ack="list"),
        Entry(**common, ticket="opens", queue="a", ack="none"),
        Entry(**common, ticket="joins", joined="0"),
        Entry(**common, ticket="filed", reason="receipt"),
        Entry(**common, duplicate=True),
        Entry(**common, deadletter=True),
        Entry(**common, refused=True),
        Entry(**common),
    ]
    assert expected({str(number): one for number, one in enumerate(entries)}) == {
        "received": {"email": 0, "sms": 6, "chat": 0, "hotline": 0},
        "duplicates": 1,
        "tickets": 3,
        "acks": 1,
        "acks_withheld": {"list": 1},
        "filed": {"receipt": 1},
        "deadletters": 1,
        "refused": 1,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"a.eml": {channel: email, what: w, sender: s, tikcet: opens}', "tikcet"),
        ('"a.eml": {channel: fax, what: w, sender: s}', "fax"),
        ('"a.eml": {channel: email', "expected"),
        (None, "No such file"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_reason(
    text: str | None, said: str, tmp_path: Path
) -> None:
    """A misspelt field, an unknown channel, no YAML, or no file: the error names it."""
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(Malformed, match=said):
        load(tmp_path)
