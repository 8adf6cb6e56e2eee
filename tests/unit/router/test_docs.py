"""What is generated from the code stands in `docs/` as the code has it."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GENERATED: dict[str, str] = runpy.run_path(str(ROOT / "scripts" / "write-docs"))["generated"]()


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_documents_are_current(name: str) -> None:
    """`make docs` would change nothing."""
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name]
