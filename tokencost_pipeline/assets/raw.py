"""raw/ to the landing zone: one read of the folder, one asset for each source."""

from collections.abc import Iterator

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table, writing
from tokencost_pipeline.clock import gate_now, utc_now
from tokencost_pipeline.ingest.manifest import Counters, read_manifest
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.ingest.sources import SOURCES
from tokencost_pipeline.progress import bytes_done
from tokencost_pipeline.settings import Settings

DESCRIPTIONS = {
    "events": "Canonical gateway events (`raw/events`, JSON Lines, plain or gzip), one row per attempt.",
    "litellm_payload": "LiteLLM StandardLoggingPayload (`raw/litellm_payload`), one row per logged attempt.",
    "otlp": "OTLP/JSON GenAI spans (`raw/otlp`), one row per span that carries usage.",
    "claude_code": "Claude Code transcripts (`raw/claude_code`), one row per distinct line that carries usage.",
    "litellm_log": "Plain `litellm.log` of any mode (`raw/litellm_log`), one row per line that can be counted.",
    "litellm_spend_logs": "LiteLLM_SpendLogs (`raw/litellm_spend_logs`, CSV or JSON Lines), one row per request.",
}


landing_inputs = [
    dg.AssetSpec(
        ["landing", name],
        group_name=group,
        owners=OWNERS,
        kinds={"parquet"},
        description=description,
    )
    for name, group, description in (
        (
            "run_context",
            "raw",
            "The instant the run calls now, its time zone and, for a backfill, the range to rebuild.",
        ),
        ("alerts_outbox", "alerts", "Messages of the alert outbox, as of the end of the run before."),
    )
]


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
    with writing(context, "ingest") as settings:
        report = ingest(settings, now=gate_now(settings), stamp=utc_now(settings), progress=bytes_done)
    in_all = ledger_totals(settings)
    for name in SOURCES:
        counts = report.sources.get(name, Counters())
        yield dg.MaterializeResult(
            asset_key=["raw", name],
            metadata={
                "this run and in all": markdown_table(
                    [
                        {"lines": row, "this run": getattr(counts, row), "in all": getattr(in_all[name], row)}
                        for row in ("lines", "events", "duplicates", "conflicts", "quarantined", "ignored")
                    ]
                ),
                "quarantined": counts.quarantined,
                "dagster/row_count": in_all[name].events,
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


def ledger_totals(settings: Settings) -> dict[str, Counters]:
    """Everything ever read, by source."""
    totals = {name: Counters() for name in SOURCES}
    for state in read_manifest(settings.landing_dir).files:
        totals[state.source] = totals.get(state.source, Counters()) + state.counters
    return totals
