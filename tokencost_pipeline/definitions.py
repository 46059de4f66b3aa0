"""Everything Dagster knows of: the explicit list."""

from __future__ import annotations

import dagster as dg

from tokencost_pipeline.assets.alerts import alert_messages
from tokencost_pipeline.assets.days import build_days_asset
from tokencost_pipeline.assets.dbt_models import build_dbt_assets
from tokencost_pipeline.assets.exports import exported_marts
from tokencost_pipeline.assets.invoices import invoices
from tokencost_pipeline.assets.price_watch import price_watch
from tokencost_pipeline.assets.pricing import alert_rules, price_book
from tokencost_pipeline.assets.raw import landing_inputs, raw_files
from tokencost_pipeline.assets.reports import markdown_report
from tokencost_pipeline.assets.reprice import build_repriced_days_asset
from tokencost_pipeline.assets.retention import retention
from tokencost_pipeline.automation.jobs import everything, rebuild_days, reprice_days
from tokencost_pipeline.automation.schedules import every_morning
from tokencost_pipeline.automation.sensors import new_bytes_in_raw
from tokencost_pipeline.checks.accounting import (
    lines_in_equal_lines_accounted_for,
    no_event_contradicts_another,
    no_line_is_quarantined,
    no_record_carries_unknown_fields,
)
from tokencost_pipeline.checks.anomalies import cost_within_expected_band
from tokencost_pipeline.checks.invoices import computed_cost_agrees_with_the_invoice
from tokencost_pipeline.checks.price_watch import no_catalogue_knows_a_newer_price
from tokencost_pipeline.checks.trust import every_attempt_has_a_price, reported_cost_agrees_with_ours
from tokencost_pipeline.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    settings = load_settings()
    return dg.Definitions(
        assets=[
            *landing_inputs,
            raw_files,
            invoices,
            price_book,
            alert_rules,
            price_watch,
            build_dbt_assets(settings),
            build_days_asset(),
            build_repriced_days_asset(),
            exported_marts,
            retention,
            alert_messages,
            markdown_report,
        ],
        asset_checks=[
            lines_in_equal_lines_accounted_for,
            no_line_is_quarantined,
            no_event_contradicts_another,
            no_record_carries_unknown_fields,
            every_attempt_has_a_price,
            reported_cost_agrees_with_ours,
            computed_cost_agrees_with_the_invoice,
            no_catalogue_knows_a_newer_price,
            cost_within_expected_band,
        ],
        jobs=[everything, rebuild_days, reprice_days],
        schedules=[every_morning(settings)],
        sensors=[new_bytes_in_raw],
        executor=dg.in_process_executor,
    )
