"""What the demo sends: inputs read from a folder, by what the files are. Decides nothing else.

`*.eml`, `*.msg`, `*.mbox` are mails; `*.form` Twilio form bodies (`*.forged.form` goes out with a
wrong signature); `*.jsonl` web-chat messages (`id`, `from`, `text`), one a line; `queue_log*` lines
of Asterisk. Files in which there is nothing of the kind are counted as skipped, never sent.
`manifest.yaml` says what the samples are and is passed over.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from channels.errors import Malformed

MAIL = frozenset({".eml", ".msg", ".mbox"})
MANIFEST = "manifest.yaml"


@dataclass(frozen=True)
class Input:
    """One thing to be sent: `raw` goes out as it is; `forged` says with a wrong signature."""

    channel: str
    name: str
    raw: bytes
    sender: str = ""
    forged: bool = False


@dataclass
class Traffic:
    """All inputs in the order in which they are sent, and what was not understood."""

    inputs: list[Input] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def read(folder: Path) -> Traffic:
    """The traffic in `folder`, its channels interleaved. Raises `Malformed` when there is none."""
    if not folder.is_dir():
        raise Malformed(f"{folder}: no such folder")
    traffic = Traffic()
    by_channel: dict[str, list[Input]] = {}
    for path in sorted(path for path in folder.rglob("*") if _may_be_input(path)):
        found = list(_inputs(path, path.relative_to(folder).as_posix()))
        if not found:
            traffic.skipped[path.suffix or "no ending"] += 1
        for one in found:
            by_channel.setdefault(one.channel, []).append(one)
    if not by_channel:
        raise Malformed(f"{folder}: no .eml, .form, .jsonl or queue_log file in it")
    traffic.inputs = _interleaved(list(by_channel.values()))
    return traffic


def _may_be_input(path: Path) -> bool:
    return path.is_file() and path.name != MANIFEST


def _interleaved(channels: list[list[Input]]) -> list[Input]:
    """Each channel evenly over the whole, its own order kept."""
    placed = [
        ((index + 0.5) / len(inputs), number, one)
        for number, inputs in enumerate(channels)
        for index, one in enumerate(inputs)
    ]
    return [one for _, _, one in sorted(placed, key=lambda entry: entry[:2])]


def _inputs(path: Path, name: str) -> Iterator[Input]:
    if path.suffix in MAIL:
        yield Input("email", name, path.read_bytes())
    elif path.suffix == ".form":
        raw = path.read_bytes().strip()
        forged = path.name.endswith(".forged.form")
        yield Input("sms", name, raw, _from(raw), forged=forged)
    elif path.suffix == ".jsonl":
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            visitor = _visitor(line)
            if visitor is not None:
                yield Input("chat", f"{name}:{number}", line, visitor)
    elif path.name.startswith("queue_log"):
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            yield Input("hotline", f"{name}:{number}", line)


def _from(raw: bytes) -> str:
    return parse_qs(raw.decode("utf-8", "replace")).get("From", [""])[0]


def _visitor(line: bytes) -> str | None:
    """Who sits before the browser; None when the line is no message of the web chat's format."""
    try:
        data = json.loads(line)
    except ValueError:
        return None
    if not isinstance(data, dict) or not {"id", "from", "text"} <= data.keys():
        return None
    sender = data["from"]
    return str(sender.get("id") if isinstance(sender, dict) else sender) or None
