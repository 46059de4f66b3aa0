"""Who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "tokencost_pipeline"
CORES = ["ingest", "pricing", "alerts", "reports", "demo", "warehouse"]
DAGSTER_SIDE = {"assets", "checks", "automation", "definitions", "commands", "cli"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


@pytest.mark.parametrize("core", CORES)
def test_cores_do_not_know_dagster(core: str) -> None:
    for path in [*modules(core), PACKAGE / "pipeline.py", PACKAGE / "settings.py"]:
        assert not any(name.split(".")[0] in {"dagster", "dagster_dbt"} for name in imported(path)), path


@pytest.mark.parametrize("core", CORES)
def test_cores_do_not_look_up(core: str) -> None:
    for path in modules(core):
        above = {
            name
            for name in imported(path)
            if name.startswith("tokencost_pipeline.") and name.split(".")[1] in DAGSTER_SIDE
        }
        assert above == set(), path


STRANGERS = {"ingest": {"pricing", "reports", "alerts", "warehouse"}, "reports": {"ingest", "alerts"}}


@pytest.mark.parametrize("core", STRANGERS)
def test_cores_that_hand_over_files_do_not_import_each_other(core: str) -> None:
    for path in modules(core):
        names = {name.split(".")[1] for name in imported(path) if name.startswith("tokencost_pipeline.")}
        assert not names & STRANGERS[core], path


def test_only_the_helper_opens_the_warehouse_file() -> None:
    """A second open of the file in one process would drop the writer's lock."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name in {"read_only.py"}:
            continue
        assert "connect(str(settings.warehouse_path" not in path.read_text("utf-8"), path
