"""The compiled core (`make compiled`, which passes the other tests with it too)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from router import shard
from router.core import dispatch, triage
from tests.compiled.digests import digests

ROOT = Path(__file__).resolve().parents[2]
SEEDS = list(range(1_000, 1_024))

pytestmark = pytest.mark.compiled


def test_the_compiled_core_is_what_is_tested() -> None:
    """The path that `make compiled` sets comes before the sources."""
    for module in (dispatch, triage, shard):
        assert not str(module.__file__).endswith(".py")


def test_it_tells_what_the_sources_tell() -> None:
    """Whole runs with crashes, delays and changes of rules, event by event."""
    sources = subprocess.run(
        [sys.executable, "-P", "-m", "tests.compiled.digests", *map(str, SEEDS)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    told, expected = digests(SEEDS), json.loads(sources.stdout)
    assert expected.pop("core") == "py" != told.pop("core")
    assert told == expected
