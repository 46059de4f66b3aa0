"""What the Dagster UI shows: assets, checks, partitions, schedule, sensor."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
from pipeline_lab import Lab, event, new_lab

SOURCES = [
    "events", "litellm_payload", "litellm_spend_logs", "litellm_log", "otlp", "claude_code", "invoices",
]  # fmt: skip
MARTS = [
    "agg_all_time", "agg_daily", "agg_hourly", "agg_monthly", "anomalies", "dim_prices", "fct_attempts", "fct_requests",
    "reconciliation", "routing_savings_daily", "restatements", "agg_litellm_log",
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return new_lab(tmp_path_factory.mktemp("dagster"))


@pytest.fixture(scope="module")
def definitions(lab: Lab) -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in lab.environment.items():
            if name.startswith("TOKENCOST_"):
                patch.setenv(name, value)
        from tokencost_pipeline.definitions import defs

        return defs()


def test_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


LIGHT = """
import hashlib, sys
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
from tokencost_pipeline.startup import import_without_the_unneeded

import_without_the_unneeded()
from tokencost_pipeline.definitions import defs
print(serialize_value(RepositorySnap.from_def(defs().get_repository_def())))
assert not {"dbt.version", "pandas"} & sys.modules.keys()
import dbt.version, pandas
"""


def test_a_run_has_the_assets_checks_and_jobs_of_the_ui_and_imports_dbt_when_it_needs_it(
    lab: Lab, definitions: dg.Definitions
) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIGHT],
        env=lab.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))


def test_every_layer_is_there_grouped_owned_and_described(definitions: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    for name in SOURCES:
        assert specs[f"raw/{name}"].group_name == "raw"
    for name in MARTS:
        assert specs[f"marts/{name}"].group_name == "marts"
    assert {
        "pricing/price_book",
        "pricing/alert_rules",
        "pricing/price_watch",
        "exports/marts",
        "alerts/messages",
        "reports/markdown",
    } <= set(specs)
    made_here = [spec for spec in specs.values() if spec.group_name != "default"]
    assert all(spec.owners for spec in made_here)
    assert all(spec.description for spec in made_here)
    assert all(spec.kinds for spec in made_here)


def test_raw_files_lead_to_the_report_without_a_gap(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    upstream = dg.AssetSelection.assets("reports/markdown").upstream().resolve(graph)
    for name in SOURCES:
        assert dg.AssetKey(["raw", name]) in upstream
    assert dg.AssetKey(["pricing", "price_book"]) in upstream


def test_checks_read_as_claims(definitions: dg.Definitions) -> None:
    names = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert {
        "every_attempt_has_a_price",
        "lines_in_equal_lines_accounted_for",
        "hourly_adds_up_to_daily",
        "reported_cost_agrees_with_ours",
        "computed_cost_agrees_with_the_invoice",
        "no_catalogue_knows_a_newer_price",
        "cost_by_feature_within_expected_band",
        "cost_by_tenant_within_expected_band",
        "cost_by_model_within_expected_band",
    } <= names


def test_one_job_one_schedule_one_sensor_and_daily_partitions(definitions: dg.Definitions) -> None:
    assert definitions.resolve_job_def("everything")
    assert definitions.resolve_job_def("rebuild_days").partitions_def is not None
    assert definitions.resolve_schedule_def("every_morning").cron_schedule == "15 1 * * *"
    assert definitions.resolve_sensor_def("new_bytes_in_raw")


def test_the_sensor_waits_until_raw_is_quiet_and_asks_once(
    lab: Lab, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lab.environment.items():
        monkeypatch.setenv(name, value)
    sensor = definitions.resolve_sensor_def("new_bytes_in_raw")
    lab.drop("events", "sensor.jsonl", [event(1, "2026-11-20T10:00:00Z")])

    def look(cursor: str | None) -> dg.SensorExecutionData:
        with dg.build_sensor_context(cursor=cursor, definitions=definitions) as context:
            return sensor.evaluate_tick(context)

    first = look(None)
    assert not first.run_requests
    second = look(first.cursor)
    assert second.run_requests is not None
    assert len(second.run_requests) == 1
    assert not look(second.cursor).run_requests

    # A log that never rests is read all the same, ten minutes on.
    lab.drop("events", "sensor.jsonl", [event(1, "2026-11-20T10:00:00Z"), event(2, "2026-11-20T10:01:00Z")])
    growing = look(second.cursor)
    assert not growing.run_requests
    served, _, since = (growing.cursor or "").split("|")
    earlier = (datetime.fromisoformat(since) - timedelta(minutes=11)).isoformat()
    assert look(f"{served}|another state|{earlier}").run_requests
    (lab.settings.raw_dir / "events" / "sensor.jsonl").unlink()


def test_the_job_runs_and_a_backfill_of_days_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(tmp_path)
    for name, value in lab.environment.items():
        monkeypatch.setenv(name, value)
    from tokencost_pipeline.definitions import defs
    from tokencost_pipeline.instance import prepare_dagster_home

    lab.drop(
        "events",
        "a.jsonl",
        [
            event(n, f"2026-11-{18 + n}T10:00:00Z", model="no-such-model" if n == 0 else "gpt-4o-mini")
            for n in range(3)
        ],
    )
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_dagster_home(lab.settings)))
    definitions = defs()
    with dg.DagsterInstance.get() as instance:
        result = definitions.resolve_job_def("everything").execute_in_process(instance=instance)
        assert result.success
        verdicts = {e.check_name: e for e in result.get_asset_check_evaluations()}
        assert verdicts["lines_in_equal_lines_accounted_for"].passed
        assert not verdicts["every_attempt_has_a_price"].passed
        assert verdicts["every_attempt_has_a_price"].severity == dg.AssetCheckSeverity.ERROR
        assert verdicts["hourly_adds_up_to_daily"].passed
        assert verdicts["no_catalogue_knows_a_newer_price"].description, (
            "told also where nothing is installed"
        )
        days = instance.get_materialized_partitions(dg.AssetKey(["marts", "days"]))
        assert days == {"2026-11-18", "2026-11-19", "2026-11-20"}
        before = lab.marts()
        [materialization] = result.asset_materializations_for_node("exports__marts")
        assert "█" in str(materialization.metadata["cost by day"].value)
        [report] = result.asset_materializations_for_node("reports__markdown")
        told = {name: value.value for name, value in report.metadata.items()}
        assert (
            min(told[name] for name in ("pages", "files", "bytes", "seconds", "files of the site written"))
            > 0
        )
        assert told["site"] == (lab.settings.reports_dir / "site" / "index.html").as_uri()

        rebuilt = definitions.resolve_job_def("rebuild_days").execute_in_process(
            instance=instance, partition_key="2026-11-19"
        )
        assert rebuilt.success
    assert lab.ask("select distinct hour::date::varchar from intermediate.int_hours__touched") == [
        ("2026-11-19",)
    ]
    assert lab.marts() == before
