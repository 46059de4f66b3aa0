"""dbt in this process: one start-up, one parse, results as plain values.

A second process for `dbt --version` and another for the build cost more than the build itself, so dbt's own
programmatic entry point is used. Every path given to it is absolute: dbt changes the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from tokencost_pipeline.errors import CheckFailed, UserError
from tokencost_pipeline.settings import Settings

SOURCE_SUFFIXES = {".sql", ".yml", ".yaml", ".md"}


@dataclass(frozen=True)
class NodeOutcome:
    """What became of one model or test."""

    unique_id: str
    status: str  # success | pass | warn | fail | error | skipped
    seconds: float
    message: str | None = None
    failures: int | None = None


@dataclass(frozen=True)
class DbtOutcome:
    """What became of one dbt command. `error` is set when dbt could not even start."""

    success: bool
    nodes: list[NodeOutcome] = field(default_factory=list)
    error: str | None = None

    def failed(self) -> list[NodeOutcome]:
        return [node for node in self.nodes if node.status in {"fail", "error"}]

    def raise_for_failure(self) -> None:
        """Raise CheckFailed naming the models and tests that failed."""
        if self.success:
            return
        lines = [f"{node.unique_id}: {(node.message or node.status).strip()}" for node in self.failed()]
        raise CheckFailed("dbt did not finish: " + "\n  ".join(lines or [self.error or "no reason given"]))


def build_arguments(
    settings: Settings, *, full_refresh: bool = False, select: Sequence[str] = ()
) -> list[str]:
    """The command line of `dbt build`: literal, so that a test can read it."""
    arguments = ["build", *common_arguments(settings)]
    if full_refresh:
        arguments.append("--full-refresh")
    if select:
        arguments += ["--select", *select]
    return arguments


def common_arguments(settings: Settings) -> list[str]:
    """Where dbt finds the project and may write."""
    project = str(settings.dbt_project_dir)
    return [
        "--project-dir", project,
        "--profiles-dir", project,
        "--target-path", str(settings.dbt_target_dir),
        "--log-path", str(settings.dbt_target_dir / "logs"),
        # Every event is formatted for every log that listens, a quarter of a build; what failed stands in the outcome.
        "--log-level", "none",
        "--log-level-file", "none",
        "--no-use-colors",
        "--quiet",
    ]  # fmt: skip


def invoke(settings: Settings, arguments: Sequence[str]) -> DbtOutcome:
    """Run one dbt command and wait for it. Never raises for a failing model; see `DbtOutcome`."""
    from dbt.cli.main import dbtRunner

    settings.dbt_target_dir.mkdir(parents=True, exist_ok=True)
    with dbt_environment(settings), engine_for_dbt(settings):
        answer = dbtRunner().invoke(list(arguments))
    results = getattr(answer.result, "results", None) or []
    nodes = [node_outcome(result) for result in results]
    return DbtOutcome(
        success=bool(answer.success),
        nodes=nodes,
        error=None if answer.exception is None else str(answer.exception),
    )


@contextmanager
def engine_for_dbt(settings: Settings) -> Iterator[None]:
    """What an engine needs around a dbt command. DuckDB: the connection that dbt keeps open from node to node is closed
    in the end, for it locks the file against every reader. By name: dbt only drops it, and it goes when garbage is
    collected."""
    if settings.target == "clickhouse":
        from tokencost_pipeline.warehouse.clickhouse.connect import embedded_for_dbt

        with embedded_for_dbt(settings):
            yield
        return
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    try:
        yield
    finally:
        held = DuckDBConnectionManager._ENV
        DuckDBConnectionManager.close_all_connections()
        if held is not None:
            held.close()


def node_outcome(result: Any) -> NodeOutcome:
    """Translate one of dbt's run results."""
    return NodeOutcome(
        unique_id=result.node.unique_id,
        status=str(result.status),
        seconds=float(result.execution_time or 0.0),
        message=result.message,
        failures=result.failures,
    )


def build(settings: Settings, *, full_refresh: bool = False, only: Sequence[str] = ()) -> DbtOutcome:
    """`dbt build`: models and data tests in the order of the graph, or `only` some models and their tests.

    Unit tests belong to the suite, not to a run on somebody's data.
    """
    arguments = build_arguments(settings, full_refresh=full_refresh, select=only)
    # Its JSON artifacts cost more than the models of a quiet run; the manifest is `manifest_text`'s business.
    return invoke(settings, [*arguments, "--exclude-resource-type", "unit_test", "--no-write-json"])


def manifest_text(settings: Settings) -> bytes:
    """dbt's manifest as JSON, parsed anew only when a file of the project is newer than it.

    Two programs that start at once take turns: dbt writes the file in place, and half a manifest is none.
    """
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.locks_dir / "manifest.lock"):
        return ensure_manifest(settings).read_bytes()


def ensure_manifest(settings: Settings) -> Path:
    """The path of dbt's manifest, see `manifest_text`."""
    manifest = settings.dbt_target_dir / "manifest.json"
    sources = project_files(settings.dbt_project_dir)
    if manifest.exists() and all(path.stat().st_mtime <= manifest.stat().st_mtime for path in sources):
        return manifest
    outcome = invoke(settings, ["parse", *common_arguments(settings)])
    if not outcome.success:
        raise UserError(f"dbt cannot parse the project: {outcome.error}", place=str(settings.dbt_project_dir))
    os.utime(manifest)  # partial parsing leaves the time alone when nothing relevant changed
    return manifest


def project_files(project_dir: Path) -> list[Path]:
    """Every file that dbt parses, in a fixed order."""
    folders = [project_dir / name for name in ("models", "macros", "tests")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCE_SUFFIXES]
    return sorted([*files, project_dir / "dbt_project.yml", project_dir / "profiles.yml"])


def project_digest(project_dir: Path) -> str:
    """A hash over the SQL that makes the tables (not over descriptions and tests)."""
    digest = sha256()
    for path in project_files(project_dir):
        if path.suffix == ".sql" and "generic_tests" not in path.parts and "tests" not in path.parts:
            digest.update(
                path.relative_to(project_dir).as_posix().encode() + b"\0" + path.read_bytes() + b"\0"
            )
    return digest.hexdigest()


def engine_environment(settings: Settings) -> dict[str, str]:
    """What profiles.yml wants to know of a server. An embedded engine has no name, no port and no password."""
    if settings.target != "clickhouse":
        return {}
    password = settings.clickhouse_password
    named = {
        "HOST": settings.clickhouse_host or "embedded",
        "PORT": str(settings.clickhouse_port or (8443 if settings.clickhouse_secure else 8123)),
        "USER": settings.clickhouse_user,
        "PASSWORD": password.get_secret_value() if password else "",
        "DATABASE": settings.clickhouse_database,
        "SECURE": str(settings.clickhouse_secure),
        "CLUSTER": settings.clickhouse_cluster or "",
    }
    return {f"TOKENCOST_CLICKHOUSE_{name}": value for name, value in named.items()}


@contextmanager
def dbt_environment(settings: Settings) -> Iterator[None]:
    """The environment that profiles.yml and the macros read, restored afterwards."""
    wanted = {
        "TOKENCOST_DATA_DIR": str(settings.data_dir),
        "TOKENCOST_TARGET": settings.target,
        "TOKENCOST_TIMEZONE": settings.timezone,
        "TOKENCOST_MEMORY_LIMIT_MIB": str(settings.memory_limit_mib),
        "DO_NOT_TRACK": "1",
        **engine_environment(settings),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
