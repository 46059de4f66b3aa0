"""A price that is learnt late: which hours it touches, what is kept of what was published, and the way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pipeline_lab import Lab, event, new_lab

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reprice import parse_instant, reprice

DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 10, 9, 20, tzinfo=UTC)
COSTS = "select event_id, cost_basis, cost_usd, price_id from marts.fct_attempts order by event_id"
TOTAL = "select coalesce(sum(cost_usd), 0) from marts.agg_daily"


def row(name: str, model: str, start: str, rates: str) -> str:
    return (
        f"- {{id: {name}, provider: openai, model: {model}, region: default, service_tier: standard, currency: USD,"
        f" effective_from: '{start}', recorded_at: '2026-11-20T00:00:00Z',"
        f" bands: [{{min_context_tokens: 0, rates: {rates}}}], source: {{checked_on: '2026-11-20'}}}}"
    )


class Story:
    """What each step left behind."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.steps: dict[str, dict[str, Any]] = {}

    def note(self, step: str, **more: Any) -> None:
        ask = self.lab.ask
        self.steps[step] = {
            "costs": {event_id: rest for event_id, *rest in ask(COSTS)},
            "total": ask(TOTAL)[0][0],
            "hours": [hour for (hour,) in ask("select hour from intermediate.int_hours__touched order by hour")],
            "restatements": ask("select day::varchar, model, attempts, before_usd, after_usd, why"
                                " from marts.restatements order by restated_at, day, model"),
            "restated": ask("select coalesce(sum(difference_usd), 0) from marts.restatements")[0][0],
            **more,
        }  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    lab = new_lab(tmp_path_factory.mktemp("reprice"))
    calls = [event(n, FIRST + n * DAY, model="our-own") for n in range(4)]  # e0 .. e3, unpriced
    calls += [event(10 + n, FIRST + n * DAY, prompt_tokens=1234 + n) for n in range(4)]  # e10 .. e13
    calls += [event(20 + n, FIRST + n * DAY + timedelta(hours=3), model="gpt-4o") for n in range(4)]
    lab.drop("events", "a.jsonl", calls)
    lab.run()
    story = Story(lab)
    story.note("published")

    # Learnt on the 20th: a price since the 12th for the unknown model, and another one for a known model.
    lab.add_price(row("our-own@12", "our-own", "2026-11-12T09:00:00Z", "{input: '2', output: '10'}"))
    lab.add_price(row("mini@12", "gpt-4o-mini", "2026-11-12T00:00:00Z", "{input: '0.1', output: '0.4'}"))
    printed = lab.tokencost("prices", "reprice", "--since", "2026-11-13", "--json")
    assert printed.returncode == 0, printed.stderr
    story.note("since the 13th", report=json.loads(printed.stdout))
    lab.run()
    story.note("ordinary run")
    reprice(lab.settings, FIRST, book_as_of=datetime(2026, 11, 15, tzinfo=UTC))
    story.note("as of the 15th")
    back = reprice(lab.settings, FIRST)
    story.note("back", report=back)
    return story


def test_only_hours_with_a_changed_price_in_the_range_are_recomputed(story: Story) -> None:
    thirteenth = datetime(2026, 11, 13, 9, tzinfo=UTC)
    assert story.steps["since the 13th"]["hours"] == [thirteenth]
    assert story.steps["ordinary run"]["hours"] == [thirteenth - DAY, thirteenth]
    assert story.steps["as of the 15th"]["hours"] == [thirteenth - DAY, thirteenth]
    assert story.steps["back"]["hours"] == [thirteenth - DAY, thirteenth]


def test_costs_before_the_range_wait_for_the_next_ordinary_run(story: Story) -> None:
    before, ranged, later = (
        story.steps[name]["costs"] for name in ("published", "since the 13th", "ordinary run")
    )
    changed = {name for name in before if ranged[name] != before[name]}
    assert changed == {"e3", "e13"}
    assert {name for name in before if later[name] != ranged[name]} == {"e2", "e12"}
    assert later["e3"] == ["tokens", Decimal("0.003"), "our-own@12"]
    assert later["e13"][1] == (1237 * Decimal("0.1") + 100 * Decimal("0.4")) / 1_000_000
    assert later["e0"] == ["unpriced", None, None]


def test_restatements_add_up_to_the_difference_to_the_last_decimal(story: Story) -> None:
    published = story.steps["published"]["total"]
    for step, state in story.steps.items():
        assert published + state["restated"] == state["total"], step
    report = story.steps["since the 13th"]["report"]
    assert Decimal(report["difference_usd"]) == story.steps["since the 13th"]["total"] - published
    assert (report["hours"], report["attempts"]) == (1, 2)


def test_a_restatement_says_what_was_published_and_which_price_rows_changed(story: Story) -> None:
    old = story.steps["published"]["costs"]["e13"]
    new = story.steps["since the 13th"]["costs"]["e13"]
    assert story.steps["since the 13th"]["restatements"] == [
        ("2026-11-13", "gpt-4o-mini", 1, old[1], new[1], f"price row {old[2]} -> mini@12"),
        ("2026-11-13", "our-own", 1, None, Decimal("0.003"), "price row (none) -> our-own@12"),
    ]


def test_the_book_as_it_was_known_gives_back_what_was_published(story: Story) -> None:
    assert story.steps["as of the 15th"]["costs"] == story.steps["published"]["costs"]
    assert story.steps["as of the 15th"]["total"] == story.steps["published"]["total"]
    assert story.steps["back"]["costs"] == story.steps["ordinary run"]["costs"]
    back = story.steps["back"]["report"]
    assert back.attempts == 4
    assert back.difference_usd == story.steps["back"]["total"] - story.steps["as of the 15th"]["total"]


def test_the_report_shows_what_was_restated(story: Story) -> None:
    page = (story.lab.settings.reports_dir / "markdown" / "data_quality.md").read_text("utf-8")
    assert "## Restatements" in page
    assert "price row (none) -> our-own@12" in page.replace("\\", "").replace("&gt;", ">")


def test_a_range_that_makes_no_sense_is_refused(story: Story) -> None:
    for text in ("yesterday", "2026-11-13T10:00:00", "2026-02-30", "13.11.2026"):
        with pytest.raises(UserError, match="neither a date nor an instant with its offset"):
            parse_instant(text, "--since", "UTC")
    assert parse_instant("2026-11-13", "--since", "Asia/Kolkata") == datetime(
        2026, 11, 12, 18, 30, tzinfo=UTC
    )
    refused = story.lab.tokencost("prices", "reprice", "--since", "2026-11-13", "--until", "2026-11-12")
    assert refused.returncode == 2
    assert "is not before --until" in refused.stderr


def test_nothing_is_priced_again_before_it_was_priced_once(tmp_path: Path) -> None:
    refused = new_lab(tmp_path).tokencost("prices", "reprice", "--since", "2026-11-13")
    assert refused.returncode == 2
    assert "nothing has been priced yet" in refused.stderr
    assert "tokencost run" in refused.stderr
