"""Which tests there are, and which invariants they say they show: found by reading the files."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                    yield f"{node.name}::{inner.name}", inner


def marked(function: ast.FunctionDef) -> list[str]:
    """The ids in `@pytest.mark.invariant("I01", ...)` above a test."""
    found = []
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        if isinstance(decorator.func, ast.Attribute) and decorator.func.attr == "invariant":
            found += [a.value for a in decorator.args if isinstance(a, ast.Constant)]
    return [str(one) for one in found]


def called_after(name: str) -> list[str]:
    """The invariant a test is called after: `test_i29_...`."""
    found = re.search(r"\btest_i(\d\d)_", name)
    return [f"I{found[1]}"] if found else []


@cache
def living() -> dict[str, tuple[str, ...]]:
    """Every test by its id, with the invariants it says it shows."""
    found = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, function in _functions(tree):
            ids = [*marked(function), *called_after(name)]
            found[f"{path.relative_to(ROOT)}::{name}"] = tuple(ids)
    return found


def by_invariant() -> dict[str, list[str]]:
    """The tests that show each invariant."""
    found: dict[str, list[str]] = defaultdict(list)
    for test, ids in living().items():
        for one in ids:
            found[one].append(test)
    return dict(found)
