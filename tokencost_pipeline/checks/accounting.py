"""Is every line accounted for?"""

import dagster as dg

from tokencost_pipeline.assets.common import POOL, markdown_table
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.look import ask

LEDGER = """
select
    source,
    sum(lines) as lines, sum(events) as events, sum(duplicates) as duplicates, sum(conflicts) as conflicts,
    sum(quarantined) as quarantined, sum(ignored) as ignored,
    sum(lines) - sum(events) - sum(duplicates) - sum(conflicts) - sum(ignored)
        - sum(quarantined) as unaccounted
from ingest.files group by source order by source
"""

REASONS = """
select source, path, line_no, reason from ingest.quarantine order by path, line_no limit 50
"""


@dg.asset_check(
    asset=["exports", "marts"],
    name="lines_in_equal_lines_accounted_for",
    description="Every complete line that was read is an event, a duplicate, a conflict, quarantined or ignored.",
    pool=POOL,
)
def lines_in_equal_lines_accounted_for() -> dg.AssetCheckResult:
    rows = ask(load_settings(), LEDGER)
    missing = sum(abs(int(row["unaccounted"])) for row in rows)
    return dg.AssetCheckResult(
        passed=missing == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"unaccounted lines": missing, "by source": markdown_table(rows)},
    )


@dg.asset_check(
    asset=["exports", "marts"],
    name="no_line_is_quarantined",
    description="No line had to be refused. Refused lines stay in the raw file; the reason says what to mend.",
    pool=POOL,
)
def no_line_is_quarantined() -> dg.AssetCheckResult:
    settings = load_settings()
    [count] = ask(settings, "select count(*) as n from ingest.quarantine")
    return dg.AssetCheckResult(
        passed=count["n"] == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"quarantined": int(count["n"]), "first reasons": markdown_table(ask(settings, REASONS))},
    )


@dg.asset_check(
    asset=["exports", "marts"],
    name="no_event_contradicts_another",
    description="No two lines carry the same event_id with different content. The first one was kept.",
    pool=POOL,
)
def no_event_contradicts_another() -> dg.AssetCheckResult:
    rows = ask(load_settings(), "select event_id, path, line_no from ingest.conflicts order by path, line_no")
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"conflicts": len(rows), "lines": markdown_table(rows)},
    )


@dg.asset_check(
    asset=["exports", "marts"],
    name="no_record_carries_unknown_fields",
    description="Every field that records carry is one of their format. Others are counted by name and kept out: a new "
    "one is schema drift, and may be worth reading.",
    pool=POOL,
)
def no_record_carries_unknown_fields() -> dg.AssetCheckResult:
    rows = ask(
        load_settings(),
        "select source, field, records from ingest.unknown_fields order by records desc, field",
    )
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"unknown fields": len(rows), "fields": markdown_table(rows)},
    )
