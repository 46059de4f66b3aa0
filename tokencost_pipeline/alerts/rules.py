"""pricing/alerts.yaml: read strictly, told with file and line when wrong, landed for dbt."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from tokencost_pipeline.alerts.options import DeliveryOptions
from tokencost_pipeline.alerts.tables import replace_table
from tokencost_pipeline.ingest.schema import ALERT_RULES
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.strict_yaml import At, Mapped, read_strict_yaml
from tokencost_pipeline.settings import Settings

DIMENSIONS = ("total", "feature", "tenant", "model")
DEFAULT_LATE_ARRIVAL_MINUTES = 15
DAY_IN_MINUTES = 24 * 60
LONGEST_BASELINE_DAYS = 90
WHOLE_WEBHOOK_KEYS = ("max_messages_per_run", "attempts")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Rule:
    """One comparison of today with the days before it (see the comments in pricing/alerts.yaml)."""

    rule: str
    dimension: str
    min_usd: Decimal
    ratio: Decimal
    severe_ratio: Decimal
    baseline_days: int
    min_history_days: int


@dataclass(frozen=True)
class AlertSettings:
    """All of pricing/alerts.yaml."""

    late_arrival_minutes: int
    rules: tuple[Rule, ...]
    delivery: DeliveryOptions

    def rows(self) -> list[dict[str, Any]]:
        """Rows of `ingest.schema.ALERT_RULES`, sorted so that their order in the file does not matter."""
        ordered = sorted(self.rules, key=lambda rule: (rule.rule, rule.dimension))
        return [{**asdict(rule), "late_arrival_minutes": self.late_arrival_minutes} for rule in ordered]


def default_alert_settings() -> AlertSettings:
    """What holds when there is no alerts.yaml: the same as in the file that ships."""
    rules = tuple(
        Rule(
            rule="cost_vs_7_day_mean",
            dimension=dimension,
            min_usd=Decimal(5 if dimension == "total" else 2),
            ratio=Decimal("1.5"),
            severe_ratio=Decimal(3),
            baseline_days=7,
            min_history_days=3,
        )
        for dimension in DIMENSIONS
    )
    return AlertSettings(DEFAULT_LATE_ARRIVAL_MINUTES, rules, DeliveryOptions())


def alerts_path(settings: Settings) -> Path:
    return settings.pricing_dir / "alerts.yaml"


def load_alert_settings(path: Path) -> AlertSettings:
    """Read `path`; a file that does not exist means the defaults. Raises UserError with every problem's
    file:line.
    """
    if not path.exists():
        return default_alert_settings()
    return _Reading(read_strict_yaml(path)).settings()


def land_alert_rules(settings: Settings) -> Path:
    """Write landing/reference/alert_rules.parquet and return its path.

    Raises UserError with file:line when alerts.yaml is wrong; the rules that were landed last then stay in
    force.
    """
    landed = settings.landing_dir / "reference" / "alert_rules.parquet"
    replace_table(landed, load_alert_settings(alerts_path(settings)).rows(), ALERT_RULES)
    return landed


class _Reading:
    """Checks a parsed file and gathers everything that is wrong with it before it complains."""

    def __init__(self, mapped: Mapped) -> None:
        self.mapped = mapped
        self.problems = Problems(mapped.path)

    def settings(self) -> AlertSettings:
        top = self.mapped.value
        self._only(top, (), ("schema_version", "late_arrival_minutes", "rules", "webhook"))
        if top.get("schema_version") != 1:
            self._problem(("schema_version",), "schema_version must be 1", "write 'schema_version: 1'")
        late = self._whole(
            top, (), "late_arrival_minutes", 0, DAY_IN_MINUTES, default=DEFAULT_LATE_ARRIVAL_MINUTES
        )
        rules = self._rules(top.get("rules"))
        delivery = self._delivery(top.get("webhook", {}))
        self.problems.raise_if_any()
        return AlertSettings(late, rules, delivery)

    def _rules(self, listed: Any) -> tuple[Rule, ...]:
        if not isinstance(listed, list):
            self._problem(("rules",), "rules must be a list", "write 'rules:' and one '- rule: …' below it")
            return ()
        rules = tuple(self._rule(value, ("rules", number)) for number, value in enumerate(listed))
        seen: dict[tuple[str, str], int] = {}
        for number, rule in enumerate(rules):
            first = seen.setdefault((rule.rule, rule.dimension), number)
            if first != number:
                line = self.mapped.line_of(("rules", first))
                self._problem(
                    ("rules", number),
                    f"rule {rule.rule!r} for {rule.dimension!r} stands twice, first on line {line}",
                    "keep one of the two, or give the second another name",
                )
        return rules

    def _rule(self, value: Any, at: At) -> Rule:
        if not isinstance(value, dict):
            self._problem(at, "a rule must be a mapping", "write '- rule: name' with its keys indented below")
            value = {}
        self._only(value, at, tuple(field.name for field in fields(Rule)))
        name, dimension = value.get("rule"), value.get("dimension")
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            self._problem(
                (*at, "rule"),
                f"rule {name!r} is not a name",
                "small letters, digits and '_', e.g. cost_vs_7_day_mean",
            )
        if dimension not in DIMENSIONS:
            self._problem(
                (*at, "dimension"), f"dimension {dimension!r} is unknown", f"one of {', '.join(DIMENSIONS)}"
            )
        ratio = self._decimal(value, at, "ratio", Decimal(1), Decimal(1000), decimals=4)
        severe = self._decimal(value, at, "severe_ratio", Decimal(1), Decimal(1000), decimals=4)
        if severe < ratio:
            self._problem(
                (*at, "severe_ratio"),
                f"severe_ratio {severe} is below ratio {ratio}",
                "raise it to ratio or more",
            )
        baseline = self._whole(value, at, "baseline_days", 1, LONGEST_BASELINE_DAYS)
        return Rule(
            rule=str(name),
            dimension=str(dimension or ""),
            min_usd=self._decimal(value, at, "min_usd", Decimal(0), Decimal(10**9), decimals=9),
            ratio=ratio,
            severe_ratio=severe,
            baseline_days=baseline,
            min_history_days=self._whole(value, at, "min_history_days", 1, baseline),
        )

    def _delivery(self, value: Any) -> DeliveryOptions:
        at: At = ("webhook",)
        if not isinstance(value, dict):
            self._problem(at, "webhook must be a mapping", "write 'webhook:' and its keys indented below")
            return DeliveryOptions()
        names = tuple(field.name for field in fields(DeliveryOptions))
        self._only(value, at, names)
        told: dict[str, Any] = {}
        for name in names:
            if name not in value:
                continue
            if name in WHOLE_WEBHOOK_KEYS:
                told[name] = self._whole(value, at, name, 1, 1000)
            else:
                told[name] = float(
                    self._decimal(
                        value, at, name, Decimal("0.001"), Decimal(3600), decimals=3, whole_too=True
                    )
                )
        return DeliveryOptions(**told)

    def _only(self, value: dict[str, Any], at: At, known: tuple[str, ...]) -> None:
        for key in value:
            if key not in known:
                self._problem((*at, key), f"key {key!r} is unknown", f"known here: {', '.join(known)}")

    def _whole(
        self, value: dict[str, Any], at: At, key: str, least: int, most: int, default: int | None = None
    ) -> int:
        number = value.get(key, default)
        if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most:
            return number
        self._wrong(value, at, key, f"a whole number from {least} to {most}", f"'{key}: {least}' or more")
        return least

    def _decimal(
        self,
        value: dict[str, Any],
        at: At,
        key: str,
        least: Decimal,
        most: Decimal,
        *,
        decimals: int,
        whole_too: bool = False,
    ) -> Decimal:
        text = value.get(key)
        if whole_too and isinstance(text, int) and not isinstance(text, bool):
            text = str(text)
        if isinstance(text, str) and _DECIMAL.fullmatch(text):
            number = Decimal(text)
            if least <= number <= most and len(text.partition(".")[2]) <= decimals:
                return number
        wanted = f"a quoted decimal from {least} to {most:f} with at most {decimals} decimals"
        self._wrong(value, at, key, wanted, f"quoted, e.g. {key}: '{max(least, Decimal(2))}'")
        return least

    def _wrong(self, value: dict[str, Any], at: At, key: str, wanted: str, hint: str) -> None:
        if key in value:
            self._problem((*at, key), f"{key} must be {wanted}, not {value[key]!r}", f"write it {hint}")
        else:
            self._problem(at, f"{key} is missing", f"add {key}: {wanted}")

    def _problem(self, at: At, message: str, hint: str) -> None:
        self.problems.add(self.mapped.line_of(at), message, hint)
