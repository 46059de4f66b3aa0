"""dbt models and tests as assets and checks; dbt itself runs in this process."""

import json
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from tokencost_pipeline.assets.common import OWNERS, POOL, writing
from tokencost_pipeline.assets.days import DAYS_KEY
from tokencost_pipeline.pipeline import build_warehouse, warned_tests
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.dbt import DbtOutcome, NodeOutcome, dbt_environment, manifest_text
from tokencost_pipeline.warehouse.store import open_store

LAYER_KINDS = {"view": "view", "table": "table", "incremental": "table"}


class Translator(DagsterDbtTranslator):
    """Groups are the layers; everything has an owner; descriptions are the ones of the yml."""

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props.get("description") or "")

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        properties = self.get_resource_props(manifest, unique_id)
        if properties["resource_type"] != "model":
            return spec
        return spec.replace_attributes(
            group_name=properties["fqn"][1],
            owners=OWNERS,
            kinds={"dbt", "duckdb", LAYER_KINDS.get(properties["config"]["materialized"], "table")},
        )


TRANSLATOR = Translator(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))


def load_manifest(settings: Settings) -> Mapping[str, Any]:
    """dbt's manifest of the project, parsed only when a model is newer than it."""
    return json.loads(manifest_text(settings))


def build_dbt_assets(settings: Settings) -> dg.AssetsDefinition:
    """The dbt project as one multi-asset. Whatever is selected, dbt brings all marts up to date together."""
    manifest = load_manifest(settings)
    with dbt_environment(settings):
        project = DbtProject(settings.dbt_project_dir, profiles_dir=settings.dbt_project_dir)

    @dbt_assets(
        manifest=manifest, dagster_dbt_translator=TRANSLATOR, project=project, pool=POOL, name="dbt_models"
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with writing(context, "dbt build") as settings:
            outcome = build_warehouse(settings)
        yield from events(context, settings, manifest, project, outcome)
        outcome.raise_for_failure()

    return dbt_models


def events(
    context: dg.AssetExecutionContext,
    settings: Settings,
    manifest: Mapping[str, Any],
    project: DbtProject,
    outcome: DbtOutcome,
) -> Iterator[Any]:
    """What dbt did, in Dagster's words: a materialisation for each model, a check result for each test."""
    models: dict[dg.AssetKey, NodeOutcome] = {}
    asked = {node.unique_id: node for node in outcome.nodes}
    for node in outcome.nodes:
        if node.unique_id.startswith("model."):
            models[TRANSLATOR.get_asset_spec(manifest, node.unique_id, project).key] = node
    rows = row_counts(settings) if outcome.success else {}
    for key in upstream_first(context.assets_def):
        if key not in context.selected_asset_keys:
            continue
        if key in models and models[key].status == "success":
            yield dg.MaterializeResult(asset_key=key, metadata=model_metadata(key, models[key], rows))
        elif key not in models and outcome.success:
            # Nothing landed that concerns it, so dbt was not asked: it holds what it held.
            yield dg.MaterializeResult(asset_key=key, metadata={"unchanged": True})
    warned = set(warned_tests(settings))
    for unique_id in manifest["nodes"]:
        check = get_asset_check_key_for_test(manifest, TRANSLATOR, unique_id, project)
        if check is None or check not in context.selected_asset_check_keys:
            continue
        if unique_id in asked:
            if asked[unique_id].status != "skipped":
                yield check_result(check, asked[unique_id])
        elif outcome.success:
            yield unchanged_result(check, warned=unique_id in warned)
    if outcome.success and any(node.unique_id.endswith(".int_days__touched") for node in outcome.nodes):
        yield from day_materializations(settings)


def upstream_first(assets: dg.AssetsDefinition) -> list[dg.AssetKey]:
    """The definition's keys in an order in which every key comes after those it is made from."""
    graph = {spec.key: {dep.asset_key for dep in spec.deps} for spec in assets.specs}
    return [key for key in TopologicalSorter(graph).static_order() if key in graph]


def model_metadata(key: dg.AssetKey, node: NodeOutcome, rows: Mapping[str, int]) -> dict[str, Any]:
    """Seconds, and rows where the model is a table."""
    metadata: dict[str, Any] = {"seconds": round(node.seconds, 3)}
    count = rows.get(".".join(key.path))
    if count is not None:
        metadata["dagster/row_count"] = count
    return metadata


def check_result(check: dg.AssetCheckKey, node: NodeOutcome) -> dg.AssetCheckResult:
    """A dbt test as a check: `warn` passes the run on, `fail` and `error` stop it."""
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=node.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"rows that break it": node.failures or 0, "message": node.message or ""},
    )


def unchanged_result(check: dg.AssetCheckKey, *, warned: bool) -> dg.AssetCheckResult:
    """The verdict of the last build, which saw the same rows."""
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=not warned,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"unchanged": True},
    )


def row_counts(settings: Settings) -> dict[str, int]:
    """Rows of every table of the warehouse, by `schema.name`."""
    with open_store(settings) as store:
        return store.row_counts()


def day_materializations(settings: Settings) -> Iterator[dg.AssetMaterialization]:
    """Mark the days that this run recomputed, so that the partition bar shows which days the marts hold."""
    with open_store(settings) as store:
        days = store.rows(
            """
            select d.day::varchar, coalesce(sum(a.attempts), 0), sum(a.cost_usd),
                   coalesce(sum(a.unpriced_attempts), 0)
            from intermediate.int_days__touched as d
            left join marts.agg_daily as a on a.day = d.day
            group by d.day order by d.day
            """
        )
    for day, attempts, cost, unpriced in days:
        yield dg.AssetMaterialization(
            asset_key=DAYS_KEY,
            partition=day,
            metadata={
                "dagster/partition_row_count": int(attempts),
                "cost in USD": "unknown" if cost is None else str(cost),
                "unpriced attempts": int(unpriced),
            },
        )
