"""The pages point at what is there."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
MAPPED = re.compile(r"`((?:channels|rules|router|docs)/[\w./{},]+)`")


def spelled_out(path: str) -> list[str]:
    """`a/{b,c}.py` -> `a/b.py`, `a/c.py`."""
    parts = [part.split(",") for part in re.split(r"[{}]", path)]
    if "{" not in path:
        return [path]
    return ["".join(choice) for choice in product(*parts)]


def test_braces_are_spelled_out() -> None:
    """Every choice of every brace."""
    assert spelled_out("a/{b,c}/{d,e}.py") == ["a/b/d.py", "a/b/e.py", "a/c/d.py", "a/c/e.py"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    """Each link within the repository leads to a file of it."""
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Also where they are named without a link, as in the README's map."""
    named = MAPPED.findall(page.read_text(encoding="utf-8"))
    files = [file for path in named for file in spelled_out(path)]
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_readme_maps_the_way_of_a_message() -> None:
    """From the channels over the rules and the log to the desktops."""
    named = " ".join(MAPPED.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    for step in ("channels/request.py", "rules/load.py", "router/core/triage.py", "router/log/"):
        assert step in named


def test_make_verbs_that_pages_name_exist() -> None:
    """A reader can type what stands there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = {
        verb
        for page in PAGES
        for verb in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.M)
    }
    assert {"demo", "test"} <= verbs
    assert verbs <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    """A page or folder that the index does not name is not found."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {link.strip("/") for link in LINK.findall(index)}
    here = {path.name for path in (ROOT / "docs").iterdir() if path.name != "README.md"}
    assert here <= linked
