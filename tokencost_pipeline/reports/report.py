"""What every page starts from: the exports, the instant called now, and which pages there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.suggest import Suggest, nothing_to_suggest
from tokencost_pipeline.reports.model import Row
from tokencost_pipeline.reports.sitemap import Limits, SiteMap, plan
from tokencost_pipeline.reports.source import Result, query
from tokencost_pipeline.reports.summaries import define


@dataclass(frozen=True)
class Report:
    """One report over one generation of exports. Everything is derived from them: no clock, no settings.

    Only two things are not in them: what to write for models without a price, for which `suggest` is asked, and whether
    somebody has written budgets down. `charts` is where the page modules keep what several of their charts share.
    """

    connection: duckdb.DuckDBPyConnection
    as_of: datetime
    zone: ZoneInfo
    is_sample: bool
    limits: Limits
    suggest: Suggest = nothing_to_suggest
    has_budgets: bool = False
    charts: dict[Any, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    _answers: dict[tuple[Any, ...], Result] = field(default_factory=dict, repr=False, compare=False)

    @property
    def today(self) -> date:
        """The local day as_of lies in."""
        return self.as_of.astimezone(self.zone).date()

    @property
    def last_hour(self) -> datetime:
        """The start of the local clock hour as_of lies in, as an instant."""
        local = self.as_of.astimezone(self.zone)
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)

    def query(self, name: str, **values: Any) -> Result:
        """Run queries/<name>.sql; $as_of, $today, $last_hour and $timezone are filled in.

        The same question is asked once: a page and its CSV file share the answer.
        """
        key = (name, *sorted(values.items()))
        if key not in self._answers:
            common = {
                "as_of": self.as_of,
                "today": self.today,
                "last_hour": self.last_hour,
                "timezone": self.zone.key,
            }
            self._answers[key] = query(self.connection, name, **common, **values)
        return self._answers[key]

    @property
    def features(self) -> Result:
        return self.query("features")

    @property
    def tenants(self) -> Result:
        return self.query("tenants")

    @property
    def totals(self) -> Row:
        return self.query("totals").one()

    @property
    def unpriced(self) -> Row:
        return self.query("unpriced_totals").one()

    @cached_property
    def unpriced_models(self) -> list[Row]:
        """Rows of unpriced_models.sql with `proposal`: a Suggestion, or None where nobody knows one or where the model
        is in the book and a price is not what is missing."""
        rows = self.query("unpriced_models").rows
        wanted = [names for row in rows if (names := _to_price(row))]
        found = self.suggest(wanted, self.as_of) if wanted else {}
        return [{**row, "proposal": found.get(names) if (names := _to_price(row)) else None} for row in rows]

    @property
    def savings(self) -> Row:
        return self.query("savings_totals").one()

    @property
    def freshness(self) -> Row:
        return self.query("freshness").one()

    @cached_property
    def sitemap(self) -> SiteMap:
        return plan(self.connection, self.features.rows, self.tenants.rows, self.limits)


def open_report(
    connection: duckdb.DuckDBPyConnection,
    limits: Limits | None = None,
    suggest: Suggest = nothing_to_suggest,
    has_budgets: bool = False,
) -> Report:
    """The report over `connection` (see `source.open_exports`). Raises UserError when no run is on record."""
    rows = query(connection, "run_context").rows
    if len(rows) != 1:
        raise UserError(
            f"ingest.run_context has {len(rows)} rows instead of one",
            hint="run `tokencost run` to export it anew",
        )
    context = rows[0]
    limits = limits or Limits()
    define(connection, limits)
    return Report(
        connection,
        context["as_of"],
        ZoneInfo(context["timezone"]),
        bool(context["is_sample"]),
        limits,
        suggest,
        has_budgets,
    )


def _to_price(row: Row) -> tuple[str, str] | None:
    """(provider or '', model) where a row in the book would help; None where something else is missing."""
    return (row["provider"] or "", row["model"]) if row["why"] == "no price" and row["model"] else None
