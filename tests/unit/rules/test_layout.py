"""The one layout of a rulebook's files, case by case."""

import pytest

from rules import layout
from rules.layout import Unfaithful, laid_out

CASES = {
    "fields of an entry stand in the model's order, each with its comments": (
        "routes:\n- then: {tags: a, queue: q} # why\n  # when it is\n  when: {channel: sms}\n"
        "  # the name\n  id: x\n",
        "routes:\n  # the name\n  - id: x\n    # when it is\n    when: {channel: sms}\n"
        "    then: {queue: q, tags: a}  # why\n",
    ),
    "what is not a field of the model keeps its order": (
        "queues:\n    b: {}\n    a: {}\ncustomers:\n    c: {attributes: {z: 1, a: 2}}\n",
        "queues:\n  b: {}\n  a: {}\n\ncustomers:\n  c: {attributes: {z: 1, a: 2}}\n",
    ),
    "a short entry is written in one line": (
        "routes:\n- id: x\n  then:\n    queue: q\n    ack: a\n",
        "routes:\n  - id: x\n    then: {queue: q, ack: a}\n",
    ),
    "unless there is a comment in it": (
        "routes:\n- id: x\n  then:\n    queue: q  # why\n    ack: a\n",
        "routes:\n  - id: x\n    then:\n      queue: q  # why\n      ack: a\n",
    ),
    "an entry that is too long for one line has a line for each field": (
        f"routes:\n- id: x\n  then: {{queue: {'q' * 50}, ack: {'a' * 50}}}\n",
        f"routes:\n  - id: x\n    then:\n      queue: {'q' * 50}\n      ack: {'a' * 50}\n",
    ),
    "a long list of words fills rows": (
        "pools: {p: {queues: [" + ", ".join(["word"] * 20) + "]}}\n",
        "pools:\n  p:\n    queues: ["
        + ", ".join(["word"] * 14)
        + ",\n      "
        + ", ".join(["word"] * 6)
        + "]\n",
    ),
    "a list with comments has a line for each item": (
        "pools: {p: {queues: [a, # one\n  # two\n  b]}}\n",
        "pools:\n  p:\n    queues:\n      - a  # one\n      # two\n      - b\n",
    ),
    "an item with one field needs no braces": (
        "routes:\n- id: x\n  when:\n    any:\n    - channel: sms\n    - {channel: email}\n",
        "routes:\n  - id: x\n    when:\n      any:\n        - channel: sms\n"
        "        - {channel: email}\n",
    ),
    "quotes are double, or single around what would have to be escaped": (
        "acks:\n  a: {sms: 'x', chat: \"a\\\\b\", email: 'it''s \"y\"', hotline: \"a\\tb\"}\n",
        "acks:\n  a: {sms: \"x\", chat: 'a\\b', email: 'it''s \"y\"', hotline: \"a\\tb\"}\n",
    ),
    "what needs quotes in a row gets them": (
        "pools:\n  p:\n    queues:\n    - a, b\n    - c\n",
        'pools:\n  p:\n    queues: ["a, b", c]\n',
    ),
    "texts of several lines keep their lines": (
        "acks:\n    a:\n        sms: |-   # folded\n            one\n              two\n\n"
        '            # three\n        chat: "four\n            five"   # six\n',
        "acks:\n  a:\n    sms: |-   # folded\n      one\n        two\n\n      # three\n"
        '    chat: "four\n      five"   # six\n',
    ),
    "a comment may be glued to a block's sign, which the parser takes": (
        "acks:\n  a:\n    sms: >-# folded\n      one\n",
        "acks:\n  a:\n    sms: >-  # folded\n      one\n",
    ),
    "a comment that is indented more than what follows ends what stands before": (
        "tiers:\n    a: {}\n    # b: {}\nqueues: {}\n",
        "tiers:\n  a: {}\n  # b: {}\n\nqueues: {}\n",
    ),
    "there is one empty line between sections, and never two": (
        "# head\n\n\n\ntiers:\n\n  a: {}\n\n\n  b: {}\nqueues: {}\n\n\n# end\n\n",
        "# head\n\ntiers:\n  a: {}\n\n  b: {}\n\nqueues: {}\n\n# end\n",
    ),
    "comments stay as far behind as they were, two spaces at least": (
        "tiers:\n    a: {}         # one\n    bb: {}        # two\n    cc: {} # three\n",
        "tiers:\n  a: {}         # one\n  bb: {}        # two\n  cc: {}  # three\n",
    ),
    "anchors, aliases and merge keys stay, and with them the order of fields": (
        "x: &x {queue: q}\nroutes:\n- then: *x\n  id: a\n- then: {<<: *x, ack: a}\n  id: b\n",
        "x: &x {queue: q}\n\nroutes:\n  - then: *x\n    id: a\n"
        "  - then: {<<: *x, ack: a}\n    id: b\n",
    ),
    "the comments in an empty collection go above it": (
        "queues: {q: {  # none\n  # yet\n  }}\n",
        "queues:\n  # yet\n  q: {}  # none\n",
    ),
    "a document's marks go": (
        "---\ntiers: {} # none\n...\n",
        "tiers: {}  # none\n",
    ),
    "a file whose lines all end with CR LF keeps them": (
        "acks:\r\n  a:\r\n    sms: |\r\n        one\r\n        two\r\ntiers: {} # none\r\n",
        "acks:\r\n  a:\r\n    sms: |\r\n      one\r\n      two\r\n\r\ntiers: {}  # none\r\n",
    ),
    "one in which some do has line feeds": (
        "tiers: {} # none\r\nqueues: {}\n",
        "tiers: {}  # none\n\nqueues: {}\n",
    ),
    "what is said of an entry in one line goes above it when it takes several": (
        f"routes:\n\n- {{id: x, then: {{queue: {'q' * 50}, ack: {'a' * 50}}}}} # why\n",
        f"routes:\n  # why\n  - id: x\n    then:\n      queue: {'q' * 50}\n      ack: {'a' * 50}\n",
    ),
    "lists in lists": (
        "calendars:\n  # one\n  -\n    # two\n    -   # three\n      {a: 1}\n    - b # four\n",
        "calendars:\n  # one\n  # two\n  # three\n  - - {a: 1}\n    - b  # four\n",
    ),
    "a comment behind a dash goes above the item": (
        "pools:\n  - # one\n    x\n",
        "pools:\n  # one\n  - x\n",
    ),
    "of two comments behind an item one goes above what follows": (
        "tiers:\n  a: # one\n    {}   # two\n  b: {}\n",
        "tiers:\n  a: {}  # one\n  # two\n  b: {}\n",
    ),
    "a comment may be indented too far": (
        "pools:\n          # far\n  a: {}\n",
        "pools:\n  # far\n  a: {}\n",
    ),
    "JSON is YAML too": (
        '{"tiers": {"a": {}},\n "queues": {}}\n# end\n',
        '"tiers": {"a": {}}\n\n"queues": {}\n# end\n',
    ),
    "an alias may be a key, a name may be empty": (
        'x: &x a\ny: {*x : 1}\nz:\n    "": 1\n',
        'x: &x a\n\ny: {*x : 1}\n\nz:\n  "": 1\n',
    ),
    "nothing but comments": ("\n\n# a\n\n\n  # b\n", "# a\n\n# b\n"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_the_layout(name: str) -> None:
    """Each case, and the layout of the layout is itself."""
    text, expected = CASES[name]
    assert laid_out("a.yaml", text) == expected
    assert laid_out("a.yaml", expected) == expected


def test_overlays_have_no_fields() -> None:
    """Calendars' overlays are mappings of dates: their order is theirs."""
    text = "2027-02-08: off\n2027-02-07: work\n"
    spread = "2027-02-08: off\n\n2027-02-07: work\n"
    assert laid_out("calendars/2027.yaml", text) in {text, spread}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ("a: 2  # b\n", "its meaning would change"),
        ("a: '1'  # b\n", "its meaning would change"),
        ("a: {\n", "its meaning would change"),
        ("a: 1  # c\n", "a comment would change"),
        ("a: 1\n", "a comment would change"),
        ("a: 1   # b\n", "no layout of it is final"),
    ],
)
def test_whatever_is_written_is_compared_first(
    found: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the layout becomes a refusal: data, comments, and the layout of the layout."""
    first = "a: 1 # b"
    monkeypatch.setattr(layout, "_written", lambda _, text: found if text == first else f"{text}#")
    with pytest.raises(Unfaithful, match=why):
        laid_out("a.yaml", first)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("%YAML 1.1\n---\na: 1\n", "directives"),
        ("a: 1\x85b: 2\n", "line feeds"),
        ("a: |2\n   x\n", "line 1: '|2'"),
        ("a: |+\n  x\n\n", "line 1: '|+'"),
        ("? |\n  a\n: 1\n", "a key of several lines"),
        ("[a, b]\n", "sections"),
        ("word\n", "sections"),
    ],
)
def test_what_cannot_be_kept_is_refused(text: str, why: str) -> None:
    """The reason says what stands in the way."""
    with pytest.raises(Unfaithful, match=why.replace("|", r"\|").replace("+", r"\+")):
        laid_out("a.yaml", text)
