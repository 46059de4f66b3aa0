"""The steps of a run that are more than one call; assets and the command line share them. Imports no Dagster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath

import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.clock import resolve_as_of, utc_now
from tokencost_pipeline.ingest.manifest import newest_occurred_at, only_sample_files, read_manifest
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse import dbt
from tokencost_pipeline.warehouse.ready import make_ready
from tokencost_pipeline.warehouse.reference import (
    Reprice,
    RunContext,
    land_run_context,
    land_shapes,
    land_withdrawn_files,
)
from tokencost_pipeline.warehouse.stale import EVERYTHING, note_stale, read_stale, touched_days
from tokencost_pipeline.warehouse.store import store_exists

GENERATED_PREFIXES = ("sample_", "demo_")
PRICE_TABLES = (
    "prices",
    "price_aliases",
    "fx_rates",
    "discounts",
    "routing_baselines",
    "local_providers",
    "withdrawn_files",
    "invoices",
    "invoice_refusals",
)
REBUILD_WHEN_CHANGED = ("models", "timezone", "withdrawn_files")
CLOCK_MODELS = ("stg_run__context", "run_context", "stg_alerts__rules", "anomalies", "outbox")


def run_context(
    settings: Settings,
    rebuild_from: datetime | None = None,
    rebuild_to: datetime | None = None,
    reprice: Reprice | None = None,
) -> RunContext:
    """What this run calls now, from the settings and what has been read so far."""
    manifest = read_manifest(settings.landing_dir)
    only_sample = only_sample_files(manifest)
    now = utc_now(settings)
    as_of = resolve_as_of(settings.as_of, now, newest_occurred_at(manifest), only_sample=only_sample)
    return RunContext(as_of, only_sample, now, rebuild_from, rebuild_to, reprice)


def withdrawn_files(settings: Settings) -> list[str]:
    """Sample and demo files that were read once and have been deleted from raw/ since.

    Deleting one's own log never changes a figure, gateways rotate; deleting the sample is how one leaves it behind.
    """
    return [
        state.file_id
        for state in read_manifest(settings.landing_dir).files
        if PurePosixPath(state.path).name.startswith(GENERATED_PREFIXES)
        and not (settings.raw_dir / state.path).exists()
    ]


def build_warehouse(
    settings: Settings,
    rebuild_from: datetime | None = None,
    rebuild_to: datetime | None = None,
    *,
    full_refresh: bool = False,
    reprice: Reprice | None = None,
) -> dbt.DbtOutcome:
    """Bring the marts up to what has landed.

    Only hours with new, late or re-priced events are recomputed; with a range [rebuild_from, rebuild_to) those hours
    too. With `reprice` a change of the book reaches the hours of its range alone; the next ordinary build applies it
    everywhere. Never raises for a failing model or test: see the outcome. Raises Busy when another program goes on
    holding the warehouse: dbt would try again for each of its connections, minutes in all.
    """
    land_shapes(settings)
    land_withdrawn_files(settings, withdrawn_files(settings))
    land_run_context(settings, run_context(settings, rebuild_from, rebuild_to, reprice))
    plan = plan_build(settings, forced=full_refresh or rebuild_from is not None or reprice is not None)
    unfinished = settings.dbt_target_dir / "unfinished"
    if unfinished.exists():
        plan = replace(plan, full_refresh=True, only=())
    if reprice is not None and plan.full_refresh:
        # Everything has to be made anew first, and that with the book of today.
        outcome = build_warehouse(settings, full_refresh=True)
        return build_warehouse(settings, reprice=reprice) if outcome.success else outcome
    if plan.only and plan.clock == built_clock(settings):
        return dbt.DbtOutcome(success=True)
    make_ready(settings)
    behind = read_stale(settings)
    if not plan.only:
        note_stale(settings, EVERYTHING)
        # A run that dies between two marts leaves them at odds in a way that the marts alone cannot tell.
        atomic.write_text(unfinished, "a build was started and has not been seen to end well\n")
    outcome = dbt.build(settings, full_refresh=full_refresh or plan.full_refresh, only=plan.only)
    if outcome.success:
        if reprice is None:
            remember(settings, plan, outcome)
        unfinished.unlink(missing_ok=True)
        if not plan.only:
            all_anew = full_refresh or plan.full_refresh
            note_stale(settings, EVERYTHING if all_anew else behind | touched_days(settings))
    return outcome


@dataclass(frozen=True)
class BuildPlan:
    """What a build has to do, given what the last good one was made from."""

    inputs: dict[str, str]
    full_refresh: (
        bool  # other models, another zone, a withdrawn sample: the whole history follows one set of rules
    )
    only: tuple[str, ...]  # nothing landed and no price changed: only what depends on the clock
    clock: dict[str, str]  # what that is made from


def plan_build(settings: Settings, *, forced: bool) -> BuildPlan:
    """Compare the inputs of the marts with those of the last good build."""
    inputs, clock = build_inputs(settings), clock_inputs(settings)
    marker = marker_path(settings)
    built = (
        orjson.loads(marker.read_bytes())["inputs"] if marker.exists() and store_exists(settings) else None
    )
    if built is None:
        return BuildPlan(inputs, full_refresh=store_exists(settings), only=(), clock=clock)
    if any(built.get(name) != inputs[name] for name in REBUILD_WHEN_CHANGED):
        return BuildPlan(inputs, full_refresh=True, only=(), clock=clock)
    only = CLOCK_MODELS if built == inputs and not forced else ()
    return BuildPlan(inputs, full_refresh=False, only=only, clock=clock)


def remember(settings: Settings, plan: BuildPlan, outcome: dbt.DbtOutcome) -> None:
    """Note what the marts were made from, and which tests warned about them."""
    warned = {node.unique_id for node in outcome.nodes if node.status == "warn"}
    if plan.only:
        asked = {node.unique_id for node in outcome.nodes}
        warned |= {name for name in warned_tests(settings) if name not in asked}
    state = {"inputs": plan.inputs, "clock": plan.clock, "warned": sorted(warned)}
    atomic.write_bytes(marker_path(settings), orjson.dumps(state, option=orjson.OPT_INDENT_2))


def warned_tests(settings: Settings) -> list[str]:
    """dbt tests that warned about the marts as they are."""
    marker = marker_path(settings)
    return orjson.loads(marker.read_bytes())["warned"] if marker.exists() else []


def built_clock(settings: Settings) -> dict[str, str] | None:
    """What the clock's models of the last good build were made from."""
    marker = marker_path(settings)
    return orjson.loads(marker.read_bytes()).get("clock") if marker.exists() else None


def clock_inputs(settings: Settings) -> dict[str, str]:
    """Digests of what the clock's models are made from beside the rollups: this run's now, rules, outbox."""
    context = run_context(settings)
    reference = settings.landing_dir / "reference"
    return {
        "as_of": context.as_of.isoformat(),
        "is_sample": str(context.is_sample),
        **{name: digest(reference / f"{name}.parquet") for name in ("alert_rules", "alerts_outbox")},
    }


def build_inputs(settings: Settings) -> dict[str, str]:
    """Digests of everything the marts are made from, but the clock."""
    reference = settings.landing_dir / "reference"
    files = {name: reference / f"{name}.parquet" for name in PRICE_TABLES}
    files["manifest"] = settings.landing_dir / "manifest.json"
    digests = {name: digest(path) for name, path in sorted(files.items())}
    return {**digests, "timezone": settings.timezone, "models": dbt.project_digest(settings.dbt_project_dir)}


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def marker_path(settings: Settings) -> Path:
    return settings.dbt_target_dir / "built_from.json"
