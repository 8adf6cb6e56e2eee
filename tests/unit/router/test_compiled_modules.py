"""What `make compiled` compiles (docs/decisions/0034-compiled-core.md)."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
HOOK = WHEEL["wheel"]["hooks"]["mypyc"]
MODULES = sorted(
    {path for pattern in HOOK["include"] for path in ROOT.glob(pattern)}
    - {ROOT / path for path in HOOK["exclude"]}
)


@pytest.mark.parametrize("path", [*HOOK["include"], *HOOK["exclude"]])
def test_every_entry_names_something(path: str) -> None:
    """A module that was renamed would no longer be compiled, and nobody would notice."""
    assert list(ROOT.glob(path))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_compiled_awaits_nothing(module: Path) -> None:
    """An `await` in a compiled `except` would leave its exception to other tasks."""
    nodes = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
    assert not [node for node in nodes if isinstance(node, ast.AsyncFunctionDef)]
