"""dbt's own unit tests: join, formula, matching, deduplication, rollups."""

from __future__ import annotations

from pathlib import Path

from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse import dbt
from tokencost_pipeline.warehouse.reference import RunContext, land_run_context, land_shapes

LEAST_UNIT_TESTS = 12


def test_dbt_unit_tests_pass(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    settings = Settings(data_dir=tmp_path / "data")
    land_shapes(settings)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    land_run_context(settings, RunContext(now, is_sample=False, run_at=now))
    dbt.build(settings).raise_for_failure()  # unit tests take their column types from the built tables

    outcome = dbt.invoke(settings, ["test", "--select", "test_type:unit", *dbt.common_arguments(settings)])

    for node in outcome.nodes:
        print(node.status, node.unique_id)
    outcome.raise_for_failure()
    assert len(outcome.nodes) >= LEAST_UNIT_TESTS
