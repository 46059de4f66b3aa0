"""Verbs about the price book. `check --accept` writes the ledger, `reprice` the marts, the others nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tokencost_pipeline.commands.output import err, out, print_facts, print_json, print_table
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import load_settings

if TYPE_CHECKING:
    from tokencost_pipeline.pricing.book import PriceRow
    from tokencost_pipeline.pricing.history import History, Version

app = typer.Typer(
    help="The price book: check it, look back, compare it with catalogues.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on stdout.")]
Source = Literal["genai-prices", "litellm"]


@app.command(epilog="Example: tokencost prices check --accept")
def check(
    accept: Annotated[
        bool, typer.Option("--accept", help="Add new rows to pricing/price_book.ledger.")
    ] = False,
    json: Json = False,
) -> None:
    """Check every file in pricing/, and that no accepted price was edited or deleted. Exits with 2 otherwise."""
    from dataclasses import asdict
    from datetime import UTC

    from tokencost_pipeline.alerts.rules import load_alert_settings
    from tokencost_pipeline.pricing.check import check_prices

    readers = {"alerts.yaml": lambda path: len(load_alert_settings(path).rules)}
    try:
        report = check_prices(load_settings().pricing_dir, datetime.now(UTC), accept=accept, also=readers)
    except UserError as error:
        if not json:
            raise
        print_json({"ok": False, "place": error.place, "message": error.message, "hint": error.hint})
        raise typer.Exit(2) from error
    if json:
        print_json({"ok": True, **asdict(report)})
        return
    print_facts("read without a problem", {name: f"{count} rows" for name, count in report.rows.items()})
    if report.ledger_rows:
        out.print(f"{report.ledger_rows} rows in the ledger, all as they were accepted")
    if report.accepted:
        out.print(f"{report.accepted} new rows accepted: commit price_book.ledger together with the book")
    if report.new_rows:
        out.print(f"{len(report.new_rows)} new rows, still free to edit; --accept adds them to the ledger:")
        for key in report.new_rows[:10]:
            out.print(f"  {key}", markup=False)
    for warning in report.warnings:
        err.print(f"warning: {warning}", style="yellow", markup=False)


@app.command(epilog="Example: tokencost prices history o3 --provider openai")
def history(
    model: Annotated[str, typer.Argument(help="A model as it is billed, or an alias of one.")],
    provider: Annotated[str | None, typer.Option(help="Only this provider.")] = None,
    json: Json = False,
) -> None:
    """Print every version of a model's price with its source, and a small chart of the standard one."""
    from datetime import UTC

    from tokencost_pipeline.pricing.history import histories
    from tokencost_pipeline.pricing.land import PRICE_BOOK
    from tokencost_pipeline.pricing.problems import shown
    from tokencost_pipeline.pricing.read_book import load_price_book

    now = datetime.now(UTC)
    path = load_settings().pricing_dir / PRICE_BOOK
    found = histories(load_price_book(path), model, now, provider)
    if not found:
        raise UserError(
            f"no price and no alias named {model!r}" + (f" at {provider}" if provider else ""),
            place=shown(path),
            hint="spell it as the provider does; `tokencost prices diff --model …` asks the catalogues for it",
        )
    if json:
        print_json([_as_json(it) for it in found])
        return
    for it in found:
        _print_history(it, now)


@app.command(epilog="Example: tokencost prices diff --source genai-prices --model o3")
def diff(
    source: Annotated[Source, typer.Option(help="An installed catalogue.")],
    model: Annotated[str | None, typer.Option(help="Only this model or alias.")] = None,
    provider: Annotated[
        str | None, typer.Option(help="Only this provider. With --model also a model the book lacks.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Also models the book lacks, of its providers.")] = False,
    json: Json = False,
) -> None:
    """Print rows to paste where an installed catalogue knows other prices. Never writes, never uses the network."""
    from datetime import UTC

    from tokencost_pipeline.pricing.catalogues import load_catalogue
    from tokencost_pipeline.pricing.land import PRICE_BOOK
    from tokencost_pipeline.pricing.propose import propose
    from tokencost_pipeline.pricing.read_book import load_price_book
    from tokencost_pipeline.pricing.suggest import nearest_row

    now = datetime.now(UTC)
    book = load_price_book(load_settings().pricing_dir / PRICE_BOOK)
    catalogue = load_catalogue(source, now)
    proposals = propose(book, catalogue, now, model=model, new_models=new)
    if provider:
        proposals = [it for it in proposals if it.row.provider == provider]
        nearest = nearest_row(book, catalogue, provider, model, now) if model and not proposals else None
        proposals += [nearest] if nearest else []
    if json:
        names = ("kind", "differences", "doubts", "notes", "yaml")
        rows = [{"id": it.row.id, **{name: getattr(it, name) for name in names}} for it in proposals]
        print_json({"catalogue": catalogue.name, "version": catalogue.version, "proposals": rows})
        return
    print(f"# {catalogue.name} {catalogue.version}: {len(proposals)} rows proposed for {PRICE_BOOK}")
    if doubtful := sum(bool(it.doubts) for it in proposals):
        print(f"# {doubtful} of them are doubtful and commented out: look at a second source first")
    for proposal in proposals:
        print(proposal.yaml)


@app.command(epilog="Example: tokencost prices reprice --since 2026-11-01 --book-as-of 2026-11-15T00:00:00Z")
def reprice(
    since: Annotated[str, typer.Option(help="A date, or an instant with its offset: hours from here on.")],
    until: Annotated[str | None, typer.Option(help="… up to here, not included. Default: no end.")] = None,
    book_as_of: Annotated[
        str | None,
        typer.Option(help="With the book as it was recorded by this date or instant. Default: as it is."),
    ] = None,
    json: Json = False,
) -> None:
    """Apply the book to published hours, and print what that changed. What was published before is kept."""
    from tokencost_pipeline.commands.reprice import reprice as execute

    execute(load_settings(), since, until, book_as_of, as_json=json)


def _print_history(history: History, now: datetime) -> None:
    from tokencost_pipeline.pricing.history import chart, span

    for alias in history.via:
        told = "" if alias.status == "active" else f" ({alias.status})"
        out.print(
            f"{alias.alias} is billed as {alias.model} from {_minute(alias.effective_from)}{told}",
            markup=False,
        )
    columns = [
        "from",
        "to",
        "state",
        "region",
        "tier",
        "input",
        "output",
        "cache read",
        "write 5m",
        "write 1h",
        "source",
    ]
    rows = [_cells(version, number) for version in history.versions for number in _bands(version)]
    print_table(f"{history.provider}/{history.model}, USD per 1M tokens", columns, rows)
    plain = [it for it in history.versions if it.row.key[2:] == ("default", "standard", "")]
    plain = plain or [it for it in history.versions if it.row.key == history.versions[0].row.key]
    for component in ("input", "output"):
        if line := chart(plain, component, now):
            rates = [it.row.bands[0].rates.get(component) for it in plain if it.row.bands]
            known = [rate for rate in rates if rate is not None]
            top = f"{max(known):f} at most" if known else "unknown"
            out.print(f"{component:>6} {line} {top}", markup=False)
    held = [it for it in plain if it.state in ("past", "now", "future") and it.row.bands]
    if held:
        first, last = span(held, now)
        out.print(f"       {f'{first:%Y-%m-%d}':<50}{last:%Y-%m-%d}", markup=False)


def _bands(version: Version) -> range:
    return range(max(1, len(version.row.bands)))


def _cells(version: Version, number: int) -> list[object]:
    row = version.row
    band = row.bands[number] if row.bands else None
    rates = band.rates if band else {}
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    costs = [None if (rate := rates.get(name)) is None else f"{rate:f}" for name in names]
    if number and band:
        return [f"  from {band.min_context_tokens} tokens on", "", "", "", "", *costs, ""]
    since = _minute(row.effective_from) + ("" if row.effective_from_known else " ?")
    until = _minute(version.effective_to) if version.effective_to else ""
    window = f" {row.window.key}" if row.window else ""
    return [since, until, version.state, row.region, row.service_tier + window, *costs, _source(row)]


def _source(row: PriceRow) -> str:
    source = row.source
    if isinstance(source, dict):
        told = [str(source[name]) for name in ("url", "catalogue", "configured", "note") if name in source]
        return ", ".join(told[:1]) + (", verified" if source.get("verified") is True else "")
    return str(source or "")


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{at:%Y-%m-%d %H:%MZ}"


def _as_json(history: History) -> dict[str, object]:
    return {
        "provider": history.provider,
        "model": history.model,
        "aliases": [
            {"alias": it.alias, "match": it.match, "effective_from": it.effective_from, "status": it.status}
            for it in history.via
        ],
        "versions": [
            {
                "price_id": it.row.id,
                "region": it.row.region,
                "service_tier": it.row.service_tier,
                "window": it.row.window.key if it.row.window else None,
                "currency": it.row.currency,
                "effective_from": it.row.effective_from,
                "effective_from_known": it.row.effective_from_known,
                "effective_to": it.effective_to,
                "recorded_at": it.row.recorded_at,
                "state": it.state,
                "bands": [
                    {"min_context_tokens": band.min_context_tokens, "rates": dict(band.rates)}
                    for band in it.row.bands
                ],
                "unit_fees": {
                    unit: {"price": fee.price, "per": fee.per, "minimum_units": fee.minimum_units}
                    for unit, fee in it.row.unit_fees.items()
                },
                "source": it.row.source,
            }
            for it in history.versions
        ],
    }
