"""`switchboard rules test`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from channels.errors import Malformed
from router.commands import rules
from router.commands.rules import cases as cases_module
from router.commands.rules.case import CaseSpec, Expected
from router.rulebook_files import read_folder

EXAMPLE = Path(__file__).parents[4] / "rules" / "example"
BOOK = """\
calendars: {shop: {timezone: Asia/Shanghai, hours: {mon-fri: ["09:00-18:00"]}}}
slas: {fast: {calendar: shop, first_response: 1h}}
pools: {p: {queues: [complaints, money, rest]}}
queues: {complaints: {}, money: {}, rest: {}}
tiers: {vip: {priority: 2, sla: fast}, standard: {}}
types: {complaint: {}}
acks: {thanks: {chat: "Thank you", sms: "Thank you"}}
customers: {wang: {tier: vip}}
routes:
  - {id: junk, when: {text: {keywords: casino}}, then: {drop: spam}}
  - {id: chinese, when: {language: zh}, then: {skills: {zh: 1}, tags: [zh], continue: true}}
  - id: complaint
    when: {any: [{text: {keywords: [投诉, complaint]}}, {subject: {keywords: complaint}}]}
    then: {queue: complaints, type: complaint, priority: 3, ack: thanks, tags: [angry]}
  - {id: refund, when: {text: {keywords: refund}, not: {tier: vip}}, then: {queue: money}}
  - {id: night, when: {hours: {shop: closed}}, then: {queue: rest, tags: [night]}}
  - {id: default, then: {queue: rest}}
"""


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(rules.app, ["test", *map(str, arguments)])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A rulebook with an empty folder of cases beside it."""
    folder = tmp_path / "rulebook"
    folder.mkdir()
    (folder / "all.yaml").write_text(BOOK, encoding="utf-8")
    (tmp_path / "cases").mkdir()
    return folder


def tried(book: Path, text: str, *options: str, name: str = "a.yaml") -> Result:
    """The command's result with `text` as the file of cases."""
    (book.parent / "cases" / name).write_text(text, encoding="utf-8")
    return run(book, *options)


def objects(result: Result) -> list[dict[str, Any]]:
    """What `--json` printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


# -- what a case can say

RIGHT = {
    "the text alone": ("I want a refund", "{queue: money, rule: refund, pool: p}"),
    "a request": ("{channel: sms, subject: my complaint}", "{type: complaint, ack: thanks}"),
    "what is added on the way": ("我要投訴", "{skills: {zh: 1}, tags: [angry, zh]}"),
    "tags have no order, one stands alone": ("complaint", "{tags: angry, priority: 3}"),
    "null is a value": ("hello", "{type: null, ack: null, drop: null, sla: null, tags: []}"),
    "what is dropped": ("best casino", "{drop: spam, queue: null, pool: null}"),
    "one of several": ("hello", "{queue: [money, rest], rule: [default, night]}"),
    "why no acknowledgement is sent": (
        "{channel: chat, automatic: list, text: complaint}",
        "{ack_withheld: list}",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_can_be_expected(book: Path, name: str) -> None:
    """Any of what `route` prints."""
    request, expected = RIGHT[name]
    result = tried(book, f"- request: {request}\n  expect: {expected}\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "passed: 1 of 1 (100.0 %)" in result.stdout


def test_a_case_may_say_who_and_when(book: Path) -> None:
    """The customer by name, or the tier alone; the instant of the case before that of its file."""
    result = tried(
        book,
        "at: 2027-01-04T23:00:00+08:00\n"
        "cases:\n"
        "- {request: refund, customer: wang, expect: {rule: night, tier: vip, sla: fast}}\n"
        "- {request: refund, tier: vip, expect: {rule: night, priority: 2}}\n"
        "- {request: hello, at: 2027-01-04T10:00:00+08:00, expect: {rule: default}}\n"
        "- {request: {received_at: 2027-01-04T10:00:00+08:00}, expect: {rule: night}}\n",
    )
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_case_may_say_what_surrounds_its_request(book: Path) -> None:
    """Earlier tickets of the address by their age, and how full queues are."""
    text = (book / "all.yaml").read_text(encoding="utf-8")
    conditions = "{previous_tickets: {within: 7d, at_least: 2}}, {queues: {money: {oldest: 20m}}}"
    route = f"  - {{id: busy, when: {{any: [{conditions}]}}, then: {{queue: rest}}}}\n"
    (book / "all.yaml").write_text(text.replace("  - {id: night", f"{route}  - {{id: night"))
    result = tried(
        book,
        "- {request: hello, previous: [1d, 6d], expect: {rule: busy}}\n"
        "- {request: hello, previous: [1d, 8d], expect: {rule: default}}\n"
        "- {request: hello, queues: {money: {oldest: 25m}}, expect: {rule: busy}}\n"
        "- {request: hello, queues: {money: {waiting: 9}}, expect: {rule: default}}\n",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    wrong = tried(book, "- {request: hello, queues: {mony: {}}, expect: {rule: busy}}\n")
    assert wrong.exit_code == 1
    assert "queues: the rulebook has no queues 'mony'; did you mean 'money'?" in wrong.stderr


def test_a_case_without_an_instant_happens_on_a_fixed_working_day(book: Path) -> None:
    """No result depends on the day on which it is tried; a request's own instant counts."""
    result = tried(
        book,
        "- {request: hello, expect: {rule: default}}\n"
        "- {request: {received_at: 2027-01-03T10:00:00+08:00}, expect: {rule: night}}\n",
    )
    assert result.exit_code == 0


def test_what_is_not_expected(book: Path) -> None:
    """`expect_not` fails on what is there: a value, one of the tags, one of the skills."""
    result = tried(
        book,
        "- {request: 投诉, expect_not: {rule: default, tags: [night], skills: {zh: 2}}}\n"
        "- {request: 投诉, expect_not: {queue: complaints, tags: [zh, night], skills: {zh: 1}}}\n",
    )
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:4] == [
        "    queue: expected not complaints, got complaints",
        "    skills: expected not {zh: 1}, got {zh: 1}",
        "    tags: expected not [zh, night], got [zh, angry]",
    ]
    assert "passed: 1 of 2" in result.stdout


# -- what a failure says


def failure(book: Path, request: str, expected: str, more: str = "") -> list[str]:
    """The lines about one case that fails, without its place."""
    result = tried(book, f"- {{request: {request}, expect: {expected}{more}}}\n")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    return [line.strip() for line in lines[1:] if line.startswith("    ")]


def test_a_failure_has_its_place_and_what_was_got(book: Path) -> None:
    """File and line of the case, expected and got, the winner, its clause and its words."""
    text = "# first\n- request: Refund!\n  name: money\n  expect: {queue: rest, rule: default}\n"
    lines = tried(book, text).stdout.splitlines()
    assert lines[0].endswith("cases/a.yaml:2: money")
    assert lines[1:4] == [
        "    queue: expected rest, got money",
        "    rule: expected default, got refund",
        "    'refund' won by text and not(tier), for 'Refund'",
    ]


REASONS = {
    "later": ("refund complaint", "{rule: refund}", "its condition holds, but it came later than"),
    "a clause": ("refund", "{rule: refund}", "its condition did not hold: not(tier)"),
    "a clause, and later": (
        "casino refund",
        "{rule: [refund, night]}",
        "'night' did not win: its condition did not hold: hours.shop (and it stands after 'junk')",
    ),
    "no candidate": (
        "hello",
        "{rule: complaint}",
        "not a candidate, nothing that it looks for is there: any(text or subject)",
    ),
    "goes on": ("你好", "{rule: chinese}", "it has `continue`: it adds to what others decide"),
    "by its queue": ("hello", "{queue: money}", "'refund' did not win: not a candidate"),
    "by its drop": ("hello", "{drop: spam}", "'junk' did not win: not a candidate"),
}


@pytest.mark.parametrize("name", REASONS)
def test_why_the_expected_route_did_not_win(book: Path, name: str) -> None:
    """Too late, a clause did not hold, nothing that it looks for was there, or it never can."""
    request, expected, reason = REASONS[name]
    tier = ", tier: vip" if name == "a clause" else ""
    assert reason in failure(book, request, expected, tier)[-1]


def test_a_named_condition_is_explained_by_what_is_in_it(book: Path) -> None:
    """What a route borrows from `conditions` is looked into like what it says itself."""
    text = BOOK.replace(
        "  - {id: night",
        "  - {id: b, when: {condition: big}, then: {queue: money}}\n  - {id: night",
    )
    more = "conditions: {big: {channel: sms, text: {keywords: big}}}\n"
    (book / "all.yaml").write_text(more + text, encoding="utf-8")
    assert failure(book, "hello", "{rule: b}")[-1].endswith("condition(big(text and channel))")


def test_many_routes_of_a_queue_are_not_all_explained(book: Path) -> None:
    """The three that came nearest are; the others are counted."""
    routes = "".join(
        f"  - {{id: r{number}, when: {{text: {{keywords: w{number}}}}}, then: {{queue: money}}}}\n"
        for number in range(4)
    )
    text = BOOK.replace("  - {id: night", f"{routes}  - {{id: night")
    (book / "all.yaml").write_text(text, encoding="utf-8")
    lines = failure(book, "complaint w2", "{queue: money}")
    assert lines[-4].startswith("'r2' did not win: its condition holds")
    assert lines[-1] == "nor did 2 more routes of that kind"


# -- the summary


def test_routes_that_no_case_reaches_are_named(book: Path) -> None:
    """A route that only adds counts as reached."""
    result = tried(book, "- {request: 投诉, expect: {rule: complaint}}\n")
    assert "routes reached: 2 of 6; never: junk, refund, night, default" in result.stdout


def test_confusions(book: Path) -> None:
    """For each label how often it was right, and what came instead; nothing when all is right."""
    text = (
        "- {request: refund, expect: {queue: money}}\n"
        "- {request: my money, expect: {queue: money}}\n"
        "- {request: casino refund, expect: {queue: money}}\n"
        "- {request: hello, expect: {queue: rest, rule: default}}\n"
    )
    lines = tried(book, text).stdout.splitlines()
    at = lines.index("queue expected  cases  right      %  got instead")
    assert lines[at + 1 : at + 3] == [
        "money               3      1   33.3  rest 1, (spam) 1",
        "rest                1      1  100.0",
    ]
    assert not any(line.startswith("rule expected") for line in lines)


PARTS = (
    "part: written\ngroup: en\ncases:\n"
    "- {request: refund, expect: {queue: money}}\n"
    "- {request: hello, expect: {queue: rest}}\n"
    "- {request: my money, part: kept, expect: {queue: money}}\n"
    "- {request: refund it, part: kept, group: zh, expect: {queue: money}}\n"
)


def test_accuracy_by_part_and_group(book: Path) -> None:
    """What the rules were written by, and what was kept aside."""
    assert tried(book, PARTS, "--summary").stdout.splitlines()[-6:] == [
        "part written: 2 of 2 (100.0 %)",
        "part kept: 1 of 2 (50.0 %)",
        "group en, part kept: 0 of 1 (0.0 %)",
        "group en, part written: 2 of 2 (100.0 %)",
        "group zh, part kept: 1 of 1 (100.0 %)",
        "passed: 3 of 4 (75.0 %)",
    ]


def test_one_part_alone(book: Path) -> None:
    """Accuracy, coverage and confusions of what was kept aside, for themselves."""
    lines = tried(book, PARTS, "--summary", "--part", "kept").stdout.splitlines()
    assert lines[1] == "money               2      1   50.0  rest 1"
    assert not any(line.startswith(("rest  ", "part written")) for line in lines)
    assert lines[-1] == "passed: 1 of 2 (50.0 %)"
    assert run(book, "--part", "half").exit_code == 2


@pytest.mark.parametrize(("percent", "code"), [("50", 0), ("50.1", 1), ("75", 1)])
def test_the_accuracy_may_be_what_counts(book: Path, percent: str, code: int) -> None:
    """With `--fail-under` a failure is no failure of the command; a part below it is."""
    assert tried(book, PARTS, "--fail-under", percent).exit_code == code


def test_for_programs(book: Path) -> None:
    """An object for each case, with the whole decision; then one with the summary."""
    *found, summary = objects(tried(book, PARTS, "--json"))
    assert [one["passed"] for one in found] == [True, True, False, True]
    assert found[2]["line"] == 6
    assert found[2]["failures"] == [{"field": "queue", "expected": "money", "got": "rest"}]
    assert found[2]["why"][0].startswith("'refund' did not win")
    assert found[2]["decision"]["explanation"]["clause"] == "always"
    assert summary["kind"] == "summary"
    assert summary["parts"]["kept"] == {"cases": 2, "passed": 1, "accuracy": 50.0}
    assert summary["groups"][0]["group"] == "en"
    assert summary["confusion"]["queue"]["money"] == {"money": 2, "rest": 1}
    assert summary["routes"]["never"] == ["junk", "chinese", "complaint", "night"]
    assert [one["kind"] for one in objects(run(book, "--json", "--summary"))] == ["summary"]


# -- where cases are


def test_cases_below_the_rulebook_are_no_part_of_it(book: Path) -> None:
    """The folder `cases` is read by this command alone, below the rulebook and beside it."""
    (book / "cases").mkdir()
    (book / "cases" / "b.yaml").write_text("- {request: x, expect: {queue: rest}}\n")
    assert "passed: 2 of 2" in tried(book, "- {request: y, expect: {queue: rest}}\n").stdout
    assert set(read_folder(book)) == {"all.yaml"}


def test_json_lines(book: Path) -> None:
    """One case a line; a line that is empty is none."""
    text = '\n{"request": "refund", "expect": {"queue": "rest"}}\n'
    result = tried(book, text, name="a.jsonl")
    assert result.stdout.splitlines()[0].endswith("cases/a.jsonl:2: failed")


def test_cases_from_elsewhere(book: Path, tmp_path: Path) -> None:
    """`--cases` takes files and folders, and then nothing else is read."""
    (tmp_path / "cases" / "bad.yaml").write_text("-")
    file = tmp_path / "other.jsonl"
    file.write_text('{"request": "refund", "expect": {"queue": "money"}}')
    assert "passed: 1 of 1" in run(book, "--cases", file, "--cases", file).stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "expected *.yaml or *.jsonl with cases"),
        (["--cases", "absent"], "absent: no such file or folder"),
        (["--cases", "all.csv"], "all.csv: expected *.yaml or *.jsonl with cases"),
    ],
)
def test_no_cases_are_a_mistake(
    book: Path, given: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing to try is not a success."""
    monkeypatch.chdir(book)
    (book / "all.csv").write_text("")
    result = run(book, *given)
    assert isinstance(result.exception, Malformed)
    assert said in str(result.exception)


@pytest.mark.parametrize("options", [[], ["--part", "kept"]])
def test_nothing_to_try_is_a_mistake(book: Path, options: list[str]) -> None:
    """An empty list passes nothing."""
    text = "- {request: refund, expect: {queue: money}}\n" if options else "[]\n"
    assert "there is no case to try" in str(tried(book, text, *options).exception)


def test_no_folder_of_cases(book: Path) -> None:
    """The error says where it should be, and how else to name it."""
    (book.parent / "cases").rmdir()
    assert "no folder cases/ in it or beside it; see --cases" in str(run(book).exception)


# -- what is wrong with cases

WRONG = {
    "a field": (
        "- {request: x, expects: 1}",
        "1:16: cases.0.expects: unknown field; did you mean 'expect'?",
    ),
    "nothing expected": ("- {request: x}", "1:3: expect: required, but not there, or empty"),
    "no request": ("- {expect: {queue: rest}}", "1:3: cases.0.request: required, but not there"),
    "a queue": (
        "- request: x\n  expect: {queue: mony}",
        "2:19: expect.queue: the rulebook has no queue 'mony'; did you mean 'money'?",
    ),
    "a rule that is not to win": (
        "- request: x\n  expect_not: {rule: [refund, refnd]}",
        "2:22: expect_not.rule: the rulebook has no rule 'refnd'; did you mean 'refund'?",
    ),
    "a customer": (
        "- {request: x, customer: wan, expect: {queue: rest}}",
        "1:26: customer: the rulebook has no customer 'wan'; did you mean 'wang'?",
    ),
    "a field of the request": (
        "- request: {chanel: sms}\n  expect: {queue: rest}",
        "1:13: request.chanel: unknown field; did you mean 'channel'?",
    ),
    "an attribute": (
        "- request: {colour: red}\n  expect: {queue: rest}",
        "1:13: request.colour: unknown field; attributes stand under `attributes`",
    ),
    "a value of the request": (
        "- request: {channel: fax}\n  expect: {queue: rest}",
        "1:12: request: channel: Input should be 'email', 'sms', 'chat' or 'hotline'",
    ),
    "nothing to choose from": (
        "- request: x\n  expect: {queue: []}",
        "2:19: cases.0.expect.queue: expected at least one item",
    ),
    "an instant": (
        "- {request: x, at: 2027-01-04, expect: {queue: rest}}",
        "1:20: cases.0.at: expected an instant with its offset, such as 2027-01-04T09:00:00Z",
    ),
    "a word for an instant": (
        "- {request: x, at: noon, expect: {queue: rest}}",
        "1:20: cases.0.at: expected an instant with its offset",
    ),
    "a part": (
        "part: half\ncases: []",
        "1:7: part: expected 'written' or 'kept' (it is 'half')",
    ),
    "no list": ("cases: word", "1:8: cases: expected a list"),
    "no cases at all": ("word", "1:1: expected a list of cases"),
    "no YAML": ("- {request: x", "1:1: not YAML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_case_is_an_error_with_its_place(book: Path, name: str) -> None:
    """`file:line:col: field: what was expected`, exit code 1, and nothing is tried."""
    text, said = WRONG[name]
    result = tried(book, text)
    assert (result.exit_code, result.stdout) == (1, "")
    (line, *_) = result.stderr.splitlines()
    if name != "no YAML":
        assert f"cases/a.yaml:{said}" in line
    else:
        assert "a.yaml:2:" in line or "a.yaml:1:" in line


def test_all_that_is_wrong_is_said_at_once(book: Path) -> None:
    """Also in JSON lines, each with its line."""
    text = '{"request": 1, "expect": {}}\n[]\nno json\n{"request": "x", "expect": {"rule": "z"}}\n'
    result = tried(book, text, name="a.jsonl")
    assert result.exit_code == 1
    found = [line.partition("cases/a.jsonl:")[2] for line in result.stderr.splitlines()]
    assert [line.split(":")[0] for line in found] == ["1", "2", "3", "4"]
    assert found[0].startswith("1:1: request: expected")
    assert "no rule 'z'" in found[3]


def test_a_wrong_rulebook_is_an_error(book: Path) -> None:
    """Nothing is tried by a rulebook that is wrong."""
    (book / "more.yaml").write_text("tiers: {gold: {sla: absent}}\n")
    result = tried(book, "- {request: x, expect: {queue: rest}}\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("more.yaml:1:21: ")


def test_a_file_that_is_a_folder(book: Path) -> None:
    """The error is the system's own."""
    (book.parent / "cases" / "a.yaml").mkdir()
    assert "a.yaml: Is a directory" in str(run(book).exception)


@pytest.mark.parametrize(
    ("data", "said"), [(b"\xff", "not UTF-8"), (b"x" * 100, "more than 64 bytes of cases")]
)
def test_files_that_cannot_be_read(
    book: Path, data: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong bytes, and more than is reasonable."""
    monkeypatch.setattr(cases_module, "MAX_FILE_BYTES", 64)
    (book.parent / "cases" / "a.yaml").write_bytes(data)
    assert said in str(run(book).exception)


# -- the example


@pytest.mark.parametrize("folder", [EXAMPLE, EXAMPLE / "rulebook"])
def test_the_examples_cases_pass_and_reach_every_route(folder: Path) -> None:
    """What `init` writes teaches by cases that hold."""
    result = run(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(r"^routes reached: (\d+) of \1$", result.stdout, re.MULTILINE)
    assert "part kept:" in result.stdout


# -- the page

PAGE = (Path(__file__).parents[4] / "docs" / "rules-test.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [CaseSpec, Expected])
def test_every_field_is_on_its_page(model: type[BaseModel]) -> None:
    """What a case can say stands in a table of docs/rules-test.md."""
    first_cells = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line[:3] == "| `")
    assert [name for name in model.model_fields if f"`{name}`" not in first_cells] == []


def test_the_example_of_the_page_holds(tmp_path: Path) -> None:
    """The cases that the page shows pass under the example rulebook."""
    (tmp_path / "page.yaml").write_text(PAGE.split("```yaml\n")[1].split("```")[0], "utf-8")
    result = run(EXAMPLE, "--cases", tmp_path / "page.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "passed: 2 of 2" in result.stdout
