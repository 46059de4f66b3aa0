"""Which price a call meets, through the real models: nearest name, nearest region, open window, known fee."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pipeline_lab import Lab, event, new_lab

MILLION = 1_000_000


def row(
    name: str,
    model: str,
    price: str,
    *,
    region: str = "default",
    start: str = "2026-01-01T00:00:00Z",
    more: str = "",
) -> str:
    return (
        f"- {{id: {name}, provider: p, model: {model}, region: {region}, service_tier: standard, currency: USD,"
        f" effective_from: '{start}', recorded_at: '{start}',"
        f" bands: [{{min_context_tokens: 0, rates: {{input: '{price}', output: '0'}}}}]{more}}}"
    )


ALL_DAY = ", window: {utc_hours: ['00:00-24:00']}"
MORNING = ", window: {utc_hours: ['09:00-12:00']}"
BOOK = "\n".join(
    [
        "schema_version: 1",
        "aliases:",
        "- {provider: p, alias: nick, match: exact, model: windowed,"
        " effective_from: '2026-01-01T00:00:00Z', recorded_at: '2026-01-01T00:00:00Z'}",
        "prices:",
        row("a-us", "a", "2", region="us"),
        row("a-default", "a", "3"),
        row("a-window", "a", "5", more=MORNING),
        row("b-us", "b", "2", region="us"),
        row("b-us-window", "b", "5", region="us", more=MORNING),
        row("b-default-window", "b", "7", more=MORNING),
        row("nick-own", "nick", "2"),
        row("windowed", "windowed", "4"),
        row("windowed-window", "windowed", "9", more=MORNING),
        row("money-usd", "money", "1"),
        row("money-cny", "money", "9", start="2026-06-01T00:00:00Z").replace(
            "currency: USD", "currency: CNY"
        ),
        row("search", "search", "1", more=", unit_fees: {web_search: {price: '10', per: 1000}}"),
        row("no-fee", "no-fee", "1"),
        "- {id: whisper, provider: p, model: whisper, region: default, service_tier: standard, currency: USD,"
        " effective_from: '2026-01-01T00:00:00Z', recorded_at: '2026-01-01T00:00:00Z',"
        " unit_fees: {input_audio_second: {price: '0.111', per: 3600, minimum_units: '10'}}}",
        "",
    ]
)
AT_TEN = "2026-11-20T10:00:00Z"


def call(number: int, model: str, **fields: object) -> dict:
    plain = {"provider": "p", "model": model, "prompt_tokens": MILLION, "completion_tokens": 0}
    return event(number, AT_TEN, **{**plain, **fields})


CALLS = {
    1: (call(1, "a", region="us"), Decimal(2)),  # the region's own plain row, not the default region's window
    2: (call(2, "a"), Decimal(5)),
    3: (call(3, "b", region="US"), Decimal(5)),  # one row, not one for each window
    4: (call(4, "nick"), Decimal(2)),  # its own row, not the window of the model it is an alias of
    5: (call(5, "windowed"), Decimal(9)),
    6: (call(6, "money"), None),  # the newest version is in a currency without a rate
    7: (call(7, "search", web_searches=3), Decimal("1.03")),
    8: (call(8, "no-fee", web_searches=3), None),  # searched, but nobody says at what price
    9: (call(9, "whisper", prompt_tokens=0, input_audio_seconds="10.1234567"), Decimal("0.000312139914917")),
    10: (
        call(10, "whisper", prompt_tokens=0, input_audio_seconds=2),
        Decimal("0.000308333333333"),
    ),  # 10 s at least
    11: (call(11, "no-fee", prompt_tokens=0, rerank_searches=1000), None),
    12: (call(12, "a", service_tier="batch"), None),  # batch at the standard price would be a wrong number
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("rules"))
    (lab.settings.pricing_dir / "price_book.yaml").write_text(BOOK, "utf-8")
    lab.drop("events", "a.jsonl", [line for line, _ in CALLS.values()])
    lab.drop("events", "b.jsonl", [event(90, AT_TEN, attempt=3_000_000_000_000)])
    lab.run()
    return lab


@pytest.mark.parametrize("number", CALLS)
def test_each_call_meets_its_price(lab: Lab, number: int) -> None:
    assert lab.ask("select cost_usd from marts.fct_attempts where event_id = ?", f"e{number}") == [
        (CALLS[number][1],)
    ]


def test_a_number_beyond_any_call_is_refused_and_stops_nothing(lab: Lab) -> None:
    [(path, reason)] = lab.ask("select path, reason from ingest.quarantine")
    assert path == "events/b.jsonl"
    assert "attempt" in reason


def test_a_report_of_the_past_costs_no_event(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    past = new_lab(tmp_path_factory.mktemp("past"))
    past.as_of = "2026-10-01T00:00:00Z"
    past.drop("events", "a.jsonl", [event(1, AT_TEN)])
    assert past.land().total.events == 1


def test_currencies_and_discounts_reprice_what_they_concern_and_nothing_else(lab: Lab) -> None:
    """Runs last: it changes the laboratory."""
    before = dict(lab.ask("select event_id, cost_usd from marts.fct_attempts"))
    (lab.settings.pricing_dir / "fx_rates.yaml").write_text(
        "schema_version: 1\nreporting_currency: USD\nmax_age_days: 7\nrates:\n"
        "- {currency: CNY, date: '2026-11-18', usd_per_unit: '0.141234567', source: test}\n",
        "utf-8",
    )
    (lab.settings.pricing_dir / "discounts.yaml").write_text(
        "schema_version: 1\ndiscounts:\n"
        "- {id: acme-search, provider: p, model: search, tenant: acme, percent: '12.5',"
        " effective_from: '2026-01-01T00:00:00Z'}\n",
        "utf-8",
    )
    lab.run()
    after = dict(lab.ask("select event_id, cost_usd from marts.fct_attempts"))
    # 9 CNY at 0.141234567; 1.03 USD less an eighth
    assert after["e6"] == Decimal("1.271111103")
    assert after["e7"] == Decimal("0.90125")
    assert {k: v for k, v in after.items() if k not in {"e6", "e7"}} == {
        k: v for k, v in before.items() if k not in {"e6", "e7"}
    }
    assert lab.ask("select list_cost_usd, discount_id from marts.fct_attempts where event_id = 'e7'") == [
        (Decimal("1.03"), "acme-search")
    ]
    assert lab.ask("select sum(list_cost_usd) - sum(cost_usd) from marts.agg_daily") == [
        (Decimal("0.12875"),)
    ]
