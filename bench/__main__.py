"""All benchmarks, each in a process of its own; writes `docs/benchmarks.md`."""

import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` itself. Ratios to a baseline in the same run are what counts: the figures
of one machine on one day are not those of another.

"""
MODULES = (
    "wire", "log", "embedded", "kafka", "latency", "restore", "memory", "rules", "many_routes",
    "whatif", "calendars", "assignment", "timers",
)  # fmt: skip


def main() -> None:
    """Run, print, and write the page."""
    lines = [f"Python {platform.python_version()}, {platform.machine()}.", ""]
    for name in MODULES:
        run = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            check=True,
        )  # fmt: skip
        found = [f"- {row}" for row in run.stdout.splitlines()]
        lines += [f"## `python -m bench.{name}`", "", *found, ""]
        print("\n".join(found), flush=True)
    PAGE.write_text(HEAD + "\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
