"""`routing_baselines.yaml`: which providers are local, and what a request would have cost without them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tokencost_pipeline.ingest.schema import LOCAL_PROVIDERS, ROUTING_BASELINES
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.shape import Node
from tokencost_pipeline.pricing.strict_yaml import read_strict_yaml

ANY = "*"
AS_SERVED = "as_served"
DEFAULT_LOCAL_PROVIDERS = ("llamafile", "lm_studio", "ollama", "vllm")


@dataclass(frozen=True)
class BaselineRule:
    """Requests for `model_requested` (in `feature`) compare with `provider`/`model`; None = what served."""

    model_requested: str
    feature: str
    provider: str | None
    model: str | None
    line: int


@dataclass(frozen=True)
class RoutingBaselines:
    """Rules in order, the first match holds. Model '*' holds for local providers only, never for paid."""

    local_providers: tuple[str, ...] = DEFAULT_LOCAL_PROVIDERS
    rules: tuple[BaselineRule, ...] = ()


def load_routing_baselines(path: Path) -> RoutingBaselines:
    """Read and check the file. Raises UserError that lists every problem as file:line with what to write."""
    file = read_strict_yaml(path)
    problems = Problems(path)
    top = Node(file, problems, file.value).fields(["schema_version", "local_providers", "baselines"])
    top.read("schema_version", lambda node: node.whole(1, 1), 1)
    baselines = RoutingBaselines(
        local_providers=top.read("local_providers", _read_providers, ()),
        rules=top.read("baselines", _read_rules, ()),
    )
    _every_rule_can_be_reached(baselines, problems)
    problems.raise_if_any()
    return baselines


def to_arrow(baselines: RoutingBaselines) -> dict[str, pa.Table]:
    """The tables `routing_baselines` and `local_providers` in the landing schema."""
    rules = [
        {
            "rule_no": number,
            "model_requested": rule.model_requested,
            "feature": rule.feature,
            "baseline_provider": rule.provider,
            "baseline_model": rule.model,
        }
        for number, rule in enumerate(baselines.rules, start=1)
    ]
    providers = [{"provider": provider} for provider in baselines.local_providers]
    return {
        "routing_baselines": pa.Table.from_pylist(rules, schema=ROUTING_BASELINES),
        "local_providers": pa.Table.from_pylist(providers, schema=LOCAL_PROVIDERS),
    }


def _read_providers(node: Node) -> tuple[str, ...]:
    words = [word for item in node.items() if (word := item.word())]
    if len(set(words)) < len(words):
        node.wrong("local_providers name one twice", "name every provider once")
    return tuple(sorted(words))


def _read_rules(node: Node) -> tuple[BaselineRule, ...]:
    return tuple(_read_rule(item) for item in node.items())


def _read_rule(node: Node) -> BaselineRule:
    fields = node.fields(["model_requested", "baseline"], ["feature"])
    as_served: tuple[str | None, str | None] = (None, None)
    provider, model = fields.read("baseline", _read_baseline, as_served)
    return BaselineRule(
        model_requested=fields.read("model_requested", Node.text, ""),
        feature=fields.read("feature", Node.text, ANY),
        provider=provider,
        model=model,
        line=node.line,
    )


def _read_baseline(node: Node) -> tuple[str | None, str | None]:
    if node.value == AS_SERVED:
        return None, None
    if not isinstance(node.value, dict):
        node.wrong("baseline names no model", f"write {{provider: …, model: …}} or {AS_SERVED}")
        return None, None
    fields = node.fields(["provider", "model"])
    return fields.read("provider", Node.word, ""), fields.read("model", Node.text, "")


def _every_rule_can_be_reached(baselines: RoutingBaselines, problems: Problems) -> None:
    for index, rule in enumerate(baselines.rules):
        for earlier in baselines.rules[:index]:
            model_covered = earlier.model_requested in (ANY, rule.model_requested)
            if model_covered and earlier.feature in (ANY, rule.feature):
                message = f"this rule is never reached: the one on line {earlier.line} matches first"
                problems.add(rule.line, message, "put the narrower rule first, or drop one of the two")
                break
