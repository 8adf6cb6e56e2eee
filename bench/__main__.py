"""All benchmarks; writes `docs/benchmarks.md`."""

import asyncio
import platform
from pathlib import Path

from bench import embedded, kafka, log, memory, wire

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` itself. Ratios to a baseline in the same run are what counts: the figures
of one machine on one day are not those of another.

"""


def main() -> None:
    """Run, print, and write the page."""
    rows = [
        ("`python -m bench.wire`", asyncio.run(wire.measure())),
        ("`python -m bench.log`", asyncio.run(log.measure())),
        ("`python -m bench.embedded`", asyncio.run(embedded.measure())),
        ("`python -m bench.kafka`", asyncio.run(kafka.measure())),
        ("`python -m bench.memory`", memory.measure()),
    ]
    lines = [f"Python {platform.python_version()}, {platform.machine()}.", ""]
    for command, found in rows:
        lines += [f"## {command}", "", *(f"- {row}" for row in found), ""]
    PAGE.write_text(HEAD + "\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
