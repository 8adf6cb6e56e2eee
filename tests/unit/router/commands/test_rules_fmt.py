"""`switchboard rules fmt`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from router.commands import rules
from router.commands.rules import fmt
from router.rulebook_files import read_folder
from rules.load import load

EXAMPLE = Path(__file__).parents[4] / "rules" / "example"
UNTIDY = """\
queues: {q: {}}
pools: {p: {queues: [q]}}
routes:
- then: {queue: q}   # everything
  # the last
  id: default
"""
TIDY = """\
queues: {q: {}}

pools: {p: {queues: [q]}}

routes:
  # the last
  - id: default
    then: {queue: q}   # everything
"""


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(rules.app, ["fmt", *map(str, arguments)])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A rulebook of one untidy file."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "all.yaml").write_text(UNTIDY)
    return folder


def test_files_are_written_in_the_layout(book: Path) -> None:
    """The fields are in order, the comments stay, and the file keeps its rights."""
    (book / "all.yaml").chmod(0o640)
    result = run(book)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "all.yaml: laid out anew" in result.stderr
    assert (book / "all.yaml").read_text() == TIDY
    assert (book / "all.yaml").stat().st_mode & 0o777 == 0o640
    assert [one.name for one in book.iterdir()] == ["all.yaml"]


def test_twice_is_once(book: Path) -> None:
    """A rulebook in the layout is left alone."""
    run(book)
    before = (book / "all.yaml").stat().st_mtime_ns
    assert "1 files, 0 not in the layout" in run(book).stderr
    assert (book / "all.yaml").stat().st_mtime_ns == before


def test_check_names_what_would_change_and_writes_nothing(book: Path) -> None:
    """For pipelines: 1 when something would change, 0 when nothing would."""
    (book / "tidy.yaml").write_text("tiers: {}\n")
    result = run(book, "--check")
    assert (result.exit_code, result.stdout) == (1, "all.yaml: would change\n")
    assert (book / "all.yaml").read_text() == UNTIDY
    run(book)
    assert run(book, "--check").exit_code == 0


def test_diff_shows_and_writes_nothing(book: Path) -> None:
    """A unified diff on stdout."""
    result = run(book, "--diff")
    assert result.exit_code == 0
    assert "--- all.yaml\n+++ all.yaml (laid out)\n" in result.stdout
    assert "+  - id: default\n" in result.stdout
    assert (book / "all.yaml").read_text() == UNTIDY
    assert run(book, "--diff", "--check").exit_code == 1


def test_a_file_that_is_no_yaml_stops_all(book: Path) -> None:
    """The error has file, line and column; not even the right files are written."""
    (book / "bad.yaml").write_text("tiers:\n  vip: {priority: 1\n")
    (book / "twice.yaml").write_text("tiers: {}\ntiers: {}\n")
    result = run(book)
    assert result.exit_code == 1
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [
        "bad.yaml:3:1",
        "twice.yaml:2:1",
    ]
    assert (book / "all.yaml").read_text() == UNTIDY


def test_a_file_that_is_not_utf_8_stops_all(book: Path) -> None:
    """With the place of the first wrong byte."""
    (book / "bad.yaml").write_bytes("# 名\n".encode("gb18030"))
    result = run(book)
    assert (result.exit_code, result.stderr[:13]) == (1, "bad.yaml:1:3:")


def test_what_cannot_be_kept_is_left_and_said(book: Path) -> None:
    """The others are laid out all the same."""
    text = "acks:\n   a: {sms: x}\n   b:\n       sms: |+\n         text\n\n"
    (book / "block.yaml").write_text(text)
    result = run(book)
    assert result.exit_code == 0
    assert "block.yaml: kept as it is: line 4: '|+'" in result.stderr
    assert (book / "block.yaml").read_text() == text
    assert (book / "all.yaml").read_text() == TIDY


def test_a_rulebook_with_errors_can_be_laid_out(book: Path) -> None:
    """Its YAML is right, though a queue is missing: `check` says that."""
    (book / "all.yaml").write_text(UNTIDY.replace("{queue: q}", "{queue: r}"))
    assert run(book).exit_code == 0
    assert "  - id: default\n" in (book / "all.yaml").read_text()


def test_another_meaning_is_never_written(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fault the layout may have, the rulebook is compared before anything is written."""
    monkeypatch.setattr(fmt, "laid_out", lambda _, text: text.replace("default", "other"))
    result = run(book)
    assert result.exit_code == 1
    assert "would not be the same; nothing was written" in result.stderr
    assert (book / "all.yaml").read_text() == UNTIDY


@pytest.mark.parametrize("at", ["tempfile.mkstemp", "os.fsync"])
def test_a_disk_that_refuses_leaves_the_file(
    book: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a file is written or nothing, and no rest stays behind."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(at, refuse)
    result = run(book)
    assert "No space left on device; it was not written" in str(result.exception)
    assert (book / "all.yaml").read_text() == UNTIDY
    assert [one.name for one in book.iterdir()] == ["all.yaml"]


def test_a_link_stays_a_link(book: Path, tmp_path: Path) -> None:
    """What it points at is written."""
    real = tmp_path / "real.yaml"
    (book / "all.yaml").rename(real)
    (book / "all.yaml").symlink_to(real)
    run(book)
    assert (book / "all.yaml").is_symlink()
    assert real.read_text() == TIDY


def test_the_example_is_in_the_layout() -> None:
    """What `init` writes is what `fmt` would write: `switchboard rules fmt rules/example`."""
    result = run("--check", EXAMPLE)
    assert (result.exit_code, result.stdout) == (0, "")


def test_templates_and_cases_are_not_its_business(book: Path) -> None:
    """Texts of acknowledgements and cases are left as they are."""
    (book / "cases").mkdir()
    (book / "cases" / "a.yaml").write_text("-   {b:   c}\n")
    run(book)
    assert (book / "cases" / "a.yaml").read_text() == "-   {b:   c}\n"
    assert load(read_folder(book)).routes[0].id == "default"
