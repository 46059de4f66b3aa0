from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from price_book_texts import alias_row, book_text, price_row

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.land import land_reference
from tokencost_pipeline.settings import Settings

TABLES = {
    *("prices", "price_aliases", "request_estimates", "routing_baselines", "local_providers"),
    *("fx_rates", "discounts"),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    pricing = tmp_path / "pricing"
    pricing.mkdir()
    (pricing / "price_book.yaml").write_text(book_text(price_row(), aliases=(alias_row(),)), encoding="utf-8")
    return Settings(pricing_dir=pricing, data_dir=tmp_path / "data")


def landed(settings: Settings) -> dict[str, bytes]:
    folder = settings.landing_dir / "reference"
    return {path.stem: path.read_bytes() for path in folder.glob("*.parquet")} if folder.is_dir() else {}


def test_every_table_is_landed_and_counted(settings: Settings):
    report = land_reference(settings)
    assert set(landed(settings)) == TABLES
    assert (report.rows, report.versions, report.models, report.providers, report.aliases) == (1, 1, 1, 1, 1)
    assert not report.unchanged
    assert len(report.book_sha256) == 64
    prices = pq.read_table(settings.landing_dir / "reference" / "prices.parquet").to_pylist()
    assert [row["price_id"] for row in prices] == ["one"]


def test_an_unchanged_book_writes_nothing(settings: Settings):
    land_reference(settings)
    folder = settings.landing_dir / "reference"
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert land_reference(settings).unchanged
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


def test_the_same_book_gives_the_same_bytes_in_another_place(settings: Settings, tmp_path: Path):
    land_reference(settings)
    other = Settings(pricing_dir=settings.pricing_dir, data_dir=tmp_path / "elsewhere")
    land_reference(other)
    assert landed(other) == landed(settings)


@pytest.mark.parametrize(
    "name", ["price_book.yaml", "routing_baselines.yaml", "fx_rates.yaml", "discounts.yaml"]
)
def test_a_bad_file_leaves_everything_landed_before_in_force(settings: Settings, name: str):
    land_reference(settings)
    before = landed(settings)
    (settings.pricing_dir / "price_book.yaml").write_text(book_text(price_row("new")), encoding="utf-8")
    (settings.pricing_dir / name).write_text("schema_version: 1\nprices: 3.0\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{name}:2"):
        land_reference(settings)
    assert landed(settings) == before


def test_a_missing_book_is_an_error_that_names_the_setting(tmp_path: Path):
    with pytest.raises(UserError, match="TOKENCOST_PRICING_DIR"):
        land_reference(Settings(pricing_dir=tmp_path, data_dir=tmp_path / "data"))


def test_without_baselines_the_usual_providers_are_local_and_nothing_is_saved(settings: Settings):
    assert land_reference(settings).baseline_rules == 0
    folder = settings.landing_dir / "reference"
    assert pq.read_table(folder / "routing_baselines.parquet").num_rows == 0
    assert {"provider": "ollama"} in pq.read_table(folder / "local_providers.parquet").to_pylist()


def test_a_baseline_without_a_price_is_reported(settings: Settings):
    (settings.pricing_dir / "routing_baselines.yaml").write_text(
        "schema_version: 1\nlocal_providers: [ollama]\nbaselines:\n"
        "- {model_requested: a, baseline: {provider: acme, model: a1}}\n"
        "- {model_requested: '*', baseline: {provider: acme, model: gone}}\n",
        encoding="utf-8",
    )
    assert land_reference(settings).unpriced_baselines == ("acme/gone",)


def test_rates_and_discounts_are_landed_and_counted(settings: Settings):
    (settings.pricing_dir / "fx_rates.yaml").write_text(
        "schema_version: 1\nrates:\n- {currency: EUR, date: '2026-11-02', usd_per_unit: '1.0834'}\n", "utf-8"
    )
    (settings.pricing_dir / "discounts.yaml").write_text(
        "schema_version: 1\ndiscounts:\n"
        "- {id: d, provider: acme, percent: '15', effective_from: '2026-01-01T00:00:00Z'}\n",
        "utf-8",
    )
    report = land_reference(settings)
    assert (report.fx_rates, report.discounts) == (1, 1)
    folder = settings.landing_dir / "reference"
    assert pq.read_table(folder / "fx_rates.parquet").num_rows == 1
    assert pq.read_table(folder / "discounts.parquet").num_rows == 1


def test_a_run_counts_edited_rows_but_goes_on(settings: Settings):
    ledger = settings.pricing_dir / "price_book.ledger"
    assert land_reference(settings).ledger_differences == 0
    ledger.write_text(f"{'0' * 64}  one\n{'1' * 64}  gone\n<<<<<<< ours\n", encoding="utf-8")
    assert land_reference(settings).ledger_differences == 3
    assert set(landed(settings)) == TABLES
