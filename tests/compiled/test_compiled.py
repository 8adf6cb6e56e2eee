"""The compiled core (`make compiled`, which passes the other tests with it too)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from router import stepping
from router.core import dispatch, triage
from tests.compiled.digests import digests

ROOT = Path(__file__).resolve().parents[2]
SEEDS = list(range(1_000, 1_024))

pytestmark = pytest.mark.compiled


def python(*arguments: str, **environment: str) -> str:
    """What a Python of its own prints, which begins in the repository."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, check=True,
        capture_output=True, text=True,
    ).stdout  # fmt: skip


def test_the_compiled_core_is_what_is_tested() -> None:
    """Here, and in the processes that the tests start."""
    for module in (dispatch, triage, stepping):
        assert not str(module.__file__).endswith(".py")
    assert python("-c", "from router import stepping; print(stepping.__file__)").endswith(".so\n")


def test_it_tells_what_the_sources_tell() -> None:
    """Whole runs with crashes, delays and changes of rules, event by event."""
    seeds = map(str, SEEDS)
    expected = json.loads(python("-m", "tests.compiled.digests", *seeds, PYTHONPATH=str(ROOT)))
    told = digests(SEEDS)
    assert expected.pop("core") == "py" != told.pop("core")
    assert told == expected
