"""What differs in meaning between two rulebooks, and in which words it is said."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.diff import Change, differences
from rules.diff_words import in_words, shown
from rules.index import compile_rulebook
from rules.load import RulebookError

BOOK = """
calendars:
  shop: {timezone: Asia/Shanghai, hours: {mon-fri: ["09:00-18:00"]}, overlay: calendars/2027.yaml}
slas:
  standard: {calendar: shop, first_response: 1h, warn: [50%, 75%], ladder: duty}
ladders:
  duty: [{level: 1, after: 0s, notify: [lead]}, {level: 2, after: 30m}]
pools: {service: {queues: [billing, rescue]}}
queues:
  billing: {targets: [{skills: {zh: 3}, for: 60s}, {queues: [rescue]}]}
  rescue: {}
agents:
  ann: {pool: service, queues: [billing], skills: {zh: 3}, capacity: 2}
  bob: {pool: service, queues: [rescue]}
types:
  repair: {steps: [{id: contact, within: 30m}, {id: visit}, {id: close}]}
lists: {curses: [damn, hell]}
routes:
  - id: junk
    when: {text: {keywords: [casino, viagra]}, automatic: false}
    then: {drop: spam}
  - id: repair
    when: {any: [{text: {keywords: [broken, kaputt]}}, {attributes: {form: [repair, 1]}}]}
    then: {queue: billing, type: repair, priority: 2, skills: {zh: 1}}
  - id: money
    when: {subject: {keywords: refund}}
    then: {queue: billing, tags: [money]}
  - {id: default, then: {queue: billing, sla: standard, ack: hello}}
acks:
  hello: {email: acks/hello.txt, sms: "got it"}
threading: {window: {sms: 1h}}
"""
FILES = {
    "rules.yaml": BOOK,
    "acks/hello.txt": "Dear customer,\n\nwe have it.\n",
    "calendars/2027.yaml": "2027-02-07: work\n2027-02-08: off\n",
}
FILE = "acks/hello.txt"
MONEY = BOOK[BOOK.index("  - id: money") : BOOK.index("  - {id: default")]


def changed(*pairs: tuple[str, str], file: str = "rules.yaml") -> dict[str, str]:
    """The files with parts of one replaced."""
    text = FILES[file]
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return FILES | {file: text}


def words(*pairs: tuple[str, str], file: str = "rules.yaml") -> list[str]:
    """What is said of the change."""
    return list(in_words(differences(FILES, changed(*pairs, file=file))))


# -- the same meaning


@pytest.mark.parametrize(
    "files",
    [
        FILES,
        changed(("routes:", "# where a request goes\nroutes:")),
        {"all.yaml": BOOK[: BOOK.index("routes:")], "r/x.yaml": BOOK[BOOK.index("routes:") :]}
        | {name: FILES[name] for name in FILES if name != "rules.yaml"},
        changed(("acks/hello.txt", "texts/x.txt")) | {"texts/x.txt": FILES["acks/hello.txt"]},
        changed(("after: 30m", "after: 1800s")),
        changed(("rescue: {}", "rescue: {mode: push, offer_timeout: 30s, targets: []}")),
        changed(("keywords: refund", "keywords: [refund]")),
        changed(("[broken, kaputt]", "[kaputt, broken]")),
        changed(("{form: [repair, 1]}", "{form: [1, repair]}")),
        changed(
            (
                "[{text: {keywords: [broken, kaputt]}}, {attributes: {form: [repair, 1]}}]",
                "[{attributes: {form: [repair, 1]}}, {text: {keywords: [broken, kaputt]}}]",
            )
        ),
        changed(("2027-02-08: off", "2027-02-08: 'off'"), file="calendars/2027.yaml"),
        FILES | {"notes.txt": "nobody reads this"},
        changed(("[damn, hell]", "{file: lists/curses.txt}"))
        | {"lists/curses.txt": "# strong words\n\nhell\r\n damn\n"},
        changed(("[damn, hell]", "{entries: [hell], file: curses.csv, column: word}"))
        | {"curses.csv": "word,note\ndamn,strong\nhell,twice\n"},
    ],
)
def test_what_means_the_same_makes_no_difference(files: dict[str, str]) -> None:
    """Comments, layout, files, defaults that are written down, the order of alternatives."""
    assert differences(FILES, files) == []
    assert list(in_words(differences(files, FILES))) == ["no difference in meaning"]


# -- differences, in words


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # clauses of routes
        ("[casino, viagra]", "[casino]", "when.text.keywords: removed viagra"),
        ("[casino, viagra]", "[casino, 赌]", "when.text.keywords: added 赌; removed viagra"),
        (", automatic: false}", "}", "when.automatic: removed: false"),
        ("automatic: false", "automatic: [list]", "when.automatic: false -> [list]"),
        ("priority: 2", "priority: 3", "then.priority: 2 -> 3"),
        ("priority: 2", "continue: true", "then.continue: added: true"),
        (", priority: 2", "", "then.priority: removed: 2"),
        ("skills: {zh: 1}", "skills: {zh: 1, en: 2}", "then.skills.en: added: 2"),
        ("[repair, 1]", "[repair, true]", "when.any.2.attributes.form: added true; removed 1"),
        (
            "[broken, kaputt]}}, ",
            "[broken]}}, ",
            "when.any.1.text.keywords: removed kaputt",
        ),
        (
            "any: [{text: {keywords: [broken, kaputt]}}, ",
            "any: [",
            "when.any.1: removed: {text: {keywords: [broken, kaputt]}}",
        ),
        (
            "{attributes: {form: [repair, 1]}}",
            "{channel: sms}, {language: zh}",
            "when.any.2: removed: {attributes: {form: [repair, 1]}}",
        ),
        # the other sections
        ("first_response: 1h", "first_response: 30m", "first_response: 1h -> 30m"),
        ("[50%, 75%]", "[75%, 90%]", "warn: added 90%; removed 50%"),
        ("{level: 2, after: 30m}", "{level: 2, after: 1h}", "level 2.after: 30m -> 1h"),
        (
            ", {level: 2, after: 30m}",
            "",
            "level 2: removed: {level: 2, after: 30m}",
        ),
        ("[billing, rescue]}}", "[rescue, billing]}}",
         "queues: in another order: [rescue, billing], was [billing, rescue]"),
        ("{zh: 3}, for: 60s}", "{zh: 3}, for: 90s}", "targets.1.for: 1m -> 90s"),
        ("capacity: 2", "capacity: 1", "capacity: 2 -> 1"),
        ("{id: contact, within: 30m}", "{id: contact, within: 1h}",
         "steps.contact.within: 30m -> 1h"),
        ("{id: visit}, {id: close}", "{id: close}, {id: visit}",
         "steps: in another order: [contact, close, visit], was [contact, visit, close]"),
        (
            "[{skills: {zh: 3}, for: 60s}, {queues: [rescue]}]",
            "[{queues: [rescue]}, {skills: {zh: 3}, for: 60s}]",
            "targets: in another order: [{queues: [rescue]}, {skills: {zh: 3}, for: 1m}], "
            "was [{skills: {zh: 3}, for: 1m}, {queues: [rescue]}]",
        ),
        ("rescue: {}", "rescue: {mode: pull}", "mode: push -> pull"),
        ("sms: \"got it\"", "sms: \"have it\"", "sms: got it -> have it"),
        ("{window: {sms: 1h}}", "{window: {sms: 1h}, reopen: 1d}", "reopen: 7d -> 1d"),
        (", automatic: false", "\n, automatic: null", "when.automatic: false -> 'null'"),
    ],
)  # fmt: skip
def test_a_changed_clause_is_said(old: str, new: str, said: str) -> None:
    """Where in its entry it stands, what it was, what it is."""
    assert f"    {said}" in words((old, new))


def test_all_that_is_said_of_a_change() -> None:
    """The section with its counts, what came and went, then each entry with its clauses."""
    assert words(
        ("capacity: 2", "capacity: 3"),
        ("  bob: {pool: service, queues: [rescue]}", "  eve: {pool: service, queues: [billing]}"),
        ("priority: 2", "priority: 1"),
        ("queue: billing, tags: [money]", "queue: rescue"),
    ) == [
        "agents: 1 added, 1 changed, 1 removed",
        "  removed  bob: {pool: service, role: agent, queues: [rescue], "
        "capacity: 1, stage: regular}",
        "  added    eve: {pool: service, role: agent, queues: [billing], "
        "capacity: 1, stage: regular}",
        "  changed  ann",
        "    capacity: 2 -> 3",
        "routes: 2 changed",
        "  changed  repair",
        "    then.priority: 2 -> 1",
        "  changed  money",
        "    then.queue: billing -> rescue",
        "    then.tags: removed: [money]",
    ]


def test_another_order_is_said_beside_what_came_and_went() -> None:
    """The first queue of a pool takes over the work of one that is gone: the order counts."""
    said = words(
        ("[billing, rescue]}}", "[rescue, x, billing]}}"), ("rescue: {}", "rescue: {}\n  x: {}")
    )
    assert said[1:4] == [
        "  changed  service",
        "    queues: added x",
        "    queues: in another order: [rescue, x, billing], was [billing, rescue]",
    ]


def test_a_route_that_moved_is_said_once() -> None:
    """Not every route that it has passed."""
    text = BOOK.replace(MONEY, "").replace("  - id: junk", MONEY + "  - id: junk")
    changes = differences(FILES, FILES | {"rules.yaml": text})
    assert changes == [Change("routes", "money", "moved", old=3, new=1, after="")]
    assert list(in_words(changes)) == [
        "routes: 1 moved",
        "  moved    money: from place 3 to 1, first",
    ]


def test_a_new_route_is_said_with_its_place() -> None:
    """What comes after it has not moved."""
    new = "  - {id: vip, when: {tier: x}, then: {queue: rescue}}\n  - id: money"
    said = words(("  - id: money", new), ("threading:", "tiers: {x: {}}\nthreading:"))
    assert said == [
        "tiers: 1 added",
        "  added    x: {}",
        "routes: 1 added",
        "  added    vip (after repair): {when: {tier: [x]}, then: {queue: rescue}}",
    ]


def test_an_entry_under_another_name_is_renamed() -> None:
    """It is no other one."""
    assert words(("  - id: money", "  - id: cash")) == [
        "routes: 1 renamed",
        "  renamed  money -> cash",
    ]


def test_a_section_that_goes_is_said_entry_by_entry() -> None:
    """And the section that is one entry has no name."""
    assert words(("threading: {window: {sms: 1h}}\n", ""), ("  - id: money", "  - id: cash"))[
        2:
    ] == [
        "threading: 1 changed",
        "  changed",
        "    window: removed: {sms: 1h}",
    ]
    queueless = words(("  bob: {pool: service, queues: [rescue]}\n", ""))
    assert queueless[0] == "agents: 1 removed"


def test_texts_are_compared_line_by_line() -> None:
    """Also where they are files."""
    assert words(("we have it.", "we have it:\n{{ ticket }}"), file=FILE) == [
        "acks: 1 changed",
        "  changed  hello",
        "    email: added 'we have it:', '{{ ticket }}'; removed we have it.",
    ]
    turned = words(("Dear customer,\n\nwe have it.", "we have it.\n\nDear customer,"), file=FILE)
    assert turned[2].startswith("    email: in another order: [we have it.")


def test_a_calendars_dates_are_compared_where_the_calendar_is() -> None:
    """The overlay is a file, its dates are the calendar's."""
    assert words(("2027-02-08: off", "2027-02-09: off"), file="calendars/2027.yaml") == [
        "calendars: 1 changed",
        "  changed  shop",
        "    overlay.2027-02-08: removed: 'off'",
        "    overlay.2027-02-09: added: 'off'",
    ]


def test_long_values_are_cut_and_many_items_counted() -> None:
    """The rest is for programs."""
    keywords = ", ".join(f"k{number}" for number in range(20))
    (line,) = words(("[casino, viagra]", f"[casino, viagra, {keywords}]"))[2:]
    assert line.endswith("k10, k11 and 8 more")
    assert len(shown("x" * 500)) == 160
    assert shown("x" * 500).endswith("x…")


def test_a_word_that_is_called_like_a_file_is_a_word() -> None:
    """Only a field that names a file has its content."""
    said = words(("[casino, viagra]", "[casino, rules.yaml, acks/hello.txt]"))
    assert said[-1] == ("    when.text.keywords: added rules.yaml, acks/hello.txt; removed viagra")


def test_a_list_in_a_file_is_compared_by_its_words() -> None:
    """What comes and goes is a word, as where the list stands in the rulebook."""
    files = changed(("[damn, hell]", "{file: lists/curses.txt}"))
    files["lists/curses.txt"] = "# mild ones, too\ndamn\nheck\n"
    assert list(in_words(differences(FILES, files))) == [
        "lists: 1 changed",
        "  changed  curses",
        "    entries: added heck; removed hell",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [("{at_least: 1, at_most: 3}", "{at_most: 3}"), ("{at_most: 3}", "{at_least: 1, at_most: 3}")],
)
def test_a_bound_that_alone_means_something_else_is_a_difference(old: str, new: str) -> None:
    """`at_most` alone also holds of who never wrote: `at_least: 1` cannot go unnoticed."""
    when = MONEY.replace("subject: {keywords: refund}", "previous_tickets: {}")
    before, after = (
        FILES | {"rules.yaml": BOOK.replace(MONEY, when.replace("{}", one))} for one in (old, new)
    )
    (change,) = differences(before, after)
    assert (change.name, change.path) == ("money", "when.previous_tickets.at_least")
    assert {change.old, change.new} == {None, 1}


def test_a_wrong_rulebook_is_not_compared() -> None:
    """Its errors are told, as `check` tells them."""
    with pytest.raises(RulebookError, match="expected dates"):
        differences(FILES, FILES | {"calendars/2027.yaml": "[1, 2]"})


# -- whatever the model has


EVERYTHING = (Path(__file__).parent / "good" / "everything.yaml").read_text(encoding="utf-8")
OVERLAY = "2027-02-07: work\n"


def _without(data: Any) -> Iterator[Any]:
    """The data with one value less, for each value at any depth."""
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        smaller = copy.copy(data)
        del smaller[key]
        yield smaller
        if isinstance(data[key], dict | list):
            for inner in _without(data[key]):
                other = copy.copy(data)
                other[key] = inner
                yield other


def test_no_field_of_the_model_is_overlooked() -> None:
    """Whatever is taken out of a rulebook that has every field is a difference."""
    senders = "address\n@other.example\n"
    whole = {
        "a.yaml": EVERYTHING, "calendars/2027.yaml": OVERLAY, "lists/senders.csv": senders,
    }  # fmt: skip
    said = compile_rulebook(whole).rulebook.model_dump(mode="json")
    compared = 0
    for data in _without(yaml.safe_load(EVERYTHING)):
        files = whole | {"a.yaml": yaml.safe_dump(data)}
        try:
            less = compile_rulebook(files).rulebook.model_dump(mode="json")
        except RulebookError:
            continue
        compared += 1
        assert bool(differences(whole, files)) == (less != said), data
    assert compared > 50
