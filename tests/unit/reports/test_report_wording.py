"""The pages say what a newcomer would ask: singular and plural, what is left out, what is not over yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sample_exports import AS_OF, Published, build_warehouse, export, sample_attempts, unpriced

from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.settings import Settings

ONES = """
update marts.fct_attempts set grain = 'request', attempt = 3, retries = 2 where request_id = 'req-00';
update marts.agg_daily set retries = retries + 2 where day = '2026-11-21' and model like 'claude%';
update marts.routing_savings_daily set baseline_model = 'anthropic/' || baseline_model;
insert into marts.anomalies values
    ('inc-3', '2026-11-20 23:00:00Z', null, 'open', 'total', 'all', 'daily_cost_vs_mean', 12.5, 4, 8.5, 3.1,
     'ERROR', '2026-11-21', '2026-11-20 23:00:00Z', '2026-11-21 09:00:00Z', 3.125);
delete from ingest.quarantine where line_no = 7;
update ingest.files set lines = 1, events = 1, quarantined = 0;
delete from ingest.files where file_id = 'f2';
"""


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """One of many things: one attempt without a price, one refused line, one retry inside a row."""
    folder = tmp_path_factory.mktemp("few")
    settings = Settings(data_dir=folder / "data", reports_dir=folder / "out")
    attempts = [*list(sample_attempts())[:4], unpriced(AS_OF, "mystery")]
    attempts[-1] = replace(attempts[-1], prompt=1, completion=0)
    warehouse = build_warehouse(attempts)
    warehouse.execute(ONES)
    export(warehouse, settings.exports_dir)
    yield Published(settings.reports_dir, warehouse, publish(settings), settings)
    warehouse.close()


def test_one_of_a_thing_is_never_plural(few: Published, published: Published) -> None:
    things = "attempts|tokens|requests|lines|events|duplicates|conflicts|retries|models"
    for report in (few, published):
        for path in report.pages():
            found = re.search(rf"(?<![\d,.-])1 (completion |more )?({things})\b", path.read_text("utf-8"))
            assert found is None, (path, found)
    assert "1 attempt with 1 token in the last 7 days, 1 with 1 in all" in few.page("index")
    assert "1 attempt with 1 token without a price, in no sum." in few.page("tenants/index")
    assert "1 line: 1 event, 1 duplicate, 1 conflict," in few.page("data_quality")
    assert "Refused: 1 line or file." in few.page("data_quality")


def test_retries_inside_other_rows_have_a_footnote_where_there_are_any(
    few: Published, published: Published
) -> None:
    assert "| 2 retries¹ |" in few.page("index")
    assert "¹ 2 of them inside other rows:" in few.page("index")
    assert "¹" not in published.page("index")


def test_every_page_has_one_title(published: Published) -> None:
    for path in published.pages():
        titles = [line for line in path.read_text("utf-8").splitlines() if line.startswith("# ")]
        assert len(titles) == 1, path


def test_a_baseline_is_named_only_where_it_is_another_model(few: Published) -> None:
    text = few.page("routing")
    assert "| Provider | Paid or free | Requests |" in text
    assert re.search(r"claude-opus-4-20250514 \| anthropic \| \*\*PAID\*\* .* \| as served \|", text)
    assert re.search(r"ollama \| \*\*FREE\*\* .* \| anthropic/claude-opus-4-20250514 \|", text)


def test_models_that_agree_are_one_line(published: Published) -> None:
    text = published.page("data_quality").split("## The gateway")[1]
    assert "1 more model agrees to the last decimal." in text
    assert "| claude-opus-4-20250514 | anthropic |" not in text
    assert "| mystery-1 | mistral |" in text  # nothing to compare, but only the gateway has a cost


def test_lists_of_requests_say_why_most_have_no_page(published: Published) -> None:
    sentence = (
        "Only the 50 costliest requests of all and the 5 costliest of each feature have a page of their own."
    )
    assert sentence in published.page("requests/index")
    for path in (published.root / "markdown" / "features").glob("*-*.md"):
        assert sentence in path.read_text("utf-8")


@pytest.mark.parametrize("page", ["index", "routing", "features/batch-*"])
def test_days_run_forward_and_the_last_is_said_not_to_be_over(published: Published, page: str) -> None:
    (path,) = (published.root / "markdown").glob(f"{page}.md")
    text = path.read_text("utf-8")
    days = re.findall(r"^\| (\d{4}-\d\d-\d\d) \|", text, re.MULTILINE)
    assert days
    assert days == sorted(days)
    assert text.index("2026-11-21 is not over: its figures end at 11:30:00.") < text.index("| Day |")


def test_charts_and_columns_mark_today(published: Published) -> None:
    assert "| Nov 20 | Nov 21 (so far) | 7 days |" in published.page("index")
    for name in ("daily_cost", "cost_by_feature", "routing_savings", "feature-none"):
        assert "(so far)" in (published.root / "markdown" / "charts" / f"{name}-light.svg").read_text("utf-8")


def test_a_newest_event_of_just_now_has_no_age(few: Published, published: Published) -> None:
    assert "| 2026-11-21 11:24:00 (6 min 0 s before) |" in published.page("index")
    assert "| 2026-11-21 11:30:00 | 2026-11-21 11:29:00 |" in few.page("index")


def test_an_incident_shows_its_window_and_the_total_its_name(few: Published) -> None:
    line = "| 2026-11-21 00:00 – 10:00 | ERROR | – | [Total](features/index.md) | $12.50 | $4.00 | $8.50 | 3.12× |"
    assert line in few.page("index")
    assert line in few.page("anomalies")
    assert "| 2026-11-20 00:00 – 10:00 | WARN | tenant |" in few.page("anomalies")
