"""raw/ to the landing zone: one read of the folder, one asset for each source."""

from collections.abc import Iterator

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table
from tokencost_pipeline.clock import utc_now
from tokencost_pipeline.ingest.manifest import Counters
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.ingest.sources import SOURCES
from tokencost_pipeline.locks import pipeline_lock
from tokencost_pipeline.settings import load_settings

DESCRIPTIONS = {
    "events": "Canonical gateway events (`raw/events`, JSON Lines, plain or gzip), one row per attempt.",
    "litellm_payload": "LiteLLM StandardLoggingPayload (`raw/litellm_payload`), one row per logged attempt.",
    "litellm_spend_logs": "LiteLLM_SpendLogs (`raw/litellm_spend_logs`, CSV or JSON Lines), one row per request.",
}


@dg.multi_asset(
    name="raw_files",
    specs=[
        dg.AssetSpec(
            ["raw", name],
            description=f"{DESCRIPTIONS.get(name, name)} Every complete line ends as event, duplicate, conflict, "
            "quarantined or ignored; prompts and keys stay in the file.",
            group_name="raw",
            kinds={"python", "parquet"},
            owners=OWNERS,
            skippable=False,
        )
        for name in SOURCES
    ],
    pool=POOL,
    op_tags={"layer": "raw"},
)
def raw_files(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    settings = load_settings()
    with pipeline_lock(settings, f"ingest, run {context.run_id[:8]}"):
        report = ingest(settings, now=utc_now(settings), progress=None)
    for name in SOURCES:
        counts = report.sources.get(name, Counters())
        yield dg.MaterializeResult(
            asset_key=["raw", name],
            metadata={
                "lines read": counts.lines,
                "events": counts.events,
                "duplicates": counts.duplicates,
                "conflicts": counts.conflicts,
                "quarantined": counts.quarantined,
                "ignored": counts.ignored,
                "dagster/row_count": counts.events,
                "batch": report.batch_seq or "nothing new",
                "unknown fields": markdown_table(
                    [
                        {"field": field.removeprefix(f"{name}."), "times": times}
                        for field, times in report.unknown_fields.items()
                        if field.startswith(f"{name}.")
                    ]
                ),
            },
        )
