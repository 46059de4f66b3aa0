"""HTML, Markdown, CSV, stats.json and `tokencost stats` say what the marts say, to the last decimal that each keeps."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.site.page_reader import read_page
from tests.site.site_lab import Site
from tokencost_pipeline.reports.numbers import count, money
from tokencost_pipeline.reports.text import label

SUMS = """
select {keys}, sum(cost_usd), sum(attempts)::bigint, sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint,
    sum(unpriced_attempts)::bigint
from marts.agg_daily group by all
"""
COLUMNS = ("cost_usd", "attempts", "prompt_tokens", "completion_tokens", "unpriced_attempts")
FACES = {  # page and table -> CSV file, its keys in the marts, and the page where Markdown has it
    ("features/index", "features"): ("features", ("feature",)),
    ("tenants/index", "tenants"): ("tenants", ("tenant_id",)),
    ("models", "models"): ("models", ("provider", "model")),
}


def csv_rows(site: Site, name: str) -> list[dict[str, str]]:
    text = (site.lab.settings.reports_dir / "csv" / f"{name}.csv").read_bytes().decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def plain(text: str) -> str:
    """A CSV name without the apostrophe that keeps it from being a formula."""
    return text[1:] if re.match(r"' *[=+\-@\t\r\n＝＋－＠]", text) else text


def marts(site: Site, keys: tuple[str, ...]) -> dict[tuple[str | None, ...], tuple[Any, ...]]:
    rows = site.ask(SUMS.format(keys=", ".join(keys)))
    return {row[: len(keys)]: row[len(keys) :] for row in rows}


@pytest.mark.parametrize("face", FACES)
def test_csv_files_hold_the_marts_exactly(site: Site, face: tuple[str, str]) -> None:
    name, keys = FACES[face]
    expected = {tuple(key or "" for key in names): sums for names, sums in marts(site, keys).items()}
    shown = {}
    for row in csv_rows(site, name):
        sums = tuple(None if row[c] == "" else Decimal(row[c]) for c in COLUMNS if c in row)
        shown[tuple(plain(row[key]) for key in keys)] = sums
    present = [place for place, column in enumerate(COLUMNS) if column in csv_rows(site, name)[0]]
    assert {"cost_usd", "attempts"} <= {COLUMNS[place] for place in present}
    assert shown == {names: tuple(sums[place] for place in present) for names, sums in expected.items()}


@pytest.mark.parametrize("face", FACES)
def test_html_shows_the_marts_rounded_and_nothing_else(site: Site, face: tuple[str, str]) -> None:
    page, table = face
    keys = FACES[face][1]
    expected = {}
    for names, (cost, *counts) in marts(site, keys).items():
        expected[tuple(label(name) for name in names)] = (money(cost), *map(count, counts))
    rows = read_page(site.folder / f"{page}.html").tables[table].rows
    assert len(rows) == len(expected)
    for row in rows:
        shown = tuple(row[key] for key in keys)
        for column, value in zip(COLUMNS, expected[shown], strict=True):
            if column in row:
                assert row[column] == value, (shown, column)


@pytest.mark.parametrize("face", FACES)
def test_markdown_shows_the_same_figures_as_html(site: Site, face: tuple[str, str]) -> None:
    page, table = face
    shown = read_page(site.folder / f"{page}.html").tables[table]
    markdown = {
        "features/index": "features/index.md",
        "tenants/index": "tenants/index.md",
        "models": "models.md",
    }[page]
    path = site.lab.settings.reports_dir / "markdown" / markdown
    lines = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in path.read_text("utf-8").splitlines()
    ]
    amounts = sorted(row["cost_usd"] for row in shown.rows)
    found = [cells for cells in lines if any(cell in {*amounts} for cell in cells)]
    for row in shown.rows:
        assert any({row["cost_usd"], row["attempts"]} <= set(cells) for cells in found), row


def test_stats_are_the_same_everywhere_and_exact(site: Site) -> None:
    reports = site.lab.settings.reports_dir
    published = (reports / "api" / "stats.json").read_text("utf-8")
    assert (site.folder / "api" / "stats.json").read_text("utf-8") == published
    answer = site.lab.tokencost("stats", "--json")
    assert answer.returncode == 0, answer.stderr
    stats = json.loads(published, parse_float=Decimal, parse_int=Decimal)
    assert json.loads(answer.stdout, parse_float=Decimal, parse_int=Decimal) == stats
    [(cost, requests, attempts, unpriced)] = site.ask(
        "select sum(cost_usd), (select count(*) from marts.fct_requests), sum(attempts), sum(unpriced_attempts)"
        " from marts.agg_daily"
    )
    assert stats["actual_cost"] == cost
    assert (stats["total_requests"], stats["attempts"]) == (requests, attempts)
    assert stats["unpriced"]["attempts"] == unpriced
    assert stats["total_saved"] == site.one("select sum(saved_usd) from marts.routing_savings_daily")
    words = "".join(read_page(site.folder / "index.html").words)
    for amount in (stats["actual_cost"], stats["total_saved"]):
        assert money(amount) in words
    by_model = site.ask(
        "select model, sum(cost_usd) from marts.agg_daily group by 1 having sum(cost_usd) > 0"
    )
    assert {name: model["cost"] for name, model in stats["models"].items() if model["cost"]} == dict(by_model)


def test_every_amount_of_a_request_list_is_that_of_the_request(site: Site) -> None:
    costs = {  # long ids are cut and may look the same
        (label(name), money(cost))
        for name, cost in site.ask("select request_id, cost_usd from marts.fct_requests")
    }
    tables = read_page(site.folder / "requests/index.html").tables
    seen = 0
    for shown in tables.values():
        for row in shown.rows:
            assert (row["request_id"], row["cost_usd"]) in costs
            seen += 1
    assert seen >= 100
