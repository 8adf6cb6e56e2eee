"""Calls out of Asterisk's `queue_log`. Pure: lines in, requests out; no I/O, no clock.

A call is its lines put together: ENTERQUEUE opens it, an event of `queue_log.ENDINGS` ends it, and
then it is a `CustomerRequest` of kind `call`, received at the time of the line that ended it.
A caller who enters a second queue is a second call with the same `call.id`. Lines of members,
pauses and configuration are no customer's and yield nothing (`docs/channels-hotline.md`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

from channels import phone
from channels.draft import Defects, anonymous, finish
from channels.errors import Malformed
from channels.hotline.queue_log import ENDINGS, Ending, Line, durations, read
from channels.identity import request_id
from channels.parsed import Parsed, Unreadable
from channels.request import Call, CustomerRequest, Outcome, Recipient, Sender

LONGEST_CALL = timedelta(days=1)
"""A call whose end the log does not show within this time is given up, with a defect."""

MOST_OPEN_CALLS = 10_000
"""More than so many callers do not wait at once; beyond it the oldest call is given up."""

_VOICEMAIL = re.compile(r"voicemail|^\*9[78]|^vm[a-z]?\d+(?:@|$)", re.IGNORECASE)
_WITHHELD = frozenset({"", "anonymous", "unknown", "restricted", "private", "unavailable"})

Found = list[Parsed | Unreadable]


@dataclass(slots=True)
class OpenCall:
    """A call that has not ended: its first line, and who took it.

    `raw` holds the lines that made it what it is: fed again, they make it again.
    """

    entered: Line
    raw: list[bytes]
    known_from_start: bool = True
    connected: Line | None = None
    defects: Defects = field(default_factory=Defects)


class Assembler:
    """Puts the lines of one `queue_log` together; `region` reads numbers without country code."""

    def __init__(self, account: str, region: str | None = None) -> None:
        self._account = account
        self._region = region
        self._open: dict[str, OpenCall] = {}  # by call id, the oldest first
        self._at = datetime.min.replace(tzinfo=UTC)  # the time of the last line

    def feed(self, line: bytes, offset: int) -> Found:
        """Take the next line, which stands at `offset` (octets); return what has become complete.

        Never raises. A line that is none is `Unreadable` at `offset N`; an empty one is nothing.
        """
        if not line.strip(b"\0\r\n\t "):
            return []
        try:
            found = read(line)
        except Malformed as error:
            return [Unreadable(f"offset {offset}", str(error), line)]
        self._at = found.at
        return [*self._give_up_old(), *self._take(found, line)]

    def open_calls(self) -> tuple[OpenCall, ...]:
        """The calls that have not ended, the oldest first."""
        return tuple(self._open.values())

    def finish(self, problem: str) -> Found:
        """Give up every open call at the time of the last line, for the reason `problem`."""
        return [self._give_up(call, problem) for call in tuple(self._open)]

    def _take(self, line: Line, raw: bytes) -> Found:
        if line.event == "QUEUESTART":
            return self.finish("Asterisk started anew before the call's end was logged")
        if line.call is None:
            return []
        if line.event == "ENTERQUEUE":
            return self._enter(line.call, line, raw)
        ending = ENDINGS.get(line.event)
        if ending is not None:
            return self._end(line.call, line, raw, ending)
        return self._connect(line.call, line, raw) if line.event == "CONNECT" else []

    def _enter(self, call: str, line: Line, raw: bytes) -> Found:
        found: Found = []
        if call in self._open:
            found.append(self._give_up(call, "the caller entered a queue again"))
        return [*found, *self._begin(call, OpenCall(line, [raw]))]

    def _connect(self, call: str, line: Line, raw: bytes) -> Found:
        found: Found = []
        if call not in self._open:
            found = self._begin(call, OpenCall(line, [], known_from_start=False))
        known = self._open[call]
        known.connected = line
        # The first line makes the call what it is; of those who took it, the last one counts.
        del known.raw[1:]
        known.raw.append(raw)
        return found

    def _begin(self, call: str, begun: OpenCall) -> Found:
        found: Found = []
        if len(self._open) >= MOST_OPEN_CALLS:
            oldest = next(iter(self._open))
            found.append(self._give_up(oldest, f"over {MOST_OPEN_CALLS} calls open"))
        self._open[call] = begun
        return found

    def _end(self, call: str, line: Line, raw: bytes, ending: Ending) -> Found:
        known = self._open.pop(call, None)
        if known is None:
            known = OpenCall(line, [], known_from_start=False)
        known.raw.append(raw)
        if len(line.data) < ending.parameters:
            expected = f"expected {ending.parameters} parameters, found {len(line.data)}"
            known.defects.add(line.event, expected)
        return [self._request(known, line, ending)]

    def _give_up_old(self) -> Found:
        # Calls stand in the order of their first lines, and so of age.
        found: Found = []
        while self._open:
            call, oldest = next(iter(self._open.items()))
            if self._at - oldest.entered.at <= LONGEST_CALL:
                break
            found.append(self._give_up(call, "no end was logged within a day"))
        return found

    def _give_up(self, call: str, problem: str) -> Parsed:
        known = self._open.pop(call)
        known.defects.add("call", problem)
        return self._request(known, replace(known.entered, at=self._at, event="", data=()), None)

    def _request(self, known: OpenCall, last: Line, ending: Ending | None) -> Parsed:
        external_id = f"{known.entered.call}:{known.entered.queue}:{known.entered.epoch}"
        return finish(
            CustomerRequest(
                id=request_id("hotline", self._account, external_id),
                channel="hotline",
                account=self._account,
                external_id=external_id,
                kind="call",
                sender=self._caller(known, external_id),
                recipients=(Recipient(address=known.entered.queue),) if known.entered.queue else (),
                received_at=last.at,
                call=_call(known, last, ending),
                attributes=_attributes(last),
            ),
            known.defects,
            b"".join(raw.rstrip(b"\r\n") + b"\n" for raw in known.raw),
            {},
        )

    def _caller(self, known: OpenCall, external_id: str) -> Sender:
        """ENTERQUEUE(url|callerid|origposition[|calleridname])."""
        known.defects.add("line", known.entered.problem)
        if not known.known_from_start:
            known.defects.add("caller", "the log does not show how the call began")
            return Sender(address=anonymous(external_id))
        _, number, _, name = (*known.entered.data, *[""] * 4)[:4]
        name = "|".join((name, *known.entered.data[4:])).strip()
        if number.strip().lower() in _WITHHELD:
            known.defects.add("caller", "no number: withheld, or not logged")
            return Sender(address=anonymous(external_id), name=name or None)
        address = phone.normalize(number, self._region) or phone.bare(number) or number.strip()
        return Sender(address=address, name=name or None)


def _call(known: OpenCall, last: Line, ending: Ending | None) -> Call:
    wait, talk = durations(last, ending) if ending else (None, None)
    answered_at = known.connected.at if known.connected else None
    waited = (answered_at or last.at) - known.entered.at
    if wait is None and known.known_from_start:
        wait = max(0.0, waited.total_seconds())
    if talk is None and answered_at is not None and ending is not None:
        talk = max(0.0, (last.at - answered_at).total_seconds())
    agent = last.agent or (known.connected.agent if known.connected else None)
    return Call(
        id=known.entered.call or "",
        queue=known.entered.queue or None,
        agent=agent,
        outcome=_outcome(known, last, ending),
        wait_seconds=wait,
        talk_seconds=talk,
        started_at=known.entered.at if known.known_from_start else None,
    )


def _outcome(known: OpenCall, last: Line, ending: Ending | None) -> Outcome:
    if ending is None:
        return "answered" if known.connected else "failed"
    if ending.outcome == "transferred" and _VOICEMAIL.search(_destination(last)):
        return "voicemail"
    return ending.outcome


def _destination(last: Line) -> str:
    """TRANSFER and BLINDTRANSFER (extension|context|…)."""
    return "@".join(last.data[:2]) if last.event in {"TRANSFER", "BLINDTRANSFER"} else ""


def _attributes(last: Line) -> dict[str, str]:
    named: dict[str, str] = {
        "event": last.event,
        "transferred_to": _destination(last),
        "key": last.data[0] if last.event == "EXITWITHKEY" and last.data else "",
    }
    return {name: value for name, value in named.items() if value}


def parse_lines(
    lines: Iterable[bytes], *, account: str, region: str | None = None
) -> Iterator[tuple[int, Parsed | Unreadable]]:
    """All calls of a whole `queue_log`, each with the number of the line that completed it.

    A call that has not ended at the end of the file is given up there, with a defect, so that no
    caller is forgotten. `Unreadable.where` is `line N`, counted from 1.
    """
    assembler = Assembler(account, region)
    offset = number = 0
    for number, line in enumerate(lines, start=1):
        for one in assembler.feed(line, offset):
            if isinstance(one, Unreadable):
                yield number, replace(one, where=f"line {number}")
            else:
                yield number, one
        offset += len(line)
    for one in assembler.finish("the file ends before the call's end is logged"):
        yield number, one


def parse(raw: bytes, *, account: str, region: str | None = None) -> Found:
    """Like `parse_lines`, of the file's bytes."""
    found = parse_lines(BytesIO(raw), account=account, region=region)
    return [one for _, one in found]
