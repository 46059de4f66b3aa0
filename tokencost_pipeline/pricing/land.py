"""Reference data into the landing zone: all checked first, so that a bad file leaves the last good one."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline.atomic import write_bytes
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest import schema
from tokencost_pipeline.pricing import baselines as routing
from tokencost_pipeline.pricing import discounts as agreed
from tokencost_pipeline.pricing import fx
from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.expand import expand, to_arrow
from tokencost_pipeline.pricing.ledger import LEDGER, compare, read_ledger
from tokencost_pipeline.pricing.memory import Memory
from tokencost_pipeline.pricing.problems import shown
from tokencost_pipeline.pricing.read_book import load_price_book
from tokencost_pipeline.settings import Settings

PRICE_BOOK = "price_book.yaml"
ROUTING_BASELINES = "routing_baselines.yaml"
FX_RATES = "fx_rates.yaml"
DISCOUNTS = "discounts.yaml"
TABLES = (
    "prices",
    "price_aliases",
    "request_estimates",
    "routing_baselines",
    "local_providers",
    "fx_rates",
    "discounts",
)
LANDED = "landed"


@dataclass(frozen=True)
class ReferenceReport:
    """What was landed. `versions` counts written price rows, `rows` what they expand to (bands, variants).

    `ledger_differences` counts accepted rows that were edited or deleted since: a run goes on, for the book in the
    folder is the one to price with, but `tokencost prices check` refuses them.
    """

    rows: int
    versions: int
    models: int
    providers: int
    aliases: int
    request_estimates: int
    baseline_rules: int
    unchanged: bool
    book_sha256: str
    unpriced_baselines: tuple[str, ...] = ()
    fx_rates: int = 0
    discounts: int = 0
    ledger_differences: int = 0


def land_reference(settings: Settings) -> ReferenceReport:
    """Check the files people edit for prices and write their tables below landing/reference.

    Files are replaced one by one, each atomically, and only where their content changed. Raises UserError for
    a missing or bad file; what was landed before then stays in force. Without routing_baselines.yaml there
    are no rules and the usual local providers; without fx_rates.yaml or discounts.yaml their tables are empty.
    Files that are as they were when they were last landed, by the same code, are not read again.
    """
    memory = Memory(settings.data_dir / "cache" / "price_book.json", state_of(settings))
    if LANDED in memory:
        kept = memory[LANDED]
        return ReferenceReport(
            **{**kept, "unchanged": True, "unpriced_baselines": tuple(kept["unpriced_baselines"])}
        )
    report = read_and_land(settings)
    # the key holds what was landed, so the memory begins anew
    Memory(settings.data_dir / "cache" / "price_book.json", state_of(settings)).keep({LANDED: asdict(report)})
    return report


def state_of(settings: Settings) -> dict[str, str]:
    """Digests of what people edit, of the code that reads it and of what it was made into."""
    edited = [
        settings.pricing_dir / name for name in (PRICE_BOOK, ROUTING_BASELINES, FX_RATES, DISCOUNTS, LEDGER)
    ]
    code = [*Path(__file__).parent.glob("*.py"), *Path(__file__).parent.glob("*.json"), Path(schema.__file__)]
    landed = [settings.landing_dir / "reference" / f"{name}.parquet" for name in TABLES]
    return {
        str(path): sha256(path.read_bytes()).hexdigest()
        for path in [*edited, *code, *landed]
        if path.is_file()
    }


def read_and_land(settings: Settings) -> ReferenceReport:
    """`land_reference` without a look at the last time."""
    book_path = settings.pricing_dir / PRICE_BOOK
    if not book_path.is_file():
        raise UserError(
            "there is no price book",
            place=shown(book_path),
            hint="restore pricing/price_book.yaml, or point TOKENCOST_PRICING_DIR to the folder that has it",
        )
    book = load_price_book(book_path)
    baselines = _load_baselines(settings.pricing_dir / ROUTING_BASELINES)
    rates = fx.load_fx_rates(settings.pricing_dir / FX_RATES)
    discounts = agreed.load_discounts(settings.pricing_dir / DISCOUNTS)
    tables = {
        **to_arrow(expand(book)),
        **routing.to_arrow(baselines),
        "fx_rates": fx.to_arrow(rates),
        "discounts": agreed.to_arrow(discounts),
    }
    folder = settings.landing_dir / "reference"
    written = [_write_if_changed(folder / f"{name}.parquet", table) for name, table in tables.items()]
    return ReferenceReport(
        rows=tables["prices"].num_rows,
        versions=len(book.prices),
        models=len({(row.provider, row.model) for row in book.prices}),
        providers=len({row.provider for row in book.prices}),
        aliases=len(book.aliases),
        request_estimates=len(book.request_estimates),
        baseline_rules=len(baselines.rules),
        unchanged=not any(written),
        book_sha256=book.sha256,
        unpriced_baselines=unpriced_baselines(baselines, book),
        fx_rates=len(rates.rates),
        discounts=len(discounts),
        ledger_differences=_ledger_differences(settings.pricing_dir / LEDGER, book),
    )


def _ledger_differences(path: Path, book: PriceBook) -> int:
    ledger = read_ledger(path)
    return compare(ledger, book).refused + len(ledger.unreadable) if ledger else 0


def _load_baselines(path: Path) -> routing.RoutingBaselines:
    return routing.load_routing_baselines(path) if path.is_file() else routing.RoutingBaselines()


def unpriced_baselines(baselines: routing.RoutingBaselines, book: PriceBook) -> tuple[str, ...]:
    """Baselines without a price in the book: their savings will be unknown, which is worth a warning."""
    priced = {(row.provider, row.model) for row in book.prices}
    priced |= {(row.provider, row.alias) for row in book.aliases}
    wanted = {(rule.provider, rule.model) for rule in baselines.rules if rule.provider and rule.model}
    return tuple(sorted(f"{provider}/{model}" for provider, model in wanted - priced))


def _write_if_changed(path: Path, table: pa.Table) -> bool:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    data = sink.getvalue()
    if path.is_file() and path.read_bytes() == data:
        return False
    write_bytes(path, data)
    return True
