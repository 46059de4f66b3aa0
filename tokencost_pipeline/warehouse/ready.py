"""What an engine needs before dbt may begin. Nothing has been changed yet, so whoever fails here has broken nothing."""

from __future__ import annotations

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.manifest import read_manifest
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.packs import pack_landed
from tokencost_pipeline.warehouse.read_only import wait_for_the_file
from tokencost_pipeline.warehouse.reference import SHAPES


def make_ready(settings: Settings) -> None:
    """DuckDB reads the landed files where they lie: many small ones are packed, and its own file must be free.
    ClickHouse is given what has landed.

    Raises Busy when another program goes on holding the warehouse, UserError when the engine cannot be had or does not
    know what the settings ask for.
    """
    if settings.target == "clickhouse":
        load_clickhouse(settings)
    else:
        pack_landed(settings)
        wait_for_the_file(settings)


def load_clickhouse(settings: Settings) -> None:
    """Bring what has landed into ClickHouse. Raises UserError where days are closed or are to be."""
    if settings.raw_retention_days is not None or read_manifest(settings.landing_dir).retention is not None:
        raise UserError(
            "the target clickhouse does not know closed days",
            place="TOKENCOST_RAW_RETENTION_DAYS",
            hint="leave it out, and keep to the target duckdb where days have been closed",
        )
    from tokencost_pipeline.warehouse.clickhouse.connect import connect
    from tokencost_pipeline.warehouse.clickhouse.load import load_landing

    client = connect(settings)
    try:
        load_landing(client, settings, SHAPES)
    finally:
        client.close()
