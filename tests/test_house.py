"""The four floors: who may import whom, and what must not be imported at all."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ["manifests", "transform_handler", "training", "batch"]


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("floor", FLOORS)
def test_a_package_imports_only_from_the_floors_below_it(floor: str) -> None:
    above = FLOORS[FLOORS.index(floor) + 1 :]
    offenders = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(floor)
        for name in imports_of(path)
        if name.partition(".")[0] in above
    }
    assert modules(floor)
    assert offenders == set()


@pytest.mark.parametrize("package", ["manifests", "training/scoring"])
def test_the_ground_and_the_scorer_import_no_torch(package: str) -> None:
    names = {name.partition(".")[0] for path in modules(package) for name in imports_of(path)}
    assert not names & {"torch", "transformers"}


def test_relative_imports_are_not_used_because_a_bundle_has_no_package_around_it() -> None:
    relative = [
        path
        for floor in FLOORS
        for path in modules(floor)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_every_room_is_named_in_the_walkthrough() -> None:
    named = (ROOT / "docs/walkthrough.md").read_text("utf-8")
    rooms = {path.parent.relative_to(ROOT) for floor in FLOORS for path in modules(floor)}
    rooms = {room for room in rooms if len(room.parts) > 1}
    assert len(rooms) > 10
    assert {room for room in rooms if f"`{room}/`" not in named} == set()


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "sys.argv = ['nightscribe', '--help']\n"
        "from batch.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(set(sys.modules) & set('torch transformers pyarrow pandas boto3 pydantic '"
        "'numpy rich'.split())))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "Usage: nightscribe" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "[]"
