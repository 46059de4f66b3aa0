"""Invoices: what the providers' cost exports become, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_lab import NOW, Lab

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.invoices import InvoiceReport, land_invoices
from tokencost_pipeline.ingest.schema import INVOICES, QUARANTINE
from tokencost_pipeline.ingest.sources.invoices import anthropic_lines, model_of, openai_lines

SAMPLES = Path(__file__).parents[2] / "data" / "invoices"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def land(lab: Lab, **options: Any) -> InvoiceReport:
    return land_invoices(lab.settings, now=NOW, **options)


def landed(lab: Lab, name: str = "invoices") -> list[dict[str, Any]]:
    return pq.read_table(lab.landing / "reference" / f"{name}.parquet").to_pylist()


def amounts(lab: Lab) -> dict[str | None, Decimal]:
    return {row["description"]: row["amount"] for row in landed(lab)}


def openai_page(*lines: tuple[str | None, object], day: int = 20, **more: object) -> dict[str, Any]:
    """A page of one day with (line item, amount)."""
    start = int(datetime(2026, 11, day, tzinfo=UTC).timestamp())
    results = [
        {"amount": {"value": value, "currency": "usd"}, "line_item": item, "project_id": None, **more}
        for item, value in lines
    ]
    bucket = {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": results}
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None}


def anthropic_page(amount: object, **more: object) -> dict[str, Any]:
    result = {"amount": amount, "currency": "USD", "description": "Usage", "model": "claude-opus-5", **more}
    bucket = {
        "starting_at": "2026-11-20T00:00:00Z",
        "ending_at": "2026-11-21T00:00:00Z",
        "results": [result],
    }
    return {"data": [bucket], "has_more": False, "next_page": None}


def test_both_samples_land_as_they_are(lab: Lab) -> None:
    for provider, name in (
        ("openai", "openai_costs_example"),
        ("anthropic", "anthropic_cost_report_example"),
    ):
        lab.put(f"invoices/{provider}/{name}.json", (SAMPLES / f"{name}.json").read_bytes())
    report = land(lab)
    assert (report.lines, report.files, report.refused, report.unchanged) == (2, 2, (), False)
    assert pq.read_schema(lab.landing / "reference" / "invoices.parquet").equals(INVOICES)
    anthropic, openai = landed(lab)
    assert anthropic["provider"] == "anthropic"
    assert anthropic["day"] == date(2025, 8, 1)
    assert anthropic["model"] == "claude-opus-5"
    assert anthropic["description"] == "Claude Opus 5 Usage - Input Tokens"
    assert anthropic["account_id"] == "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ"
    assert anthropic["amount"] == Decimal("1.2378912")
    assert anthropic["path"] == "invoices/anthropic/anthropic_cost_report_example.json"
    assert openai["day"] == date(2024, 11, 1)
    assert openai["currency"] == "USD"
    assert openai["amount"] == Decimal("0.06")
    assert openai["model"] is None


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=13, allow_nan=False, allow_infinity=False))
def test_cents_are_divided_exactly(cents: Decimal) -> None:
    [line] = anthropic_lines(anthropic_page(f"{cents:f}"), NOW)
    assert line.amount * 100 == cents


@pytest.mark.parametrize(
    "amount", [123.45, 12345, "1e2", "1,000.00", "", None, True, "0.00000000000001", "9" * 30]
)
def test_cents_that_are_no_decimal_text_are_refused(amount: object) -> None:
    with pytest.raises(Refused, match=r"data\[0\]\.results\[0\]\.amount: "):
        list(anthropic_lines(anthropic_page(amount), NOW))


def test_openai_amounts_are_read_from_their_text_and_keep_15_decimals(lab: Lab) -> None:
    page = json.dumps(openai_page(("a, input", 1), ("b, input", 2), ("c, input", 3)))
    page = page.replace('"value": 1,', '"value": 0.1234567890123456789,')
    page = page.replace('"value": 2,', '"value": 12345678901234567890123.5,').replace(
        '"value": 3,', '"value": -1.5e-7,'
    )
    lab.put("invoices/openai/a.json", page)
    assert land(lab).refused == ()
    assert amounts(lab) == {
        "a, input": Decimal("0.123456789012346"),
        "b, input": Decimal("12345678901234567890123.5"),
        "c, input": Decimal("-0.00000015"),
    }


@pytest.mark.parametrize(
    ("item", "model"),
    [
        ("gpt-4o-2024-08-06, input", "gpt-4o-2024-08-06"),
        ("gpt-4o-mini-2024-07-18, cached input", "gpt-4o-mini-2024-07-18"),
        ("ft:gpt-4o-2024-08-06:acme::x1, output", "ft:gpt-4o-2024-08-06:acme::x1"),
        ("Image models", None),
        ("web search tool calls, gpt-4o", None),
        ("gpt-4o, ", None),
        (None, None),
    ],
)
def test_the_model_is_the_first_word_of_a_line_item(item: str | None, model: str | None) -> None:
    assert model_of(item) == model


def test_pretty_printed_pages_and_pages_on_lines_say_the_same(lab: Lab, tmp_path: Path) -> None:
    pages = [openai_page(("m, input", 1), day=18), openai_page(("m, input", 2), day=19)]
    lab.put("invoices/openai/a.json", json.dumps(pages[0], indent=4))
    lab.put("invoices/openai/b.jsonl", json.dumps(pages[1], indent=1))
    other = Lab(tmp_path / "other")
    other.put("invoices/openai/all.jsonl", "\n".join(["", *map(json.dumps, pages), ""]))
    assert land(lab).lines == land(other).lines == 2
    kept = ("invoice_line_id", "day", "model", "amount")
    assert [[row[name] for name in kept] for row in landed(lab)] == [
        [row[name] for name in kept] for row in landed(other)
    ]
    assert [row["line_no"] for row in landed(other)] == [2, 3]


def test_a_bad_file_is_refused_whole_with_its_line_and_the_others_stand(lab: Lab) -> None:
    lab.put("invoices/openai/good.json", json.dumps(openai_page(("m, input", 1))))
    good = json.dumps(openai_page(("m, input", 5), ("m, output", 6), day=19))
    bad = {
        "broken.json": ('{\n "data": [\n  oops\n ]\n}', 3, "not valid JSON"),
        "doubled.json": ('{"data": [], "data": []}', 1, "duplicate key data"),
        "nan.json": (good.replace('"value": 5', '"value": NaN'), 1, "not valid JSON"),
        "text.jsonl": (f"{good}\n{good.replace(': 5,', ': [],')}\n", 2, "data[0].results[0].amount.value: "),
        "cut.jsonl": (f"{good}\n{good[:50]}", 2, "not valid JSON"),
        "usage.json": ('{"data": [{"start_time": 0}]}', 1, "data[0].start_time: before 2015"),
        "error.json": ('{"error": {"message": "no"}}', 1, "data: expected an array, got nothing"),
        "empty.json": ("\n", 1, "is empty"),
        "notes.txt": ("hello", 1, "no invoice: they are *.json or *.jsonl in openai/ or anthropic/"),
    }
    for name, (text, _, _) in bad.items():
        lab.put(f"invoices/openai/{name}", text)
    lab.put("invoices/mistral/a.json", good)
    report = land(lab)
    assert (report.lines, report.files) == (1, 1)
    said = {refusal.path: refusal for refusal in report.refused}
    assert said.pop("invoices/mistral/a.json").reason.startswith("no invoice")
    assert len(said) == len(bad)
    for name, (_, line, reason) in bad.items():
        assert str(said[f"invoices/openai/{name}"]).startswith(f"invoices/openai/{name}:{line}: {reason}")
    assert amounts(lab) == {"m, input": Decimal(1)}
    refusals = landed(lab, "invoice_refusals")
    assert pq.read_schema(lab.landing / "reference" / "invoice_refusals.parquet").equals(QUARANTINE)
    assert [row["path"] for row in refusals] == sorted(row["path"] for row in refusals)
    assert {row["source"] for row in refusals} == {"invoices"}
    assert len(refusals) == len(bad) + 1


def test_a_bucket_that_is_no_utc_day_is_refused() -> None:
    page = openai_page(("m, input", 1))
    page["data"][0]["start_time"] += 3600
    with pytest.raises(Refused, match=r"data\[0\]: not one UTC day"):
        list(openai_lines(page, NOW))
    page = openai_page(("m, input", 1))
    page["data"][0]["end_time"] += 86400
    with pytest.raises(Refused, match=r"data\[0\]: not one UTC day"):
        list(openai_lines(page, NOW))


def test_a_file_beyond_the_cap_is_refused(lab: Lab) -> None:
    lab.put("invoices/openai/a.json", json.dumps(openai_page(("m, input", 1))))
    [refusal] = land(lab, max_file_bytes=100).refused
    assert "larger than" in refusal.reason


def test_of_a_line_exported_again_the_later_path_is_in_force(lab: Lab) -> None:
    lab.put("invoices/openai/2026-11-21.json", json.dumps(openai_page(("m, input", 1), ("m, output", 7))))
    lab.put("invoices/openai/2026-11-22.json", json.dumps(openai_page(("m, input", 2))))
    land(lab)
    before = landed(lab)
    assert amounts(lab) == {"m, input": Decimal(2), "m, output": Decimal(7)}
    lab.put(
        "invoices/openai/2026-11-23.jsonl",
        "\n".join(json.dumps(openai_page(("m, input", n))) for n in (3, 4)),
    )
    land(lab)
    assert amounts(lab) == {"m, input": Decimal(4), "m, output": Decimal(7)}
    ids = [row["invoice_line_id"] for row in landed(lab)]
    assert ids == [row["invoice_line_id"] for row in before]
    assert len(set(ids)) == 2


def test_a_day_exported_as_a_total_and_by_line_counts_once_as_the_newest_says(lab: Lab) -> None:
    lab.put("invoices/openai/1.json", json.dumps(openai_page((None, 3))))
    lab.put("invoices/openai/2.json", json.dumps(openai_page(("m, input", 1), ("m, output", 2))))
    land(lab)
    assert amounts(lab) == {"m, input": Decimal(1), "m, output": Decimal(2)}
    lab.put("invoices/openai/3.json", json.dumps(openai_page((None, 4))))
    land(lab)
    assert amounts(lab) == {None: Decimal(4)}


def test_lines_that_differ_in_account_or_stand_twice_in_one_export_are_all_kept(lab: Lab) -> None:
    page = openai_page(("m, input", 1), ("m, input", 1))
    page["data"][0]["results"] += openai_page(("m, input", 5), project_id="p2")["data"][0]["results"]
    lab.put("invoices/openai/1.json", json.dumps(page))
    land(lab)
    assert sum(row["amount"] for row in landed(lab)) == 7
    assert len({row["invoice_line_id"] for row in landed(lab)}) == 3


def test_the_same_folder_lands_the_same_bytes(lab: Lab) -> None:
    lab.put("invoices/openai/1.json", json.dumps(openai_page(("m, input", 1))))
    lab.put("invoices/openai/2.json", "no")
    assert not land(lab).unchanged
    files = sorted((lab.landing / "reference").iterdir())
    before = [(path.read_bytes(), path.stat().st_ino) for path in files]
    assert land(lab).unchanged
    assert [(path.read_bytes(), path.stat().st_ino) for path in files] == before


def test_invoices_are_neither_events_nor_unrecognised(lab: Lab) -> None:
    lab.put("invoices/openai/1.json", json.dumps(openai_page(("m, input", 1))))
    report = lab.run()
    assert report.unrecognised == ()
    assert report.total.lines == 0


def test_without_the_folder_there_are_no_lines(lab: Lab) -> None:
    report = land(lab)
    assert (report.lines, report.files, report.refused) == (0, 0, ())
    assert landed(lab) == []
