"""`tokencost prices reprice`: the book on published hours, and what that changed."""

from __future__ import annotations

from dataclasses import asdict

from tokencost_pipeline.commands.output import err, out, print_json, print_table, usd
from tokencost_pipeline.progress import phase, progress_on
from tokencost_pipeline.reprice import RepriceReport, parse_instant
from tokencost_pipeline.settings import Settings


def reprice(
    settings: Settings, since: str, until: str | None, book_as_of: str | None, *, as_json: bool
) -> None:
    """Re-price, publish and print what changed. Raises UserError (exit 2) or CheckFailed (exit 1)."""
    from tokencost_pipeline.locks import pipeline_lock
    from tokencost_pipeline.reports.publish import publish
    from tokencost_pipeline.reprice import reprice as execute

    start = parse_instant(since, "--since", settings.timezone)
    end = None if until is None else parse_instant(until, "--until", settings.timezone)
    known = None if book_as_of is None else parse_instant(book_as_of, "--book-as-of", settings.timezone)
    with (
        progress_on(err),
        pipeline_lock(settings, "tokencost prices reprice"),
    ):
        phase("pricing again")
        report = execute(settings, start, end, known)
        phase("reports")
        publish(settings)
    if as_json:
        print_json(asdict(report))
    else:
        show(report)


def show(report: RepriceReport) -> None:
    book = (
        "the book" if report.book_as_of is None else f"the book as of {report.book_as_of:%Y-%m-%dT%H:%M:%SZ}"
    )
    until = "on" if report.until is None else f"up to {report.until:%Y-%m-%dT%H:%MZ}"
    out.print(f"{book} was applied from {report.since:%Y-%m-%dT%H:%MZ} {until}", markup=False)
    if not report.attempts:
        out.print(f"{report.hours} hours recomputed; no published cost changed")
        return
    out.print(f"{report.hours} hours recomputed; the cost of {report.attempts} published attempts changed:")
    print_table(
        "",
        ["day", "tenant", "model", "attempts", "before", "after", "difference", "why"],
        [
            [
                row["day"], row["tenant_id"], f"{row['provider']}/{row['model']}", row["attempts"],
                usd(row["before_usd"]), usd(row["after_usd"]), usd(row["difference_usd"]), row["why"],
            ]
            for row in report.restatements
        ],
    )  # fmt: skip
    out.print(f"in all {usd(report.difference_usd)}; what was published before stays in marts.restatements")
