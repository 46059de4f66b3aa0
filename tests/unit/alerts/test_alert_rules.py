from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tokencost_pipeline.alerts.rules import default_alert_settings, land_alert_rules, load_alert_settings
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.schema import ALERT_RULES
from tokencost_pipeline.settings import PROJECT_ROOT, Settings

GOOD = """schema_version: 1
late_arrival_minutes: 30
rules:
- rule: dear
  dimension: feature
  min_usd: '2.50'
  ratio: '1.5'
  severe_ratio: '3'
  baseline_days: 7
  min_history_days: 3
webhook:
  attempts: 2
  first_wait_seconds: '0.25'
  run_deadline_seconds: 20
"""


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    settings = settings_for(None)
    settings.pricing_dir.mkdir(parents=True)
    return settings


def write(settings: Settings, text: str) -> Path:
    path = settings.pricing_dir / "alerts.yaml"
    path.write_text(text)
    return path


def test_the_file_that_ships_says_what_holds_without_a_file(settings: Settings) -> None:
    shipped = load_alert_settings(PROJECT_ROOT / "pricing" / "alerts.yaml")
    assert shipped == default_alert_settings() == load_alert_settings(settings.pricing_dir / "alerts.yaml")
    assert {rule.dimension for rule in shipped.rules} == {"total", "feature", "tenant", "model"}


def test_a_rule_is_landed_with_exact_money(settings: Settings) -> None:
    path = write(settings, GOOD)
    table = pq.read_table(land_alert_rules(settings))
    assert table.schema.equals(ALERT_RULES)
    [row] = table.to_pylist()
    assert row["min_usd"] == Decimal("2.5")
    assert row["ratio"] == Decimal("1.5")
    assert (row["late_arrival_minutes"], row["baseline_days"], row["min_history_days"]) == (30, 7, 3)
    delivery = load_alert_settings(path).delivery
    assert (delivery.attempts, delivery.first_wait_seconds, delivery.run_deadline_seconds) == (2, 0.25, 20)


def test_landing_twice_gives_the_same_bytes_and_touches_nothing(settings: Settings) -> None:
    write(settings, GOOD)
    landed = land_alert_rules(settings)
    first = landed.stat()
    land_alert_rules(settings)
    assert landed.stat().st_ino == first.st_ino
    body = landed.read_bytes()
    landed.unlink()
    assert land_alert_rules(settings).read_bytes() == body


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("min_usd: '2.50'", "min_usd: 2.5", 6, "'2.5'"),
        ("min_usd: '2.50'", "min_usd: 2", 6, "quoted decimal"),
        ("min_usd: '2.50'", "min_usd: '-2'", 6, "quoted decimal"),
        ("min_usd: '2.50'", "min_usd: 'NaN'", 6, "quoted decimal"),
        ("min_usd: '2.50'", "min_usd: '1e3'", 6, "quoted decimal"),
        ("ratio: '1.5'", "ratio: '0.9'", 7, "from 1"),
        ("ratio: '1.5'", "ratio: '1.50001'", 7, "4 decimals"),
        ("severe_ratio: '3'", "severe_ratio: '1.2'", 8, "below ratio"),
        ("baseline_days: 7", "baseline_days: 0", 9, "whole number"),
        ("baseline_days: 7", "baseline_days: true", 9, "whole number"),
        ("min_history_days: 3", "min_history_days: 8", 10, "from 1 to 7"),
        ("  min_usd: '2.50'\n", "", 4, "min_usd is missing"),
        ("dimension: feature", "dimension: team", 5, "total, feature, tenant, model"),
        ("rule: dear", "rule: 'Dear!'", 4, "small letters"),
        ("min_usd: '2.50'", "min_us: '2.50'", 6, "unknown"),
        ("late_arrival_minutes: 30", "late_arrival_minutes: -5", 2, "whole number"),
        ("schema_version: 1", "schema_version: 2", 1, "schema_version: 1"),
        ("attempts: 2", "attempts: 0", 12, "whole number"),
        ("first_wait_seconds: '0.25'", "first_wait_seconds: 'soon'", 13, "quoted decimal"),
        ("run_deadline_seconds: 20", "run_deadlines: 20", 14, "unknown"),
        ("ratio: '1.5'", "min_usd: '3'", 7, "duplicate key"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_last_good_rules_stay(
    settings: Settings, old: str, new: str, line: int, words: str
) -> None:
    path = write(settings, GOOD)
    landed = land_alert_rules(settings)
    good = landed.read_bytes()
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(UserError) as caught:
        land_alert_rules(settings)
    assert f"alerts.yaml:{line}: " in str(caught.value)
    assert words in str(caught.value)
    assert landed.read_bytes() == good


def test_a_rule_may_stand_once_for_a_dimension(settings: Settings) -> None:
    rule = GOOD[GOOD.index("- rule") : GOOD.index("webhook")]
    write(settings, GOOD.replace("webhook:", rule + "webhook:"))
    with pytest.raises(UserError, match=r"alerts.yaml:11: .* stands twice, first on line 4"):
        land_alert_rules(settings)


@pytest.mark.parametrize(
    "text", ["", "rules: nothing\n", "schema_version: 1\nrules: [1]\n", "- a\n", "rules: ["]
)
def test_a_file_of_another_shape_is_told(settings: Settings, text: str) -> None:
    write(settings, text)
    with pytest.raises(UserError, match=r"alerts\.yaml"):
        land_alert_rules(settings)
