"""All benchmarks, each in a process of its own; writes `docs/benchmarks.md`."""

import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
SITE = ".stamps/compiled/site"
HEAD = """# Benchmarks

Written by `make bench` itself. Ratios to a baseline in the same run are what counts: the figures
of one machine on one day are not those of another. What is marked as compiled was measured with the
compiled core (`make compiled`, decision 0034), all else with the sources as they are.

"""
MODULES = (
    "wire", "log", "embedded", "kafka", "latency", "restore", "memory", "rules", "many_routes",
    "whatif", "calendars", "assignment", "timers",
)  # fmt: skip
COMPILED = frozenset({"embedded", "kafka", "restore", "memory", "rules", "assignment"})
"""What is measured with the compiled core as well."""


def main() -> None:
    """Run, print, and write the page."""
    lines = [f"Python {platform.python_version()}, {platform.machine()}.", ""]
    for name in MODULES:
        lines += _section(f"## `python -m bench.{name}`", name, {})
        if name in COMPILED and (ROOT / SITE).is_dir():
            title = f"## `PYTHONPATH={SITE} python -P -m bench.{name}`, compiled"
            lines += _section(title, name, {"PYTHONPATH": str(ROOT / SITE)})
    PAGE.write_text(HEAD + "\n".join(lines), encoding="utf-8")


def _section(title: str, name: str, path: dict[str, str]) -> list[str]:
    """What the benchmark has printed, under its title."""
    # -P: the folder that it is started in does not come before the path.
    run = subprocess.run(
        [sys.executable, "-P", "-m", f"bench.{name}"], cwd=ROOT, env=os.environ | path,
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found = [f"- {row}" for row in run.stdout.splitlines()]
    print(title, *found, sep="\n", flush=True)
    return [title, "", *found, ""]


if __name__ == "__main__":
    main()
