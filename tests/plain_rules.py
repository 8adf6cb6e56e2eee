"""A rulebook decided by a plain loop over its YAML data: what the index is held against.

Written from docs/rules.md, for tests alone. Nothing is indexed: each route is tried in its order,
each keyword looked for by itself, each regex searched by itself. Only what depends on a text or a
keyword alone is remembered, so that thousands of texts take seconds.
"""

import csv
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from io import StringIO
from math import inf
from typing import Any, NamedTuple

import opencc
import re2
import yaml
from confusable_homoglyphs import confusables

from rules.decision import Decision, Facts, Waiting

DECIDED = ("queue", "type", "priority", "skills", "sla", "ack", "tags", "rule", "drop")

Open = Callable[[str, datetime], bool]
"""Whether a calendar is open at an instant: business time has a naive twin of its own."""

Expressions = Mapping[str, Callable[[Facts], bool]]
"""What each `cel` expression says, in Python."""


class Sought(NamedTuple):
    """A keyword: what must be in a folded text, and at which of its ends a word must end too."""

    core: str
    begins: bool
    ends: bool


class PlainRules:
    """A rulebook as plain data, which decides route by route."""

    def __init__(
        self,
        data: Mapping[str, Any],
        files: Mapping[str, str],
        *,
        is_open: Open,
        expressions: Expressions | None = None,
    ) -> None:
        self.data = data
        self._lists = {
            name: list(_words(one, files)) for name, one in data.get("lists", {}).items()
        }
        self._is_open = is_open
        self._expressions = expressions or {}
        self._sought: dict[int, list[Sought]] = {}

    # -- conditions

    def holds(self, when: Mapping[str, Any], facts: Facts) -> bool:
        """Whether a condition holds: all of its clauses."""
        return all(self._clause(name, wanted, facts) for name, wanted in when.items())

    def _clause(self, name: str, wanted: Any, facts: Facts) -> bool:  # noqa: C901, PLR0911, PLR0912 - a case a word
        request = facts.request
        match name:
            case "any":
                return any(self.holds(one, facts) for one in wanted)
            case "all":
                return all(self.holds(one, facts) for one in wanted)
            case "not":
                return not self.holds(wanted, facts)
            case "condition":
                return any(
                    self.holds(self.data["conditions"][one], facts) for one in listed(wanted)
                )
            case "text":
                return self._says(wanted, request.text)
            case "subject":
                return self._says(wanted, request.subject or "")
            case "tier":
                return facts.tier in listed(wanted)
            case "language":
                return any(speaks(one, facts.language) for one in listed(wanted))
            case "sender":
                return any(from_sender(one, request.sender.address) for one in listed(wanted))
            case "sender_list":
                known = [one for name in listed(wanted) for one in self._lists[name]]
                return any(from_sender(one, request.sender.address) for one in known)
            case "recipient":
                addresses = [to.address for to in request.recipients]
                return any(from_sender(one, to) for one in listed(wanted) for to in addresses)
            case "customer":
                return is_one(facts.customer, wanted)
            case "automatic":
                return is_one(request.automatic, wanted)
            case "call_outcome":
                return request.call is not None and request.call.outcome in listed(wanted)
            case "hours":
                return all(
                    self._is_open(calendar, facts.at) is (state == "open")
                    for calendar, state in wanted.items()
                )
            case "attributes":
                there = {**request.attributes, **facts.attributes}
                return all(
                    compares(values, there.get(key), facts.at)
                    if isinstance(values, dict)
                    else any(same(there.get(key), one) for one in listed(values))
                    for key, values in wanted.items()
                )
            case "attachments":
                return has_files(wanted, facts)
            case "previous_tickets":
                return has_written(wanted, facts)
            case "queues":
                return all(
                    is_full(state, facts.queues.get(queue, Waiting(0)), facts.at)
                    for queue, state in wanted.items()
                )
            case "cel":
                return self._expressions[wanted](facts)
            case "channel" | "account" | "kind":
                return getattr(request, name) in listed(wanted)
            case _:
                raise LookupError(f"the plain loop has no word {name!r}")

    def _says(self, match: Mapping[str, Any], text: str) -> bool:
        """Whether one of the keywords, of the lists' words, or of the regexes is in a text."""
        text = text[:100_000].encode("utf-8", "replace").decode()
        folded = plain_fold(text)
        seen = alike(folded) if match.get("lookalikes", False) else folded
        for one in self._sought.get(id(match)) or self._words(match):
            if one[0] in seen and stands(one, seen, folded):
                return True
        return any(re2_finds(pattern, text) for pattern in listed(match.get("regex", [])))

    def _words(self, match: Mapping[str, Any]) -> list[Sought]:
        """The keywords and the lists' words of one condition; `data` keeps it, so its id stays."""
        looks = match.get("lookalikes", False)
        lists = (self._lists[name] for name in listed(match.get("lists", [])))
        words = [*listed(match.get("keywords", [])), *(word for one in lists for word in one)]
        self._sought[id(match)] = [sought(word, looks=looks) for word in words]
        return self._sought[id(match)]

    # -- routes

    def decision(self, facts: Facts) -> dict[str, Any]:
        """What a loop over the routes decides: the fields of `DECIDED`."""
        decided: dict[str, Any] = {"type": None, "priority": 0, "ack": None}
        decided |= self.data.get("defaults", {})
        decided |= {"skills": {}, "tags": (), "sla": None, "drop": None}
        for route in self.data["routes"]:
            if not (in_force(route, facts) and self.holds(route.get("when", {}), facts)):
                continue
            action = dict(route["then"])
            decided["skills"] |= action.pop("skills", {})
            decided["tags"] = tuple(dict.fromkeys((*decided["tags"], *action.pop("tags", ()))))
            decided |= action
            if not decided.pop("continue", False):
                return self._completed({**decided, "rule": route["id"]}, facts)
        raise LookupError("no route matched")

    def _completed(self, decided: dict[str, Any], facts: Facts) -> dict[str, Any]:
        """What no route says comes from the tier, the type, the defaults, the last route."""
        tier = self.data.get("tiers", {}).get(facts.tier, {})
        kind = self.data["types"][decided["type"]] if decided["type"] else {}
        usual = self.data.get("defaults", {})
        return {
            **decided,
            "queue": decided.get("queue") or self.data["routes"][-1]["then"].get("queue", ""),
            "priority": min(9, decided["priority"] + tier.get("priority", 0)),
            "sla": decided["sla"] or tier.get("sla") or kind.get("sla") or usual.get("sla"),
        }


def agrees(plain: PlainRules, decision: Decision, facts: Facts) -> tuple[Any, Any] | None:
    """None where the index decided what the loop decides; else both, as far as they differ."""
    expected = plain.decision(facts)
    if all(getattr(decision, name) == expected[name] for name in DECIDED):
        return None
    differ = [name for name in DECIDED if getattr(decision, name) != expected[name]]
    return {name: getattr(decision, name) for name in differ}, {
        name: expected[name] for name in differ
    }


def plain_data(files: Mapping[str, str]) -> dict[str, Any]:
    """The rulebook in `files` as YAML has it: sections united, lists appended."""
    whole: dict[str, Any] = {}
    for name in sorted(files):
        if not name.endswith(".yaml") or name.startswith("calendars/"):
            continue
        for section, value in (yaml.safe_load(files[name]) or {}).items():
            if section == "include":
                raise LookupError("the plain loop knows no `include`")
            known = whole.setdefault(section, type(value)())
            if isinstance(value, list):
                known.extend(value)
            else:
                known.update(value)
    return whole


def _words(words: Any, files: Mapping[str, str]) -> Iterator[str]:
    """A list's words: written in it, or in a file."""
    if not isinstance(words, dict):
        yield from words
        return
    yield from words.get("entries", [])
    text = files.get(words.get("file", ""), "")
    if "column" in words:
        yield from (row[words["column"]] for row in csv.DictReader(StringIO(text, newline="")))
        return
    lines = map(str.strip, text.splitlines())
    yield from (line for line in lines if line and not line.startswith("#"))


def in_force(route: Mapping[str, Any], facts: Facts) -> bool:
    """Whether a route is in force at the request's instant, and for its share of the requests."""
    if not route.keys() & {"from", "until", "rollout"}:
        return True
    named = f"{route['id']}/{facts.request.id}".encode()
    drawn = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()) / 2**64
    share = float(str(route.get("rollout", "100%")).rstrip("%")) / 100
    return _instant(route.get("from"), -1) <= facts.at < _instant(route.get("until"), 1) and (
        drawn < share
    )


def _instant(value: Any, otherwise: int) -> datetime:
    """An instant; what is not given is long ago, or far ahead."""
    if value is None:
        return datetime(2000 + 500 * otherwise, 1, 1, tzinfo=UTC)
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


# -- texts


@cache
def simplified(text: str) -> str:
    """Traditional characters as simplified ones, one by one."""
    return "".join(_converter().convert(one) for one in text)


@cache
def _converter() -> opencc.OpenCC:
    """OpenCC, read once."""
    return opencc.OpenCC("t2s")


CHINESE = "⺀-鿿豈-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese: between two of these a blank or a line break means nothing."""


@cache
def invisible(one: str) -> bool:
    """Whether a character shows nothing (Unicode's Default_Ignorable_Code_Point, nearly)."""
    fillers = (
        "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0"
        "\U000e0100-\U000e01ef]"
    )
    return unicodedata.category(one) == "Cf" or re.match(fillers, one) is not None


@lru_cache(maxsize=65_536)
def plain_fold(text: str) -> str:
    """The definition: no tables, no way back to the original; what is folded stays as it is."""
    visible = "".join(one for one in text if not invisible(one))
    folded = unicodedata.normalize("NFKC", visible).casefold()
    for curly, straight in (("‘’‚‛ʼ′", "'"), ("“”„‟″", '"'), ("‐‑‒–—―−", "-")):
        folded = re.sub(f"[{curly}]", straight, folded)
    folded = re.sub(r"\s+", " ", "".join(map(simplified, folded)))
    folded = re.sub(f"(?<=[{CHINESE}]) (?=[{CHINESE}])", "", folded)
    return folded if folded == text else plain_fold(folded)


@lru_cache(maxsize=65_536)
def alike(text: str) -> str:
    """Folded text with each character that looks like one Latin letter as that letter."""
    return "".join(map(_letter, text))


@cache
def _letter(one: str) -> str:
    if one.isspace() or "a" <= one <= "z":
        return one
    known = confusables.confusables_data.get(one, [])
    letters = [other["c"] for other in known if re.fullmatch("[A-Za-z]", other["c"])]
    return letters[0].lower() if letters else one


_WORD = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0010ffff]"
)


@cache
def in_words(character: str) -> bool:
    """Whether a character continues a word of a script that has words."""
    return _WORD.match(character) is not None


@cache
def sought(keyword: str, *, looks: bool) -> Sought:
    """A Latin keyword as a whole word, a Chinese one anywhere; a star lets a word go on."""
    wanted = plain_fold(keyword).strip()
    joined_before = wanted.startswith("*")
    joined_after = wanted.endswith("*") and not wanted.endswith("\\*")
    wanted = wanted.removeprefix("*") if joined_before else wanted
    wanted = (wanted[:-1] if joined_after else wanted).replace("\\*", "*").strip()
    return Sought(alike(wanted) if looks else wanted, not joined_before, not joined_after)


def stands(one: Sought, seen: str, folded: str) -> bool:
    """Whether what is sought stands somewhere in a text as it is compared.

    Where words end is seen in the folded text, in which every character has the same place.
    """
    core, begins, ends = one
    start = seen.find(core) if core else -1
    while start >= 0:
        end = start + len(core)
        before = begins and start > 0 and in_words(folded[start - 1]) and in_words(folded[start])
        after = ends and in_words(folded[end - 1]) and in_words(folded[end : end + 1])
        if not before and not after:
            return True
        start = seen.find(core, start + 1)
    return False


def has_keyword(text: str, keyword: str) -> bool:
    """Whether a keyword is in a text as it is written."""
    folded = plain_fold(text)
    return stands(sought(keyword, looks=False), folded, folded)


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def re2_finds(pattern: str, text: str) -> bool:
    """One RE2 pattern in the original text."""
    return _compiled(pattern).search(text) is not None


# -- everything else


def listed(value: Any) -> list[Any]:
    """One as a list of one."""
    return value if isinstance(value, list) else [value]


def is_one(value: str | None, wanted: Any) -> bool:
    """Whether there is something, or which it is."""
    return (value is not None) is wanted if isinstance(wanted, bool) else value in listed(wanted)


def from_sender(wanted: str, address: str) -> bool:
    """An address, a domain, or the beginning of an address."""
    if wanted.endswith("*"):
        return address.startswith(wanted[:-1])
    return address == wanted or (wanted.startswith("@") and address.endswith(wanted))


def speaks(wanted: str, language: str | None) -> bool:
    """A language, or the macro language of it."""
    return language is not None and (language == wanted or language.startswith(f"{wanted}-"))


def has_files(wanted: Any, facts: Facts) -> bool:
    """Whether there are such files."""
    files = facts.request.attachments
    if isinstance(wanted, bool):
        return bool(files) is wanted
    types, names = (listed(wanted.get(key, "*")) for key in ("type", "name"))
    found = [
        one
        for one in files
        if any(fnmatchcase(one.media_type, pattern) for pattern in types)
        and any(fnmatchcase((one.name or "").lower(), pattern.lower()) for pattern in names)
        and one.size > wanted.get("larger_than", -1)
    ]
    return bool(len(found) >= wanted.get("at_least", 1))


def has_written(wanted: Any, facts: Facts) -> bool:
    """Whether the address has had so many tickets before."""
    if isinstance(wanted, bool):
        return bool(facts.previous) is wanted
    within = seconds(wanted["within"]) if "within" in wanted else inf
    count = sum((facts.at - one).total_seconds() <= within for one in facts.previous)
    least = wanted.get("at_least", 0 if "at_most" in wanted else 1)
    return bool(least <= count <= wanted.get("at_most", inf))


def is_full(wanted: Mapping[str, Any], state: Waiting, at: datetime) -> bool:
    """Whether so many wait in a queue, or one for so long."""
    waited = (at - state.oldest).total_seconds() if state.oldest else -1
    return bool(
        ("waiting" in wanted and state.tickets >= wanted["waiting"])
        or ("oldest" in wanted and waited >= seconds(wanted["oldest"]))
    )


def seconds(duration: str) -> float:
    """`1h30m` in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([smhd])", duration))


def same(one: Any, other: Any) -> bool:
    """True is not 1, 7 is "7"."""
    return isinstance(one, str | int | float) and written(one) == written(other)


def written(value: Any) -> str:
    """A value as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def compares(wanted: Mapping[str, Any], value: Any, at: datetime) -> bool:
    """A comparison of an attribute: all that it says."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    texts = [plain_fold(written(one)) for one in items]
    number, age = _number(value), _age(value, at)
    said: dict[str, Callable[[Any], bool]] = {
        "present": lambda it: (value not in (None, "")) is it,
        "is_not": lambda it: not any(written(x) == written(y) for x in items for y in listed(it)),
        "contains": lambda it: any(plain_fold(x) in one for one in texts for x in listed(it)),
        "starts_with": lambda it: any(
            one.startswith(plain_fold(x)) for one in texts for x in listed(it)
        ),
        "more_than": lambda it: number is not None and number > it,
        "at_least": lambda it: number is not None and number >= it,
        "less_than": lambda it: number is not None and number < it,
        "at_most": lambda it: number is not None and number <= it,
        "older_than": lambda it: age is not None and age > timedelta(seconds=seconds(it)),
        "newer_than": lambda it: age is not None and age <= timedelta(seconds=seconds(it)),
    }
    return all(said[name](it) for name, it in wanted.items())


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _age(value: Any, at: datetime) -> timedelta | None:
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at - (instant if instant.tzinfo else instant.replace(tzinfo=UTC))
