"""Coverage first: what has no cost is on page one and in stats.json, by model, with the nearest price to look at."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from sample_exports import AS_OF, Attempt, Published, ago, build_warehouse, export, sample_attempts

from tokencost_pipeline.checks.trust import coverage
from tokencost_pipeline.pricing.suggest import suggester
from tokencost_pipeline.reports.pages import overview
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.reports.report import open_report
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.reports.stats import read_stats, render
from tokencost_pipeline.reports.unchanged import forget_published
from tokencost_pipeline.settings import Settings

BOOK = """
schema_version: 1
prices:
- {id: a, provider: acme, model: m1, region: default, service_tier: standard, currency: USD,
   effective_from: '2026-01-01T00:00:00Z', recorded_at: '2026-01-01T00:00:00Z',
   bands: [{min_context_tokens: 0, rates: {input: '3', output: '15', cache_read: '0.3'}},
           {min_context_tokens: 200001, rates: {input: '6', output: '30'}}]}
"""
HARMFUL = "a|b `x` <b>"


def unknown(
    request: str, model: str, provider: str = "acme", basis: str = "unpriced", prompt: int = 1000
) -> Attempt:
    return Attempt(
        ago(1), request, provider=provider, model=model, cost=None, basis=basis, prompt=prompt, completion=0
    )


@pytest.fixture(scope="module")
def uncovered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A dated sibling of a model in the book, a stranger, contradicting counts, and a call without tokens."""
    folder = tmp_path_factory.mktemp("uncovered")
    (folder / "pricing").mkdir()
    (folder / "pricing" / "price_book.yaml").write_text(BOOK, "utf-8")
    settings = Settings(
        pricing_dir=folder / "pricing", data_dir=folder / "data", reports_dir=folder / "out", as_of="now"
    )
    attempts = [
        *list(sample_attempts())[:2],
        *(unknown(f"sibling-{n}", "m1-2026-05-05") for n in range(3)),
        unknown("stranger", HARMFUL, prompt=7),
        unknown("stranger-2", HARMFUL, prompt=7),
        unknown("contradiction", "m1", basis="invalid_usage", prompt=1),
        unknown("silent", "m1", prompt=0),
    ]
    warehouse = build_warehouse(attempts)
    warehouse.execute(
        "update marts.fct_attempts set price_id = 'a', prompt_tokens = null, completion_tokens = null,"
        " total_tokens = null where request_id = 'silent'"
    )
    export(warehouse, settings.exports_dir)
    yield Published(settings.reports_dir, warehouse, publish(settings), settings)
    warehouse.close()


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def test_page_one_begins_with_attempts_and_tokens_without_a_cost_by_model(uncovered: Published) -> None:
    text = uncovered.page("index")
    assert text.index("## Attempts without a cost") < text.index("## Anomalies")
    told = section(text, "Attempts without a cost")
    assert "7 of 9 attempts, 3,015 tokens, in no sum on these pages." in told
    rows = [line for line in told.splitlines() if line.startswith("| ")][2:]
    assert [line.split(" | ")[1:5] for line in rows] == [
        ["acme", "3", "3,000", "no price"],
        ["acme", "2", "14", "no price"],
        ["acme", "1", "1", "invalid usage"],
        ["acme", "1", "0", "no tokens reported"],
    ]


def test_the_nearest_price_is_named_a_proposal_with_model_and_source(uncovered: Published) -> None:
    for page in ("index", "data_quality"):
        text = uncovered.page(page)
        assert "is a proposal and prices nothing" in text
        (line,) = [it for it in text.splitlines() if it.startswith("| m1-2026-05-05 |")]
        assert (
            "| 3 in, 15 out, long requests otherwise | acme/m1 | price book, the base name at the same provider,"
            " from 2026-01-01 |" in line
        )
    told = section(uncovered.page("index"), "Attempts without a cost")
    assert sum(line.endswith("| – | – | – |") for line in told.splitlines()) == 3


def test_stats_have_each_unpriced_model_with_exact_rates_or_null(uncovered: Published) -> None:
    text = (uncovered.root / "api" / "stats.json").read_text("utf-8")
    stats = json.loads(text, parse_float=Decimal)
    sibling, *others = stats["unpriced_models"]
    assert {name: sibling[name] for name in ("provider", "model", "why", "attempts", "tokens")} == {
        "provider": "acme", "model": "m1-2026-05-05", "why": "no price", "attempts": 3, "tokens": 3000,
    }  # fmt: skip
    assert sibling["proposal"] == {
        "source": "price book",
        "provider": "acme",
        "model": "m1",
        "how": "the base name at the same provider",
        "since": "2026-01-01",
        "see": "tokencost prices history m1 --provider acme",
        "input": 3,
        "output": 15,
        "cache_read": Decimal("0.3"),
        "context_bands": 2,
        "doubts": [],
    }
    assert [(it["why"], it["proposal"]) for it in others] == [
        ("no price", None),
        ("invalid usage", None),
        ("no tokens reported", None),
    ]
    assert sum(it["attempts"] for it in stats["unpriced_models"]) == stats["unpriced"]["attempts"]
    assert sum(it["tokens"] for it in stats["unpriced_models"]) == stats["unpriced"]["tokens"]


def test_a_proposal_adds_nothing_to_any_cost(uncovered: Published) -> None:
    stats = json.loads((uncovered.root / "api" / "stats.json").read_text("utf-8"), parse_float=Decimal)
    with open_exports(uncovered.settings.exports_dir) as connection:
        without = read_stats(connection)
    assert stats["actual_cost"] == without["actual_cost"]
    assert stats["models"]["m1-2026-05-05"]["cost"] is None
    assert all(it["proposal"] is None for it in without["unpriced_models"])


def test_the_csv_has_the_proposals_too_and_no_formula(uncovered: Published) -> None:
    text = (uncovered.root / "csv" / "unpriced.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["nearest_model"] == "acme/m1"
    assert [row["nearest_price"] for row in rows[1:]] == ["", "", ""]
    assert rows[1]["model"] == HARMFUL


def test_the_same_exports_give_the_same_bytes_whether_answers_are_remembered_or_not(
    uncovered: Published,
) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(uncovered.root.rglob("*")) if path.is_file()}

    before = files()
    memory = uncovered.settings.data_dir / "price_answers.json"
    memory.unlink()
    forget_published(uncovered.settings)  # so that it is rendered again though nothing changed
    publish(uncovered.settings)
    assert memory.is_file()
    assert files() == before
    with open_exports(uncovered.settings.exports_dir) as connection:
        stats = render(read_stats(connection, suggester(uncovered.settings)))
    assert stats == (uncovered.root / "api" / "stats.json").read_text("utf-8")


def test_page_one_lists_the_most_frequent_and_knows_how_many_there_are(uncovered: Published) -> None:
    with open_exports(uncovered.settings.exports_dir) as connection:
        (page,) = overview.pages(open_report(connection, Limits(unpriced_on_overview=1)))
    assert [row["model"] for row in page.values["unpriced_models"].rows] == ["m1-2026-05-05"]
    assert page.values["unpriced_count"] == 4
    assert "most attempts of" not in uncovered.page("index"), "where all are listed"


def test_page_one_has_no_such_section_when_everything_has_a_cost(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", reports_dir=tmp_path / "out", pricing_dir=tmp_path)
    with build_warehouse([Attempt(AS_OF, "fine")]) as warehouse:
        export(warehouse, settings.exports_dir)
    publish(settings)
    assert "without a cost" not in (tmp_path / "out" / "markdown" / "index.md").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "api" / "stats.json").read_text("utf-8"))["unpriced_models"] == []


@pytest.mark.parametrize(
    ("limit", "unpriced", "severity", "passed"),
    [
        ("0.05", 5, dg.AssetCheckSeverity.WARN, False),  # the share itself is still allowed
        ("0.05", 6, dg.AssetCheckSeverity.ERROR, False),
        ("0.5", 6, dg.AssetCheckSeverity.WARN, False),
        ("0", 1, dg.AssetCheckSeverity.ERROR, False),
        ("0", 0, dg.AssetCheckSeverity.WARN, True),
    ],
)
def test_the_check_is_an_error_above_the_share_that_was_set(
    limit: str, unpriced: int, severity: dg.AssetCheckSeverity, passed: bool
) -> None:
    result = coverage(100, unpriced, [], Decimal(limit))
    assert (result.severity, result.passed) == (severity, passed)
    assert result.metadata["error above a share of"].value == limit


def test_the_check_shows_each_model_with_its_proposal_and_the_command_to_see_it(uncovered: Published) -> None:
    with open_exports(uncovered.settings.exports_dir) as connection:
        models = open_report(connection, suggest=suggester(uncovered.settings)).unpriced_models
    metadata = coverage(9, 7, models, Decimal("0.05")).metadata
    told = str(metadata["models"].value)
    assert "| m1-2026-05-05 | no price | 3 | 3000 | 3 in, 15 out, long requests otherwise | acme/m1 |" in told
    assert "tokencost prices history m1 --provider acme" in told
    assert "a\\|b \\`x\\` &lt;b>" in told
    assert metadata["unpriced tokens"].value == 3015
