"""What `make check` runs besides the tools: each finds what it is there for."""

import os
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
COMPOSE = runpy.run_path(str(SCRIPTS / "check-compose"))
LOCK = runpy.run_path(str(SCRIPTS / "check-lock"))


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in `folder`."""
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment},
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "services: required"),
        ({"services": {"a": {"image": "i"}}, "servces": {}}, "servces: unknown at the top"),
        ({"services": {"a": None}}, "services.a: not a mapping"),
        ({"services": {"a": {"ports": []}}}, "services.a.image: this or `build`"),
        ({"services": {"a": {"image": "i", "port": []}}}, "services.a.port: unknown"),
        ({"services": {"a": {"image": "i", "depends_on": ["b"]}}}, "no service 'b'"),
        (
            {"services": {"a": {"image": "i", "depends_on": {"a": {"condition": "up"}}}}},
            "its condition is none of",
        ),
        ({"services": {"a": {"image": "i", "volumes": ["v:/v"]}}}, "no volume 'v'"),
        ({"services": {"a": {"image": "i", "volumes": ["./v:/v"]}}}, "no such path './v'"),
        ({"services": {"a": {"image": "i", "configs": ["c"]}}}, "no config 'c'"),
    ],
)
def test_a_wrong_compose_file_is_told_what_is_wrong(
    document: Any, problem: str, tmp_path: Path
) -> None:
    """One mistake, one problem that names it."""
    (found,) = COMPOSE["problems"](document, tmp_path)
    assert problem in found


LOCKED = """\
rich==14.1.0 \\
    --hash=sha256:00
httpx==0.28.1 ; sys_platform == 'linux' \\
    --hash=sha256:00
redis[hiredis]==8.1.0 \\
    --hash=sha256:00
typer==0.20.0
"""


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        ("rich>=14", True),
        ("Redis[hiredis]>=8", True),
        ("Rich[jupyter]>=14", False),  # a pin without the extra
        ("httpx", True),
        ("rich>=15", False),
        ("pydantic", False),
        ("typer>=0.20", False),  # without a hash it is not locked
    ],
)
def test_a_lock_meets_what_it_pins_by_hash(requirement: str, met: bool) -> None:
    """Another version, nothing at all, or no hash: named."""
    found = list(LOCK["unmet"]([requirement], LOCK["pins"](LOCKED)))
    assert found == [] if met else requirement in found[0]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean repository with the hygiene check in it."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPTS / "check-hygiene", tmp_path / "scripts")
    run("git", "init", "--quiet", folder=tmp_path)
    commit(tmp_path, "frame: begin")
    return tmp_path


def commit(folder: Path, message: str) -> None:
    """Everything in `folder`, under `message`."""
    run("git", "add", "--all", folder=folder)
    identity = ("-c", "user.name=kim", "-c", "user.email=kim@shop.example")
    done = run("git", *identity, "commit", "--quiet", "--message", message, folder=folder)
    assert done.returncode == 0, done.stderr


# Put together here, for this file is searched, too.
FORBIDDEN = [
    "/wo" + "rk/main",
    "/tm" + "p/x",
    "see /ro" + "ot/.venv/bin",
    "https://py" + "pi.org/simple",
    "Chat" + "GPT wrote it",
    "Co-Authored-" + "By: somebody",
]


@pytest.mark.parametrize("words", FORBIDDEN)
def test_hygiene_finds_it_in_files_and_in_messages(words: str, clone: Path) -> None:
    """Either place is enough, and the line is shown."""
    assert run("scripts/check-hygiene", folder=clone).returncode == 0
    (clone / "notes.md").write_text(f"{words}\n")
    commit(clone, "docs: notes")
    found = run("scripts/check-hygiene", folder=clone)
    assert found.returncode == 1
    assert "in files" in found.stderr
    assert words in found.stderr
    (clone / "notes.md").unlink()
    commit(clone, f"docs: without notes\n\n{words}")
    found = run("scripts/check-hygiene", folder=clone)
    assert found.returncode == 1
    assert "in commit messages" in found.stderr


def test_hygiene_is_no_matter_of_words_inside_words(clone: Path) -> None:
    """`framework/x`, an address in a path of ours, an agent of customer service are fine."""
    (clone / "notes.md").write_text("framework/x data/root/y agents claudette gpt\n")
    commit(clone, "docs: agents")
    assert run("scripts/check-hygiene", folder=clone).returncode == 0


def test_hygiene_does_not_pass_where_it_cannot_look(tmp_path: Path) -> None:
    """Without a repository nothing would be found: that is a failure."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPTS / "check-hygiene", tmp_path / "scripts")
    outside = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    assert run("scripts/check-hygiene", folder=tmp_path, **outside).returncode != 0


@pytest.mark.parametrize(
    ("python", "path", "said"),
    [
        ("no-such-python", None, "PYTHON=no-such-python is not a Python 3.11, 3.12 or 3.13"),
        ("", "empty", "name it: make PYTHON="),
    ],
)
def test_without_a_suitable_python_the_message_says_what_to_do(
    python: str, path: str | None, said: str, tmp_path: Path
) -> None:
    """Neither a wrong choice nor an empty PATH ends in a riddle."""
    environment = {"PYTHON": python, **({"PATH": str(tmp_path / path)} if path else {})}
    bash = shutil.which("bash")
    assert bash is not None
    found = run(bash, str(SCRIPTS / "find-python"), folder=tmp_path, **environment)
    assert found.returncode == 1
    assert said in found.stderr


def test_every_verb_of_make_is_shown_by_help() -> None:
    """`make help` and the list of verbs agree."""
    # Also when make itself runs the tests: its flags are not for this one.
    shown = run("make", "help", folder=ROOT, MAKEFLAGS="", MAKELEVEL="").stdout.splitlines()
    phony = next(
        line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY")
    )
    assert {line.split()[1] for line in shown if line.strip()} == set(phony.split()[1:])
