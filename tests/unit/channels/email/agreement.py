"""How far the parser agrees with the expected values of the shared data, by field and half.

    python -m tests.unit.channels.email.agreement ../shared/data

prints the table that `docs/channels-email.md` shows. The half is chosen by the file's name: rules
were developed on one, and the other was only counted.

Where the table's value is one that a request cannot or should not have, `agreement_rules.py` says
by which rule a mail agrees all the same. The last column counts without those rules, and what
agrees by them alone is listed in `disagreements.tsv` with the disagreements.
"""

import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from channels.email.parse import parse
from channels.request import Attachment, CustomerRequest
from tests.unit.channels.email.agreement_rules import RULES, Line, words

RECEIVED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_HEAD = b"Subject: s\nContent-Type: text/plain; charset=utf-8\n\n"
_TAG = re.compile(r"<[^<>]*>?")


@dataclass(frozen=True)
class Result:
    """One field of one mail: whether we agree, and what both sides say when not.

    `literal` is whether we agree without the rules of `agreement_rules.py`.
    """

    file: str
    field: str
    agrees: bool
    literal: bool
    disputed: bool = False
    said: str = ""

    @property
    def half(self) -> str:
        """`development` or `other`."""
        return half_of(self.file)


def half_of(file: str) -> str:
    """By the first octet of the SHA-256 of the file's name."""
    return "other" if hashlib.sha256(file.encode()).digest()[0] % 2 else "development"


def _sender(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    wanted, got = (expected["sender"] or "").lower(), request.sender.address
    elsewhere = any(d.where == "from" and "taken from" in d.problem for d in request.defects)
    if not wanted:
        return "" if not got or elsewhere else f"none / {got}"
    if "@" not in wanted:
        said = ((request.sender.name or "").lower(), got)
        return "" if wanted in said else f"{wanted} / {said}"
    return "" if got == wanted else f"{wanted} / {got}"


def _subject(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    wanted, got = words(expected["subject"]), words(request.subject)
    return "" if wanted == got else f"{wanted} / {got}"


def _text(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    full = words(request.full_text)
    missing = [one for one in expected.get("text_contains", []) if words(one) not in full]
    if not expected.get("text_contains"):
        # The table has the HTML itself, cut after 120 characters.
        full_html = full.replace(" ", "")
        wanted = [words(_TAG.sub(" ", one)) for one in expected.get("html_contains", [])]
        missing = [one for one in wanted if one.replace(" ", "") not in full_html]
    return f"{missing} / {full[:200]}" if missing else ""


def _attachments(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    left: list[Attachment] = list(request.attachments)
    missing = []
    for one in expected["attachments"]:
        found = next((a for a in left if _same(one, a)), None)
        if found is not None:
            left.remove(found)
        else:
            missing.append((one["name"], one["media_type"], one["size"]))
    if not missing and not left:
        return ""
    return f"{missing} / {[(a.name, a.media_type, a.size) for a in left]}"


def _same(expected: Line, got: Attachment) -> bool:
    return all(
        expected[name] is None or expected[name] == getattr(got, name)
        for name in ("name", "media_type", "size")
    )


def _reply(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    got = words(request.text)
    wanted = expected.get("reply_text")
    if wanted is not None and words(wanted) != got:
        return f"{words(wanted)} / {got}"
    missing = [one for one in expected.get("reply_contains", []) if words(one) not in got]
    kept = [one for one in expected.get("reply_lacks", []) if words(one) in got]
    signature = words(expected.get("signature_text"))
    if signature and signature in got:
        kept.append(signature)
    return f"lacks {missing}, keeps {kept} / {got}" if missing or kept else ""


def _recipient(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    wanted = (expected["failed_recipient"] or "").lower()
    got = [one["address"] for one in request.attributes.get("dsn", {}).get("recipients", [])]
    return "" if wanted in got else f"{wanted} / {got}"


def _status(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    got = request.attributes.get("dsn", {}).get("status")
    return "" if got == expected["status"] else f"{expected['status']} / {got}"


def _dsn(expected: Line, request: CustomerRequest, _raw: bytes) -> str:
    got = request.automatic
    return "" if got == expected["automatic"] else f"{expected['automatic']} / {got}"


def _has_headers(line: Line) -> bool:
    return "format" not in line and "signature_text" not in line


_REPLIES = ("reply_text", "reply_contains", "reply_lacks", "signature_text")
_FIELDS: Mapping[
    str, tuple[Callable[[Line], bool], Callable[[Line, CustomerRequest, bytes], str]]
] = {
    "sender": (_has_headers, _sender),
    "subject": (_has_headers, _subject),
    "text": (lambda line: bool(line.get("text_contains") or line.get("html_contains")), _text),
    "attachments": (lambda line: "attachments" in line, _attachments),
    "reply": (lambda line: any(name in line for name in _REPLIES), _reply),
    "dsn": (lambda line: line.get("automatic") == "dsn", _dsn),
    "failed recipient": (lambda line: bool(line.get("failed_recipient")), _recipient),
    "status": (lambda line: bool(line.get("status")), _status),
}


def raw_of(shared_data: Path, line: Line) -> bytes:
    """The mail of a line; a bare body gets plain headers."""
    raw: bytes = (shared_data / "email" / line["file"]).read_bytes()
    if "format" in line or "signature_text" in line:
        name = (line["sender"] or "").encode()
        raw = b"From: " + name + b" <a@example.org>\n" + _HEAD + raw
    return raw


def _parsed(raw: bytes) -> CustomerRequest:
    return parse(raw, account="a", received_at=RECEIVED_AT).request


def _lines(path: Path) -> Iterator[Line]:
    for line in path.read_text().splitlines():
        yield json.loads(line)


@cache
def results(shared_data: Path) -> tuple[Result, ...]:
    """Every comparison of both tables."""
    return tuple([*_expected(shared_data), *_machines(shared_data)])


def _expected(shared_data: Path) -> Iterator[Result]:
    for line in _lines(shared_data / "cases/email_expected.jsonl"):
        raw = raw_of(shared_data, line)
        request = _parsed(raw)
        for field, (applies, compare) in _FIELDS.items():
            if applies(line):
                literal = compare(line, request, raw)
                rule = RULES.get(field)
                said = compare(rule(line, request, raw), request, raw) if rule else literal
                disputed = bool(line.get("disputed"))
                yield Result(line["file"], field, not said, not literal, disputed, literal)


def _machines(shared_data: Path) -> Iterator[Result]:
    for line in _lines(shared_data / "cases/machines.jsonl"):
        request = _parsed(raw_of(shared_data, line))
        wanted, got = line["automatic"], request.automatic
        said = f"{wanted} / {got}"
        # "true", "false" by whom: the verdict's four cases, from which both figures come.
        right = (wanted is None) == (got is None)
        yield Result(line["file"], "automatic", right, right, said=said)
        yield Result(line["file"], "label", wanted == got, wanted == got, said=said)


def verdicts(found: list[Result]) -> tuple[float, float]:
    """Precision and recall of "this is a machine's" among results of the field `automatic`."""
    pairs = [tuple(r.said.split(" / ")) for r in found if r.field == "automatic"]
    claimed = sum(got != "None" for _, got in pairs)
    true = sum(wanted != "None" for wanted, _ in pairs)
    both = sum("None" not in pair for pair in pairs)
    return both / claimed, both / true


def counted(found: list[Result], field: str) -> list[bool]:
    """Whether each result of `field` agrees; disputed mails are counted apart."""
    return [r.agrees for r in found if r.field == field and not r.disputed]


def share(found: list[Result], field: str) -> float:
    """The share of `counted` that agrees."""
    agreeing = counted(found, field)
    return sum(agreeing) / len(agreeing)


def table(shared_data: Path) -> str:
    """The agreement by field and half, as Markdown."""
    found = results(shared_data)
    halves: dict[str, list[Result]] = defaultdict(list)
    for one in found:
        halves[one.half].append(one)
    halves["all"] = list(found)
    rows = ["| | development half | other half | all | without rules |", "|---|---|---|---|---|"]
    for field in (*_FIELDS, "automatic", "label"):
        cells = [_cell(halves[half], field) for half in ("development", "other", "all")]
        cells.append(_literal_cell(found, field))
        rows.append(f"| {field} | {' | '.join(cells)} |")
    cells = [_disputed_cell(halves[half]) for half in ("development", "other", "all")]
    rows.append(f"| disputed, all fields | {' | '.join(cells)} | |")
    for index, name in enumerate(("precision", "recall")):
        shares = [verdicts(halves[half])[index] for half in ("development", "other", "all")]
        rows.append(f"| automatic: {name} | {' | '.join(f'{one:.1%}' for one in shares)} | |")
    return "\n".join(rows)


def _disputed_cell(found: list[Result]) -> str:
    agreeing = [r.agrees for r in found if r.disputed]
    return f"{sum(agreeing)} of {len(agreeing)}"


def _cell(found: list[Result], field: str) -> str:
    agreeing = counted(found, field)
    return f"{sum(agreeing)} of {len(agreeing)} ({share(found, field):.1%})"


def _literal_cell(found: Sequence[Result], field: str) -> str:
    literal = [r.literal for r in found if r.field == field and not r.disputed]
    return f"{sum(literal)} ({sum(literal) / len(literal):.1%})"


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1])) + "\n")
