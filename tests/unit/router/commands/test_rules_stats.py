"""`switchboard rules stats`: on files, and on what a router in virtual time has recorded."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channels.contract import encode
from channels.defaults import fill
from channels.errors import Malformed, Unavailable
from channels.identity import request_id
from router import bootstrap
from router.commands import rules
from router.core.events import CustomerChanged, TicketOpened
from router.edges.intake import request_message
from router.log.protocol import Envelope, Log, Message
from router.settings import Config
from router.topics import CUSTOMERS, TICKETS_EVENTS
from router.world import World
from rules.load import version
from rules.parts import Trigger

MONDAY = datetime(2027, 1, 4, 2, tzinfo=UTC)
"""Ten in the morning in the shop."""
HOUR = timedelta(hours=1)
BOOK = """\
calendars: {shop: {timezone: Asia/Shanghai, hours: {mon-fri: ["09:00-18:00"]}}}
pools: {p: {queues: [complaints, money, rest]}}
queues: {complaints: {}, money: {}, rest: {}}
tiers: {vip: {}, standard: {}}
routes:
  - {id: junk, when: {text: {keywords: casino}}, then: {drop: spam}}
  - {id: chinese, when: {language: zh}, then: {tags: [zh], continue: true}}
  - {id: complaint, name: 投诉, when: {text: {keywords: [投诉, angry]}}, then: {queue: complaints}}
  - {id: refund, when: {text: {keywords: [refund, 退款]}}, then: {queue: money}}
  - {id: order, when: {text: {keywords: order}, hours: {shop: closed}}, then: {queue: rest}}
  - {id: angry-refund, when: {text: {keywords: refund}, tier: vip}, then: {queue: complaints}}
  - {id: night, when: {hours: {shop: closed}}, then: {queue: rest}}
  - {id: sale, until: 2027-01-01T00:00:00Z, when: {text: {keywords: sale}}, then: {queue: rest}}
  - {id: fax, rollout: 10%, when: {text: {keywords: fax}}, then: {queue: rest}}
  - {id: default, then: {queue: rest}}
"""
LATER = BOOK.replace("[refund, 退款]", "[refund, 退款, money]").replace(
    "  - {id: sale",
    "  - {id: gift, when: {text: {keywords: gift}}, then: {queue: rest}}\n  - {id: sale",
)

DAYS = (
    (0, "x1", "refund"),
    (1, "x2", "我要投诉退款"),
    (2, "x3", "casino refund"),
    (3, "x4", "hello"),
    (11, "x5", "refund at night"),
    (24, "x6", "my order"),
    (25, "x7", "the sale"),
)
"""Hours since Monday morning, names, texts."""


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(rules.app, ["stats", *map(str, arguments)], input=stdin)


def report(*arguments: str | Path) -> dict[str, Any]:
    """What `--json` prints: one object."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception or result.output
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def routes(found: dict[str, Any], *fields: str) -> dict[str, tuple[Any, ...]]:
    """These fields of each route that had a say, was tried or overridden."""
    counts = ("won", "continued", "tried", "overridden")
    return {
        one["id"]: tuple(one[name] for name in fields)
        for one in found["routes"]
        if any(one[name] for name in counts)
    }


def request(hours: float, name: str, text: str, **fields: Any) -> dict[str, Any]:
    """A request, so many hours after Monday morning, of a customer of its own."""
    at = (MONDAY + hours * HOUR).isoformat()
    return {"external_id": name, "sender": name, "text": text, "received_at": at, **fields}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A rulebook's folder."""
    folder = tmp_path / "rulebook"
    folder.mkdir()
    (folder / "all.yaml").write_text(BOOK, encoding="utf-8")
    return folder


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """The days as lines, the last one first; one of them twice, and one that is a command."""
    lines = [request(*one) for one in (*DAYS, DAYS[0])]
    lines.append(request(5, "x8", "STOP", kind="command"))
    file = tmp_path / "requests.jsonl"
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in reversed(lines))
    file.write_text(text, encoding="utf-8")
    return file


# -- a file


def test_requests_of_a_file(book: Path, requests: Path) -> None:
    """Decided by a folder's rulebook; each once; what no rule is asked about is no decision."""
    found = report("--rulebook", book, "--input", requests)
    assert (found["decided"], found["decisions"], found["tickets"]) == ("anew", 7, 6)
    assert (found["filed"], found["undecided"]) == ({"spam": 1}, {"command": 1})
    assert (found["repeated"], found["unreadable"], found["missing"]) == (1, 0, 0)
    assert (found["default"], found["default_share"]) == (3, 0.4286)
    assert routes(found, "won", "continued", "tried", "overridden") == {
        "junk": (1, 0, 1, 0),
        "chinese": (0, 1, 1, 0),
        "complaint": (1, 0, 1, 0),
        "refund": (2, 0, 2, 2),
        "order": (0, 0, 1, 0),
        "night": (0, 0, 3, 1),
        "sale": (0, 0, 1, 0),
        "default": (3, 0, 3, 0),
    }
    assert routes(found, "queues", "filed")["junk"] == ({}, {"spam": 1})
    assert routes(found, "queues")["refund"] == ({"money": 2},)
    assert routes(found, "first", "last")["refund"] == (
        "2027-01-04T02:00:00Z", "2027-01-04T13:00:00Z",
    )  # fmt: skip
    assert found["never"] == ["order", "angry-refund", "night", "sale", "fax"]
    pairs = {(one["winner"], one["later"]): one["count"] for one in found["overlaps"]}
    assert pairs == {("complaint", "refund"): 1, ("junk", "refund"): 1, ("refund", "night"): 1}
    days = {one["day"]: (one["decisions"], one["default_share"]) for one in found["days"]}
    assert days == {"2027-01-04": (5, 0.2), "2027-01-05": (2, 1.0)}
    assert found["timezone"] == "Asia/Shanghai"


def test_what_it_costs(book: Path, requests: Path) -> None:
    """Every route that was tried, also for the explanation, and how often; the figures grow."""
    cost = report("--rulebook", book, "--input", requests)["cost"]
    assert cost["requests"] == 7
    tries = {one["id"]: (one["tries"], one["indexed"]) for one in cost["routes"]}
    assert tries == {
        "junk": (1, True), "chinese": (1, True), "complaint": (1, True), "refund": (4, True),
        "order": (1, True), "angry-refund": (3, True), "night": (7, False), "sale": (1, True),
        "default": (3, True),
    }  # fmt: skip
    assert 0 < cost["p50_microseconds"] <= cost["p99_microseconds"]
    assert 0 < cost["search_microseconds"] < cost["mean_microseconds"]
    spent = [one["microseconds_per_request"] for one in cost["routes"]]
    assert spent == sorted(spent, reverse=True)
    assert 0 < sum(one["share"] for one in cost["routes"]) < 1


def test_apart_from_the_time_it_is_the_same_each_time(book: Path, requests: Path) -> None:
    """Without measuring all of it is."""
    given = ("--rulebook", book, "--input", requests, "--measure", "0", "--json")
    first, again = run(*given), run(*given)
    assert first.stdout == again.stdout
    assert json.loads(first.stdout)["cost"] is None
    fewer = report("--rulebook", book, "--input", requests, "--measure", "3")
    assert (fewer["cost"]["requests"], fewer["decisions"]) == (3, 7)


def test_stdin(book: Path) -> None:
    """`-` is what comes in."""
    line = json.dumps(request(0, "x1", "refund"))
    result = run("--rulebook", book, "--input", "-", "--json", stdin=line)
    found = json.loads(result.stdout)
    assert (found["source"], found["decisions"]) == ("stdin", 1)
    error = run("--rulebook", book, "--input", "-", stdin="[]").exception
    assert str(error) == "stdin:1: expected a JSON object"


# -- for people


TABLES = """\
besides, no rule is asked about: 1 (command 1)
1 request came again: counted once
7 decisions from 2027-01-04 10:00 to 2027-01-05 11:00 (Asia/Shanghai)
6 tickets opened, 1 request filed without one (spam 1)
3 (42.9 %) fell to the default

Hits
won; or, with `continue`, added something and went on
rule        won      %   added   first              last               where to
───────────────────────────────────────────────────────────────────────────────────
default       3   42.9           2027-01-04 13:00   2027-01-05 11:00   rest 3
refund        2   28.6           2027-01-04 10:00   2027-01-04 21:00   money 2
junk          1   14.3           2027-01-04 12:00   2027-01-04 12:00   (spam) 1
chinese       0    0.0       1   2027-01-04 11:00   2027-01-04 11:00
complaint     1   14.3           2027-01-04 11:00   2027-01-04 11:00   complaints 1

Never hit
5 of 10 rules
rule           tried   would have matched   remark
────────────────────────────────────────────────────────────────────────
order              1                    0
angry-refund       0                    0
night              3                    1   'refund' came before it once
sale               1                    0   over since 2027-01-01 08:00
fax                0                    0   for 10 % of the requests

Overlaps
the first rule won where the later one would have matched too
won         would match too   times   and so                  for example the request
──────────────────────────────────────────────────────────────────────────────────────────────────
complaint   refund                1   complaints, not money   {x2}
junk        refund                1   (spam), not money       {x3}
refund      night                 1   money, not rest         {x5}

Fell to the default, by day
day          decisions   default       %
────────────────────────────────────────
2027-01-04           5         1    20.0
2027-01-05           2         2   100.0
"""


def lines_of(result: Result) -> list[str]:
    """What was printed, without the spaces at the ends of lines."""
    assert result.exit_code == 0, result.exception or result.output
    return [line.rstrip() for line in result.stdout.splitlines()]


def test_tables(book: Path, requests: Path) -> None:
    """All that is counted, in the time of the shop."""
    head, *found = lines_of(run("--rulebook", book, "--input", requests, "--measure", "0"))
    ids = {name: request_id("chat", "default", name) for name in ("x2", "x3", "x5")}
    assert head == f"{requests}: decided anew by {book}"
    assert found == TABLES.format(**ids).splitlines()


def test_tables_of_cost(book: Path, requests: Path) -> None:
    """The slowest ten, and what cannot be indexed with the clauses that are to blame."""
    found = lines_of(run("--rulebook", book, "--input", requests))
    (total,) = [line for line in found if line.startswith("a decision takes ")]
    assert total.endswith("; measured with 7 requests")
    slowest, unindexed = map(found.index, ("The slowest rules", "Rules that cannot be indexed"))
    names = [line.split()[0] for line in found[slowest + 4 : unindexed - 1]]
    assert set(names) == {
        "night", "order", "angry-refund", "refund", "default", "junk", "sale", "chinese",
        "complaint",
    }  # fmt: skip
    assert [line.split()[:2] for line in found[unindexed + 4 :]] == [["night", "7"]]
    assert found[-1].endswith("hours.shop")


def test_a_keyword_that_is_too_common(book: Path, tmp_path: Path) -> None:
    """Tried for eleven requests, matching one: with what it is tried for in vain, and how often."""
    words = BOOK.replace("keywords: order}", "keywords: [order, box, bag, cup, jar]}")
    (book / "all.yaml").write_text(words, encoding="utf-8")
    file = tmp_path / "in.jsonl"
    texts = ["my order", "my order: a cup"] * 5
    orders = [request(number / 2, f"o{number}", text) for number, text in enumerate(texts)]
    orders.append(request(11, "late", "my order"))
    file.write_text("\n".join(map(json.dumps, orders)))
    (seldom,) = report("--rulebook", book, "--input", file)["seldom"]
    assert seldom["id"] == "order"
    assert seldom["tried_for"][:2] == [
        {"field": "text", "how": "keyword", "value": "order", "count": 10},
        {"field": "text", "how": "keyword", "value": "cup", "count": 5},
    ]
    assert [one["count"] for one in seldom["tried_for"][2:]] == [0, 0, 0]
    found = lines_of(run("--rulebook", book, "--input", file))
    at = found.index("Tried often, matches seldom")
    assert found[at + 1].endswith("(how often in vain, of 11 requests)")
    *numbers, words = found[at + 4].split(maxsplit=4)
    assert numbers == ["order", "11", "1", "9.1"]
    assert words == ("text keyword order (10), text keyword cup (5), text keyword bag, … 2 more")


def test_what_comes_of_an_overlap(book: Path, tmp_path: Path) -> None:
    """Where the requests of both go; one that goes on would only have added something."""
    more = "  - {id: vips, when: {text: {keywords: angry}}, then: {tags: [a], continue: true}}\n"
    again = "  - {id: again, when: {text: {keywords: angry}}, then: {queue: complaints}}\n"
    text = BOOK.replace("  - {id: refund", f"{again}{more}  - {{id: refund")
    (book / "all.yaml").write_text(text, encoding="utf-8")
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(request(0, "x1", "angry")))
    found = report("--rulebook", book, "--input", file)["overlaps"]
    places = {one["later"]: (one["went_to"], one["would_go_to"]) for one in found}
    assert places == {"again": ("complaints",) * 2, "vips": ("complaints", "(goes on)")}
    lines = lines_of(run("--rulebook", book, "--input", file))
    at = lines.index("Overlaps")
    comes = [line.split(maxsplit=3)[3].rpartition("   ")[0] for line in lines[at + 4 : at + 6]]
    assert [one.strip() for one in comes] == ["complaints", "complaints, without what that adds"]


def test_what_may_explain_that_a_rule_was_never_hit(book: Path, tmp_path: Path) -> None:
    """It is not yet in force; and that nothing fell to the default is no fault of the default."""
    text = BOOK.replace("until: 2027-01-01", "from: 2027-06-01")
    (book / "all.yaml").write_text(text, encoding="utf-8")
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(request(0, "x1", "refund for the sale")))
    found = report("--rulebook", book, "--input", file)
    assert (found["default"], "default" in found["never"]) == (0, False)
    lines = lines_of(run("--rulebook", book, "--input", file))
    (sale,) = [line.split(maxsplit=3) for line in lines if line.startswith("sale ")][:1]
    assert sale == ["sale", "0", "0", "only from 2027-06-01 08:00 on"]


def test_what_cannot_be_indexed_is_named_though_its_turn_never_came(
    book: Path, tmp_path: Path
) -> None:
    """It costs nothing there."""
    file = tmp_path / "in.jsonl"
    given = [request(number, f"x{number}", "angry casino") for number in range(2)]
    file.write_text("\n".join(map(json.dumps, given)))
    again = "  - {id: again, when: {text: {keywords: casino}}, then: {queue: rest}}\n"
    text = BOOK.replace("  - {id: chinese", f"{again * 6}  - {{id: chinese")
    for number in range(6):
        text = text.replace("{id: again,", f"{{id: again-{number},", 1)
    (book / "all.yaml").write_text(text, encoding="utf-8")
    found = report("--rulebook", book, "--input", file)
    (night,) = [one for one in found["cost"]["routes"] if one["id"] == "night"]
    assert night == {
        "id": "night", "indexed": False, "tries": 0, "microseconds_per_request": 0.0,
        "microseconds_per_try": 0.0, "share": 0.0,
    }  # fmt: skip
    assert found["cut"] == 2


def test_long_tables_are_cut(tmp_path: Path) -> None:
    """The terminal shows so many rows; --json has all."""
    one = "  - {id: rN, when: {text: {keywords: wordN}}, then: {queue: rest}}\n"
    more = "".join(one.replace("N", str(number)) for number in range(50))
    (tmp_path / "a.yaml").write_text(BOOK.replace("  - {id: junk", f"{more}  - {{id: junk"))
    file = tmp_path / "in.jsonl"
    given = [request(24 * number, f"d{number}", f"word{number}") for number in range(42)]
    file.write_text("\n".join(map(json.dumps, given)))
    found = lines_of(run("--rulebook", tmp_path, "--input", file, "--measure", "0"))
    assert "2 more: --json" in found
    assert "28 earlier days: --json" in found
    assert len(report("--rulebook", tmp_path, "--input", file)["days"]) == 42


# -- a log


class Shop:
    """A router in virtual time, and the command on its log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.world = World(MONDAY, lambda _: None)
        self._config = folder
        (folder / "switchboard.yaml").write_text("domain: shop.example\n")

        @asynccontextmanager
        async def connected(_: Config) -> AsyncIterator[Log]:
            yield self.world._log

        monkeypatch.setattr(bootstrap, "connected", connected)

    async def hears(self, hours: float, name: str, text: str, **fields: Any) -> None:
        """A request comes so many hours after Monday morning."""
        await self.world.advance(MONDAY + hours * HOUR)
        given = fill(request(hours, name, text, **fields), at=self.world.now)
        await self.world.publish([request_message(given)])

    async def switches(self, hours: float, text: str, number: int) -> None:
        """Another rulebook comes into force."""
        await self.world.advance(MONDAY + hours * HOUR)
        await self.world.activate({"all.yaml": text}, number)

    def report(self, *arguments: str | Path) -> dict[str, Any]:
        """What the command prints about the log."""
        return report("--config", self._config, *arguments)

    def lines(self, *arguments: str | Path) -> list[str]:
        """What it prints for people."""
        return lines_of(run("--config", self._config, "--measure", "0", *arguments))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The days as they came, and on Tuesday another rulebook."""
    folder = tmp_path / "config"
    folder.mkdir()
    found = Shop(monkeypatch, folder)

    async def days() -> None:
        await found.switches(0, BOOK, 1)
        for hours, name, text in DAYS:
            await found.hears(hours, name, text)
        await found.hears(25.5, "more", "refund?", sender="x7")
        await found.hears(26, "stop", "STOP", kind="command", attributes={"keyword": "stop"})
        await found.switches(27, LATER, 2)
        await found.hears(28, "x9", "money, a gift")

    asyncio.run(days())
    return found


def test_what_the_log_has_recorded(shop: Shop) -> None:
    """Decisions, whatever rulebook made them; a further message of a ticket is none."""
    found = shop.report()
    assert (found["source"], found["decided"], found["decisions"]) == ("the log", "recorded", 8)
    assert (found["filed"], found["undecided"]) == ({"spam": 1}, {"opt-out": 1})
    assert routes(found, "won", "continued", "tried", "overridden") == {
        "junk": (1, 0, 1, 0),
        "chinese": (0, 1, 1, 0),
        "complaint": (1, 0, 1, 0),
        "refund": (3, 0, 3, 2),
        "order": (0, 0, 1, 0),
        "night": (0, 0, 3, 1),
        "gift": (0, 0, 0, 1),
        "sale": (0, 0, 1, 0),
        "default": (3, 0, 3, 0),
    }
    assert found["overlaps"][0] == {
        "winner": "complaint", "later": "refund", "count": 1,
        "example": request_id("chat", "default", "x2"),
        "went_to": "complaints", "would_go_to": "money",
    }  # fmt: skip
    # Measured is with the requests that were decided, under the rulebook in force.
    assert found["cost"]["requests"] == 8


def test_which_rulebook_decided(shop: Shop) -> None:
    """How many under which version; since when each rule is as it is, and what was decided then."""
    found = shop.report()
    old, new = version({"all.yaml": BOOK}), version({"all.yaml": LATER})
    versions = [
        (one["version"], one["activations"], one["decisions"], one["known"])
        for one in found["versions"]
    ]
    assert versions == [(old, [1], 7, True), (new, [2], 1, True)]
    assert found["rulebook"] == {
        "source": f"activation 2 (version {new})",
        "version": new,
        "routes": 11,
        "in_force_since": "2027-01-05T05:00:00Z",
    }
    stands = {
        one["id"]: (one["unchanged_since"], one["decisions_with_it"]) for one in found["routes"]
    }
    monday, tuesday = ("2027-01-04T02:00:00Z", 8), ("2027-01-05T05:00:00Z", 1)
    assert (stands["junk"], stands["refund"], stands["gift"]) == (monday, tuesday, tuesday)
    assert found["never"] == ["order", "angry-refund", "night", "gift", "sale", "fax"]


def test_tables_of_a_log(shop: Shop) -> None:
    """Since when what is in force is, versions, and how long a rule had to be hit."""
    found = shop.lines()
    new = version({"all.yaml": LATER})
    assert found[:2] == [
        f"the log: what was decided; in force is activation 2 (version {new}), "
        "since 2027-01-05 13:00",
        "besides, no rule is asked about: 1 (opt-out 1)",
    ]
    (gift,) = [line.split(maxsplit=6) for line in found if line.startswith("gift ")]
    assert gift == ["gift", "2027-01-05", "13:00", "1", "0", "1", "'refund' came before it once"]
    at = found.index("Versions")
    assert found[at + 3].split() == [
        version({"all.yaml": BOOK}), "#1", "7", "2027-01-04", "10:00", "2027-01-05", "11:00",
    ]  # fmt: skip


def test_between_two_instants(shop: Shop) -> None:
    """What was decided from then on and before then, by the log's clock."""
    found = shop.report("--from", "2027-01-04T03:00:00Z", "--to", "2027-01-04T21:00:00+08:00")
    assert found["source"] == "the log from 2027-01-04T03:00:00+00:00 to 2027-01-04T13:00:00+00:00"
    assert (found["decisions"], found["undecided"]) == (3, {})
    assert routes(found, "won") == {
        "junk": (1,), "chinese": (0,), "complaint": (1,), "refund": (0,), "night": (0,),
        "default": (1,),
    }  # fmt: skip
    assert found["cost"]["requests"] == 3


def test_nothing_was_decided_then(shop: Shop) -> None:
    """That is no error, and is said."""
    found = shop.report("--from", "2028-01-01T00:00:00Z")
    assert (found["decisions"], found["default_share"], found["cost"]) == (0, 0.0, None)
    assert shop.lines("--from", "2028-01-01T00:00:00Z")[1:] == ["nothing was decided then"]


@pytest.mark.parametrize("named", ["#1", "1", None])
def test_the_log_by_another_rulebook(shop: Shop, named: str | None) -> None:
    """The same requests decided anew, also by a version that was in force once, or its prefix."""
    found = shop.report("--rulebook", named or version({"all.yaml": BOOK})[:6])
    assert (found["decided"], found["decisions"], found["missing"]) == ("anew", 8, 0)
    assert found["rulebook"]["version"] == version({"all.yaml": BOOK})
    assert found["rulebook"]["in_force_since"] is None
    assert routes(found, "won")["refund"] == (2,)
    assert routes(found, "won")["default"] == (4,)
    # When it was decided, not when it is counted.
    assert found["last"] == "2027-01-05T06:00:00Z"


def test_the_log_by_a_folder(shop: Shop, book: Path) -> None:
    """A rulebook that is not in force yet."""
    order = "when: {text: {keywords: order}"
    (book / "all.yaml").write_text(BOOK.replace(f"{order}, hours: {{shop: closed}}", order))
    found = shop.report("--rulebook", book)
    assert routes(found, "won")["order"] == (1,)
    assert found["rulebook"]["source"] == str(book)


def test_customers_of_the_log_are_known(shop: Shop, book: Path) -> None:
    """Their tier is what reference data says of them."""
    wang = CustomerChanged(id="wang", tier="vip", addresses={"chat": ("x4",)})
    envelope = Envelope("c1", wang.TYPE, "test", MONDAY)
    asyncio.run(shop.world.publish([Message(CUSTOMERS, "wang", encode(wang), envelope)]))
    fax = "rollout: 10%, when: {text: {keywords: fax}}"
    (book / "all.yaml").write_text(BOOK.replace(fax, "when: {tier: vip}"))
    assert routes(shop.report("--rulebook", book), "won")["fax"] == (1,)


def test_a_version_that_the_history_does_not_have(shop: Shop) -> None:
    """It is named, and its decisions count by the ids of their rules."""
    opened = TicketOpened(
        ticket="t", conversation="c", external_id="e", channel="chat", account="a", pool="p",
        queue="rest", rulebook="0123456789ab", at=MONDAY, request="r", customer=None, tier=None,
        type=None, priority=0, skills={}, sla=None, tags=(), rule="gone", ack=None,
        ack_withheld=None, previous=None,
        explanation={"clause": "text", "candidates": ["gone"], "continued": ["chinese"]},
    )  # fmt: skip
    letters = [
        Message(TICKETS_EVENTS, "k", encode(opened), Envelope("e1", opened.TYPE, "test", MONDAY)),
        Message(TICKETS_EVENTS, "k", b"{}", Envelope("e2", opened.TYPE, "test", MONDAY)),
    ]
    asyncio.run(shop.world.publish(letters))
    found = shop.report()
    assert (found["decisions"], found["unreadable"]) == (9, 1)
    gone = found["routes"][-1]
    assert (gone["id"], gone["in_rulebook"], gone["won"]) == ("gone", False, 1)
    assert routes(found, "continued")["chinese"] == (2,)
    (unknown,) = [one for one in found["versions"] if not one["known"]]
    assert (unknown["version"], unknown["decisions"]) == ("0123456789ab", 1)
    lines = shop.lines()
    assert (
        "of the versions that decided, the log's history does not have 0123456789ab: "
        "counted by the ids of their rules"
    ) in lines
    assert "1 record could not be read: not counted" in lines
    assert any(line.startswith("gone (not in the rulebook)") for line in lines)
    assert any(line.startswith("0123456789ab   not in the history") for line in lines)
    # Of its request nothing is there that could be decided anew.
    anew = shop.report("--rulebook", "current")
    assert (anew["decisions"], anew["missing"]) == (8, 1)
    assert "1 request that was decided is not in the log any more: not counted" in shop.lines(
        "--rulebook", "current"
    )


# -- what is wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "'yesterday' is not an RFC 3339 instant"),
        (("--to", "2027-01-04T09:00:00"), "is not an RFC 3339 instant"),
        (
            ("--from", "2027-01-05T00:00:00Z", "--to", "2027-01-05T08:00:00+08:00"),
            "--from must be before --to",
        ),
        (("--input", "x", "--from", "2027-01-05T00:00:00Z"), "--input counts a file"),
        (("--measure", "-1"), "--measure"),
    ],
)
def test_usage(arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", "").split())


def test_a_version_that_there_is_not(shop: Shop) -> None:
    """The error says what there is."""
    for named, said in (("#7", "there are #1 to #2"), ("nobody", "names no version")):
        error = run("--config", shop._config, "--rulebook", named).exception
        assert isinstance(error, Malformed)
        assert said in str(error)


def test_before_the_first_rulebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be counted by a rulebook that is not there."""
    shop = Shop(monkeypatch, tmp_path)
    error = run("--config", tmp_path).exception
    assert isinstance(error, Unavailable)
    assert "no rulebook is in force yet" in str(error)
    del shop


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"text": "hello"}', "in.jsonl:1: received_at: missing"),
        ("{", "in.jsonl:1: not JSON"),
        ("", "no request in it: expected a CustomerRequest a line"),
        (
            '{"received_at": "2027-01-04T09:00:00Z", "channel": "fax"}',
            "in.jsonl:1: request: CustomerRequest: channel: ",
        ),
    ],
)
def test_a_file_that_is_wrong(book: Path, tmp_path: Path, text: str, said: str) -> None:
    """File, line, field, and what was expected."""
    (tmp_path / "in.jsonl").write_text(text)
    error = run("--rulebook", book, "--input", tmp_path / "in.jsonl").exception
    assert isinstance(error, Malformed)
    assert said in str(error)


def test_a_rulebook_that_is_wrong(book: Path, requests: Path) -> None:
    """Its errors have their places."""
    (book / "more.yaml").write_text("tiers: {gold: {sla: absent}}\n")
    error = run("--rulebook", book, "--input", requests).exception
    assert isinstance(error, Malformed)
    assert f"{book}/more.yaml:1:21: " in str(error)


def test_files_that_are_not_there(book: Path, requests: Path, tmp_path: Path) -> None:
    """Each is named; what names no folder is a version, for which a log is needed."""
    for arguments, said in (
        (("--rulebook", book, "--input", tmp_path / "absent"), "No such file or directory"),
        (("--rulebook", tmp_path / "absent", "--input", requests), "absent: no such folder"),
        (("--rulebook", "absent", "--config", tmp_path), "switchboard.yaml: no such file"),
    ):
        error = run(*arguments).exception
        assert isinstance(error, Malformed)
        assert said in str(error)


# -- the page


def test_every_field_is_on_its_page(shop: Shop) -> None:
    """What `--json` prints stands in the table of docs/rules-stats.md."""
    page = (Path(__file__).parents[4] / "docs" / "rules-stats.md").read_text(encoding="utf-8")
    table = page.partition("## --json")[2]
    found = shop.report()
    cost = found["cost"]
    objects = [found, found["rulebook"], cost, cost["routes"][0]]
    objects += [found[name][0] for name in ("days", "versions", "routes", "overlaps")]
    fields = {name for one in objects for name in one} | {"tried_for", *Trigger._fields}
    assert sorted(name for name in fields if f"`{name}`" not in table) == []
