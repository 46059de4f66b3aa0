from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.alerts.message import anomaly_body, dollars, event_id, group_body, worth_telling

Build = Callable[..., dict[str, Any]]

ROW: dict[str, Any] = {
    "incident_id": "0123456789abcdef",
    "dimension": "feature",
    "rule": "cost_vs_7_day_mean",
    "actual_usd": Decimal("42.1"),
    "expected_usd": Decimal("13.05"),
    "excess_usd": Decimal("29.05"),
    "severity": "ERROR",
    "day": date(2026, 11, 21),
    "window_from": datetime(2026, 11, 21, tzinfo=UTC),
    "window_to": datetime(2026, 11, 21, 12, tzinfo=UTC),
    "ratio": Decimal("3.2261"),
}


def test_the_body_reads_well_and_tells_money_as_decimal_strings(incident: Build) -> None:
    told = json.loads(anomaly_body(incident(link="https://costs.example/features/summarise")))
    assert told == {
        "type": "cost.anomaly",
        "version": 1,
        "timestamp": "2026-11-21T12:00:00Z",
        "text": (
            "Cost alert (ERROR): feature summarise cost $42.10 instead of the expected $13.05 (3.2 times), "
            "$29.05 more.\n2026-11-21 00:00 to 2026-11-21 12:00 UTC, rule cost_vs_7_day_mean.\n"
            "https://costs.example/features/summarise"
        ),
        "data": {
            "incident_id": "0123456789abcdef",
            "rule": "cost_vs_7_day_mean",
            "dimension": "feature",
            "entity": "summarise",
            "day": "2026-11-21",
            "window": {"from": "2026-11-21T00:00:00Z", "to": "2026-11-21T12:00:00Z"},
            "actual_usd": "42.1",
            "expected_usd": "13.05",
            "excess_usd": "29.05",
            "ratio": "3.2261",
            "severity": "ERROR",
            "link": "https://costs.example/features/summarise",
        },
    }


def test_nothing_expected_has_no_ratio(incident: Build) -> None:
    told = json.loads(anomaly_body(incident(expected_usd=Decimal(0), ratio=None)))
    assert told["data"]["ratio"] is None
    assert "instead of the expected $0.00, " in told["text"]


def test_equal_incidents_give_equal_bytes_however_the_row_was_read(incident: Build) -> None:
    as_text = {key: None if value is None else str(value) for key, value in incident().items()}
    assert (
        anomaly_body(incident()) == anomaly_body(dict(reversed(incident().items()))) == anomaly_body(as_text)
    )
    assert event_id(incident()) == event_id(as_text)


@given(st.text(max_size=2000))
def test_no_name_can_forge_a_message(name: str) -> None:
    body = anomaly_body({**ROW, "entity": name})
    told = json.loads(body)
    assert body.isascii()
    assert len(body) < 20_000
    assert not set(told["text"]) & set("<>")
    assert told["text"].count("\n") == 1
    assert told["data"]["entity"] == name[:500]


def test_a_tenant_called_channel_wakes_nobody() -> None:
    text = json.loads(anomaly_body({**ROW, "entity": "<!channel> & co"}))["text"]
    assert "&lt;!channel&gt; &amp; co" in text


def test_names_that_look_alike_when_joined_are_told_apart() -> None:
    one = event_id({**ROW, "dimension": "feature", "entity": "a|b"})
    other = event_id({**ROW, "dimension": "feature|a", "entity": "b"})
    assert one != other
    assert event_id({**ROW, "entity": None}) != event_id({**ROW, "entity": "None"})


def test_a_group_tells_how_many_and_how_much() -> None:
    bodies = [
        anomaly_body({**ROW, "entity": f"f{n}", "incident_id": str(n), "excess_usd": Decimal(n)})
        for n in range(1, 31)
    ]
    told = json.loads(group_body(bodies))
    assert told["data"]["incidents"] == 30
    assert told["data"]["excess_usd"] == "465"
    assert [one["entity"] for one in told["data"]["largest"]] == [f"f{n}" for n in range(30, 20, -1)]
    assert told["text"].startswith("30 more cost alerts, together $465.00 above the expected.")
    assert group_body(bodies) == group_body(bodies[::-1])


def test_yesterday_whole_is_news_shortly_after_midnight_and_older_days_are_not(incident: Build) -> None:
    def over(day: int) -> dict[str, Any]:
        return incident(window_to=datetime(2026, 11, day, tzinfo=UTC), status="resolved")

    rows = [over(20), over(21), incident()]
    assert worth_telling(rows, datetime(2026, 11, 21, 2, tzinfo=UTC)) == rows[1:]


def test_small_amounts_do_not_read_as_nothing() -> None:
    assert dollars(Decimal("0.004")) == "$0.004000"
    assert dollars(Decimal("1234.567")) == "$1,234.57"
    assert dollars(Decimal(0)) == "$0.00"
    assert dollars(Decimal("-3.5")) == "-$3.50"
