"""Whatever stands in a rulebook's files, and wherever comments stand: a layout loses nothing."""

import io
import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rules.layout import laid_out
from rules.source import read

ROOT = Path(__file__).parents[2]
TEXTS = [
    path.read_text(encoding="utf-8")
    for folder in ("rules/example/rulebook", "tests/unit/rules/good", "router/demo/rulebook")
    for path in sorted((ROOT / folder).glob("*.yaml"))
]
DUMPS = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([2, 3, 4, 6]),
        "width": st.sampled_from([20, 60, 1000]),
        "default_flow_style": st.sampled_from([True, False, None]),
        "default_style": st.sampled_from([None, None, "'", '"', "|", ">"]),
        "sort_keys": st.booleans(),
    }
)
COMMENTS = [" # behind {x: [", "#glued", "\t# tab", "  #", " # 'quoted' \"twice\" \\"]


def in_any_form(text: str, form: dict[str, Any] | None) -> str:
    """The text as it is, or its data in a form that some program might give it."""
    return (
        text if form is None else yaml.safe_dump(yaml.safe_load(text), allow_unicode=True, **form)
    )


@st.composite
def commented(draw: st.DrawFn) -> str:
    """A right file with comments and empty lines anywhere, some within flow collections."""
    text = in_any_form(draw(st.sampled_from(TEXTS)), draw(st.none() | DUMPS))
    lines = text.split("\n")
    for number in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(lines) - 1))
        what = draw(st.sampled_from(["own line", "behind", "empty", "within"]))
        mark = f"{draw(st.sampled_from(COMMENTS))} mark-{number}-"
        if what == "own line":
            lines.insert(at, " " * draw(st.integers(0, 12)) + mark.strip())
        elif what == "behind":
            lines[at] += mark
        elif what == "empty":
            lines.insert(at, " " * draw(st.integers(0, 3)))
        elif cuts := [found.end() for found in re.finditer(r"[{\[,] ?", lines[at])]:
            cut = draw(st.sampled_from(cuts))
            lines[at : at + 1] = [f"{lines[at][:cut]} # mark-{number}-", " " * 14 + lines[at][cut:]]
    found = "\n".join(lines)
    assume(not read("a.yaml", found).problems)
    return found


def judged(text: str) -> Any:
    """What another YAML library reads in a layout."""
    judge = YAML(typ="safe", pure=True)
    judge.version = (1, 1)
    return judge.load(io.StringIO(text))


def said(text: str) -> Any:
    """What the file says, whatever its form."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


def marks(text: str) -> list[str]:
    """The marks of the comments that were put in."""
    return sorted(re.findall(r"mark-\d+-", text))


@settings(max_examples=60)
@given(commented())
def test_a_layout_keeps_meaning_and_comments_and_is_final(text: str) -> None:
    """Another library reads the same, each comment is there once, and twice changes nothing."""
    found = laid_out("a.yaml", text)
    assert judged(found) == said(text)
    assert marks(found) == marks(text)
    assert laid_out("a.yaml", found) == found
    assert all(line == line.rstrip() for line in found.split("\n"))


@settings(max_examples=30)
@given(st.sampled_from(TEXTS), DUMPS, DUMPS)
def test_the_form_in_which_data_came_hardly_matters(
    text: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Block or flow, narrow or wide: what is read from the layout is what was written."""
    first, second = (laid_out("a.yaml", in_any_form(text, form)) for form in (one, other))
    assert judged(first) == judged(second) == said(text)
